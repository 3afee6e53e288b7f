/** The page's side of the package. */

import { SegmenterError } from "./errors.js";
import { toPayload } from "./inputs.js";
import type { Created, FromWorker, Payload, Port, Request, ToWorker, Verdicts } from "./protocol.js";
import { LONGEST } from "./timer.js";
import type {
  Color,
  ConfounderInfo,
  DeviceInfo,
  ImageSegmenterOptions,
  ImageSource,
  SegmentationResult,
  SegmenterProgress,
  SegmentOptions,
} from "./types.js";

/** A worker and how to end it. */
export interface Host extends Port<ToWorker, FromWorker> {
  /** Calls the listener when the worker fails or cannot be started. */
  onBroken(listener: (reason: string) => void): void;
  terminate(): void;
}

let startHost: () => Host | Promise<Host>;

/** Sets how workers are started. It differs between browsers and Node. */
export function useHost(start: () => Host | Promise<Host>): void {
  startHost = start;
}

const DEFAULTS = { gpuTimeout: 60_000, timeout: 180_000, threads: 8 };

/** A DICOM file has fewer frames. */
const LARGEST_FRAME = 2 ** 31 - 1;

interface Waiting {
  resolve(value: never): void;
  reject(error: SegmenterError): void;
}

interface Frame {
  timestamp: number;
  payload: Payload;
  transfer: Transferable[];
  options: SegmentOptions;
  resolve(result: SegmentationResult | null): void;
  reject(error: unknown): void;
}

/**
 * Segments images in a worker. Names and behaviour follow MediaPipe's `ImageSegmenter`.
 *
 * ```ts
 * const segmenter = await ImageSegmenter.createFromOptions({ model: "/demo.safetensors" });
 * const result = await segmenter.segment(file);
 * segmenter.close();
 * ```
 */
export class ImageSegmenter {
  readonly #host: Host;
  readonly #options: ImageSegmenterOptions;
  readonly #waiting = new Map<number, Waiting>();
  #created!: Created;
  #onProgress: ((progress: SegmenterProgress) => void) | undefined;
  #heard = false;
  #stage = "";
  #lastId = 0;
  #ended: SegmenterError | undefined;
  #lastTimestamp = -Infinity;
  #frameRuns = false;
  #nextFrame: Frame | undefined;

  private constructor(host: Host, options: ImageSegmenterOptions) {
    this.#host = host;
    this.#options = options;
    this.#onProgress = options.onProgress;
    host.listen((message) => this.#receive(message));
    host.onBroken((reason) => {
      // A worker that fails before its first message was not loaded.
      const error = this.#heard
        ? new SegmenterError("internal", `the worker failed: ${reason}`)
        : new SegmenterError("network", `the worker cannot be started: ${reason}`);
      this.#end(error);
      host.terminate();
    });
  }

  /**
   * Downloads the model and opens the device. The device has to reproduce the model's reference answer.
   *
   * @throws SegmenterError `model`, `model-version`, `network`, `device`, `wrong-answer`, `timeout`, `input`, `aborted`
   */
  static async createFromOptions(options: ImageSegmenterOptions): Promise<ImageSegmenter> {
    if (options.signal?.aborted) throw new SegmenterError("aborted", "aborted by the signal");
    const limit = Math.min(LONGEST, options.timeout ?? DEFAULTS.timeout);
    try {
      return await ImageSegmenter.#open(options, limit);
    } catch (thrown) {
      const error = SegmenterError.from(thrown);
      if (error.code !== "timeout" || options.delegate === "CPU") throw error;
      // The GPU blocked the whole worker.
      const segmenter = await ImageSegmenter.#open({ ...options, delegate: "CPU" }, limit);
      segmenter.#created.device.reason = error.message;
      return segmenter;
    }
  }

  static async #open(options: ImageSegmenterOptions, limit: number): Promise<ImageSegmenter> {
    const segmenter = new ImageSegmenter(await startHost(), options);
    try {
      await segmenter.#create(limit);
      return segmenter;
    } catch (thrown) {
      segmenter.#host.terminate();
      throw thrown;
    }
  }

  async #create(limit: number): Promise<void> {
    const { model, delegate = "auto", signal, gpuTimeout = DEFAULTS.gpuTimeout, tileSide } = this.#options;
    if (tileSide !== undefined && !(Number.isInteger(tileSide) && tileSide > 0 && tileSide < 65_536)) {
      throw new SegmenterError("input", `the side of a tile is ${tileSide}: give a whole number from 1 to 65535`);
    }
    const request: Request = {
      type: "create",
      model: modelOf(model),
      delegate,
      threads: Math.max(1, this.#options.threads ?? DEFAULTS.threads),
      gpuTimeout: Math.min(LONGEST, Math.max(0, gpuTimeout)),
      verdicts: readVerdicts(),
      wholeFrame: this.#options.wholeFrame ?? false,
      tileSide,
    };
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      const expire = () => {
        const at = this.#stage ? ` (at the stage "${this.#stage}")` : "";
        reject(new SegmenterError("timeout", `the worker was not ready after ${limit / 1000} s${at}`));
      };
      timer = setTimeout(expire, limit);
      // The limit does not count the download.
      this.#onProgress = (progress) => {
        this.#stage = progress.stage;
        if (progress.stage === "model") {
          clearTimeout(timer);
          timer = setTimeout(expire, limit);
        }
        this.#options.onProgress?.(progress);
      };
    });
    try {
      this.#created = await Promise.race([this.#ask<Created>(request, [], signal), late]);
    } finally {
      clearTimeout(timer);
      this.#onProgress = undefined;
    }
    writeVerdicts(this.#created.verdicts);
  }

  /**
   * Segments an image. Images are segmented in the order of the calls.
   *
   * @throws SegmenterError `image`, `image-too-large`, `input`, `network` (a part for DICOM is missing), `device`, `aborted`,
   * `closed`
   */
  async segment(image: ImageSource, options: SegmentOptions = {}): Promise<SegmentationResult> {
    this.#mustBeOpen();
    const { frame = 0 } = options;
    if (!Number.isInteger(frame) || frame < 0 || frame > LARGEST_FRAME) {
      throw new SegmenterError("input", `the frame is ${frame}: give a whole number from 0`);
    }
    const [payload, transfer] = await toPayload(image, options.transfer ?? false);
    return this.#send(payload, transfer, options);
  }

  #send(image: Payload, transfer: Transferable[], { signal, frame }: SegmentOptions): Promise<SegmentationResult> {
    const { outputConfidenceMasks, outputUncertainty, outputImage } = this.#options;
    const maps = {
      confidence: outputConfidenceMasks ?? true,
      uncertainty: outputUncertainty ?? true,
      image: outputImage ?? false,
    };
    return this.#ask<SegmentationResult>({ type: "segment", image, frame, maps }, transfer, signal);
  }

  /**
   * Segments a frame of a video. While one frame is segmented, only the newest frame waits. A frame that gives way to a
   * newer one resolves to `null`. So memory does not grow and masks are never late. The frame is read at once, so a
   * `VideoFrame` or `ImageBitmap` may be closed as soon as this returns.
   *
   * @param timestamp milliseconds, larger than that of the last frame, also across videos
   * @throws SegmenterError as {@link segment}; `input` for a timestamp that is not larger
   */
  async segmentForVideo(
    frame: ImageSource,
    timestamp: number,
    options: SegmentOptions = {},
  ): Promise<SegmentationResult | null> {
    if (!(timestamp > this.#lastTimestamp)) {
      const text =
        `the timestamp ${timestamp} is not larger than the last one, ${this.#lastTimestamp}: ` +
        "timestamps must grow as long as the segmenter lives, also across videos";
      throw new SegmenterError("input", text);
    }
    this.#mustBeOpen();
    this.#lastTimestamp = timestamp;
    const [payload, transfer] = await toPayload(frame, options.transfer ?? false);
    return new Promise((resolve, reject) => {
      const frame: Frame = { timestamp, payload, transfer, options, resolve, reject };
      // A later frame may be read before an earlier one.
      const newest = (this.#nextFrame?.timestamp ?? -Infinity) > timestamp ? this.#nextFrame! : frame;
      const older = newest === frame ? this.#nextFrame : frame;
      older?.transfer.filter(isBitmap).forEach((bitmap) => bitmap.close());
      older?.resolve(null);
      this.#nextFrame = newest;
      if (!this.#frameRuns) void this.#runFrames();
    });
  }

  async #runFrames(): Promise<void> {
    this.#frameRuns = true;
    for (let frame = this.#nextFrame; frame; frame = this.#nextFrame) {
      this.#nextFrame = undefined;
      await this.#send(frame.payload, frame.transfer, frame.options).then(frame.resolve, frame.reject);
    }
    this.#frameRuns = false;
  }

  /** The names of the mask values: `"background"` first. */
  getLabels(): string[] {
    return [...this.#created.labels];
  }

  /** The confounders of the model, in the order of {@link SegmentationResult.confounders}. */
  getConfounders(): ConfounderInfo[] {
    return this.#created.confounders.map((confounder) => ({ ...confounder }));
  }

  /**
   * The colour of mask value `value`, the same in every package. The palette of the classes repeats after its last
   * colour; the background (0) is black.
   */
  getColor(value: number): Color {
    const { palette } = this.#created;
    const [red, green, blue] = value === 0 ? [0, 0, 0] : palette[(value - 1) % palette.length]!;
    return [red, green, blue];
  }

  /** The device that computes, and why. */
  get device(): DeviceInfo {
    return { ...this.#created.device };
  }

  /** Frees all memory, also the GPU's. Waiting calls are rejected with `closed`. Closing again does nothing. */
  close(): void {
    if (this.#ended) return;
    this.#host.post({ type: "close" });
    // A busy worker does not receive the message.
    setTimeout(() => this.#host.terminate(), 1000);
    this.#end(new SegmenterError("closed", "the segmenter is closed"));
  }

  #mustBeOpen(): void {
    if (this.#ended) throw this.#ended;
  }

  #ask<Value>(request: Request, transfer: Transferable[], signal?: AbortSignal): Promise<Value> {
    const id = ++this.#lastId;
    return new Promise<Value>((resolve, reject) => {
      this.#mustBeOpen();
      const abort = () => {
        this.#waiting.delete(id);
        this.#host.post({ type: "cancel", id });
        reject(new SegmenterError("aborted", "aborted by the signal"));
      };
      const settled = () => signal?.removeEventListener("abort", abort);
      if (signal?.aborted) {
        transfer.filter(isBitmap).forEach((bitmap) => bitmap.close());
        return abort();
      }
      signal?.addEventListener("abort", abort, { once: true });
      this.#waiting.set(id, {
        resolve: (value: Value) => (settled(), resolve(value)),
        reject: (error) => (settled(), reject(error)),
      } as Waiting);
      try {
        this.#host.post({ id, ...request }, transfer);
      } catch (thrown) {
        this.#waiting.delete(id);
        settled();
        const reason = (thrown as Error).message;
        reject(new SegmenterError("input", `the image cannot be sent to the worker: ${reason}`));
      }
    });
  }

  #receive(message: FromWorker): void {
    this.#heard = true;
    switch (message.type) {
      case "progress":
        this.#onProgress?.(message.progress);
        return;
      case "device":
        this.#created.device = message.device;
        this.#options.onDeviceChange?.({ ...message.device });
        return;
      case "closed":
        this.#host.terminate();
        return;
      case "done":
        this.#settle(message.id)?.resolve(message.value as never);
        return;
      case "failed":
        this.#settle(message.id)?.reject(new SegmenterError(message.error.code, message.error.message));
    }
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  /** Rejects all waiting calls. */
  #end(reason: SegmenterError): void {
    this.#ended ??= reason;
    for (const waiting of this.#waiting.values()) waiting.reject(reason);
    this.#waiting.clear();
  }
}

function isBitmap(value: Transferable): value is ImageBitmap {
  return typeof ImageBitmap !== "undefined" && value instanceof ImageBitmap;
}

function modelOf(model: ImageSegmenterOptions["model"]): string | Uint8Array {
  if (model instanceof ArrayBuffer) return new Uint8Array(model);
  if (model instanceof Uint8Array) return model;
  if (typeof model === "string" || model instanceof URL) {
    // The worker has another base URL than the page.
    const base = typeof document === "undefined" ? undefined : document.baseURI;
    try {
      return new URL(model, base).href;
    } catch {
      throw new SegmenterError("input", `the option model is not a URL: ${String(model)}`);
    }
  }
  throw new SegmenterError("input", "the option model must be the URL or the bytes of a model file");
}

const VERDICTS = "mcdrl.faster-device";

function readVerdicts(): Verdicts {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(VERDICTS) ?? "{}");
    return typeof stored === "object" && stored !== null ? (stored as Verdicts) : {};
  } catch {
    return {}; // Without a readable entry both devices are timed again.
  }
}

function writeVerdicts(verdicts: Verdicts): void {
  try {
    localStorage.setItem(VERDICTS, JSON.stringify({ ...readVerdicts(), ...verdicts }));
  } catch {
    // Without storage both devices are timed again next time.
  }
}
