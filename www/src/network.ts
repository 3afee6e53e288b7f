/** Counts what this page and its workers ask the network for once the model is there: it must stay zero. */

/** Begins to count; `show` is called with each new number. */
export function countRequests(show: (count: number) => void): void {
  let count = 0;
  const start = performance.now();
  const add = (more: number) => show((count += more));
  add(0);
  if (navigator.serviceWorker?.controller) {
    // It sees every request, those of workers too.
    navigator.serviceWorker.addEventListener("message", (event: MessageEvent<{ requests?: number }>) => {
      if (event.data.requests) add(event.data.requests);
    });
    return;
  }
  new PerformanceObserver((list) => {
    // Pictures made here have blob: addresses, which ask nobody.
    const asked = list.getEntries().filter(({ startTime, name }) => startTime >= start && /^https?:/.test(name));
    if (asked.length) add(asked.length);
  }).observe({ type: "resource", buffered: false });
}
