// WebGPU: it gives the stored answers, and the CPU takes over if the GPU fails.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { ENGINES, startChromium } from "./engines.mjs";
import { checkAnswers, inLab, tamper } from "./lab.mjs";
import { startServer } from "./server.mjs";

for (const engine of ["chromium", "firefox"]) {
  test(`${engine}: WebGPU gives the native answers`, { skip: !ENGINES[engine] && `${engine} is not installed` }, () =>
    inLab(engine, {}, async (page) => {
      const created = await page.run(() => lab.create({ delegate: "GPU" }));
      assert.equal(created.device.name, "gpu", created.device.reason);
      const stages = await page.run(() => lab.progress.map(({ stage }) => stage));
      assert.ok(stages.includes("warm-up"), stages.join());
      // Shaders were compiled before the first image.
      const times = await page.run(async () => {
        const file = await lab.fileOf(lab.samples[0]);
        const times = [];
        for (let run = 0; run < 4; run++) times.push((await lab.segmenter.segment(file)).milliseconds);
        return times;
      });
      const later = times.slice(1).sort((a, b) => a - b)[1];
      assert.ok(times[0] < 3 * later, `the first image took ${times[0]} ms, later ones ${later} ms`);
      // One image of each site: a software GPU beside other suites takes half a minute for an image.
      await checkAnswers(page, "gpu", 3);
    }));
}

describe("a GPU that fails", { skip: ENGINES.chromium ? false : "chromium is not installed" }, () => {
  const cpuInstead = async (page, options) => {
    const created = await page.run((options) => lab.create(options), options);
    assert.equal(created.device.name, "cpu");
    const { device, width } = await page.run(async () => {
      const result = await lab.segmenter.segment(await lab.fileOf(lab.samples[0]));
      return { device: result.device, width: result.width };
    });
    assert.equal(device, "cpu");
    assert.ok(width > 0);
    return created.device.reason;
  };

  test("without WebGPU the CPU computes, and the reason says so", () =>
    inLab("chromium", tamper("Object.defineProperty(navigator, 'gpu', { value: undefined })"), async (page) => {
      assert.match(await cpuInstead(page, { delegate: "GPU" }), /no WebGPU/);
    }));

  test("without an adapter the CPU computes", () =>
    inLab("chromium", tamper("GPU.prototype.requestAdapter = async () => null"), async (page) => {
      assert.match(await cpuInstead(page, { delegate: "auto" }), /no adapter/);
    }));

  test("the CPU replaces an adapter that does not answer in time", () =>
    inLab("chromium", tamper("GPU.prototype.requestAdapter = () => new Promise(() => {})"), async (page) => {
      assert.match(await cpuInstead(page, { delegate: "GPU", gpuTimeout: 1000 }), /does not answer/);
    }));

  test("the CPU replaces a device that does not open in time", () =>
    inLab("chromium", tamper("GPUAdapter.prototype.requestDevice = () => new Promise(() => {})"), async (page) => {
      assert.match(await cpuInstead(page, { delegate: "GPU", gpuTimeout: 3000 }), /longer than 3 s/);
    }));

  test("the CPU replaces a GPU that blocks the worker", () =>
    inLab("chromium", tamper("GPU.prototype.requestAdapter = () => { for (;;); }"), async (page) => {
      assert.match(await cpuInstead(page, { delegate: "GPU", timeout: 8000 }), /not ready after 8 s/);
    }));

  test("a worker that never answers gives a typed error", () =>
    inLab("chromium", tamper("for (;;)"), async (page) => {
      const failure = await page.run(() => lab.failure(() => lab.create({ delegate: "CPU", timeout: 2000 })));
      assert.deepEqual([failure.typed, failure.code], [true, "timeout"]);
    }));

  test("the CPU replaces a GPU that computes wrongly", () => {
    // Some drivers compute wrong numbers without an error.
    const faulty = `const right = GPUDevice.prototype.createShaderModule;
      GPUDevice.prototype.createShaderModule = function (descriptor) {
        const code = descriptor.code.replaceAll(/max\\(/g, "min(");
        return right.call(this, { ...descriptor, code });
      }`;
    return inLab("chromium", tamper(faulty), async (page) => {
      assert.match(await cpuInstead(page, { delegate: "GPU" }), /computes wrongly|no numbers/);
    });
  });

  test("the CPU replaces a GPU module that panics inside a promise", () => {
    // The GPU's runtime panics at an uncaptured error.
    const refused = `GPUDevice.prototype.createBindGroup = function () {
        this.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error: new GPUValidationError("refused") }));
        throw new Error("refused");
      }`;
    return inLab("chromium", tamper(refused), async (page) => {
      assert.match(await cpuInstead(page, { delegate: "GPU" }), /the GPU .*failed/);
    });
  });

  test("auto times both devices and remembers the faster one", () =>
    inLab("chromium", {}, async (page) => {
      // A software GPU beside other suites is slow.
      const first = await page.run(async () => {
        const { device } = await lab.create({ delegate: "auto", gpuTimeout: 300_000, timeout: 600_000 });
        lab.segmenter.close();
        return { device, stages: lab.progress.map(({ stage }) => stage) };
      });
      assert.ok(first.stages.includes("measure"), first.stages.join());
      assert.match(first.device.reason, /× as fast as/);
      const second = await page.run(async () => {
        const { device } = await lab.create({ delegate: "auto", gpuTimeout: 300_000, timeout: 600_000 });
        lab.segmenter.close();
        return { device, stages: lab.progress.map(({ stage }) => stage) };
      });
      assert.ok(!second.stages.includes("measure"), second.stages.join());
      assert.equal(second.device.name, first.device.name);
      assert.match(second.device.reason, /timed before/);
    }));

  test("the CPU repeats the image of a lost GPU", async () => {
    const server = await startServer();
    const browser = await startChromium();
    try {
      const page = await browser.newPage();
      await page.goto(`${server.url}/tests/page.html`);
      await page.waitForFunction(() => window.labReady);
      const created = await page.evaluate(() => lab.create({ delegate: "GPU" }));
      assert.equal(created.device.name, "gpu", created.device.reason);
      const running = page.evaluate(async () => {
        const files = await Promise.all(lab.samples.slice(0, 6).map(lab.fileOf));
        const results = await Promise.all(files.map((file) => lab.segmenter.segment(file)));
        return results.map(({ device, width }) => `${device} ${width > 0}`);
      });
      const session = await browser.newBrowserCDPSession();
      await new Promise((later) => setTimeout(later, 300));
      await session.send("Browser.crashGpuProcess").catch(() => {});
      const results = await running;
      assert.equal(results.length, 6);
      assert.equal(results.at(-1), "cpu true", results.join());
      const changed = await page.evaluate(() => lab.changed);
      assert.equal(changed.name, "cpu");
      assert.match(changed.reason, /the GPU failed/);
      const found = await page.evaluate(() => lab.conformance());
      assert.ok(found.pixels <= found.tolerance.share_of_differing_pixels, JSON.stringify(found));
    } finally {
      await browser.close();
      await server.stop();
    }
  });

  test("closing frees the GPU, and it can be opened again", () =>
    inLab("chromium", tamper(`const channel = new BroadcastChannel("gpu");
      const destroy = GPUDevice.prototype.destroy;
      GPUDevice.prototype.destroy = function () {
        destroy.call(this);
        channel.postMessage("destroyed");
      }`), async (page) => {
      for (let round = 0; round < 2; round++) {
        const found = await page.run(async () => {
          const { device } = await lab.create({ delegate: "GPU" });
          const destroyed = new Promise((resolve) => {
            new BroadcastChannel("gpu").onmessage = (event) => resolve(event.data);
          });
          lab.segmenter.close();
          const late = new Promise((late) => setTimeout(() => late("nothing"), 10_000));
          return { device: device.name, reason: await Promise.race([destroyed, late]) };
        });
        assert.deepEqual(found, { device: "gpu", reason: "destroyed" });
      }
    }));
});
