// Checks the sizes of the downloads, compressed by brotli, against their limits: `npm run sizes`.

import { readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { brotliCompressSync } from "node:zlib";

const DIST = resolve(import.meta.dirname, "../dist");
const APP = resolve(import.meta.dirname, "../../../www/dist");

const compressed = (...files) => files.reduce((sum, file) => sum + brotliCompressSync(readFileSync(file)).length, 0);
const module = (name) => () => compressed(join(DIST, name, "mcdrl_bg.wasm"), join(DIST, name, "mcdrl.js"));

/** The app without the modules, the model and the samples. */
function shell() {
  const assets = readdirSync(join(APP, "assets")).filter((name) => !/^(cpu|threads|gpu|dicom)-/.test(name));
  const own = ["index.html", "service-worker.js", "samples.json", "manifest.webmanifest", "icon.svg"];
  return compressed(...own.map((name) => join(APP, name)), ...assets.map((name) => join(APP, "assets", name)));
}

const PARTS = [
  ["CPU module", 800_000, module("cpu")],
  ["CPU module with threads", 800_000, module("threads")],
  ["WebGPU module", 2_500_000, module("gpu")],
  ["DICOM module", 700_000, module("dicom")],
  ["app shell", 150_000, shell],
];

let failed = false;
for (const [name, limit, size] of PARTS) {
  const bytes = size();
  failed ||= bytes > limit;
  console.log(`${name.padEnd(24)} ${(bytes / 1000).toFixed(0).padStart(5)} kB of ${limit / 1000} kB${bytes > limit ? ": TOO LARGE" : ""}`);
}
process.exit(failed ? 1 : 0);
