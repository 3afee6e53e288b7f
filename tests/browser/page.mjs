// The page of the tests: it uses the package's public interface, and has the functions that the tests share.

import { ImageSegmenter, SegmenterError } from "/package/index.js";
import { classesOf } from "/tests/conformance.mjs";
import { checkDicom } from "/tests/dicom.mjs";

const answers = await (await fetch("/conformance/answers.json")).json();

const bad = await (await fetch("/conformance/bad_inputs.json")).json();

async function bytesOf(path) {
  return new Uint8Array(await (await fileOf(path)).arrayBuffer());
}

const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

/** A copy in which `find` is replaced by `replace`, both as Latin-1. */
function replaced(bytes, find, replace) {
  const at = new TextDecoder("latin1").decode(bytes).indexOf(find);
  if (at < 0) throw new Error(`the model has no ${find}`);
  const copy = bytes.slice();
  copy.set(new TextEncoder().encode(replace), at);
  return copy;
}

function flipped(bytes, place) {
  const copy = bytes.slice();
  copy[Math.floor(place * copy.length)] ^= 0x10;
  return copy;
}

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
  checkDicom,
  fileOf,
  pixelsOf,
  samples: answers.images.map(({ site, name }) => `/assets/samples/${site}/images/${name}.png`),

  /** Creates the segmenter `lab.segmenter` and gives its properties. */
  async create(options = {}) {
    window.lab.progress = [];
    const segmenter = await ImageSegmenter.createFromOptions({
      model: "/assets/demo.safetensors",
      onProgress: (progress) => window.lab.progress.push(progress),
      onDeviceChange: (device) => (window.lab.changed = device),
      ...options,
    });
    window.lab.segmenter = segmenter;
    return {
      labels: segmenter.getLabels(),
      confounders: segmenter.getConfounders(),
      colors: [0, 1, 6, 7].map((value) => segmenter.getColor(value)),
      device: segmenter.device,
    };
  },

  /** The images that every package has to refuse. */
  badImages: () =>
    Promise.all(
      bad.images.map(async ({ name, base64, sample, keep = 1 }) => {
        const bytes = base64 === undefined ? await bytesOf(`/assets/samples/${sample}`) : fromBase64(base64);
        return { name, bytes: bytes.slice(0, Math.floor(keep * bytes.length)) };
      }),
    ),

  /** The models that every package has to refuse, without those given by a path. */
  async badModels() {
    const model = await bytesOf("/assets/demo.safetensors");
    const bytes = ({ base64, keep, flip, find, replace }) => {
      if (base64 !== undefined) return fromBase64(base64);
      if (keep !== undefined) return model.slice(0, Math.floor(keep * model.length));
      return flip !== undefined ? flipped(model, flip) : replaced(model, find, replace);
    };
    return bad.models.filter(({ path }) => path === undefined).map((entry) => ({ name: entry.name, bytes: bytes(entry) }));
  },

  /** The code and message of the error that a call throws. */
  async failure(work) {
    try {
      await work();
    } catch (error) {
      return { typed: error instanceof SegmenterError, code: error.code, message: error.message };
    }
    return "no error";
  },

  /** The largest differences between the answers to the samples and the stored answers, for every image or for every `step`-th. */
  async conformance(step = 1) {
    const images = answers.images.filter((_, at) => at % step === 0);
    const found = { pixels: 0, weights: 0, presences: 0, unfamiliar: 0, expectedDice: 0, images: 0, device: new Set() };
    for (const { site, name, mask, confounders, presences, unfamiliar, expected_dice } of images) {
      const file = await fileOf(`/assets/samples/${site}/images/${name}.png`);
      const result = await window.lab.segmenter.segment(file);
      const truth = classesOf(mask);
      if (truth.length !== result.categoryMask.length) throw new Error(`${name}: another size`);
      const differing = result.categoryMask.filter((value, at) => value !== truth[at]).length;
      found.pixels = Math.max(found.pixels, differing / result.categoryMask.length);
      for (const { name, weight, presence } of result.confounders) {
        found.weights = Math.max(found.weights, Math.abs(weight - confounders[name]));
        found.presences = Math.max(found.presences, Math.abs(presence - presences[name]));
      }
      found.unfamiliar = Math.max(found.unfamiliar, Math.abs(result.unfamiliar - unfamiliar));
      found.expectedDice = Math.max(found.expectedDice, Math.abs(result.expectedDice - expected_dice));
      found.images += 1;
      found.device.add(result.device);
    }
    return { ...found, device: [...found.device].join(), tolerance: answers.tolerance };
  },
};
window.labReady = true;
