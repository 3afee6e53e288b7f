// Keeps the app on the machine, so that it works without a network, and tells the page of everything that is asked for.

const CACHE = "mcdrl-__VERSION__";
const FILES = [/* files */];

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(FILES))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => names.filter((name) => name.startsWith("mcdrl-") && name !== CACHE))
      .then((old) => Promise.all(old.map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  event.waitUntil(
    self.clients
      .matchAll({ type: "window" })
      .then((windows) => windows.forEach((window) => window.postMessage({ requests: 1 }))),
  );
  if (event.request.method !== "GET") return;
  event.respondWith(answer(event.request));
});

/** What is kept; else what the network gives, which is kept then: the engine that this machine uses is one of those. */
async function answer(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request, { ignoreSearch: true });
  if (kept) return kept;
  const response = await fetch(request);
  const own = new URL(request.url).origin === self.location.origin;
  if (own && response.ok) await cache.put(request, response.clone());
  return response;
}
