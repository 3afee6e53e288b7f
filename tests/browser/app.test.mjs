// The app, served by `mcdrl serve`, in three engines.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { classesOf } from "./conformance.mjs";
import { dicomOf, wall } from "./dicom.mjs";
import { ENGINES, openPage, startChromium } from "./engines.mjs";
import { ROOT, startServer } from "./server.mjs";

const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, "target");
const SCREENS = join(TARGET, "web/screens");
const SAMPLES = join(ROOT, "crates/mcdrl/assets/samples");
const SAMPLE = join(SAMPLES, "site-b/images/00000.png");

/** `mcdrl serve` on a free port. */
async function serve() {
  const program = ["debug", "release"].map((profile) => join(TARGET, profile, "mcdrl")).find(existsSync);
  assert.ok(program, "build the command first: cargo build -p mcdrl-cli");
  const server = spawn(program, ["serve", "--port", "0"], { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(server.stdout, "data");
  return { url: String(line).trim(), stop: () => server.kill() };
}

const untilState = (page, wanted) =>
  page.run(async (wanted) => {
    const view = document.querySelector("[data-testid=result]");
    for (let tries = 0; tries < 3000; tries++) {
      if (view.dataset.state === wanted) return;
      if (view.dataset.state === "error" && wanted !== "error") throw new Error(document.querySelector("#error").textContent);
      await new Promise((later) => setTimeout(later, 100));
    }
    throw new Error(`the state stays ${view.dataset.state}`);
  }, wanted);

for (const [engine, program] of Object.entries(ENGINES)) {
  describe(`the app in ${engine}`, { skip: program ? false : `${engine} is not installed` }, () => {
    const delegates = engine === "webkit" ? ["CPU"] : ["CPU", "GPU"];
    let server;
    before(async () => {
      server = await serve();
    });
    after(() => server?.stop());

    for (const delegate of delegates) {
      test(`${delegate}: a sample, a dropped image and a broken file`, async () => {
        const page = await openPage(engine, `${server.url}?delegate=${delegate}`);
        try {
          await untilState(page, "idle");
          await page.run(() => document.querySelector("#samples button").click());
          await untilState(page, "done");
          const first = await page.run(() => {
            const { device, milliseconds } = document.querySelector("[data-testid=result]").dataset;
            return { device, milliseconds: Number(milliseconds), mask: document.querySelector("[data-testid=mask-png]").href };
          });
          assert.equal(first.device, delegate.toLowerCase());
          assert.ok(first.milliseconds > 0);
          assert.match(first.mask, /^blob:/);

          const bytes = [...(await readFile(SAMPLE))];
          const drop = (page, name, bytes) =>
            page.run(
              ({ name, bytes }) => {
                const transfer = new DataTransfer();
                transfer.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
                document.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
              },
              { name, bytes },
            );
          await drop(page, "photo.png", bytes);
          await untilState(page, "done");
          const caption = await page.run(() => document.querySelector("#caption").textContent);
          assert.match(caption, /^photo: /);

          await drop(page, "broken.png", bytes.slice(0, 3000));
          await untilState(page, "error");
          const error = await page.run(() => document.querySelector("#error").textContent);
          assert.match(error, /broken\.png: not a readable image/);

          await page.run(() => document.querySelector("#samples button").click());
          await untilState(page, "done");
        } finally {
          await page.close();
        }
      });
    }
  });
}

describe("the app", { skip: ENGINES.chromium ? false : "chromium is not installed" }, () => {
  let server;
  let browser;
  before(async () => {
    server = await serve();
    browser = await startChromium();
    await mkdir(SCREENS, { recursive: true });
  });
  after(async () => {
    await browser?.close();
    server?.stop();
  });

  async function open(query = "?delegate=CPU", options = {}) {
    const context = await browser.newContext({ acceptDownloads: true, ...options });
    const page = await context.newPage();
    await page.goto(server.url + query);
    await page.locator("[data-testid=result][data-state=idle]").waitFor({ timeout: 180_000 });
    return page;
  }
  const done = (page) => page.locator("[data-testid=result][data-state=done]").waitFor({ timeout: 120_000 });

  test("the saved masks equal the native masks", async () => {
    const page = await open();
    const answers = JSON.parse(await readFile(join(ROOT, "tests/conformance/answers.json")));
    for (const { site, name, mask } of answers.images.slice(0, 4)) {
      await page.setInputFiles("input[type=file]", join(SAMPLES, site, "images", `${name}.png`));
      await page.locator("#caption", { hasText: `${name}: ` }).waitFor();
      await done(page);
      const share = await page.evaluate(async (stored) => {
        // The policy blocks fetching a blob but allows it as an image.
        const image = new Image();
        image.src = document.querySelector("[data-testid=mask-png]").href;
        await image.decode();
        const canvas = new OffscreenCanvas(image.width, image.height);
        const context = canvas.getContext("2d");
        context.drawImage(image, 0, 0);
        const saved = context.getImageData(0, 0, image.width, image.height).data;
        if (saved.length !== 4 * stored.length) return 1;
        return stored.filter((value, at) => value !== saved[4 * at]).length / stored.length;
      }, [...classesOf(mask)]);
      assert.ok(share <= answers.tolerance.share_of_differing_pixels, `${name}: ${share}`);
    }
    await page.context().close();
  });

  test("disturbances are named in words, and white light is not one of them", async () => {
    const page = await open();
    await page.setInputFiles("input[type=file]", SAMPLE);
    await done(page);
    const [saved] = await Promise.all([page.waitForEvent("download"), page.click("#save-json")]);
    const { confounders, disturbances, unfamiliar, expected_dice } = JSON.parse(await readFile(await saved.path()));
    const present = confounders.filter(({ name, presence }) => name !== "white-light" && presence >= 0.5);
    assert.equal(disturbances.length, present.length);
    const lines = await page.locator("#disturbances li").allTextContents();
    assert.deepEqual(lines, disturbances.length ? disturbances : ["No disturbances."]);
    assert.ok(expected_dice >= 0 && expected_dice <= 1, `${expected_dice}`);
    assert.ok(!lines.some((line) => /white|reflection/.test(line)), lines.join());
    // A bar for every disturbance, the most probable first.
    const bars = await page.locator("#confounders .name").allTextContents();
    assert.equal(bars.length, 11);
    assert.ok(bars.includes("glare") && !bars.some((name) => /white/.test(name)), bars.join());
    const shares = (await page.locator("#confounders .number").allTextContents()).map(Number.parseFloat);
    assert.deepEqual(shares, shares.toSorted((a, b) => b - a));
    assert.equal(await page.isVisible("#unfamiliar"), unfamiliar >= 0.5);
    await page.context().close();
  });

  test("segmenting sends no requests", async () => {
    const page = await open();
    const requests = [];
    const session = await page.context().newCDPSession(page);
    await session.send("Network.enable");
    session.on("Network.requestWillBeSent", ({ request }) => requests.push(request.url));
    page.context().on("request", (request) => requests.push(request.url()));
    await page.setInputFiles("input[type=file]", SAMPLE);
    await done(page);
    for (const kind of ["regions", "uncertainty", "confounder"]) await page.click(`label[for=view-${kind}]`);
    assert.deepEqual(requests.filter((url) => !url.startsWith("blob:")), []);
    assert.equal(await page.textContent("#requests"), "0");
    // The counter works.
    await page.evaluate(() => fetch("./not-there"));
    await page.waitForFunction(() => document.querySelector("#requests").textContent === "1");
    await page.context().close();
  });

  test("the policy blocks requests to other servers", async () => {
    const page = await open();
    const violation = await page.evaluate(async () => {
      const violated = new Promise((resolve) => {
        document.addEventListener("securitypolicyviolation", (event) => resolve(event.effectiveDirective));
      });
      const refused = await fetch("https://example.org/").then(() => "sent", () => "refused");
      return { refused, directive: await violated };
    });
    assert.deepEqual(violation, { refused: "refused", directive: "connect-src" });
    const response = await page.request.get(server.url);
    const policy = response.headers()["content-security-policy"];
    assert.ok(!/https?:|\*|unsafe-inline|'unsafe-eval'/.test(policy), policy);
    await page.context().close();
  });

  test("a batch shows its progress and is saved as a zip", async () => {
    const page = await open();
    const names = ["00000", "00001", "00002"];
    const files = ["site-a", "site-b"].flatMap((site) => names.map((name) => join(SAMPLES, site, "images", `${name}.png`)));
    await page.setInputFiles("input[type=file]", [...files, join(SAMPLES, "dataset.toml")]);
    await page.locator("#batch-text", { hasText: "7 of 7 images, 1 could not be read" }).waitFor({ timeout: 120_000 });
    await done(page);
    assert.equal(await page.locator("#images li").count(), 6);
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save-all")]);
    const bytes = await readFile(await download.path());
    const text = bytes.toString("latin1");
    for (const name of ["00000-mask.png", "00000-2-mask.png", "00002-overlay.png", "00001.json"]) {
      assert.ok(text.includes(name), name);
    }
    await page.context().close();
  });

  test("a batch can be cancelled", async () => {
    const page = await open();
    const one = await readFile(SAMPLE);
    const many = Array.from({ length: 200 }, (_, index) => ({ name: `${index}.png`, mimeType: "image/png", buffer: one }));
    await page.setInputFiles("input[type=file]", many);
    await page.locator("#images li").nth(2).waitFor();
    await page.click("#cancel");
    await page.locator("#batch-text", { hasText: "cancelled" }).waitFor();
    await done(page);
    const kept = await page.locator("#images li").count();
    assert.ok(kept >= 3 && kept < 200, `${kept} images`);
    await page.context().close();
  });

  test("the camera shows live masks and takes pictures", async () => {
    const page = await open("?delegate=CPU", { permissions: ["camera"] });
    await page.click("#camera");
    await page.locator("#caption", { hasText: "camera: " }).waitFor({ timeout: 60_000 });
    await done(page);
    await page.click("#shoot");
    await page.locator("#caption", { hasText: "camera-1: " }).waitFor({ timeout: 60_000 });
    assert.equal(await page.locator("#images li").count(), 1);
    assert.equal(await page.textContent("#camera"), "Camera");
    await page.context().close();
  });

  test("the app works offline after the first visit", async () => {
    const page = await open();
    await page.context().setOffline(true);
    await page.reload();
    await page.locator("[data-testid=result][data-state=idle]").waitFor({ timeout: 180_000 });
    await page.click("#samples button");
    await done(page);
    await page.setInputFiles("input[type=file]", { name: "wall.dcm", mimeType: "", buffer: Buffer.from(dicomOf([wall(0)])) });
    await page.locator("#caption", { hasText: "wall: " }).waitFor({ timeout: 60_000 });
    await done(page);
    assert.equal(await page.textContent("#requests"), "0");
    await page.context().close();
  });

  test("the app reports models that cannot be read", async () => {
    const model = await readFile(join(ROOT, "crates/mcdrl/assets/demo.safetensors"));
    const cases = [
      ["cut", model.subarray(0, 5000), /cut off/],
      ["future", Buffer.from(model.toString("latin1").replace(/\\"version\\":\d/, '\\"version\\":9'), "latin1"), /version 9/],
      ["text", Buffer.from("not a model"), /safetensors/],
    ];
    for (const [name, bytes, words] of cases) {
      const other = await startServer({ alter: (path, own) => (path === "/app/demo.safetensors" ? bytes : own) });
      const context = await browser.newContext();
      const page = await context.newPage();
      await page.goto(`${other.url}/app/?delegate=CPU`);
      await page.locator("[data-testid=result][data-state=error]").waitFor({ timeout: 120_000 });
      assert.match(await page.textContent("#error"), words, name);
      await context.close();
      await other.stop();
    }
  });

  test("axe finds no serious problems, in light and dark, before and after a result", async () => {
    const axe = await readFile(join(import.meta.dirname, "node_modules/axe-core/axe.min.js"), "utf8");
    for (const colorScheme of ["light", "dark"]) {
      const page = await open("?delegate=CPU", { colorScheme, bypassCSP: true });
      for (const step of ["empty", "result"]) {
        if (step === "result") {
          await page.click("#samples button");
          await done(page);
        }
        await page.evaluate(axe);
        const found = await page.evaluate(async () => (await axe.run()).violations);
        const serious = found.filter(({ impact }) => impact === "serious" || impact === "critical");
        const problems = serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
        assert.deepEqual(problems, [], `${colorScheme}, ${step}`);
      }
      await page.context().close();
    }
  });

  test("the app can be used by keyboard alone", async () => {
    const page = await open();
    await page.focus("#samples button");
    await page.keyboard.press("Enter");
    await done(page);
    await page.focus("#view-mask");
    await page.keyboard.press("ArrowRight");
    assert.equal(await page.evaluate(() => document.activeElement.id), "view-regions");
    assert.match(await page.textContent("#caption"), /Candidate regions/);
    await page.focus("#confounders button");
    await page.keyboard.press("Enter");
    assert.match(await page.textContent("#caption"), /How much .+ is seen at each place/);
    await page.context().close();
  });

  test("the app fits three screens", async () => {
    for (const [name, width, height] of [["phone", 390, 844], ["tablet", 834, 1112], ["desktop", 1440, 900]]) {
      for (const colorScheme of ["light", "dark"]) {
        const page = await open("?delegate=CPU", { viewport: { width, height }, colorScheme });
        await page.locator("#samples button").nth(3).click();
        await done(page);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(overflow <= 0, `${name} is ${overflow} pixels too wide`);
        await page.screenshot({ path: join(SCREENS, `${name}-${colorScheme}.png`), fullPage: true });
        await page.context().close();
      }
    }
  });
});
