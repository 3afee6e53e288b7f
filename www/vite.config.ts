import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { defineConfig, type Plugin } from "vite";

const ASSETS = resolve(import.meta.dirname, "../crates/mcdrl/assets");

/** Cross-origin isolation, which threads need. `mcdrl serve` sends the same headers. */
const HEADERS = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/** Adds the default model and the samples to the app: `demo.safetensors`, `samples/*.png` and the list `samples.json`. */
function demo(): Plugin {
  const files = new Map<string, Buffer>([["demo.safetensors", readFileSync(join(ASSETS, "demo.safetensors"))]]);
  for (const site of readdirSync(join(ASSETS, "samples"), { withFileTypes: true })) {
    if (!site.isDirectory()) continue;
    const images = join(ASSETS, "samples", site.name, "images");
    for (const name of readdirSync(images)) {
      files.set(`samples/${site.name}-${name}`, readFileSync(join(images, name)));
    }
  }
  const samples = [...files.keys()].filter((name) => name.startsWith("samples/")).sort();
  files.set("samples.json", Buffer.from(JSON.stringify(samples)));
  return {
    name: "demo",
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const bytes = files.get((request.url ?? "").split("?")[0]!.slice(1));
        if (bytes) response.end(bytes);
        else next();
      });
    },
    generateBundle() {
      for (const [fileName, source] of files) this.emitFile({ type: "asset", fileName, source });
    },
  };
}

/** The optional modules. A machine caches them only if it uses them. */
const OPTIONAL_MODULE = /^assets\/(threads|gpu)-/;

/** Adds the service worker, with the lists of the files that it caches. */
function offline(): Plugin {
  return {
    name: "offline",
    apply: "build",
    enforce: "post",
    generateBundle(_, bundle) {
      const publicFiles = readdirSync(resolve(import.meta.dirname, "public"));
      const hash = createHash("sha256");
      for (const [name, file] of Object.entries(bundle).sort()) {
        hash.update(name).update(file.type === "asset" ? file.source : file.code);
      }
      for (const name of publicFiles) hash.update(name).update(readFileSync(resolve(import.meta.dirname, "public", name)));
      const names = Object.keys(bundle).filter((name) => name !== "index.html");
      const files = ["./", ...names.filter((name) => !OPTIONAL_MODULE.test(name)), ...publicFiles];
      const modules = names.filter((name) => OPTIONAL_MODULE.test(name));
      const source = readFileSync(resolve(import.meta.dirname, "src/service-worker.js"), "utf8")
        .replace("__VERSION__", hash.digest("hex").slice(0, 12))
        .replace("[/* files */]", JSON.stringify(files))
        .replace("[/* modules */]", JSON.stringify(modules));
      this.emitFile({ type: "asset", fileName: "service-worker.js", source });
    },
  };
}

/** Names the files of a module after its folder, because all modules have the same file names. */
function assetFileNames({ originalFileNames }: { originalFileNames: string[] }): string {
  const module = originalFileNames.map((name) => /dist\/(cpu|threads|gpu|dicom)\//.exec(name)?.[1]).find(Boolean);
  return module ? `assets/${module}-[name]-[hash][extname]` : "assets/[name]-[hash][extname]";
}

export default defineConfig({
  base: "./",
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: { output: { assetFileNames } },
  },
  worker: { format: "es", rollupOptions: { output: { assetFileNames } } },
  server: { headers: HEADERS, fs: { allow: [".."] } },
  preview: { headers: HEADERS },
  plugins: [demo(), offline()],
});
