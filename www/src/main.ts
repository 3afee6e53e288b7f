/** The app. It uses the public interface of the package `mcdrl`. */

import { ImageSegmenter, SegmenterError, type Color, type DeviceInfo } from "mcdrl";
import { startCamera, type Camera } from "./camera.js";
import { disturbancesOf } from "./disturbances.js";
import { showFindings } from "./findings.js";
import { countRequests } from "./network.js";
import { byId, element } from "./page.js";
import { develop, forget, maskOf, pictureOf, type Picture } from "./picture.js";
import { download, everything, numbers, overlayPng, type Overlay } from "./save.js";
import { followTheme } from "./theme.js";
import { describe, draw, screenScale, type View } from "./viewer.js";

const view = byId("view");
const canvas = byId<HTMLCanvasElement>("canvas");
const opacity = byId<HTMLInputElement>("opacity");
const pictures: Picture[] = [];
let segmenter: ImageSegmenter | undefined;
let shown: Picture | undefined;
let map: View = { kind: "mask" };
let batch: AbortController | undefined;
let camera: Camera | undefined;

void start();

async function start(): Promise<void> {
  followTheme(byId<HTMLButtonElement>("theme"));
  listen();
  offerViews();
  await registerOffline();
  const samples = loadSamples().catch((error) => {
    byId("samples").append(element("li", {}, [`The samples cannot be loaded: ${words(error)}`]));
  });
  try {
    segmenter = await openSegmenter();
  } catch (error) {
    fail(`The model cannot be loaded: ${words(error)}`);
    return;
  }
  await samples;
  // The user may have added an image already.
  if (!batch && !shown) setState("idle");
  countRequests((count) => {
    byId("requests").textContent = String(count);
  });
}

/** Opens the model. `?delegate=CPU|GPU` and `?model=URL` change the defaults. */
async function openSegmenter(): Promise<ImageSegmenter> {
  const parameters = new URLSearchParams(location.search);
  const delegate = (["CPU", "GPU"] as const).find((name) => name === parameters.get("delegate")?.toUpperCase()) ?? "auto";
  const stages = { model: "Loading the model", module: "Loading the module", "warm-up": "Warming up", measure: "Timing the devices" };
  const opened = await ImageSegmenter.createFromOptions({
    model: parameters.get("model") ?? "./demo.safetensors",
    delegate,
    outputConfidenceMasks: false,
    outputImage: true,
    onProgress: ({ stage, fraction }) => {
      const share = fraction === undefined ? "" : ` ${Math.round(100 * fraction)} %`;
      byId("device-text").textContent = `${stages[stage]}${share}`;
    },
    onDeviceChange: showDevice,
  });
  showDevice(opened.device);
  return opened;
}

function showDevice({ name, threads, reason, adapter }: DeviceInfo): void {
  const device = name === "gpu" ? "GPU" : threads > 1 ? `CPU, ${threads} threads` : "CPU";
  byId("device-text").textContent = device;
  byId("device").title = [adapter, reason].filter(Boolean).join(": ");
  byId("device").dataset["device"] = name;
}

// Images.

function listen(): void {
  byId<HTMLInputElement>("files").addEventListener("change", (event) => {
    const input = event.target as HTMLInputElement;
    const files = [...(input.files ?? [])];
    input.value = ""; // The same file can be chosen again.
    void add(files);
  });
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) void add(files);
  });
  for (const type of ["dragenter", "dragover"]) {
    document.addEventListener(type, (event) => {
      event.preventDefault();
      view.classList.add("over");
    });
  }
  for (const type of ["dragleave", "drop"]) {
    document.addEventListener(type, (event) => {
      event.preventDefault();
      view.classList.remove("over");
    });
  }
  document.addEventListener("drop", (event) => void add([...(event.dataTransfer?.files ?? [])]));
  opacity.addEventListener("input", redraw);
  byId("cancel").addEventListener("click", () => batch?.abort());
  byId("camera").addEventListener("click", () => void toggleCamera());
  byId("shoot").addEventListener("click", () => void shoot());
  byId("save-all").addEventListener("click", () => void saveAll());
}

async function loadSamples(): Promise<void> {
  const list = byId("samples");
  const names = (await (await fetch("./samples.json")).json()) as string[];
  for (const path of names) {
    const response = await fetch(`./${path}`);
    if (!response.ok) throw new Error(`${path} answers ${response.status}`);
    const file = await response.blob();
    const name = path.replace("samples/", "");
    list.append(thumb(name.replace(/\.[^.]+$/, ""), file, () => void add([new File([file], name, { type: file.type })])));
  }
}

/** Segments files in order. The last result stays in view. */
async function add(files: File[]): Promise<void> {
  if (!files.length) return;
  stopCamera();
  if (!segmenter) return fail("The model is not loaded yet: try again in a moment.");
  batch?.abort();
  const mine = new AbortController();
  batch = mine;
  byId("cancel").hidden = false;
  byId("batch").hidden = files.length < 2;
  setState("busy");
  let done = 0;
  let failed = 0;
  for (const file of files) {
    showBatch(done, files.length, failed);
    const picture = pictureOf(file, file.name);
    byId("busy-text").textContent = files.length > 1 ? `Image ${done + 1} of ${files.length}` : "Segmenting";
    try {
      await develop(picture, await segmenter.segment(file, { signal: mine.signal }));
      keep(picture);
    } catch (error) {
      if (mine.signal.aborted) break;
      failed += 1;
      if (files.length === 1) {
        finishBatch(mine);
        return fail(`${file.name}: ${words(error)}`);
      }
    }
    done += 1;
  }
  if (batch !== mine) return; // The user added other images.
  showBatch(done, files.length, failed, mine.signal.aborted);
  finishBatch(mine);
  if (failed && failed === files.length) fail(`The ${files.length} files are not readable images: choose JPEG, PNG, TIFF, BMP, WebP or DICOM files.`);
  else setState(shown?.result ? "done" : "idle");
}

function finishBatch(mine: AbortController): void {
  if (batch === mine) batch = undefined;
  byId("cancel").hidden = true;
}

function showBatch(done: number, of: number, failed: number, cancelled = false): void {
  byId<HTMLProgressElement>("batch-progress").value = done / of;
  const failures = failed ? `, ${failed} could not be read` : "";
  byId("batch-text").textContent = `${done} of ${of} images${failures}${cancelled ? ", cancelled" : ""}`;
}

let cameraStarts = false;

async function toggleCamera(): Promise<void> {
  if (camera) {
    stopCamera();
    return setState(shown ? "done" : "idle");
  }
  if (!segmenter || cameraStarts) return;
  cameraStarts = true;
  batch?.abort();
  try {
    setState("busy");
    byId("busy-text").textContent = "Starting the camera";
    camera = await startCamera(byId<HTMLVideoElement>("video"), segmenter, showFrame, (error) => {
      stopCamera();
      fail(words(error));
    });
    byId("camera").textContent = "Stop camera";
    byId("shoot").hidden = false;
  } catch (error) {
    const denied = error instanceof DOMException && error.name === "NotAllowedError";
    fail(denied ? "The browser blocks the camera: allow it in the browser's settings." : `No camera is available: ${words(error)}`);
  } finally {
    cameraStarts = false;
  }
}

async function showFrame(result: NonNullable<Picture["result"]>): Promise<void> {
  const frame: Picture = { name: "camera", file: new Blob(), live: true };
  await develop(frame, result);
  if (!camera) return forget(frame);
  setState("done");
  show(frame);
}

async function shoot(): Promise<void> {
  const blob = await camera?.shoot();
  stopCamera();
  if (blob) await add([new File([blob], `camera-${pictures.length + 1}.png`, { type: "image/png" })]);
}

function stopCamera(): void {
  camera?.stop();
  camera = undefined;
  byId("camera").textContent = "Camera";
  byId("shoot").hidden = true;
}

// Results.

type State = "idle" | "busy" | "done" | "error";

function setState(state: State): void {
  view.dataset["state"] = state;
  byId("busy").hidden = state !== "busy";
  byId("error").hidden = state !== "error";
  byId("welcome").hidden = Boolean(shown) || state === "error";
}

function fail(message: string): void {
  byId("error").textContent = message;
  setState("error");
}

function words(error: unknown): string {
  return error instanceof SegmenterError || error instanceof Error ? error.message : String(error);
}

/** Adds a finished picture to the user's images and shows it. */
function keep(picture: Picture): void {
  pictures.push(picture);
  byId("images-title").hidden = false;
  byId("images").append(thumb(picture.name, picture.file, () => void look(picture)));
  byId<HTMLButtonElement>("save-all").disabled = false;
  show(picture);
}

/** Shows a picture again. It is segmented again if its result was dropped. */
async function look(picture: Picture): Promise<void> {
  stopCamera();
  try {
    if (!picture.result) {
      setState("busy");
      byId("busy-text").textContent = "Segmenting";
      await develop(picture, await segmenter!.segment(picture.file));
    }
    setState("done");
    show(picture);
  } catch (error) {
    fail(words(error));
  }
}

function show(picture: Picture): void {
  if (shown && shown !== picture) forget(shown);
  shown = picture;
  const { result } = picture;
  if (result) {
    view.dataset["device"] = result.device;
    view.dataset["milliseconds"] = result.milliseconds.toFixed(1);
  }
  byId("welcome").hidden = true;
  if (!camera) view.scrollIntoView({ block: "nearest", behavior: "smooth" });
  offerFiles(picture);
  redraw();
}

function redraw(): void {
  if (!shown) return;
  draw(canvas, shown, { ...overlay(), view: map, scale: screenScale(shown) });
  const text = describe(shown, map, segmenter?.getLabels() ?? []);
  canvas.setAttribute("aria-label", text);
  const time = shown.result ? ` · ${shown.result.milliseconds.toFixed(0)} ms on the ${shown.result.device.toUpperCase()}` : "";
  // Screen readers must not read every frame of the camera.
  byId("caption").setAttribute("aria-live", shown.live ? "off" : "polite");
  byId("caption").textContent = text + time;
  const chosen = map.kind === "confounder" ? map.index : undefined;
  showFindings(shown.result, colorOf, segmenter?.getConfounders() ?? [], chosen, (index) => {
    setView(chosen === index ? { kind: "mask" } : { kind: "confounder", index });
  });
}

function overlay(): Overlay {
  return { opacity: Number(opacity.value) / 100, colorOf };
}

function colorOf(value: number): Color {
  return segmenter!.getColor(value); // There are no results without a segmenter.
}

function setView(next: View): void {
  map = next;
  byId<HTMLInputElement>(`view-${map.kind}`).checked = true;
  redraw();
}

function offerViews(): void {
  const kinds = { image: "Image", mask: "Mask", regions: "Regions", uncertainty: "Uncertainty", confounder: "Disturbance" } as const;
  for (const [kind, title] of Object.entries(kinds)) {
    const input = element("input", { type: "radio", name: "view", value: kind, id: `view-${kind}` });
    input.checked = map.kind === kind;
    input.addEventListener("change", () => {
      setView(kind === "confounder" ? { kind, index: strongest() } : ({ kind } as View));
    });
    byId("views").append(element("span", {}, [input, element("label", { for: input.id }, [title])]));
  }
}

/** The index of the most probable disturbance. */
function strongest(): number {
  return disturbancesOf(shown?.result?.confounders ?? [], segmenter?.getConfounders() ?? [])[0]?.index ?? 0;
}

function thumb(name: string, file: Blob, choose: () => void): HTMLLIElement {
  const image = element("img", { alt: "", width: "96", height: "96", loading: "eager" });
  image.src = URL.createObjectURL(file);
  image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
  image.addEventListener("error", () => image.classList.add("unseen"), { once: true });
  const button = element("button", { type: "button" }, [image, element("span", {}, [name])]);
  button.addEventListener("click", choose);
  return element("li", {}, [button]);
}

// Files.

const offered: string[] = [];

function offerFiles(picture: Picture): void {
  const { result, name } = picture;
  offered.splice(0).forEach((url) => URL.revokeObjectURL(url));
  for (const id of ["save-mask", "save-overlay", "save-json"]) {
    byId(id).removeAttribute("href");
    byId(id).setAttribute("aria-disabled", "true");
  }
  if (!result || picture.live) return;
  offer("save-mask", maskOf(result), `${name}-mask.png`);
  const text = `${JSON.stringify(numbers(picture), null, 2)}\n`;
  offer("save-json", new Blob([text], { type: "application/json" }), `${name}.json`);
  overlayPng(picture, overlay()).then(
    (file) => shown === picture && offer("save-overlay", file, `${name}-overlay.png`),
    () => {}, // The picture is too large for a canvas. The link stays disabled.
  );
}

function offer(id: string, file: Blob, name: string): void {
  const link = byId<HTMLAnchorElement>(id);
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.removeAttribute("aria-disabled");
  offered.push(link.href);
}

async function saveAll(): Promise<void> {
  const open = async (picture: Picture) => {
    if (picture.result) return picture;
    const copy = { ...picture };
    await develop(copy, await segmenter!.segment(picture.file));
    return copy;
  };
  try {
    download(await everything(pictures, overlay(), open), "mcdrl.zip");
  } catch (error) {
    fail(words(error));
  }
}

// Offline use.

/** Resolves when the service worker sees the requests of this page, or when the browser has no service workers. */
async function registerOffline(): Promise<void> {
  const workers = import.meta.env.PROD ? navigator.serviceWorker : undefined;
  if (!workers) return;
  const controls = async () => {
    const known = await workers.getRegistration();
    await workers.register("./service-worker.js");
    // After a forced reload a service worker does not control the page.
    if (workers.controller || known?.active) return;
    await new Promise((resolve) => workers.addEventListener("controllerchange", resolve, { once: true }));
  };
  const late = new Promise((resolve) => setTimeout(resolve, 10_000));
  // Private windows have no service worker. The app works there, but not offline.
  await Promise.race([controls(), late]).catch(() => {});
}
