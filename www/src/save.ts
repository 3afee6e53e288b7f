/** Results as files. */

import { zip, type AsyncZippable } from "fflate";
import { element } from "./page.js";
import { forget, maskOf, type Picture } from "./picture.js";
import { draw, type Drawing } from "./viewer.js";

/** The numbers of a result, with the names of `mcdrl segment --json`. */
export function numbers({ name, result }: Picture): object {
  if (!result) return { image: name };
  const { width, height, activeArea, classes, confounders, lesions, disturbances, notes, unfamiliar, device, milliseconds } = result;
  const scores = { unfamiliar, uncertainty: result.meanUncertainty, expected_dice: result.expectedDice };
  return { image: name, width, height, active_area: activeArea, classes, lesions, confounders, disturbances, notes, ...scores, device, milliseconds };
}

/** The drawing of a mask, without its view. */
export type Overlay = Omit<Drawing, "view">;

/** A picture with its mask, as a PNG. */
export async function overlayPng(picture: Picture, overlay: Overlay): Promise<Blob> {
  const canvas = document.createElement("canvas");
  draw(canvas, picture, { ...overlay, view: { kind: "mask" } });
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the picture cannot be written as a PNG: scale it down first"))), "image/png");
  });
}

/** The mask, overlay and numbers of every picture, as a zip. `open` segments a picture again that has no result. */
export async function everything(
  pictures: Picture[],
  overlay: Overlay,
  open: (picture: Picture) => Promise<Picture>,
): Promise<Blob> {
  const files: AsyncZippable = {};
  const taken = new Set<string>();
  for (const picture of pictures) {
    const name = unused(picture.name, taken);
    const opened = await open(picture);
    if (opened.result) files[`${name}-mask.png`] = await bytesOf(maskOf(opened.result));
    files[`${name}-overlay.png`] = await bytesOf(await overlayPng(opened, overlay));
    files[`${name}.json`] = new TextEncoder().encode(`${JSON.stringify(numbers({ ...opened, name }), null, 2)}\n`);
    if (opened !== picture) forget(opened);
  }
  return new Promise((resolve, reject) => {
    // Level 0: PNGs are compressed already.
    zip(files, { level: 0 }, (error, data) => {
      if (error) reject(error);
      else resolve(new Blob([data as BlobPart], { type: "application/zip" }));
    });
  });
}

/** Lets the browser save a file. */
export function download(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function unused(name: string, taken: Set<string>): string {
  let free = name;
  for (let number = 2; taken.has(free); number++) free = `${name}-${number}`;
  taken.add(free);
  return free;
}

async function bytesOf(blob: Blob): Promise<Uint8Array> {
  return new Uint8Array(await blob.arrayBuffer());
}
