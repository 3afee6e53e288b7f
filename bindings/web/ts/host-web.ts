/** Starts the worker in a browser. */

import { SegmenterError } from "./errors.js";
import type { FromWorker } from "./protocol.js";
import type { Host } from "./segmenter.js";

export function startWebHost(): Host {
  const here = new URL(import.meta.url);
  if (/^https?:$/.test(here.protocol) && here.origin !== location.origin) {
    const text =
      `the package's files come from ${here.origin}, but browsers start workers only from the page's own origin: ` +
      `serve the files from ${location.origin}`;
    throw new SegmenterError("network", text);
  }
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "mcdrl" });
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    listen: (listener) => {
      worker.onmessage = (event: MessageEvent<FromWorker>) => listener(event.data);
    },
    onBroken: (listener) => {
      worker.onerror = (event) => {
        event.preventDefault();
        listener(event.message || "its script cannot be loaded");
      };
    },
    terminate: () => worker.terminate(),
  };
}
