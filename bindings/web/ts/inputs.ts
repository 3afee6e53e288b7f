/** Turns an image source into a message for the worker, with as few copies as possible. */

import { SegmenterError } from "./errors.js";
import type { Payload } from "./protocol.js";
import type { ImageSource, PixelData } from "./types.js";

/** The image as a message, and its buffers that are transferred. */
export async function toPayload(source: ImageSource, transfer: boolean): Promise<[Payload, Transferable[]]> {
  if (typeof Blob !== "undefined" && source instanceof Blob) {
    return [{ kind: "file", file: source }, []]; // Messages hold a reference to a blob, not its bytes.
  }
  if (source instanceof ArrayBuffer) return fileBytes(new Uint8Array(source), transfer);
  if (source instanceof Uint8Array) return fileBytes(source, transfer);
  if (isPixelData(source)) return pixels(source, transfer);
  if (isA(source, "ImageBitmap") && transfer) {
    return [{ kind: "bitmap", bitmap: source as ImageBitmap }, [source as ImageBitmap]];
  }
  const drawable = source as Exclude<ImageSource, Blob | ArrayBuffer | Uint8Array | PixelData>;
  if (!DRAWABLE.some((name) => isA(drawable, name))) {
    const text =
      "the argument is not an image: give a Blob, the bytes of an image file, ImageData, ImageBitmap, a canvas, an img, " +
      "a video or a VideoFrame";
    throw new SegmenterError("input", text);
  }
  return bitmap(drawable);
}

const DRAWABLE = [
  "ImageBitmap",
  "HTMLImageElement",
  "HTMLCanvasElement",
  "HTMLVideoElement",
  "OffscreenCanvas",
  "VideoFrame",
];

function isA(value: unknown, name: string): boolean {
  const constructor = (globalThis as Record<string, unknown>)[name];
  return typeof constructor === "function" && value instanceof constructor;
}

function isPixelData(value: unknown): value is PixelData {
  if (typeof value !== "object" || value === null) return false;
  const { data, width, height } = value as Partial<PixelData>;
  const bytes = data instanceof Uint8ClampedArray || data instanceof Uint8Array;
  return bytes && typeof width === "number" && typeof height === "number";
}

function fileBytes(bytes: Uint8Array, transfer: boolean): [Payload, Transferable[]] {
  const file = transfer && isWhole(bytes) ? bytes : new Uint8Array(bytes);
  return [{ kind: "file", file }, [file.buffer as ArrayBuffer]];
}

function pixels(source: PixelData, transfer: boolean): [Payload, Transferable[]] {
  const { width, height, pixelSize } = source;
  const data = transfer && isWhole(source.data) ? source.data : new Uint8Array(source.data);
  return [{ kind: "pixels", data, width, height, pixelSize }, [data.buffer as ArrayBuffer]];
}

/** Whether the array covers its whole buffer. Node's pool puts many arrays into one buffer. */
function isWhole(bytes: Uint8Array | Uint8ClampedArray): boolean {
  return bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength;
}

async function bitmap(source: ImageBitmapSource): Promise<[Payload, Transferable[]]> {
  if (isA(source, "HTMLImageElement") && !(source as HTMLImageElement).complete) {
    // A failure is reported below.
    await (source as HTMLImageElement).decode().catch(() => undefined);
  }
  try {
    const options: ImageBitmapOptions = { colorSpaceConversion: "none" };
    const made = await createImageBitmap(source, options);
    return [{ kind: "bitmap", bitmap: made }, [made]];
  } catch (thrown) {
    const reason = (thrown as Error).message;
    throw new SegmenterError("input", `the image is empty, not loaded or from another origin: ${reason}`);
  }
}
