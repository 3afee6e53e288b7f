// The package in Node: the CPU module in a worker thread.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { inflateSync } from "node:zlib";

import { ROOT } from "./server.mjs";

const { ImageSegmenter, SegmenterError } = await import(
  pathToFileURL(join(ROOT, "bindings/web/dist/node.js")).href
);
const model = pathToFileURL(join(ROOT, "crates/mcdrl/assets/demo.safetensors"));
const CONFORMANCE = join(ROOT, "tests/conformance/demo");
const answers = JSON.parse(await readFile(join(CONFORMANCE, "answers.json")));
const sample = ({ site, name }) => readFile(join(ROOT, "crates/mcdrl/assets/samples", site, "images", `${name}.png`));

/** The values of an 8-bit grey PNG, as `mcdrl` writes masks. */
function greyPixels(png) {
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
  const data = [];
  for (let at = 8; at < png.length; at += png.readUInt32BE(at) + 12) {
    if (png.toString("latin1", at + 4, at + 8) === "IDAT") data.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
  }
  const lines = inflateSync(Buffer.concat(data));
  const pixels = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const filter = lines[y * (width + 1)];
    for (let x = 0; x < width; x++) {
      const left = x ? pixels[y * width + x - 1] : 0;
      const up = y ? pixels[(y - 1) * width + x] : 0;
      const corner = x && y ? pixels[(y - 1) * width + x - 1] : 0;
      const nearest = [left, up, corner].sort((a, b) => Math.abs(left + up - corner - a) - Math.abs(left + up - corner - b))[0];
      const guess = [0, left, up, (left + up) >> 1, nearest][filter];
      pixels[y * width + x] = lines[y * (width + 1) + 1 + x] + guess;
    }
  }
  return pixels;
}

test("the answers are native's", async () => {
  const segmenter = await ImageSegmenter.createFromOptions({ model });
  try {
    for (const answer of answers.images) {
      const result = await segmenter.segment(await sample(answer));
      assert.equal(result.device, "cpu");
      for (const { name, weight } of result.confounders) {
        const difference = Math.abs(weight - answer.confounders[name]);
        assert.ok(difference <= answers.tolerance.confounder_weight, `${answer.mask} ${name}: ${difference}`);
      }
      const truth = greyPixels(await readFile(join(CONFORMANCE, answer.mask)));
      assert.equal(result.categoryMask.length, truth.length);
      const differing = truth.filter((value, at) => value !== result.categoryMask[at]).length;
      assert.ok(differing / truth.length <= answers.tolerance.share_of_differing_pixels, answer.mask);
    }
  } finally {
    segmenter.close();
  }
});

test("the event loop is not blocked while it works", async () => {
  const segmenter = await ImageSegmenter.createFromOptions({ model: new Uint8Array(await readFile(model)) });
  let ticks = 0;
  const timer = setInterval(() => (ticks += 1), 1);
  try {
    const image = await sample(answers.images[0]);
    await Promise.all(Array.from({ length: 4 }, () => segmenter.segment(image)));
  } finally {
    clearInterval(timer);
    segmenter.close();
  }
  assert.ok(ticks > 4, `${ticks} ticks`);
});

test("errors are typed, and a closed segmenter lets the process end", async () => {
  const segmenter = await ImageSegmenter.createFromOptions({ model, delegate: "GPU" });
  assert.equal(segmenter.device.name, "cpu");
  const bad = await segmenter.segment(new Uint8Array([1, 2, 3])).catch((error) => error);
  assert.ok(bad instanceof SegmenterError && bad.code === "image", String(bad));
  segmenter.close();
  const closed = await segmenter.segment(new Uint8Array([1])).catch((error) => error);
  assert.equal(closed.code, "closed");
  const missing = await ImageSegmenter.createFromOptions({ model: pathToFileURL("/nowhere") }).catch((error) => error);
  assert.equal(missing.code, "network");
});
