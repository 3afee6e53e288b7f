// Three browser engines with one interface: open a page, run a function in it, close it.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";

import { chromium } from "playwright-core";
import puppeteer from "puppeteer-core";
import { Builder, Capabilities } from "selenium-webdriver";

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/google-chrome"].find(existsSync);
const FIREFOX = ["/usr/bin/firefox-esr", "/usr/bin/firefox"].find(existsSync);
const MINI_BROWSER = "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser";
const WEBKIT = [MINI_BROWSER].find(existsSync);

/** The programs of the installed engines. Tests of missing engines are skipped. */
export const ENGINES = { chromium: CHROMIUM, firefox: FIREFOX, webkit: WEBKIT };

/** WebGPU runs in software here: slowly, but correctly. */
const CHROMIUM_FLAGS = [
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
];

/** Starts Chromium for tests that need more than {@link openPage}. */
export async function startChromium() {
  return chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_FLAGS });
}

/** Opens `url` in an engine: `{ run(work, argument), close() }`. `run` awaits the result of `work`. */
export async function openPage(engine, url) {
  return { chromium: openChromium, firefox: openFirefox, webkit: openWebKit }[engine](url);
}

async function openChromium(url) {
  const browser = await startChromium();
  const page = await browser.newPage();
  await page.goto(url);
  return { page, run: (work, argument) => page.evaluate(call(work, argument)), close: () => browser.close() };
}

async function openFirefox(url) {
  const browser = await puppeteer.launch({
    browser: "firefox",
    executablePath: FIREFOX,
    headless: true,
    protocolTimeout: 600_000,
    extraPrefsFirefox: {
      "dom.webgpu.enabled": true,
      "dom.webgpu.workers.enabled": true,
      "gfx.webgpu.ignore-blocklist": true,
    },
  });
  const page = await browser.newPage();
  await page.goto(url);
  return { page, run: (work, argument) => page.evaluate(call(work, argument)), close: () => browser.close() };
}

async function openWebKit(url) {
  const port = await freePort();
  const environment = { ...process.env, WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1" };
  const driver = spawn("xvfb-run", ["-a", "WebKitWebDriver", "-p", String(port)], {
    env: environment,
    stdio: "ignore",
    detached: true,
  });
  const stop = () => {
    try {
      process.kill(-driver.pid);
    } catch {
      // The driver has ended already.
    }
  };
  try {
    await listening(port);
    const capabilities = new Capabilities()
      .setBrowserName("MiniBrowser")
      .set("webkitgtk:browserOptions", { binary: WEBKIT, args: ["--automation"] });
    const session = await new Builder()
      .usingServer(`http://127.0.0.1:${port}`)
      .withCapabilities(capabilities)
      .build();
    await session.manage().setTimeouts({ script: 600_000, pageLoad: 120_000 });
    await session.get(url);
    const script = (code) => `const done = arguments[arguments.length - 1];
      Promise.resolve(${code}).then((value) => done({ value }), (error) => done({ error: String(error) }));`;
    return {
      async run(work, argument) {
        const { value, error } = await session.executeAsyncScript(script(call(work, argument)));
        if (error) throw new Error(error);
        return value;
      },
      async close() {
        await session.quit().catch(() => {});
        stop();
      },
    };
  } catch (error) {
    stop();
    throw error;
  }
}

function call(work, argument) {
  return `(${work})(${JSON.stringify(argument)})`;
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((ready) => server.once("listening", ready));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

async function listening(port) {
  for (let attempt = 0; attempt < 150; attempt++) {
    const answers = await fetch(`http://127.0.0.1:${port}/status`).then(() => true, () => false);
    if (answers) return;
    await new Promise((later) => setTimeout(later, 200));
  }
  throw new Error("WebKitWebDriver does not answer");
}
