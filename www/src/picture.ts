/** An image of the user, with its result. */

import type { SegmentationResult } from "mcdrl";
import { maskPng } from "./png.js";

export interface Picture {
  /** The file's name without its ending. */
  name: string;
  file: Blob;
  /** Whether it is a frame of the camera. */
  live?: boolean;
  /** The image for the screen. Only the shown picture has it, because a batch of photos would fill the memory. */
  bitmap?: ImageBitmap;
  /** The result. Only the shown picture has it. */
  result?: SegmentationResult;
}

export function pictureOf(file: Blob, name: string): Picture {
  return { file, name: name.replace(/\.[^.]+$/, "") || "image" };
}

/** Gives a picture its result, and the image that the model saw: decoded and upright. */
export async function develop(picture: Picture, result: SegmentationResult): Promise<void> {
  const pixels = new Uint8ClampedArray(result.image ?? new Uint8ClampedArray(4 * result.width * result.height));
  delete result.image;
  picture.bitmap = await createImageBitmap(new ImageData(pixels, result.width, result.height));
  picture.result = result;
}

/** Drops the image for the screen and the result. */
export function forget(picture: Picture): void {
  picture.bitmap?.close();
  delete picture.bitmap;
  delete picture.result;
}

export function maskOf({ categoryMask, width, height }: SegmentationResult): Blob {
  return maskPng(categoryMask, width, height);
}
