// Times mcdrl and onnxruntime-web in one page, in turn.

import * as ort from "/bench/node_modules/onnxruntime-web/dist/ort.webgpu.min.mjs";
import { ImageSegmenter } from "/package/index.js";

const SIDE = 224;
const MEAN = [0.5, 0.5, 0.5];
const STD = [0.5, 0.5, 0.5];

ort.env.wasm.wasmPaths = "/bench/node_modules/onnxruntime-web/dist/";

/** A sample at the network's input size, so that no runtime has to scale it. */
async function sample() {
  const blob = await (await fetch("/assets/samples/site-b/images/00000.png")).blob();
  const bitmap = await createImageBitmap(blob, { resizeWidth: SIDE, resizeHeight: SIDE });
  const context = new OffscreenCanvas(SIDE, SIDE).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, SIDE, SIDE);
}

function normalized({ data }) {
  const values = new Float32Array(3 * SIDE * SIDE);
  for (let at = 0; at < SIDE * SIDE; at++) {
    for (let channel = 0; channel < 3; channel++) {
      values[channel * SIDE * SIDE + at] = (data[4 * at + channel] / 255 - MEAN[channel]) / STD[channel];
    }
  }
  return new ort.Tensor("float32", values, [1, 3, SIDE, SIDE]);
}

const median = (times) => times.sort((a, b) => a - b)[Math.floor(times.length / 2)];

/** The medians of `rounds` rounds, in milliseconds. Each runtime runs once a round, after a warm-up. */
window.bench = async ({ delegate, threads, rounds }) => {
  ort.env.wasm.numThreads = threads;
  const image = await sample();
  const segmenter = await ImageSegmenter.createFromOptions({
    model: "/assets/demo.safetensors",
    delegate,
    threads,
    gpuTimeout: 300_000,
    timeout: 600_000,
  });
  const session = await ort.InferenceSession.create("/onnx", {
    executionProviders: [delegate === "GPU" ? "webgpu" : "wasm"],
    graphOptimizationLevel: "all",
  });
  const pixels = normalized(image);
  const ours = () => segmenter.segment(image);
  const theirs = () => session.run({ pixels });

  const [mine, other] = [await ours(), await theirs()];
  const weights = mine.confounders.map(({ weight }) => weight);
  const difference = Math.max(...weights.map((weight, index) => Math.abs(weight - other.confounders.data[index])));
  for (let round = 0; round < 5; round++) {
    await ours();
    await theirs();
  }
  const times = { ours: [], worker: [], theirs: [] };
  for (let round = 0; round < rounds; round++) {
    let start = performance.now();
    const { milliseconds } = await ours();
    times.ours.push(performance.now() - start);
    times.worker.push(milliseconds);
    start = performance.now();
    await theirs();
    times.theirs.push(performance.now() - start);
  }
  const device = segmenter.device;
  segmenter.close();
  await session.release();
  return {
    device,
    difference,
    ours: median(times.ours),
    worker: median(times.worker),
    theirs: median(times.theirs),
  };
};
window.benchReady = true;
