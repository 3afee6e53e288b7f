/** The worker in Node. */

import { readFile } from "node:fs/promises";
import { parentPort } from "node:worker_threads";
import type { FromWorker, ToWorker } from "./protocol.js";
import { serve } from "./session.js";

if (!parentPort) throw new Error("this file runs only in mcdrl's worker thread: import mcdrl instead");
const port = parentPort;

const breakDown = serve(
  {
    post: (message: FromWorker, transfer = []) => port.postMessage(message, transfer as never),
    listen: (listener) => port.on("message", (message: ToWorker) => listener(message)),
  },
  async (url) => {
    const address = new URL(url);
    if (address.protocol !== "file:") return fetch(address);
    return new Response(await readFile(address));
  },
);

process.on("uncaughtException", breakDown);
process.on("unhandledRejection", breakDown);
