/** The package in browsers. */

import { startWebHost } from "./host-web.js";
import { useHost } from "./segmenter.js";

useHost(startWebHost);

export { ImageSegmenter } from "./segmenter.js";
export { SegmenterError, type SegmenterErrorCode } from "./errors.js";
export type * from "./types.js";
