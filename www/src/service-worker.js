// Caches the app, so that it works offline. Reports every network request to the page.

const CACHE = "mcdrl-__VERSION__";
const FILES = [/* files */];
const MODULES = [/* modules */];

self.addEventListener("install", (event) => {
  // The browser's own cache may hold files of the previous version.
  const requests = FILES.map((file) => new Request(file, { cache: "reload" }));
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(requests))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => names.filter((name) => name.startsWith("mcdrl-") && name !== CACHE))
      // The previous version stays, because a page of it may be open and need its module.
      .then((old) => Promise.all(old.slice(0, -1).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  if (event.request.method === "GET") event.respondWith(answer(event));
  else event.waitUntil(report());
});

/** Answers from the cache, else from the network. The modules that this machine uses are cached at their first use. */
async function answer(event) {
  const cache = await caches.open(CACHE);
  const match = { ignoreSearch: true };
  const cached = (await cache.match(event.request, match)) ?? (await caches.match(event.request, match));
  if (cached) return cached;
  event.waitUntil(report());
  const response = await fetch(event.request);
  if (response.ok && MODULES.some((file) => event.request.url.endsWith(file))) {
    const copy = response.clone();
    // A full disk must not fail the request.
    event.waitUntil(cache.put(event.request, copy).catch(() => {}));
  }
  return response;
}

/** Reports a network request to the page. */
async function report() {
  for (const window of await self.clients.matchAll({ type: "window" })) window.postMessage({ requests: 1 });
}
