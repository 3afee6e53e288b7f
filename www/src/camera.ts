/** The camera: a live picture with its mask over it. */

import type { ImageSegmenter, SegmentationResult } from "mcdrl";

export interface Camera {
  /** The frame that is shown now. */
  shoot(): Promise<Blob>;
  stop(): void;
}

/** Starts the camera; `show` is called with every frame's result and the frame itself, which it may keep until the next. */
export async function startCamera(
  video: HTMLVideoElement,
  segmenter: ImageSegmenter,
  show: (frame: ImageBitmap, result: SegmentationResult) => void,
  fail: (error: unknown) => void,
): Promise<Camera> {
  const wish = { video: { facingMode: "environment", width: { ideal: 1280 } }, audio: false };
  const stream = await navigator.mediaDevices.getUserMedia(wish);
  video.srcObject = stream;
  await video.play();
  let running = true;

  void (async () => {
    while (running) {
      const frame = await createImageBitmap(video);
      try {
        const result = await segmenter.segmentForVideo(frame, performance.now());
        if (result && running) show(frame, result);
      } catch (error) {
        if (running) fail(error);
        return;
      }
      await new Promise(requestAnimationFrame);
    }
  })();

  return {
    shoot() {
      const canvas = document.createElement("canvas");
      canvas.width = video.videoWidth;
      canvas.height = video.videoHeight;
      canvas.getContext("2d")!.drawImage(video, 0, 0);
      return new Promise((resolve, reject) => {
        canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the camera gave no picture"))), "image/png");
      });
    },
    stop() {
      running = false;
      stream.getTracks().forEach((track) => track.stop());
      video.srcObject = null;
    },
  };
}
