// Keeps the app on the machine, so that it works without a network, and tells the page whenever the network is asked.

const CACHE = "mcdrl-__VERSION__";
const FILES = [/* files */];
const ENGINES = [/* engines */];

self.addEventListener("install", (event) => {
  // Past the browser's own cache, which may hold files of the version before.
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
      // The last version stays: a page of it may still be open, and need its engine.
      .then((old) => Promise.all(old.slice(0, -1).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  if (event.request.method === "GET") event.respondWith(answer(event));
  else event.waitUntil(tell());
});

/** What is kept; else what the network gives. The engine that this machine uses is kept from its first use. */
async function answer(event) {
  const cache = await caches.open(CACHE);
  const match = { ignoreSearch: true };
  const kept = (await cache.match(event.request, match)) ?? (await caches.match(event.request, match));
  if (kept) return kept;
  event.waitUntil(tell());
  const response = await fetch(event.request);
  if (response.ok && ENGINES.some((file) => event.request.url.endsWith(file))) {
    const copy = response.clone();
    // A full disk is no reason to fail.
    event.waitUntil(cache.put(event.request, copy).catch(() => {}));
  }
  return response;
}

/** Tells the page that the network is asked. */
async function tell() {
  for (const window of await self.clients.matchAll({ type: "window" })) window.postMessage({ requests: 1 });
}
