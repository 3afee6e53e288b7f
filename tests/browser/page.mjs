// What runs in the page: the package as any web developer would use it, and what the tests ask for again and again.

import { ImageSegmenter, SegmenterError } from "/package/index.js";
import { classesOf } from "/tests/conformance.mjs";

const answers = await (await fetch("/conformance/answers.json")).json();

async function fileOf(path) {
  return (await fetch(path)).blob();
}

async function pixelsOf(path) {
  const bitmap = await createImageBitmap(await fileOf(path), { colorSpaceConversion: "none" });
  const canvas = document.createElement("canvas");
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height);
}

window.lab = {
  ImageSegmenter,
  SegmenterError,
  fileOf,
  pixelsOf,
  samples: answers.images.map(({ site, name }) => `/assets/samples/${site}/images/${name}.png`),

  /** Makes a segmenter and remembers it; gives what a test wants to know of it. */
  async create(options = {}) {
    window.lab.progress = [];
    const segmenter = await ImageSegmenter.createFromOptions({
      model: "/assets/demo.safetensors",
      onProgress: (progress) => window.lab.progress.push(progress),
      onDeviceChange: (device) => (window.lab.changed = device),
      ...options,
    });
    window.lab.segmenter = segmenter;
    return { labels: segmenter.getLabels(), confounders: segmenter.getConfounders(), device: segmenter.device };
  },

  /** The code and message of what a call throws. */
  async failure(work) {
    try {
      await work();
    } catch (error) {
      return { typed: error instanceof SegmenterError, code: error.code, message: error.message };
    }
    return "no error";
  },

  /** How far every sample's answer is from the stored one. */
  async conformance(images = answers.images) {
    const found = { pixels: 0, weights: 0, images: 0, device: new Set() };
    for (const { site, name, mask, confounders } of images) {
      const file = await fileOf(`/assets/samples/${site}/images/${name}.png`);
      const result = await window.lab.segmenter.segment(file);
      const truth = classesOf(mask);
      if (truth.length !== result.categoryMask.length) throw new Error(`${name}: another size`);
      const differing = result.categoryMask.filter((value, at) => value !== truth[at]).length;
      found.pixels = Math.max(found.pixels, differing / result.categoryMask.length);
      for (const { name, weight } of result.confounders) {
        found.weights = Math.max(found.weights, Math.abs(weight - confounders[name]));
      }
      found.images += 1;
      found.device.add(result.device);
    }
    return { ...found, device: [...found.device].join(), tolerance: answers.tolerance };
  },
};
window.labReady = true;
