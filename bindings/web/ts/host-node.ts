/** Starts the worker in Node. */

import { Worker } from "node:worker_threads";
import type { FromWorker } from "./protocol.js";
import type { Host } from "./segmenter.js";

export function startNodeHost(): Host {
  const worker = new Worker(new URL("./worker-node.js", import.meta.url), { name: "mcdrl" });
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer as never),
    listen: (listener) => worker.on("message", (message: FromWorker) => listener(message)),
    onBroken: (listener) => worker.on("error", (error) => listener(error.message)),
    terminate: () => void worker.terminate(),
  };
}
