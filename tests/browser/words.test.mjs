// The words of the app for disturbances, without a browser.

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
const { disturbancesOf, inWords, isUnfamiliar } = await import(`data:text/javascript,${encodeURIComponent(script)}`);

/** The words for confounders: `[name, presence, area]`. */
function words(...seen) {
  const confounders = seen.map(([name, presence, area]) => ({ name, family: "", weight: 0.1, presence, area }));
  const known = seen.map(([name]) => ({ name, family: "", isDisturbance: name !== "white-light" }));
  return inWords(disturbancesOf(confounders, known));
}

test("present disturbances are named, the most probable first", () => {
  assert.deepEqual(words(["white-light", 1, 1], ["blur", 0.49, 1]), []);
  assert.deepEqual(
    words(["white-light", 1, 1], ["mucus", 0.5, 0.002], ["blood", 0.6, 0.03], ["blur", 0.7, 0.4], ["reflection", 0.9, 0.08]),
    ["glare on 8 % of the picture", "blur", "blood on 3 % of the picture", "mucus on less than 1 % of the picture"],
  );
  // A local disturbance has an area, however large it is.
  assert.deepEqual(words(["mucus", 1, 1]), ["mucus on 100 % of the picture"]);
});

test("disturbances have plain names", () => {
  const names = ["artefacts", "bright", "dark", "uneven", "narrow-band", "near", "far"];
  assert.deepEqual(words(...names.map((name) => [name, 0.8, 0.3])), [
    "picture artefacts",
    "over-exposure",
    "under-exposure",
    "uneven light",
    "narrow-band light",
    "close view",
    "distant view",
  ]);
});

test("a model of another field has other disturbances", () => {
  assert.deepEqual(words(["acoustic shadow", 1, 0.2]), ["acoustic shadow on 20 % of the picture"]);
  assert.deepEqual(words(["acoustic shadow", 1, 0.95]), ["acoustic shadow"]);
});

test("a disturbance keeps its place among the confounders", () => {
  const seen = ["white-light", "blur"].map((name) => ({ name, family: "", weight: 0, presence: 1, area: 1 }));
  const known = seen.map(({ name, family }, index) => ({ name, family, isDisturbance: index > 0 }));
  assert.deepEqual(disturbancesOf(seen, known).map(({ index }) => index), [1]);
});

test("a picture unlike the training pictures is unfamiliar", () => {
  assert.deepEqual([0, 0.49, 0.5, 1].map(isUnfamiliar), [false, false, true, true]);
});
