/** Results as files. */

import { zip, type AsyncZippable } from "fflate";
import { element } from "./page.js";
import { forget, maskOf, type Picture } from "./picture.js";
import { draw } from "./viewer.js";

/** The numbers of a result, in the words of `mcdrl segment --json`. */
export function numbers({ name, result }: Picture): object {
  if (!result) return { image: name };
  const { width, height, classes, confounders, meanUncertainty, device, milliseconds } = result;
  return { image: name, width, height, classes, confounders, uncertainty: meanUncertainty, device, milliseconds };
}

/** The picture with its mask drawn over it, as a PNG. */
export async function overlayPng(picture: Picture, opacity: number): Promise<Blob> {
  const canvas = document.createElement("canvas");
  draw(canvas, picture, { kind: "mask" }, opacity);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the picture could not be written"))), "image/png");
  });
}

/** Mask, overlay and numbers of every picture; `open` gives a picture that is not in view its result again. */
export async function everything(
  pictures: Picture[],
  opacity: number,
  open: (picture: Picture) => Promise<Picture>,
): Promise<Blob> {
  const files: AsyncZippable = {};
  const taken = new Set<string>();
  for (const picture of pictures) {
    const name = unused(picture.name, taken);
    const opened = await open(picture);
    if (opened.result) files[`${name}-mask.png`] = await bytesOf(maskOf(opened.result));
    files[`${name}-overlay.png`] = await bytesOf(await overlayPng(opened, opacity));
    files[`${name}.json`] = new TextEncoder().encode(`${JSON.stringify(numbers({ ...opened, name }), null, 2)}\n`);
    if (opened !== picture) forget(opened);
  }
  return new Promise((resolve, reject) => {
    // PNGs are compressed already.
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
