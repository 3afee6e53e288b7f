/** The camera: a live picture with its mask. */

import type { ImageSegmenter, SegmentationResult } from "mcdrl";

export interface Camera {
  /** The current frame. */
  shoot(): Promise<Blob>;
  stop(): void;
}

/** Starts the camera. `show` is called with the result of every frame, `fail` with an error that ends the video. */
export async function startCamera(
  video: HTMLVideoElement,
  segmenter: ImageSegmenter,
  show: (result: SegmentationResult) => Promise<void>,
  fail: (error: unknown) => void,
): Promise<Camera> {
  const constraints = { video: { facingMode: "environment", width: { ideal: 1280 } }, audio: false };
  const stream = await navigator.mediaDevices.getUserMedia(constraints);
  const stopTracks = () => {
    stream.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
  };
  video.srcObject = stream;
  try {
    await video.play();
  } catch (error) {
    stopTracks();
    throw error;
  }
  let running = true;

  void (async () => {
    while (running) {
      try {
        const result = await segmenter.segmentForVideo(video, performance.now());
        if (result && running) await show(result);
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
        canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the camera has no picture yet: try again"))), "image/png");
      });
    },
    stop() {
      running = false;
      stopTracks();
    },
  };
}
