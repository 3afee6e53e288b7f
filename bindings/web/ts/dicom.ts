/** DICOM files. Their module is loaded with the first of them. */

import { SegmenterError } from "./errors.js";
import { loadModule, unloadModule, type DicomModule, type Fetch } from "./modules.js";
import type { PixelData } from "./types.js";

/** Decoded pixels, and what their file says of them. */
export interface DicomPixels extends PixelData {
  notes: string[];
  frames: number;
}

/** Decodes a frame of a DICOM file; without a number the first, with a note that there are others. */
export async function readDicom(file: Uint8Array, frame: number | undefined, get: Fetch): Promise<DicomPixels> {
  const module = await loadModule("dicom", 1, get);
  try {
    return decode(module, file, frame);
  } catch (thrown) {
    if (!(thrown instanceof WebAssembly.RuntimeError)) throw thrown;
    // A module that panicked or has no memory left cannot be used again.
    unloadModule("dicom");
    const reason = `the DICOM file is damaged or too large for this browser (${thrown.message})`;
    throw new SegmenterError("image", `not a readable image: ${reason}; copy it again, or export a picture from it`);
  }
}

function decode(module: DicomModule, file: Uint8Array, frame: number | undefined): DicomPixels {
  const decoded = new module.DicomFrame(file, frame);
  const { width, height, notes, frames, pixelSize } = decoded;
  const data = decoded.pixels();
  decoded.free();
  return { data, width, height, notes, frames, pixelSize: pixelSize && [pixelSize[0]!, pixelSize[1]!] };
}
