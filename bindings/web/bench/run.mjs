// `node run.mjs MODEL.onnx [--serve]` prints the ratios of the medians of mcdrl and onnxruntime-web.

import { readFileSync } from "node:fs";

import { openPage } from "../../../tests/browser/engines.mjs";
import { startServer } from "../../../tests/browser/server.mjs";

const [onnx, flag] = process.argv.slice(2);
if (!onnx) {
  console.error("usage: node run.mjs MODEL.onnx [--serve]");
  process.exit(2);
}
const server = await startServer({
  folders: { "/bench/": import.meta.dirname },
  files: { "/onnx": readFileSync(onnx) },
});
if (flag === "--serve") {
  console.log(`${server.url}/bench/page.html: call bench({ delegate: "CPU", threads: 1, rounds: 30 }) in its console`);
} else {
  const runs = [
    ["CPU, 1 thread", { delegate: "CPU", threads: 1, rounds: 40 }],
    ["CPU, 2 threads", { delegate: "CPU", threads: 2, rounds: 40 }],
    ["WebGPU", { delegate: "GPU", threads: 1, rounds: 15 }],
  ];
  for (const [name, options] of runs) {
    const page = await openPage("chromium", `${server.url}/bench/page.html`);
    await page.run(async () => {
      while (!window.benchReady) await new Promise((later) => setTimeout(later, 50));
    });
    const found = await page.run((options) => bench(options), options);
    const ratio = (time) => (time / found.theirs).toFixed(2);
    console.log(
      `${name.padEnd(15)} ${ratio(found.ours)} × the time of ONNX Runtime (in the worker ${ratio(found.worker)} ×), ` +
        `on ${found.device.name} with ${found.device.threads} threads; the confounder weights differ by ${found.difference.toFixed(5)}`,
    );
    await page.close();
  }
  await server.stop();
}
