/** An image that the user gave, and what became of it. */

import type { SegmentationResult } from "mcdrl";
import { maskPng } from "./png.js";

export interface Picture {
  /** The file's name without its ending. */
  name: string;
  file: Blob;
  /** A frame of the camera, which is gone with the next. */
  live?: boolean;
  /** For the screen, and its result; only while it is in view: those of a batch of photos would fill the memory. */
  bitmap?: ImageBitmap;
  result?: SegmentationResult;
}

export function pictureOf(file: Blob, name: string): Picture {
  return { file, name: name.replace(/\.[^.]+$/, "") || "image" };
}

/** Takes a result, and its image as the model saw it: upright, and whatever the format. */
export async function develop(picture: Picture, result: SegmentationResult): Promise<void> {
  const pixels = new Uint8ClampedArray(result.image ?? new Uint8ClampedArray(4 * result.width * result.height));
  delete result.image;
  picture.bitmap = await createImageBitmap(new ImageData(pixels, result.width, result.height));
  picture.result = result;
}

/** Forgets what is only for the screen. */
export function forget(picture: Picture): void {
  picture.bitmap?.close();
  delete picture.bitmap;
  delete picture.result;
}

export function maskOf({ categoryMask, width, height }: SegmentationResult): Blob {
  return maskPng(categoryMask, width, height);
}
