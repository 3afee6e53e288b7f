// The page that uses the package (page.html), opened in an engine, and what is asked of it in more than one suite.

import assert from "node:assert/strict";

import { openPage } from "./engines.mjs";
import { startServer } from "./server.mjs";

/** Opens the page over a server of its own: `{ run, close }`. */
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

/** What `work` gives for an open page. */
export async function inLab(engine, options, work) {
  const lab = await openLab(engine, options);
  try {
    return await work(lab);
  } finally {
    await lab.close();
  }
}

/** Puts a script before the worker's own. */
export const tamper = (script) => ({
  alter: (path, bytes) => (path === "/package/worker.js" ? `${script};\n${bytes}` : bytes),
});

/** Holds the page's segmenter to the stored answers. */
export async function holdsToTheAnswers(page, device) {
  const found = await page.run(() => lab.conformance());
  assert.equal(found.images, 15);
  assert.equal(found.device, device);
  assert.ok(found.pixels <= found.tolerance.share_of_differing_pixels, JSON.stringify(found));
  assert.ok(found.weights <= found.tolerance.confounder_weight, JSON.stringify(found));
}
