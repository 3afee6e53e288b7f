/** Which device computes: what the browser really has, tried, checked and timed. */

import { SegmenterError } from "./errors.js";
import { loadModule, unloadModule, type Engine, type Fetch, type Module, type ModuleName } from "./modules.js";
import type { Verdicts } from "./protocol.js";
import type { Delegate, DeviceInfo, SegmenterProgress } from "./types.js";

/** A model ready on a device. */
export interface Running {
  name: ModuleName;
  module: Module;
  engine: Engine;
  info: DeviceInfo;
  /** Rejects when the device is lost; never resolves. */
  lost: Promise<never>;
}

/** All that choosing needs to know. */
export interface Wish {
  model: Uint8Array;
  delegate: Delegate;
  threads: number;
  gpuTimeout: number;
  verdicts: Verdicts;
  get: Fetch;
  report(progress: SegmenterProgress): void;
  /** Rejects when a module panics, which its own promises do not tell. */
  broken(): Promise<never>;
}

/** Opens the model on the device that is wanted, or on the CPU where that cannot be. */
export async function chooseDevice(wish: Wish): Promise<{ running: Running; verdicts: Verdicts }> {
  if (wish.delegate === "CPU") return { running: await openCpu(wish, "as asked for"), verdicts: {} };
  const adapter = await findAdapter(wish.gpuTimeout);
  if (typeof adapter === "string") return { running: await openCpu(wish, adapter), verdicts: {} };

  const machine = `${adapter.description} ${fingerprint(wish.model)} ${threadCount(wish)}`;
  if (wish.delegate === "auto" && wish.verdicts[machine] === "CPU") {
    const reason = `the GPU ${adapter.description} failed or was slower when both were timed before`;
    return { running: await openCpu(wish, reason), verdicts: {} };
  }
  const onCpu = async (thrown: unknown) => {
    const { code, message } = SegmenterError.from(thrown);
    // A model that is none is none on the CPU too.
    if (code === "model" || code === "model-version") throw thrown;
    const running = await openCpu(wish, `the GPU ${adapter.description} failed: ${message}`);
    // The next visit need not try again.
    return { running, verdicts: wish.delegate === "auto" ? { [machine]: "CPU" as const } : {} };
  };
  let gpu: Running;
  try {
    gpu = await openGpu(wish, adapter.description);
  } catch (thrown) {
    return onCpu(thrown);
  }
  if (wish.delegate === "GPU") return { running: withReason(gpu, "as asked for"), verdicts: {} };
  if (wish.verdicts[machine] === "GPU") {
    return { running: withReason(gpu, "faster than the CPU when both were timed before"), verdicts: {} };
  }
  const cpu = await openCpu(wish, "");
  wish.report({ stage: "measure" });
  let gpuTime: number;
  try {
    gpuTime = await time(() => onTime(gpu.engine.check(), gpu.lost, wish, "to be timed"));
  } catch (thrown) {
    release(gpu);
    const reason = `the GPU ${adapter.description} failed: ${SegmenterError.from(thrown).message}`;
    return { running: withReason(cpu, reason), verdicts: { [machine]: "CPU" } };
  }
  const cpuTime = await time(() => cpu.engine.check());
  const [winner, loser] = gpuTime < cpuTime ? [gpu, cpu] : [cpu, gpu];
  release(loser);
  const ratio = (Math.max(gpuTime, cpuTime) / Math.min(gpuTime, cpuTime)).toFixed(1);
  const reason = `${ratio} × as fast as the ${loser === gpu ? `GPU ${adapter.description}` : "CPU"}`;
  const verdict = winner === gpu ? "GPU" : "CPU";
  return { running: withReason(winner, reason), verdicts: { [machine]: verdict } };
}

/** Opens the model on the CPU: on many threads where memory can be shared, else on one. */
export async function openCpu(wish: Wish, reason: string): Promise<Running> {
  const threads = threadCount(wish);
  wish.report({ stage: "module" });
  // Threads that do not come up are no reason to fail.
  const many = threads > 1 ? await loadModule("threads", threads, wish.get).catch(() => undefined) : undefined;
  const name = many ? "threads" : "cpu";
  const module = many ?? (await loadModule("cpu", 1, wish.get));
  const never = new Promise<never>(() => {});
  const broken = wish.broken();
  const engine = await Promise.race([module.Engine.open(wish.model, () => {}), broken]);
  wish.report({ stage: "warm-up" });
  await Promise.race([engine.check(), broken]);
  const info: DeviceInfo = { name: "cpu", threads: many ? threads : 1, reason, adapter: "" };
  return { name, module, engine, info, lost: never };
}

async function openGpu(wish: Wish, description: string): Promise<Running> {
  wish.report({ stage: "module" });
  const module = await loadModule("gpu", 1, wish.get);
  let lose: (reason: SegmenterError) => void = () => {};
  const lost = new Promise<never>((_, reject) => {
    lose = reject;
  });
  lost.catch(() => {}); // It may be lost while nothing runs.
  const onLost = (reason: string) => lose(new SegmenterError("device", `the GPU was lost (${reason})`));
  const opening = module.Engine.open(wish.model, onLost);
  let engine: Engine;
  try {
    engine = await onTime(opening, lost, wish, "to open");
  } catch (thrown) {
    // One that comes too late must not stay beside the CPU.
    opening.then((late) => late.close()).catch(() => {});
    unloadModule("gpu");
    throw thrown;
  }
  const adapter = description || engine.about().adapter;
  const running: Running = { name: "gpu", module, engine, info: { name: "gpu", threads: 1, reason: "", adapter }, lost };
  try {
    wish.report({ stage: "warm-up" });
    await onTime(engine.check(), lost, wish, "for its first image");
    return running;
  } catch (thrown) {
    release(running);
    throw thrown;
  }
}

/** A GPU's answer: unless it is lost, its module breaks or the time is up. */
export function onTime<T>(answer: Promise<T>, lost: Promise<never>, wish: Wish, what: string): Promise<T> {
  return within(Promise.race([answer, lost, wish.broken()]), wish.gpuTimeout, what);
}

/** Gives a device's memory back, and ends its module. */
export function release({ engine, name }: Running): void {
  try {
    engine.close();
  } catch {
    // It is in use or broken: its memory goes with the lost device, or with this worker.
  }
  unloadModule(name);
}

/** The answer, or a `timeout` error if it does not come. */
async function within<T>(answer: Promise<T>, milliseconds: number, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const text = `the GPU took longer than ${milliseconds / 1000} s ${what}`;
    timer = setTimeout(() => reject(new SegmenterError("timeout", text)), milliseconds);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The adapter that the browser would give, or why there is none. */
async function findAdapter(limit: number): Promise<{ description: string } | string> {
  const gpu = (globalThis.navigator as Navigator | undefined)?.gpu;
  if (!gpu) return "no WebGPU here";
  try {
    const options: GPURequestAdapterOptions = { powerPreference: "high-performance" };
    const adapter = await within(gpu.requestAdapter(options), limit, "to say what it is");
    if (!adapter) return "WebGPU has no adapter here";
    const { vendor = "", architecture = "", description = "" } = adapter.info ?? {};
    return { description: [vendor, architecture, description].filter(Boolean).join(" ") || "unnamed" };
  } catch (thrown) {
    return `WebGPU does not answer: ${(thrown as Error).message}`;
  }
}

function threadCount(wish: Wish): number {
  const shared = typeof SharedArrayBuffer !== "undefined" && globalThis.crossOriginIsolated === true;
  if (!shared || typeof Worker === "undefined") return 1;
  // Firefox 153 freezes the page after a few segmenters with threads were closed; the cause is not known yet.
  if (/\bFirefox\//.test(navigator.userAgent)) return 1;
  return Math.min(wish.threads, navigator.hardwareConcurrency || 1);
}

/** The median time of three runs. */
async function time(run: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let count = 0; count < 3; count++) {
    const start = performance.now();
    await run();
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[1]!;
}

/** A short name for a model's bytes (FNV-1a): it need not be safe, only cheap. */
function fingerprint(bytes: Uint8Array): string {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16);
}

function withReason(running: Running, reason: string): Running {
  running.info.reason = reason;
  return running;
}
