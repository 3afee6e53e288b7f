/**
 * Opens a model on a device. This file loads the modules that the browser can run and remembers the faster device. The
 * modules check, time and compare the devices.
 */

import { SegmenterError } from "./errors.js";
import { loadModule, unloadModule, type Engine, type Fetch, type Module, type ComputingModule } from "./modules.js";
import type { Verdicts } from "./protocol.js";
import { LONGEST } from "./timer.js";
import type { Delegate, DeviceInfo, SegmenterProgress } from "./types.js";

/** A model on an open device. */
export interface Running {
  name: ComputingModule;
  module: Module;
  engine: Engine;
  info: DeviceInfo;
  /** Rejects when the device is lost; never resolves. */
  lost: Promise<never>;
}

/** How a model is opened. */
export interface OpenOptions {
  model: Uint8Array;
  delegate: Delegate;
  threads: number;
  gpuTimeout: number;
  verdicts: Verdicts;
  wholeFrame: boolean;
  tileSide: number | undefined;
  get: Fetch;
  report(progress: SegmenterProgress): void;
  /** Rejects when a module panics. The module's own promises stay open then. */
  broken(): Promise<never>;
}

/** Opens the model on the device of the user's choice, or on the CPU if the GPU cannot be used. */
export async function chooseDevice(options: OpenOptions): Promise<{ running: Running; verdicts: Verdicts }> {
  const { delegate } = options;
  if (delegate === "CPU") return { running: await openCpu(options, "as requested"), verdicts: {} };
  const adapter = await findAdapter(options.gpuTimeout);
  if (typeof adapter === "string") return { running: await openCpu(options, adapter), verdicts: {} };

  const gpuName = `the GPU ${adapter.description}`;
  const machine = `${adapter.description} ${fingerprint(options.model)} ${threadCount(options)}`;
  const known = delegate === "auto" ? options.verdicts[machine] : undefined;
  if (known === "CPU") {
    const reason = `${gpuName} failed or was slower when both were timed before`;
    return { running: await openCpu(options, reason), verdicts: {} };
  }
  let gpu: Running;
  try {
    gpu = await openGpu(options, adapter.description, delegate === "auto" && !known);
  } catch (thrown) {
    const { code, message } = SegmenterError.from(thrown);
    // A file that is not a model fails on the CPU too.
    if (code === "model" || code === "model-version") throw thrown;
    const running = await openCpu(options, `${gpuName} failed: ${message}`);
    return { running, verdicts: delegate === "auto" ? { [machine]: "CPU" } : {} };
  }
  if (delegate === "GPU") return { running: withReason(gpu, "as requested"), verdicts: {} };
  if (known) return { running: withReason(gpu, "faster than the CPU when both were timed before"), verdicts: {} };

  const cpu = await openCpu(options, "", true);
  const milliseconds = (running: Running) => running.engine.about().milliseconds!; // Both were timed.
  const choice = cpu.module.chooseDevice(milliseconds(gpu), milliseconds(cpu));
  const [winner, loser] = choice.name === "gpu" ? [gpu, cpu] : [cpu, gpu];
  release(loser);
  const verdict = winner === gpu ? "GPU" : "CPU";
  return { running: withReason(winner, choice.reason), verdicts: { [machine]: verdict } };
}

/** Opens the model on the CPU: on many threads if memory can be shared, else on one. */
export async function openCpu(options: OpenOptions, reason: string, measure = false): Promise<Running> {
  const threads = threadCount(options);
  options.report({ stage: "module" });
  // If the threads do not start, one thread computes.
  const many = threads > 1 ? await loadModule("threads", threads, options.get).catch(() => undefined) : undefined;
  const name = many ? "threads" : "cpu";
  const module = many ?? (await loadModule("cpu", 1, options.get));
  const never = new Promise<never>(() => {});
  const engine = await Promise.race([openEngine(module, options, measure, () => {}), options.broken()]);
  const info: DeviceInfo = { name: "cpu", threads: many ? threads : 1, reason, adapter: "" };
  return { name, module, engine, info, lost: never };
}

async function openGpu(options: OpenOptions, description: string, measure: boolean): Promise<Running> {
  options.report({ stage: "module" });
  const module = await loadModule("gpu", 1, options.get);
  let lose: (reason: SegmenterError) => void = () => {};
  const lost = new Promise<never>((_, reject) => {
    lose = reject;
  });
  lost.catch(() => {}); // It may be lost while nothing runs.
  const onLost = (reason: string) => lose(new SegmenterError("device", `the GPU was lost (${reason})`));
  const opening = openEngine(module, options, measure, onLost);
  try {
    const engine = await Promise.race([opening, lost, options.broken()]);
    const adapter = description || engine.about().adapter;
    return { name: "gpu", module, engine, info: { name: "gpu", threads: 1, reason: "", adapter }, lost };
  } catch (thrown) {
    // An engine that opens late must not stay in memory.
    opening.then((late) => late.close()).catch(() => {});
    unloadModule("gpu");
    throw thrown;
  }
}

async function openEngine(
  module: Module,
  { model, gpuTimeout, wholeFrame, tileSide, report }: OpenOptions,
  measure: boolean,
  onLost: (reason: string) => void,
): Promise<Engine> {
  const onStage = (stage: string) => {
    if (stage === "warm-up" || stage === "measure") report({ stage });
  };
  const engine = await module.Engine.open(model, measure, gpuTimeout, onStage, onLost);
  engine.setView(wholeFrame, tileSide);
  return engine;
}

/** The passes through the network that an image with tiles may need: the whole image, and 64 tiles by eights. */
const PASSES_OF_TILES = 9;

/** The result of a GPU. Rejects if the GPU is lost, its module panics or the time is over. */
export function onTime<T>(result: Promise<T>, lost: Promise<never>, options: OpenOptions, step: string): Promise<T> {
  const { gpuTimeout, tileSide } = options;
  const limit = Math.min(LONGEST, gpuTimeout * (tileSide === undefined ? 1 : PASSES_OF_TILES));
  return within(Promise.race([result, lost, options.broken()]), limit, step);
}

/** Frees the device's memory and ends its module. */
export function release({ engine, name }: Running): void {
  try {
    engine.close();
  } catch {
    // The engine is in use or broken. Its memory is freed with the lost device or with this worker.
  }
  unloadModule(name);
}

/** The result, or a `timeout` error. */
async function within<T>(result: Promise<T>, milliseconds: number, step: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const text = `the GPU took longer than ${milliseconds / 1000} s ${step}`;
    timer = setTimeout(() => reject(new SegmenterError("timeout", text)), milliseconds);
  });
  try {
    return await Promise.race([result, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The browser's adapter, or the reason why it has no adapter. */
async function findAdapter(limit: number): Promise<{ description: string } | string> {
  const gpu = (globalThis.navigator as Navigator | undefined)?.gpu;
  if (!gpu) return "no WebGPU here";
  try {
    const options: GPURequestAdapterOptions = { powerPreference: "high-performance" };
    const adapter = await within(gpu.requestAdapter(options), limit, "to name its adapter");
    if (!adapter) return "WebGPU has no adapter here";
    const { vendor = "", architecture = "", description = "" } = adapter.info ?? {};
    return { description: [vendor, architecture, description].filter(Boolean).join(" ") || "unnamed" };
  } catch (thrown) {
    return `WebGPU does not answer: ${(thrown as Error).message}`;
  }
}

function threadCount(options: OpenOptions): number {
  const shared = typeof SharedArrayBuffer !== "undefined" && globalThis.crossOriginIsolated === true;
  if (!shared || typeof Worker === "undefined") return 1;
  // Firefox 153 freezes the page after a few segmenters with threads were closed. The cause is unknown.
  if (/\bFirefox\//.test(navigator.userAgent)) return 1;
  return Math.min(options.threads, navigator.hardwareConcurrency || 1);
}

/** A cheap hash of a model's bytes (FNV-1a). */
function fingerprint(bytes: Uint8Array): string {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16);
}

function withReason(running: Running, reason: string): Running {
  running.info.reason = reason;
  return running;
}
