/** The messages between page and worker. A request and its answer have the same number. */

import type { SegmenterErrorCode } from "./errors.js";
import type {
  Color,
  ConfounderInfo,
  Delegate,
  DeviceInfo,
  PixelData,
  SegmentationResult,
  SegmenterProgress,
} from "./types.js";

/** The faster device, by machine and model. The page keeps it between visits. */
export type Verdicts = Record<string, "CPU" | "GPU">;

export interface CreateRequest {
  type: "create";
  model: string | Uint8Array;
  delegate: Delegate;
  threads: number;
  gpuTimeout: number;
  verdicts: Verdicts;
  wholeFrame: boolean;
  tileSide: number | undefined;
}

/** An image on its way to the worker. */
export type Payload =
  | { kind: "file"; file: Blob | Uint8Array }
  | { kind: "bitmap"; bitmap: ImageBitmap }
  | ({ kind: "pixels" } & PixelData);

export interface SegmentRequest {
  type: "segment";
  image: Payload;
  /** The frame of a DICOM file. */
  frame: number | undefined;
  maps: { confidence: boolean; uncertainty: boolean; image: boolean };
}

export type Request = CreateRequest | SegmentRequest;
export type ToWorker = ({ id: number } & Request) | { type: "cancel"; id: number } | { type: "close" };

export interface Created {
  labels: string[];
  confounders: ConfounderInfo[];
  palette: Color[];
  device: DeviceInfo;
  verdicts: Verdicts;
}

export type FromWorker =
  | { type: "done"; id: number; value: Created | SegmentationResult }
  | { type: "failed"; id: number; error: { code: SegmenterErrorCode; message: string } }
  | { type: "progress"; progress: SegmenterProgress }
  | { type: "device"; device: DeviceInfo }
  | { type: "closed" };

/** One end of the channel between page and worker. */
export interface Port<Out, In> {
  post(message: Out, transfer?: Transferable[]): void;
  listen(listener: (message: In) => void): void;
}
