// The server of the tests. It serves the package, the page that uses it, the app, the model and the samples.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize, resolve } from "node:path";

export const ROOT = resolve(import.meta.dirname, "../..");

const FOLDERS = {
  "/package/": join(ROOT, "bindings/web/dist"),
  "/assets/": join(ROOT, "crates/mcdrl/assets"),
  "/conformance/": join(ROOT, "tests/conformance"),
  "/tests/": join(ROOT, "tests/browser"),
  "/app/": join(ROOT, "www/dist"),
};

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".png": "image/png",
};

/**
 * Starts a server: `{ url, requests, stop() }`.
 *
 * - `isolated`: whether pages may share memory between threads
 * - `alter(path, bytes)`: gives other bytes for a path, or a promise that never ends
 * - `folders`, `files`: additional folders by their prefixes, and bytes by their paths
 */
export async function startServer({ isolated = true, alter = (_, bytes) => bytes, folders = {}, files = {} } = {}) {
  const all = { ...FOLDERS, ...folders };
  const requests = [];
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url, "http://localhost").pathname);
    requests.push(path);
    const prefix = Object.keys(all).find((name) => path.startsWith(name));
    try {
      if (!prefix && !files[path]) throw new Error("unknown folder");
      const inside = path.slice(prefix?.length) || "index.html";
      const bytes = await alter(path, files[path] ?? (await readFile(join(all[prefix], inside))));
      const isolation = isolated
        ? { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" }
        : {};
      response.writeHead(200, { "Content-Type": TYPES[extname(inside)] ?? "application/octet-stream", ...isolation });
      response.end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  return {
    url: `http://localhost:${server.address().port}`,
    requests,
    stop: () => {
      server.closeAllConnections();
      return new Promise((done) => server.close(done));
    },
  };
}
