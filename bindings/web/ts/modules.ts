/** The WebAssembly modules: what they offer, and how one is loaded. */

import { SegmenterError } from "./errors.js";
import type { ConfounderWeight, SegmentationResult } from "./types.js";

/** `fetch`, or what stands for it. */
export type Fetch = (url: string) => Promise<Response>;

export type ModuleName = "cpu" | "threads" | "gpu";

/** An image inside a module. */
export interface Picture {
  free(): void;
}

/** A model on a module's device. */
export interface Engine {
  about(): {
    classes: string[];
    confounders: Omit<ConfounderWeight, "weight">[];
    inputSize: number;
    sha256: string;
    adapter: string;
  };
  check(): Promise<void>;
  segment(picture: Picture, maps: object): Promise<Omit<SegmentationResult, "device" | "milliseconds">>;
  close(): void;
}

/** What wasm-bindgen makes of `bindings/web/src`. */
export interface Module {
  default(input: { module_or_path: WebAssembly.Module; memory?: WebAssembly.Memory }): Promise<unknown>;
  Engine: { open(model: Uint8Array, onLost: (reason: string) => void): Promise<Engine> };
  Picture: {
    decode(file: Uint8Array): Picture;
    fromRgba(pixels: Uint8Array | Uint8ClampedArray, width: number, height: number): Picture;
  };
  Maps: new (confidence: boolean, uncertainty: boolean) => object;
  panicMessage(): string | undefined;
  buildThreads?(count: number): void;
  threadMemory?(): WebAssembly.Memory;
}

// Bundlers find and copy these files by this very form.
const FILES: Record<ModuleName, () => { script: URL; wasm: URL }> = {
  cpu: () => ({
    script: new URL("./cpu/mcdrl.js", import.meta.url),
    wasm: new URL("./cpu/mcdrl_bg.wasm", import.meta.url),
  }),
  threads: () => ({
    script: new URL("./threads/mcdrl.js", import.meta.url),
    wasm: new URL("./threads/mcdrl_bg.wasm", import.meta.url),
  }),
  gpu: () => ({
    script: new URL("./gpu/mcdrl.js", import.meta.url),
    wasm: new URL("./gpu/mcdrl_bg.wasm", import.meta.url),
  }),
};

/** Loads and starts a module, with `threads` threads if it is the one that has some. */
export async function loadModule(name: ModuleName, threads: number, get: Fetch): Promise<Module> {
  const files = FILES[name]();
  const script = files.script.href;
  let module: Module;
  let compiled: WebAssembly.Module;
  try {
    [module, compiled] = await Promise.all([
      import(/* @vite-ignore */ script) as Promise<Module>,
      compile(files.wasm.href, get),
    ]);
  } catch (thrown) {
    throw new SegmenterError("network", `the module ${name} could not be loaded: ${(thrown as Error).message}`);
  }
  await module.default({ module_or_path: compiled });
  if (name === "threads") await startThreads(module, compiled, script, threads);
  return module;
}

async function compile(url: string, get: Fetch): Promise<WebAssembly.Module> {
  const response = await get(url);
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  if (response.headers.get("content-type")?.startsWith("application/wasm")) {
    return WebAssembly.compileStreaming(response);
  }
  return WebAssembly.compile(await response.arrayBuffer());
}

/** Starts workers that share the module's memory; rayon's threads live in them. */
async function startThreads(
  module: Module,
  compiled: WebAssembly.Module,
  script: string,
  count: number,
): Promise<void> {
  const memory = module.threadMemory?.();
  const started = Array.from({ length: count }, () => {
    const worker = new Worker(new URL("./thread.js", import.meta.url), { type: "module", name: "mcdrl-thread" });
    return new Promise<void>((resolve, reject) => {
      worker.onmessage = () => resolve();
      worker.onerror = (event) => reject(new Error(event.message || "a thread could not be started"));
      worker.postMessage({ script, compiled, memory });
    });
  });
  await Promise.all(started);
  module.buildThreads?.(count);
}
