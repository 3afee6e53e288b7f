/** The package's inputs and results. */

/**
 * The device that computes. `"auto"`: the faster of the CPU and the GPU, if both give the right answer. They are timed
 * once on a machine.
 */
export type Delegate = "auto" | "GPU" | "CPU";

/** A step of {@link ImageSegmenter.createFromOptions}. */
export interface SegmenterProgress {
  /**
   * `"model"`: the model file is downloaded. `"module"`: a WebAssembly module is loaded. `"warm-up"`: a built-in image is
   * segmented and the result is compared with the reference answer in the model file; a GPU compiles its shaders for it.
   * `"measure"`: the device is timed.
   */
  stage: "model" | "module" | "warm-up" | "measure";
  /** The finished share of the stage, 0..1; `undefined` if it is unknown. */
  fraction?: number;
}

/** The device that computes, and why. */
export interface DeviceInfo {
  name: "cpu" | "gpu";
  /** Threads of the CPU module; 1 on the GPU. */
  threads: number;
  /** Why it was chosen, for people: "4.1 × as fast as the CPU", "no WebGPU here", …. */
  reason: string;
  /** The name of the GPU. */
  adapter: string;
}

/** Options of {@link ImageSegmenter.createFromOptions}. */
export interface ImageSegmenterOptions {
  /** A model file: its URL or its bytes. */
  model: string | URL | ArrayBuffer | Uint8Array;
  /** The device that computes. Default `"auto"`. */
  delegate?: Delegate;
  /** Called while the segmenter is created. */
  onProgress?: (progress: SegmenterProgress) => void;
  /** Called when the device changes later: a lost GPU is replaced by the CPU. */
  onDeviceChange?: (device: DeviceInfo) => void;
  /** Cancels the creation. */
  signal?: AbortSignal;
  /** The most threads of the CPU module, on a cross-origin isolated page. Default: the machine's, at most 8. */
  threads?: number;
  /** Milliseconds for each step on a GPU. After that the CPU takes over. Default 60 000. */
  gpuTimeout?: number;
  /** Milliseconds for the creation after the model was downloaded. Default 180 000. */
  timeout?: number;
  /** Segments the whole frame, also wide borders and panels around the picture. Default false. */
  wholeFrame?: boolean;
  /**
   * Also looks at overlapping tiles of this side in pixels, 1 to 65535, for small lesions in large images. This takes longer. An
   * image has at most 64 tiles: if the side needs more, they are larger.
   */
  tileSide?: number;
  /** Whether results have {@link SegmentationResult.confidenceMasks}. Default true. */
  outputConfidenceMasks?: boolean;
  /** Whether results have {@link SegmentationResult.uncertainty}. Default true. */
  outputUncertainty?: boolean;
  /** Whether results have {@link SegmentationResult.image}. Default false. */
  outputImage?: boolean;
}

/** Pixels in the shape of `ImageData`. Node accepts them too. */
export interface PixelData {
  /** RGBA, row-major, `width · height · 4` bytes. */
  data: Uint8ClampedArray | Uint8Array;
  width: number;
  height: number;
  /** Millimetres from one row to the next and from one column to the next, for {@link Lesion.areaMm2}. */
  pixelSize?: [number, number];
}

/**
 * An image. `Blob`, `ArrayBuffer` and `Uint8Array` are image files: JPEG, PNG, TIFF, BMP, WebP, DICOM, and others that the
 * browser reads.
 */
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
  /** Cancels this image. */
  signal?: AbortSignal;
  /** Transfers an `ImageData`, the bytes of a file or an `ImageBitmap` instead of copying it. It is empty afterwards. */
  transfer?: boolean;
  /** The frame of a DICOM file, from 0. Default: the first, and a note says that there are others. Other files have one frame. */
  frame?: number;
}

/** A class's share of an image. */
export interface ClassShare {
  name: string;
  /** Its share of the pixels, 0..1. */
  fraction: number;
  /** The mean probability of the class over its pixels, 0 where there are none. */
  confidence: number;
}

/** A connected lesion. */
export interface Lesion {
  /** The name of its class. */
  class: string;
  /** The mean probability of its class over its pixels, 0..1. */
  confidence: number;
  /** Its share of the image, 0..1. */
  fraction: number;
  /** The number of its pixels. */
  pixels: number;
  /** Its area in mm². Absent if the size of the pixels is unknown. */
  areaMm2?: number;
  /** The smallest rectangle around it: left, top, width, height, in pixels. */
  bounds: [number, number, number, number];
  /** The corners [x, y] of its outline, clockwise, in pixels. They lie on the edges of pixels. */
  outline: [number, number][];
}

/** Red, green and blue, 0..255. */
export type Color = readonly [number, number, number];

/** A confounder of the model. */
export interface ConfounderInfo {
  name: string;
  family: string;
  /** Its name in plain words. */
  words: string;
  /** Whether it is a disturbance. The usual state, such as white light, is not: do not show it as one. */
  isDisturbance: boolean;
  /** At this presence or above, the picture gets a quality hint. Absent: never a hint. */
  hintPresence?: number;
}

/** What an image shows of a named confounder. */
export interface ConfounderWeight {
  name: string;
  family: string;
  /** Its name in plain words. */
  words: string;
  /** Its share of the correction, 0..1. The weights of an image sum to one. */
  weight: number;
  /** The probability that it is visible, 0..1, independent of the others. */
  presence: number;
  /** The share of the active area where it is visible, 0..1. */
  area: number;
}

/** The grid on which the text prompts selected candidate regions. It lies on `activeArea`. */
export interface RegionMap {
  rows: number;
  columns: number;
  /** Similarity to the best class prompt, row-major, -1..1. */
  similarity: Float32Array;
  /** 1 where a position was retained, row-major. */
  retained: Uint8Array;
  /** For every confounder a map of its dose, 0..1, row-major. */
  confounders: Float32Array[];
}

/** A segmented image, at the image's own size. */
export interface SegmentationResult {
  width: number;
  height: number;
  /**
   * The part of the image that was segmented: left, top, width, height, in pixels. It is the picture, without wide borders, panels
   * and text around it. Elsewhere is background.
   */
  activeArea: [number, number, number, number];
  /** A class for every pixel, row-major: an index into {@link ImageSegmenter.getLabels}, 0 is the background. */
  categoryMask: Uint8Array;
  /** For every label its probability at every pixel, row-major; empty without `outputConfidenceMasks`. */
  confidenceMasks: Float32Array[];
  /** The model's uncertainty at every pixel: normalised entropy, 0..1, row-major; empty without `outputUncertainty`. */
  uncertainty: Float32Array;
  /** The segmented image, decoded and upright: RGBA, row-major; `undefined` without `outputImage`. */
  image?: Uint8ClampedArray;
  /** The mean uncertainty of the active area. */
  meanUncertainty: number;
  classes: ClassShare[];
  /** The connected lesions, the largest first. */
  lesions: Lesion[];
  confounders: ConfounderWeight[];
  /** The disturbances that the image shows, the most certain first, in plain words: "glare on 8 % of the picture". */
  disturbances: string[];
  /** The number of frames in a DICOM file; 1 for every other image. */
  frames: number;
  /** Remarks about the image, one sentence each: left out pages, scaled bits, what is around the picture. */
  notes: string[];
  /** How unlike the training images the image is, 0..1. Above 0.5, do not trust the mask. */
  unfamiliar: number;
  /** The lesion Dice that the model expects of the mask, 0..1. */
  expectedDice: number;
  regions: RegionMap;
  /** The device that computed it. */
  device: "cpu" | "gpu";
  /** The time that the worker took, in milliseconds. */
  milliseconds: number;
}
