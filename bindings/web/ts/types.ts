/** What goes in and what comes out. */

/** Where to compute: `"auto"` times both once on this machine and keeps the faster. */
export type Delegate = "auto" | "GPU" | "CPU";

/** A step of {@link ImageSegmenter.createFromOptions}. */
export interface SegmenterProgress {
  /**
   * `"model"`: the model file is downloaded. `"module"`: a WebAssembly module is loaded. `"warm-up"`: a built-in image
   * is segmented, which compiles the GPU's shaders, and the answer is held to the one in the model file.
   * `"measure"`: CPU and GPU are timed.
   */
  stage: "model" | "module" | "warm-up" | "measure";
  /** How much of the stage is done, 0..1; `undefined` where that is not known. */
  fraction?: number;
}

/** Which device computes, and why. */
export interface DeviceInfo {
  /** `"cpu"` or `"gpu"`. */
  name: "cpu" | "gpu";
  /** Threads of the CPU module; 1 on the GPU. */
  threads: number;
  /** Why this one, for people: "4.1 × faster than the CPU", "no WebGPU in this browser", …. */
  reason: string;
  /** What the GPU says it is. */
  adapter: string;
}

/** Options of {@link ImageSegmenter.createFromOptions}. */
export interface ImageSegmenterOptions {
  /** A model file: its address, or its bytes. */
  model: string | URL | ArrayBuffer | Uint8Array;
  /** Where to compute. Default `"auto"`. */
  delegate?: Delegate;
  /** Called while the segmenter is made. */
  onProgress?: (progress: SegmenterProgress) => void;
  /** Called when the device changes later: a lost GPU is replaced by the CPU. */
  onDeviceChange?: (device: DeviceInfo) => void;
  /** Gives up making the segmenter. */
  signal?: AbortSignal;
  /** Most threads of the CPU module, where the page is cross-origin isolated. Default: the machine's, at most 8. */
  threads?: number;
  /** Milliseconds after which a GPU that does not answer is given up for the CPU. Default 60 000. */
  gpuTimeout?: number;
  /** Milliseconds that making the segmenter may take after the model is there. Default 180 000. */
  timeout?: number;
  /** Whether results have {@link SegmentationResult.confidenceMasks}. Default true. */
  outputConfidenceMasks?: boolean;
  /** Whether results have {@link SegmentationResult.uncertainty}. Default true. */
  outputUncertainty?: boolean;
  /** Whether results have {@link SegmentationResult.image}. Default false. */
  outputImage?: boolean;
}

/** Pixels as `ImageData` has them; any object of this shape will do, in Node too. */
export interface PixelData {
  /** RGBA, row-major, `width · height · 4` bytes. */
  data: Uint8ClampedArray | Uint8Array;
  width: number;
  height: number;
}

/** What can be segmented. `Blob`, `ArrayBuffer` and `Uint8Array` are image files: JPEG, PNG, TIFF, BMP, WebP, and what the browser reads besides. */
export type ImageSource =
  | Blob
  | ArrayBuffer
  | Uint8Array
  | PixelData
  | ImageData
  | ImageBitmap
  | HTMLImageElement
  | HTMLCanvasElement
  | HTMLVideoElement
  | OffscreenCanvas
  | VideoFrame;

/** Options of {@link ImageSegmenter.segment}. */
export interface SegmentOptions {
  /** Gives up this image. */
  signal?: AbortSignal;
  /** Hands over the buffer of an `ImageData`, the bytes of a file or the `ImageBitmap` itself instead of copying: it is empty afterwards. */
  transfer?: boolean;
}

/** A lesion class's share of an image. */
export interface ClassShare {
  name: string;
  /** Share of the pixels, 0..1. */
  fraction: number;
  /** Mean probability of the class over its pixels, 0 where there are none. */
  confidence: number;
}

/** A named confounder's share of the explanation. */
export interface ConfounderWeight {
  name: string;
  family: string;
  /** 0..1; the weights of an image sum to one. */
  weight: number;
}

/** The grid on which the text selected candidate regions. */
export interface RegionMap {
  rows: number;
  columns: number;
  /** Similarity to the best class prompt, row-major, -1..1. */
  similarity: Float32Array;
  /** 1 where a position was retained, row-major. */
  retained: Uint8Array;
  /** For every confounder its weight at the retained positions, 0 at the others, row-major. */
  confounders: Float32Array[];
}

/** A segmented image, at the image's own size. */
export interface SegmentationResult {
  width: number;
  height: number;
  /** A class for every pixel, row-major: an index into {@link ImageSegmenter.getLabels}, 0 is the background. */
  categoryMask: Uint8Array;
  /** For every label a map of its probability, row-major; empty if not asked for. */
  confidenceMasks: Float32Array[];
  /** How unsure the model is at every pixel: normalised entropy, 0..1, row-major; empty if not asked for. */
  uncertainty: Float32Array;
  /** The image as it was segmented, decoded and turned upright: RGBA, row-major; `undefined` if not asked for. */
  image?: Uint8ClampedArray;
  /** The mean of `uncertainty`. */
  meanUncertainty: number;
  classes: ClassShare[];
  confounders: ConfounderWeight[];
  regions: RegionMap;
  /** Where it was computed. */
  device: "cpu" | "gpu";
  /** How long the worker took, from the image's arrival to the result. */
  milliseconds: number;
}
