// The package in three engines: it gives the native answers, its errors are typed, and it never hangs.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { matchDicom } from "./dicom.mjs";
import { ENGINES } from "./engines.mjs";
import { checkAnswers, inLab, openLab } from "./lab.mjs";
import { ROOT } from "./server.mjs";

const bad = JSON.parse(await readFile(join(ROOT, "tests/conformance/bad_inputs.json")));
const expectedOf = (kind) => Object.fromEntries(kind.map(({ name, error }) => [name, error]));
/** The inputs that every package has to refuse, with their codes. Only native packages read a model by its path. */
const expected = {
  images: expectedOf(bad.images),
  models: expectedOf(bad.models.filter(({ path }) => path === undefined)),
};

/** The codes of named failures. */
const codesOf = (failures) => Object.fromEntries(Object.entries(failures).map(([name, { code }]) => [name, code]));

for (const [engine, program] of Object.entries(ENGINES)) {
  const skip = program ? false : `${engine} is not installed`;
  describe(engine, { skip }, () => {
    let page;
    before(async () => {
      page = await openLab(engine);
    });
    after(() => page?.close());

    test("the CPU gives the native answers", async () => {
      const created = await page.run(() => lab.create({ delegate: "CPU" }));
      assert.deepEqual(created.labels, ["background", "polyp", "laryngeal lesion"]);
      assert.equal(created.confounders.length, 12);
      // The model decides the limit of the hint.
      const { hintPresence, ...blur } = created.confounders[0];
      assert.deepEqual(blur, { name: "blur", family: "field of view", words: "blur", isDisturbance: true });
      assert.ok(hintPresence > 0 && hintPresence <= 1, `${hintPresence}`);
      const usual = { name: "white-light", family: "imaging technology", words: "white-light", isDisturbance: false };
      assert.deepEqual(created.confounders.filter(({ isDisturbance }) => !isDisturbance), [usual]);
      // The palette of six colours repeats.
      assert.deepEqual(created.colors, [[0, 0, 0], [0, 200, 150], [255, 255, 255], [0, 200, 150]]);
      assert.equal(created.device.name, "cpu");
      await checkAnswers(page, "cpu");
    });

    test("a result has all its parts", async () => {
      const found = await page.run(async () => {
        const pixels = await lab.pixelsOf(lab.samples[0]);
        const result = await lab.segmenter.segment(pixels);
        const size = result.width * result.height;
        const at = Math.floor(size / 2);
        return {
          untouched: pixels.data.length === 4 * size,
          mask: result.categoryMask instanceof Uint8Array && result.categoryMask.length === size,
          maps: result.confidenceMasks.map((mask) => mask.length === size).join(),
          sum: result.confidenceMasks.reduce((sum, mask) => sum + mask[at], 0),
          lesions: result.lesions.reduce((sum, { pixels }) => sum + pixels, 0) === result.categoryMask.filter((value) => value > 0).length,
          notes: result.notes,
          uncertainty: result.uncertainty.length === size && result.meanUncertainty > 0,
          weights: result.confounders.reduce((sum, { weight }) => sum + weight, 0),
          shares: result.confounders.flatMap(({ presence, area }) => [presence, area]).every((share) => share >= 0 && share <= 1),
          unfamiliar: result.unfamiliar >= 0 && result.unfamiliar <= 1,
          grid: result.regions.similarity.length === result.regions.rows * result.regions.columns,
          // Half of the regions, rounded up.
          retained: result.regions.retained.reduce((sum, kept) => sum + kept, 0) === Math.ceil(result.regions.retained.length / 2),
          maps_of_confounders: result.regions.confounders.length,
          milliseconds: result.milliseconds > 0,
        };
      });
      assert.ok(Math.abs(found.sum - 1) < 1e-3 && Math.abs(found.weights - 1) < 1e-3, JSON.stringify(found));
      assert.deepEqual({ ...found, sum: 1, weights: 1 }, {
        untouched: true,
        mask: true,
        maps: "true,true,true",
        sum: 1,
        lesions: true,
        notes: [],
        uncertainty: true,
        weights: 1,
        shares: true,
        unfamiliar: true,
        grid: true,
        retained: true,
        maps_of_confounders: 12,
        milliseconds: true,
      });
    });

    test("a screen capture is segmented where it shows the picture", async () => {
      const { area, outside, size, notes, whole } = await page.run(async () => {
        const picture = await lab.pixelsOf(lab.samples[0]);
        const [width, height] = [2 * picture.width + 40, picture.height + 100];
        const [left, top] = [picture.width, 48];
        const canvas = document.createElement("canvas");
        Object.assign(canvas, { width, height });
        const context = canvas.getContext("2d");
        context.fillStyle = "#20242c";
        context.fillRect(0, 0, width, height);
        context.putImageData(picture, left, top);
        const result = await lab.segmenter.segment(canvas);
        const isInside = (at) => at % width >= left && at % width < left + picture.width;
        return {
          area: result.activeArea.map((side, index) => side - [left, top, picture.width, picture.height][index]),
          outside: result.categoryMask.filter((value, at) => value > 0 && !isInside(at)).length,
          size: [result.width - width, result.height - height],
          notes: result.notes,
          whole: (await lab.segmenter.segment(picture)).activeArea.join() === [0, 0, picture.width, picture.height].join(),
        };
      });
      assert.ok(area.every((difference) => Math.abs(difference) <= 4), `${area}`);
      assert.deepEqual({ outside, size, whole }, { outside: 0, size: [0, 0], whole: true });
      assert.match(notes.join(), /left out/);
    });

    test("a DICOM file gives the masks of its frames", async () => {
      matchDicom(assert, await page.run(() => lab.checkDicom(lab.segmenter)));
    });

    test("every kind of input gives the same mask", async () => {
      const differing = await page.run(async () => {
        const path = lab.samples[3];
        const file = await lab.fileOf(path);
        const pixels = await lab.pixelsOf(path);
        const canvas = document.createElement("canvas");
        canvas.width = pixels.width;
        canvas.height = pixels.height;
        canvas.getContext("2d").putImageData(pixels, 0, 0);
        const image = new Image();
        image.src = path;
        const inputs = {
          bytes: new Uint8Array(await file.arrayBuffer()),
          buffer: await file.arrayBuffer(),
          pixels,
          bitmap: await createImageBitmap(file, { colorSpaceConversion: "none" }),
          canvas,
          image,
        };
        // Some engines lack these.
        if (window.OffscreenCanvas) {
          inputs.offscreen = new OffscreenCanvas(pixels.width, pixels.height);
          inputs.offscreen.getContext("2d").putImageData(pixels, 0, 0);
        }
        if (window.VideoFrame) inputs.frame = new VideoFrame(canvas, { timestamp: 0 });
        const { categoryMask: truth } = await lab.segmenter.segment(file);
        const found = {};
        for (const [name, input] of Object.entries(inputs)) {
          const { categoryMask } = await lab.segmenter.segment(input);
          found[name] = categoryMask.filter((value, at) => value !== truth[at]).length / truth.length;
        }
        inputs.frame?.close();
        return found;
      });
      for (const [name, share] of Object.entries(differing)) assert.ok(share <= 0.002, `${name}: ${share}`);
      assert.ok(Object.keys(differing).length >= 6);
    });

    test("colours under transparent pixels have no influence, in a file, an image and a canvas", async () => {
      const differing = await page.run(async () => {
        const pixels = await lab.pixelsOf(lab.samples[3]);
        const hide = (colour) => {
          const data = new Uint8ClampedArray(pixels.data);
          for (let at = 0; at < data.length; at += 4) {
            if ((at / 4) % pixels.width < 60) data.set(colour, at);
          }
          return new ImageData(data, pixels.width, pixels.height);
        };
        const canvas = document.createElement("canvas");
        canvas.width = pixels.width;
        canvas.height = pixels.height;
        canvas.getContext("2d").putImageData(hide([255, 40, 40, 0]), 0, 0);
        const file = await new Promise((resolve) => canvas.toBlob(resolve));
        const image = new Image();
        image.src = URL.createObjectURL(file);
        const { categoryMask: truth } = await lab.segmenter.segment(hide([0, 0, 0, 255]));
        const found = {};
        for (const [name, input] of Object.entries({ hidden: hide([255, 40, 40, 0]), canvas, file, image })) {
          const { categoryMask } = await lab.segmenter.segment(input);
          found[name] = categoryMask.filter((value, at) => value !== truth[at]).length / truth.length;
        }
        return found;
      });
      for (const [name, share] of Object.entries(differing)) assert.ok(share <= 0.002, `${name}: ${share}`);
    });

    test("bad images give typed errors, and the next image works", async () => {
      const failures = await page.run(async () => {
        const listed = {};
        for (const { name, bytes } of await lab.badImages()) {
          listed[name] = await lab.failure(() => lab.segmenter.segment(bytes));
        }
        return {
          listed,
          size: await lab.failure(() => lab.segmenter.segment({ data: new Uint8Array(10), width: 3, height: 3 })),
          nothing: await lab.failure(() => lab.segmenter.segment(undefined)),
          number: await lab.failure(() => lab.segmenter.segment(7)),
          unloaded: await lab.failure(() => lab.segmenter.segment(new Image())),
          still: (await lab.segmenter.segment(await lab.fileOf(lab.samples[0]))).width > 0,
        };
      });
      const { listed, still, ...others } = failures;
      assert.deepEqual(codesOf(listed), expected.images);
      assert.deepEqual(codesOf(others), {
        size: "input",
        nothing: "input",
        number: "input",
        unloaded: "input",
      });
      assert.ok(Object.values({ ...listed, ...others }).every((failure) => failure.typed));
      assert.equal(still, true);
    });

    test("bad models give typed errors", async () => {
      const failures = await page.run(async () => {
        const fail = (model) => lab.failure(() => lab.ImageSegmenter.createFromOptions({ model, delegate: "CPU" }));
        const listed = {};
        for (const { name, bytes } of await lab.badModels()) listed[name] = await fail(bytes);
        return {
          listed,
          missing: await fail("/assets/none"),
          option: await fail(undefined),
        };
      });
      const { listed, ...others } = failures;
      assert.deepEqual(codesOf(listed), expected.models);
      assert.deepEqual(codesOf(others), { missing: "network", option: "input" });
    });

    test("a segmenter can be created again, and a closed one gives an error", async () => {
      const found = await page.run(async () => {
        lab.segmenter.close();
        for (let round = 0; round < 3; round++) {
          await lab.create({ delegate: "CPU" });
          await lab.segmenter.segment(await lab.fileOf(lab.samples[0]));
          lab.segmenter.close();
          lab.segmenter.close();
        }
        const late = await lab.failure(async () => lab.segmenter.segment(await lab.fileOf(lab.samples[0])));
        await lab.create({ delegate: "CPU" });
        const running = lab.segmenter.segment(await lab.fileOf(lab.samples[0]));
        const cut = lab.failure(() => running);
        lab.segmenter.close();
        return { late, cut: await cut };
      });
      assert.equal(found.late.code, "closed");
      assert.equal(found.cut.code, "closed");
    });

    test("the signal cancels its own images only", async () => {
      const found = await page.run(async () => {
        await lab.create({ delegate: "CPU" });
        const file = await lab.fileOf(lab.samples[0]);
        const controller = new AbortController();
        const given = Array.from({ length: 5 }, () =>
          lab.failure(() => lab.segmenter.segment(file, { signal: controller.signal })),
        );
        const other = lab.segmenter.segment(file);
        controller.abort();
        const codes = (await Promise.all(given)).map(({ code }) => code);
        const before = await lab.failure(() => lab.segmenter.segment(file, { signal: controller.signal }));
        const creation = await lab.failure(() => lab.create({ signal: controller.signal }));
        const { width } = await other;
        lab.segmenter.close();
        return { codes, before: before.code, creation: creation.code, width };
      });
      assert.deepEqual(found.codes, Array(5).fill("aborted"));
      assert.equal(found.before, "aborted");
      assert.equal(found.creation, "aborted");
      assert.ok(found.width > 0);
    });

    test("only the newest frame of a video waits", async () => {
      const found = await page.run(async () => {
        await lab.create({ delegate: "CPU" });
        const pixels = await lab.pixelsOf(lab.samples[0]);
        const frames = Array.from({ length: 30 }, (_, index) => lab.segmenter.segmentForVideo(pixels, index));
        const results = await Promise.all(frames);
        const late = await lab.failure(() => lab.segmenter.segmentForVideo(pixels, 5));
        lab.segmenter.close();
        return { done: results.filter(Boolean).length, last: Boolean(results.at(-1)), late: late.code };
      });
      assert.deepEqual(found, { done: 2, last: true, late: "input" });
    });

    test("a frame may be closed right after the call", async () => {
      const found = await page.run(async () => {
        await lab.create({ delegate: "CPU" });
        const file = await lab.fileOf(lab.samples[0]);
        const results = [];
        for (let timestamp = 0; timestamp < 3; timestamp++) {
          const frame = await createImageBitmap(file);
          results.push(lab.segmenter.segmentForVideo(frame, timestamp));
          frame.close();
        }
        const done = await Promise.all(results);
        lab.segmenter.close();
        return done.filter(Boolean).map(({ width }) => width);
      });
      assert.ok(found.length >= 1 && found.every((width) => width > 0), JSON.stringify(found));
    });

    // Only Chromium measures the memory of a page and its workers.
    if (engine !== "chromium") return;

    test("memory stays flat over a thousand frames of a video", async () => {
      const growth = await page.run(async () => {
        // One thread, because Chromium waits for minutes for the measurements of sleeping threads.
        await lab.create({ delegate: "CPU", threads: 1 });
        const canvas = new OffscreenCanvas(64, 64);
        canvas.getContext("2d").fillRect(8, 8, 20, 30);
        let timestamp = 0;
        const rounds = async (count) => {
          for (let run = 0; run < count; run++) {
            // Two at once: the second frame waits or gives way.
            await Promise.all([1, 2].map(() => lab.segmenter.segmentForVideo(canvas, ++timestamp)));
          }
        };
        const memory = async () => (await performance.measureUserAgentSpecificMemory()).bytes;
        await rounds(50);
        const before = await memory();
        await rounds(500);
        const after = await memory();
        lab.segmenter.close();
        return after / before;
      });
      assert.ok(growth < 1.05, `memory grew by the factor ${growth}`);
    });

    test("memory stays flat over a thousand images", async () => {
      const growth = await page.run(async () => {
        await lab.create({ delegate: "CPU", threads: 1, outputConfidenceMasks: false, outputUncertainty: false });
        const pixels = { data: new Uint8ClampedArray(64 * 64 * 4).fill(120), width: 64, height: 64 };
        const memory = async () => (await performance.measureUserAgentSpecificMemory()).bytes;
        const rounds = async (count) => {
          for (let run = 0; run < count; run++) await lab.segmenter.segment(pixels);
        };
        await rounds(100);
        const before = await memory();
        await rounds(1000);
        const after = await memory();
        lab.segmenter.close();
        return after / before;
      });
      assert.ok(growth < 1.05, `memory grew by the factor ${growth}`);
    });
  });
}

describe("threads", { skip: ENGINES.chromium ? false : "chromium is not installed" }, () => {
  test("without isolation the CPU uses one thread", () =>
    inLab("chromium", { isolated: false }, async (page) => {
      const { device } = await page.run(() => lab.create({ delegate: "CPU" }));
      assert.equal(device.threads, 1);
      await checkAnswers(page, "cpu");
    }));

  test("the CPU uses one thread if the threads do not start", async () => {
    const gone = new Promise(() => {});
    for (const broken of ["export {};", "throw new Error('no');", gone]) {
      const alter = (path, bytes) => (path === "/package/thread.js" ? broken : bytes);
      await inLab("chromium", { alter }, async (page) => {
        const { device } = await page.run(() => lab.create({ delegate: "CPU" }));
        assert.equal(device.threads, 1);
      });
    }
  });

  test("with isolation the CPU uses several threads", () =>
    inLab("chromium", {}, async (page) => {
      const { device } = await page.run(() => lab.create({ delegate: "CPU" }));
      assert.ok(device.threads > 1, JSON.stringify(device));
      await checkAnswers(page, "cpu");
    }));
});
