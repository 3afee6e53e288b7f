/** An image that the user gave, and what became of it. */

import type { SegmentationResult } from "mcdrl";

export interface Picture {
  /** The file's name without its ending. */
  name: string;
  file: Blob;
  /** For showing it; made when it is first segmented. */
  bitmap?: ImageBitmap;
  result?: SegmentationResult;
  error?: string;
}

export function pictureOf(file: Blob, name: string): Picture {
  return { file, name: name.replace(/\.[^.]+$/, "") || "image" };
}
