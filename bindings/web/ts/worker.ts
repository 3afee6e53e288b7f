/** The worker in a browser. All slow work happens here. */

import type { FromWorker, ToWorker } from "./protocol.js";
import { serve } from "./session.js";

const scope = self as unknown as {
  postMessage(message: FromWorker, transfer: Transferable[]): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
};

const breakDown = serve(
  {
    post: (message, transfer = []) => scope.postMessage(message, transfer),
    listen: (listener) => {
      scope.onmessage = (event) => listener(event.data);
    },
  },
  (url) => fetch(url),
);

self.addEventListener("error", (event) => {
  event.preventDefault();
  breakDown(event.error ?? event.message);
});
self.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  breakDown(event.reason);
});
