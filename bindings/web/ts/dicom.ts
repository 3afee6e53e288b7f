/** DICOM files. Their module is loaded with the first of them. */

import { SegmenterError } from "./errors.js";
import { loadModule, unloadModule, type DicomFrame, type Fetch } from "./modules.js";
import type { PixelData } from "./types.js";

/** Decoded pixels, and what their file says of them. */
export interface DicomPixels extends PixelData {
  notes: string[];
  frames: number;
}

/** Decodes a frame of a DICOM file; without a number the first, with a note that there are others. */
export async function readDicom(file: Uint8Array, frame: number | undefined, get: Fetch): Promise<DicomPixels> {
  const module = await loadModule("dicom", 1, get);
  let decoded: DicomFrame;
  try {
    decoded = new module.DicomFrame(file, frame);
  } catch (thrown) {
    if (!(thrown instanceof WebAssembly.RuntimeError)) throw thrown;
    // A module that panicked cannot be used again.
    unloadModule("dicom");
    throw new SegmenterError("image", `not a readable image: the DICOM file is damaged (${thrown.message}); copy it again`);
  }
  try {
    const { width, height, notes, frames, pixelSize } = decoded;
    return { data: decoded.pixels(), width, height, notes, frames, pixelSize: pixelSize && [pixelSize[0]!, pixelSize[1]!] };
  } finally {
    decoded.free();
  }
}
