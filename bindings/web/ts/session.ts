/** The worker's side: one segmenter, its device, and the waiting images. */

import { chooseDevice, onTime, openCpu, release, type OpenOptions, type Running } from "./device.js";
import { readDicom, type DicomPixels } from "./dicom.js";
import { SegmenterError } from "./errors.js";
import type { Fetch, Module, Picture } from "./modules.js";
import type { Created, CreateRequest, FromWorker, Port, SegmentRequest, ToWorker } from "./protocol.js";
import type { PixelData, SegmentationResult } from "./types.js";

/**
 * Answers the messages of a port. Call the returned function with uncaught errors: a module that panics inside a promise
 * leaves the promise open for ever.
 */
export function serve(port: Port<FromWorker, ToWorker>, get: Fetch): (thrown: unknown) => void {
  const session = new Session(port, get);
  port.listen((message) => session.receive(message));
  return (thrown) => session.breakDown(thrown);
}

class Session {
  readonly #port: Port<FromWorker, ToWorker>;
  readonly #get: Fetch;
  /** The waiting and running requests, and whether they were cancelled. */
  readonly #requests = new Map<number, "wanted" | "cancelled">();
  #queue: Promise<void> = Promise.resolve();
  #options!: OpenOptions;
  #running: Running | undefined;
  #broken = breakable();

  constructor(port: Port<FromWorker, ToWorker>, get: Fetch) {
    this.#port = port;
    this.#get = get;
  }

  receive(message: ToWorker): void {
    switch (message.type) {
      case "cancel":
        if (this.#requests.has(message.id)) this.#requests.set(message.id, "cancelled");
        return;
      case "close":
        if (this.#running) release(this.#running);
        this.#running = undefined;
        this.#port.post({ type: "closed" });
        return;
      case "create":
        this.#inTurn(message.id, async () => [await this.#create(message), []]);
        return;
      case "segment":
        this.#inTurn(
          message.id,
          async () => {
            const result = await this.#segment(message);
            return [result, buffersOf(result)];
          },
          () => message.image.kind === "bitmap" && message.image.bitmap.close(),
        );
    }
  }

  breakDown(thrown: unknown): void {
    const message = this.#running?.module.panicMessage() ?? (thrown as Error | undefined)?.message ?? String(thrown);
    const broken = this.#broken;
    this.#broken = breakable();
    broken.reject(new SegmenterError("internal", `a bug in mcdrl, please report it: ${message}`));
  }

  /** One request after the other. Cancelled requests are skipped. */
  #inTurn(
    id: number,
    work: () => Promise<[Created | SegmentationResult, Transferable[]]>,
    skip: () => void = () => {},
  ): void {
    this.#requests.set(id, "wanted");
    this.#queue = this.#queue.then(async () => {
      try {
        if (this.#requests.get(id) === "cancelled") return skip();
        const [value, transfer] = await work();
        this.#port.post({ type: "done", id, value }, transfer);
      } catch (thrown) {
        this.#port.post({ type: "failed", id, error: SegmenterError.from(thrown).toMessage() });
      } finally {
        this.#requests.delete(id);
      }
    });
  }

  async #create(request: CreateRequest): Promise<Created> {
    const report: OpenOptions["report"] = (progress) => this.#port.post({ type: "progress", progress });
    const model = typeof request.model === "string" ? await this.#download(request.model) : request.model;
    const broken = () => this.#broken.promise;
    this.#options = { ...request, model, get: this.#get, report, broken };
    const chosen = await chooseDevice(this.#options);
    this.#running = chosen.running;
    const about = chosen.running.engine.about();
    return {
      labels: about.labels,
      confounders: about.confounders.map(({ name, family, words = name, complement_of, hint_presence }) => {
        const info = { name, family, words, isDisturbance: complement_of === undefined };
        return hint_presence === undefined ? info : { ...info, hintPresence: hint_presence };
      }),
      palette: about.palette,
      device: chosen.running.info,
      verdicts: chosen.verdicts,
    };
  }

  async #download(url: string): Promise<Uint8Array> {
    let reported = 0;
    // Reported also without a known share, because the page waits as long as data comes.
    const report = (loaded: number, length: number) => {
      const step = length ? length / 100 : 256 * 1024;
      if (loaded > 0 && loaded - reported < step && loaded !== length) return;
      reported = loaded;
      const share = length ? { fraction: Math.min(1, loaded / length) } : {};
      this.#port.post({ type: "progress", progress: { stage: "model", ...share } });
    };
    try {
      const response = await this.#get(url);
      if (!response.ok) throw new Error(`the server answers ${response.status}`);
      // A compressed body is longer than its header says, so the share is unknown.
      const compressed = response.headers.get("content-encoding") !== null;
      const length = compressed ? 0 : Number(response.headers.get("content-length") ?? 0);
      const chunks: Uint8Array[] = [];
      let loaded = 0;
      report(loaded, length);
      const reader = response.body?.getReader();
      for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
        chunks.push(part.value);
        loaded += part.value.length;
        report(loaded, length);
      }
      const bytes = new Uint8Array(loaded);
      let at = 0;
      for (const chunk of chunks) {
        bytes.set(chunk, at);
        at += chunk.length;
      }
      return bytes;
    } catch (thrown) {
      const reason = (thrown as Error).message;
      throw new SegmenterError("network", `the model ${url} cannot be downloaded: ${reason}; check the URL`);
    }
  }

  async #segment(request: SegmentRequest): Promise<SegmentationResult> {
    const running = this.#running;
    if (!running) throw new SegmenterError("closed", "the segmenter is closed");
    const start = performance.now();
    const source = await toSource(request, running.module, this.#get);
    try {
      return await run(running, source, request, this.#options, start);
    } catch (thrown) {
      const error = this.#understand(thrown, running);
      const badImage = ["image", "image-too-large", "input"].includes(error.code);
      if (badImage || !this.#running) throw error;
      // The module's state is unknown or its GPU is lost. The CPU takes over. If the GPU failed, it repeats this image.
      await this.#replace(error);
      if (running.info.name === "cpu") throw error;
      return await run(this.#running, source, request, this.#options, start);
    }
  }

  /** The error, with the module's own message if it panicked. */
  #understand(thrown: unknown, running: Running): SegmenterError {
    if (!(thrown instanceof WebAssembly.RuntimeError)) return SegmenterError.from(thrown);
    return SegmenterError.from(new Error(running.module.panicMessage() ?? thrown.message));
  }

  async #replace(error: SegmenterError): Promise<void> {
    const old = this.#running;
    if (old) release(old);
    const reason = old?.info.name === "gpu" ? `the GPU failed: ${error.message}` : "restarted after a failure";
    this.#running = await openCpu(this.#options, reason);
    this.#port.post({ type: "device", device: this.#running.info });
  }
}

/** Where the mark of a DICOM file ends. */
const DICOM_MARK_END = 132;

type Source = { file: Uint8Array } | PixelData | DicomPixels;

/** A promise that can only be rejected, from outside. */
function breakable(): { promise: Promise<never>; reject(error: SegmenterError): void } {
  let reject: (error: SegmenterError) => void = () => {};
  const promise = new Promise<never>((_, refuse) => {
    reject = refuse;
  });
  promise.catch(() => {}); // It may be rejected while nothing runs.
  return { promise, reject };
}

async function toSource({ image, frame }: SegmentRequest, { Picture }: Module, get: Fetch): Promise<Source> {
  if (image.kind === "pixels") return image;
  if (image.kind === "bitmap") return readBitmap(image.bitmap);
  const file = image.file instanceof Uint8Array ? image.file : await bytesOf(image.file);
  const start = file.subarray(0, DICOM_MARK_END);
  return Picture.isDicom(start) ? readDicom(file, frame, get) : { file };
}

async function bytesOf(blob: Blob): Promise<Uint8Array> {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch (thrown) {
    // The blob is a folder, or its file was moved.
    throw new SegmenterError("image", `the file cannot be read: ${(thrown as Error).message}; choose it again`);
  }
}

function readBitmap(bitmap: ImageBitmap): PixelData {
  const { width, height } = bitmap;
  try {
    const canvas = typeof OffscreenCanvas === "undefined" ? undefined : new OffscreenCanvas(width, height);
    const context = canvas?.getContext("2d", { willReadFrequently: true });
    if (!context) throw new SegmenterError("input", "this browser cannot read the image's pixels: give its file");
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    return { data, width, height };
  } catch (thrown) {
    if (thrown instanceof SegmenterError) throw thrown;
    const text = `a canvas of ${width}×${height} pixels is too large here: scale the image down first`;
    throw new SegmenterError("image-too-large", text);
  } finally {
    bitmap.close();
  }
}

async function run(
  running: Running,
  source: Source,
  request: SegmentRequest,
  options: OpenOptions,
  start: number,
): Promise<SegmentationResult> {
  const { module, engine, info } = running;
  const picture = await toPicture(running, source);
  try {
    const { confidence, uncertainty, image } = request.maps;
    const segmented = engine.segment(picture, new module.Maps(confidence, uncertainty, image));
    const result = await (info.name === "cpu"
      ? Promise.race([segmented, options.broken()])
      : onTime(segmented, running.lost, options, "for an image"));
    const { notes, frames } = "notes" in source ? source : { notes: [], frames: 1 };
    const milliseconds = performance.now() - start;
    return { ...result, frames, notes: [...notes, ...result.notes], device: info.name, milliseconds };
  } finally {
    try {
      picture.free();
    } catch {
      // A run that timed out still holds it.
    }
  }
}

async function toPicture({ module }: Running, source: Source): Promise<Picture> {
  if ("data" in source) {
    const { data, width, height, pixelSize } = source;
    return module.Picture.fromRgba(data, width, height, pixelSize && Float32Array.from(pixelSize));
  }
  try {
    return module.Picture.decode(source.file);
  } catch (thrown) {
    const error = SegmenterError.from(thrown);
    const read = error.code === "image" ? await decodeInBrowser(source.file) : undefined;
    if (!read) throw error;
    return module.Picture.fromRgba(read.data, read.width, read.height);
  }
}

/** Files that only the browser can read, such as AVIF, and HEIC in Safari. */
async function decodeInBrowser(file: Uint8Array): Promise<PixelData | undefined> {
  if (typeof createImageBitmap === "undefined" || !isOfForeignFormat(file)) return undefined;
  try {
    const bitmap = await createImageBitmap(new Blob([file as BlobPart]), { colorSpaceConversion: "none" });
    return readBitmap(bitmap);
  } catch {
    return undefined; // The module's own error is reported.
  }
}

/** Whether a file is neither JPEG, PNG, TIFF, BMP nor WebP. A damaged file of those formats must stay an error. */
function isOfForeignFormat(file: Uint8Array): boolean {
  const starts = ["\xff\xd8", "\x89PNG", "II*\0", "MM\0*", "BM", "RIFF"];
  const head = String.fromCharCode(...file.subarray(0, 4));
  return !starts.some((start) => head.startsWith(start));
}

function buffersOf(result: SegmentationResult): Transferable[] {
  const maps = [
    result.categoryMask,
    result.uncertainty,
    ...result.confidenceMasks,
    result.regions.similarity,
    result.regions.retained,
    ...result.regions.confounders,
    ...(result.image ? [result.image] : []),
  ];
  return maps.map((map) => map.buffer as ArrayBuffer);
}
