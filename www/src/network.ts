/** Counts the network requests of this page and its workers after the model was loaded. The count must stay zero. */

/** Begins to count. `show` is called with each new count. */
export function countRequests(show: (count: number) => void): void {
  let count = 0;
  const start = performance.now();
  const add = (more: number) => show((count += more));
  add(0);
  if (navigator.serviceWorker?.controller) {
    // The service worker sees every request, also those of other workers.
    navigator.serviceWorker.addEventListener("message", (event: MessageEvent<{ requests?: number }>) => {
      if (event.data.requests) add(event.data.requests);
    });
    return;
  }
  new PerformanceObserver((list) => {
    // blob: URLs do not use the network.
    const requests = list.getEntries().filter(({ startTime, name }) => startTime >= start && /^https?:/.test(name));
    if (requests.length) add(requests.length);
  }).observe({ type: "resource", buffered: false });
}
