/** The WebAssembly modules: their surface, and how they are loaded. */

import { SegmenterError } from "./errors.js";
import type { Color, SegmentationResult } from "./types.js";

/** `fetch`, or its replacement in Node. */
export type Fetch = (url: string) => Promise<Response>;

/** The modules that compute. */
export type ComputingModule = "cpu" | "threads" | "gpu";

export type ModuleName = ComputingModule | "dicom";

/** An image inside a module. */
export interface Picture {
  free(): void;
}

/** The properties of an open model. */
export interface About {
  labels: string[];
  confounders: { name: string; family: string; words?: string; complement_of?: string; hint_presence?: number }[];
  palette: Color[];
  adapter: string;
  /** The time of the built-in image, if it was measured. */
  milliseconds?: number;
}

/** A model on a module's device. */
export interface Engine {
  about(): About;
  /** Chooses which parts of images the model sees. */
  setView(wholeFrame: boolean, tileSide?: number): void;
  segment(picture: Picture, maps: object): Promise<Omit<SegmentationResult, "frames" | "device" | "milliseconds">>;
  close(): void;
}

/** What all modules have. */
interface Startable {
  default(input: { module_or_path: WebAssembly.Module; memory?: WebAssembly.Memory }): Promise<unknown>;
  buildThreads?(count: number): void;
  threadMemory?(): WebAssembly.Memory;
}

/** The surface that wasm-bindgen makes of `bindings/web/src`. */
export interface Module extends Startable {
  Engine: {
    /** Opens, checks and, with `measure`, times the module's device. `limit`: milliseconds for each step on a GPU. */
    open(
      model: Uint8Array,
      measure: boolean,
      limit: number,
      onStage: (stage: string) => void,
      onLost: (reason: string) => void,
    ): Promise<Engine>;
  };
  /** Chooses the faster device by the milliseconds of both. */
  chooseDevice(gpu: number, cpu: number): { name: "cpu" | "gpu"; reason: string };
  Picture: {
    decode(file: Uint8Array): Picture;
    fromRgba(pixels: Uint8Array | Uint8ClampedArray, width: number, height: number, pixelSize?: Float32Array): Picture;
    isDicom(file: Uint8Array): boolean;
  };
  Maps: new (confidence: boolean, uncertainty: boolean, image: boolean) => object;
  panicMessage(): string | undefined;
}

/** A decoded frame inside the module `dicom`. */
export interface DicomFrame {
  readonly width: number;
  readonly height: number;
  readonly notes: string[];
  /** The number of frames in the file. */
  readonly frames: number;
  /** Millimetres from one row to the next and from one column to the next. */
  readonly pixelSize: Float32Array | undefined;
  /** RGBA, row-major. */
  pixels(): Uint8ClampedArray;
  free(): void;
}

/** The surface that wasm-bindgen makes of `bindings/web/dicom`. */
export interface DicomModule extends Startable {
  DicomFrame: new (file: Uint8Array, frame?: number) => DicomFrame;
}

interface Surfaces extends Record<ComputingModule, Module> {
  dicom: DicomModule;
}

// Bundlers find and copy these files only if they are written in this form.
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
  dicom: () => ({
    script: new URL("./dicom/mcdrl.js", import.meta.url),
    wasm: new URL("./dicom/mcdrl_bg.wasm", import.meta.url),
  }),
};

/** A running module, and the workers that are its threads. */
interface Instance {
  module: Startable;
  threads: Worker[];
}

const instances = new Map<ModuleName, Promise<Instance>>();
/** How often each module was started. A second instance needs a second import. */
const starts = new Map<ModuleName, number>();

/** Loads and starts a module once; the module `threads` with that many threads. */
export async function loadModule<Name extends ModuleName>(name: Name, threads: number, get: Fetch): Promise<Surfaces[Name]> {
  let instance = instances.get(name);
  if (!instance) {
    instance = start(name, threads, get);
    instances.set(name, instance);
    instance.catch(() => instances.delete(name));
  }
  return (await instance).module as Surfaces[Name];
}

/** Ends a module. The next call of {@link loadModule} loads it again. */
export function unloadModule(name: ModuleName): void {
  const instance = instances.get(name);
  instances.delete(name);
  instance?.then(({ threads }) => threads.forEach((thread) => thread.terminate())).catch(() => {});
}

async function start(name: ModuleName, threads: number, get: Fetch): Promise<Instance> {
  const files = FILES[name]();
  const count = starts.get(name) ?? 0;
  starts.set(name, count + 1);
  const script = count ? `${files.script.href}?instance=${count}` : files.script.href;
  let module: Startable;
  let compiled: WebAssembly.Module;
  try {
    [module, compiled] = await Promise.all([
      import(/* @vite-ignore */ script) as Promise<Startable>,
      compile(files.wasm.href, get),
    ]);
  } catch (thrown) {
    const reason = (thrown as Error).message;
    const text = `the module ${name} cannot be loaded: ${reason}; check that the server has all files of the package`;
    throw new SegmenterError("network", text);
  }
  await module.default({ module_or_path: compiled });
  return { module, threads: name === "threads" ? await startThreads(module, compiled, script, threads) : [] };
}

async function compile(url: string, get: Fetch): Promise<WebAssembly.Module> {
  const response = await get(url);
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  if (response.headers.get("content-type")?.startsWith("application/wasm")) {
    return WebAssembly.compileStreaming(response);
  }
  return WebAssembly.compile(await response.arrayBuffer());
}

/** Milliseconds in which the threads must start. */
const THREAD_LIMIT = 20_000;

/** Starts workers that share the module's memory. They are rayon's threads. */
async function startThreads(
  module: Startable,
  compiled: WebAssembly.Module,
  script: string,
  count: number,
): Promise<Worker[]> {
  const memory = module.threadMemory?.();
  const workers: Worker[] = [];
  const started = Array.from({ length: count }, () => {
    const worker = new Worker(new URL("./thread.js", import.meta.url), { type: "module", name: "mcdrl-thread" });
    workers.push(worker);
    return new Promise<void>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<string>) => (data === "ready" ? resolve() : reject(new Error(data)));
      worker.onerror = (event) => reject(new Error(event.message || "a thread cannot be started"));
      worker.postMessage({ script, compiled, memory });
    });
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("the threads do not start")), THREAD_LIMIT);
  });
  try {
    await Promise.race([Promise.all(started), late]);
    module.buildThreads?.(count);
    return workers;
  } catch (thrown) {
    workers.forEach((worker) => worker.terminate());
    throw thrown;
  } finally {
    clearTimeout(timer);
  }
}
