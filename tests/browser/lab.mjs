// Opens the page that uses the package (page.html) in an engine, and the checks that several suites share.

import assert from "node:assert/strict";

import { openPage } from "./engines.mjs";
import { startServer } from "./server.mjs";

/** Opens the page from its own server: `{ run, close }`. */
export async function openLab(engine, options) {
  const server = await startServer(options);
  let page;
  try {
    page = await openPage(engine, `${server.url}/tests/page.html`);
    await page.run(async () => {
      while (!window.labReady) await new Promise((later) => setTimeout(later, 50));
    });
  } catch (error) {
    await page?.close();
    await server.stop();
    throw error;
  }
  return {
    run: page.run,
    async close() {
      await page.close();
      await server.stop();
    },
  };
}

/** Gives an open page to `work`, and closes it afterwards. */
export async function inLab(engine, options, work) {
  const lab = await openLab(engine, options);
  try {
    return await work(lab);
  } finally {
    await lab.close();
  }
}

/** Inserts a script before the worker's own script. */
export const tamper = (script) => ({
  alter: (path, bytes) => (path === "/package/worker.js" ? `${script};\n${bytes}` : bytes),
});

/** Checks that the page's segmenter reproduces the stored answers on the given device, for every image or for every `step`-th. */
export async function checkAnswers(page, device, step = 1) {
  const found = await page.run((step) => lab.conformance(step), step);
  assert.equal(found.images, 15 / step);
  assert.equal(found.device, device);
  assert.ok(found.pixels <= found.tolerance.share_of_differing_pixels, JSON.stringify(found));
  assert.ok(found.weights <= found.tolerance.confounder_weight, JSON.stringify(found));
  assert.ok(found.presences <= found.tolerance.presence, JSON.stringify(found));
  assert.ok(found.unfamiliar <= found.tolerance.presence, JSON.stringify(found));
  assert.ok(found.expectedDice <= found.tolerance.presence, JSON.stringify(found));
}
