// What the app shows of disturbances, without a browser.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";

import { ROOT } from "./server.mjs";

// The app's own TypeScript. Node 20 does not read TypeScript itself.
const { default: ts } = await import(createRequire(join(ROOT, "www/package.json")).resolve("typescript"));
const source = await readFile(join(ROOT, "www/src/disturbances.ts"), "utf8");
const script = ts.transpile(source, { module: ts.ModuleKind.ES2022, target: ts.ScriptTarget.ES2022 });
const { disturbancesOf, isUnfamiliar } = await import(`data:text/javascript,${encodeURIComponent(script)}`);

test("disturbances keep their places among the confounders, the most probable first", () => {
  const seen = [1, 0.2, 0.9].map((presence, index) => ({ name: `c${index}`, words: "", family: "", weight: 0, presence, area: 1 }));
  const known = seen.map(({ name, words, family }, index) => ({ name, words, family, isDisturbance: index > 0 }));
  assert.deepEqual(disturbancesOf(seen, known).map(({ index }) => index), [2, 1]);
});

test("a picture unlike the training pictures is unfamiliar", () => {
  assert.deepEqual([0, 0.49, 0.5, 1].map(isUnfamiliar), [false, false, true, true]);
});
