// The package in Node: the CPU module in a worker thread.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { classesOf } from "./conformance.mjs";
import { checkDicom, matchDicom, wall } from "./dicom.mjs";
import { ROOT } from "./server.mjs";

const { ImageSegmenter, SegmenterError } = await import(
  pathToFileURL(join(ROOT, "bindings/web/dist/node.js")).href
);
const model = pathToFileURL(join(ROOT, "crates/mcdrl/assets/demo.safetensors"));
const answers = JSON.parse(await readFile(join(ROOT, "tests/conformance/answers.json")));
const sample = ({ site, name }) => readFile(join(ROOT, "crates/mcdrl/assets/samples", site, "images", `${name}.png`));

test("the package gives the native answers", async () => {
  const segmenter = await ImageSegmenter.createFromOptions({ model });
  try {
    for (const answer of answers.images) {
      const result = await segmenter.segment(await sample(answer));
      assert.equal(result.device, "cpu");
      for (const { name, weight, presence } of result.confounders) {
        const difference = Math.abs(weight - answer.confounders[name]);
        assert.ok(difference <= answers.tolerance.confounder_weight, `${answer.name} ${name}: ${difference}`);
        const apart = Math.abs(presence - answer.presences[name]);
        assert.ok(apart <= answers.tolerance.presence, `${answer.name} ${name}: ${apart}`);
      }
      assert.ok(Math.abs(result.unfamiliar - answer.unfamiliar) <= answers.tolerance.presence, answer.name);
      assert.ok(Math.abs(result.expectedDice - answer.expected_dice) <= answers.tolerance.presence, answer.name);
      const shown = result.confounders.filter(({ name, presence }) => name !== "white-light" && presence >= 0.5);
      shown.sort((a, b) => b.presence - a.presence);
      assert.deepEqual(result.disturbances.map((line) => line.split(" on ")[0]), shown.map(({ words }) => words));
      const truth = classesOf(answer.mask);
      assert.equal(result.categoryMask.length, truth.length);
      const differing = truth.filter((value, at) => value !== result.categoryMask[at]).length;
      assert.ok(differing / truth.length <= answers.tolerance.share_of_differing_pixels, answer.name);
    }
  } finally {
    segmenter.close();
  }
});

test("segmenting does not block the event loop", async () => {
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

test("a DICOM file gives the masks of its frames", async () => {
  const segmenter = await ImageSegmenter.createFromOptions({ model });
  try {
    matchDicom(assert, await checkDicom(segmenter));
  } finally {
    segmenter.close();
  }
});

test("the whole frame and tiles can be chosen", async () => {
  const found = async (options) => {
    const segmenter = await ImageSegmenter.createFromOptions({ model, ...options });
    try {
      return await segmenter.segment(screen);
    } finally {
      segmenter.close();
    }
  };
  const { data, width, height } = wall(0);
  const screen = { data: new Uint8ClampedArray(4 * 320 * 240).fill(30), width: 320, height: 240 };
  for (let y = 0; y < height; y++) {
    screen.data.set(data.subarray(4 * width * y, 4 * width * (y + 1)), 4 * (320 * (80 + y) + 120));
  }
  const plain = await found({});
  assert.deepEqual(plain.activeArea, [120, 80, width, height]);
  const whole = await found({ wholeFrame: true });
  assert.deepEqual(whole.activeArea, [0, 0, 320, 240]);
  const apart = (one, other) =>
    Math.max(...one.confidenceMasks[0].map((value, at) => Math.abs(value - other.confidenceMasks[0][at])));
  assert.ok(apart(plain, await found({ tileSide: 60 })) > 1e-3);
  assert.ok(apart(plain, await found({ tileSide: 5000 })) < 1e-6);
  for (const tileSide of [0, -1, 1.5]) {
    const error = await found({ tileSide }).catch((error) => error);
    assert.ok(error.code === "input" && error.message.includes("side of a tile"), String(error));
  }
});

test("errors are typed, and the process ends after a segmenter is closed", async () => {
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
