/** The package in Node: the CPU module in a worker thread. */

import { startNodeHost } from "./host-node.js";
import { useHost } from "./segmenter.js";

useHost(startNodeHost);

export { ImageSegmenter } from "./segmenter.js";
export { SegmenterError, type SegmenterErrorCode } from "./errors.js";
export type * from "./types.js";
