/** Draws a picture with one of its maps over it. */

import type { RegionMap, SegmentationResult } from "mcdrl";
import { classColour, heat, type Colour } from "./colours.js";
import type { Picture } from "./picture.js";

/** What is drawn over the image. */
export type View =
  | { kind: "image" }
  | { kind: "mask" }
  | { kind: "regions" }
  | { kind: "uncertainty" }
  | { kind: "confounder"; index: number };

/** Draws the picture `scale` times its own size. `opacity` of the map, 0..1. */
export function draw(canvas: HTMLCanvasElement, picture: Picture, view: View, opacity: number, scale = 1): void {
  const { bitmap, result } = picture;
  if (!bitmap) return;
  canvas.width = bitmap.width * scale;
  canvas.height = bitmap.height * scale;
  const context = canvas.getContext("2d")!;
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  if (!result || view.kind === "image") return;
  context.globalAlpha = view.kind === "mask" ? 1 : opacity;
  context.drawImage(mapOf(result, view, opacity), 0, 0, canvas.width, canvas.height);
  context.globalAlpha = 1;
}

/** How much a small picture is enlarged for the screen, so that outlines are smooth. */
export function screenScale({ bitmap }: Picture): number {
  return bitmap ? Math.max(1, Math.ceil(1200 / Math.max(bitmap.width, bitmap.height))) : 1;
}

/** What stands under the picture for those who do not see it, and those who do. */
export function describe(picture: Picture, view: View, labels: string[]): string {
  const { result, name } = picture;
  if (!result) return name;
  const found = result.classes
    .map((share, index) => ({ ...share, label: labels[index + 1] }))
    .filter((share) => share.fraction > 0)
    .sort((a, b) => b.fraction - a.fraction)
    .map((share) => `${share.label} ${percent(share.fraction)}`);
  switch (view.kind) {
    case "image":
    case "mask":
      return `${name}: ${found.length ? found.join(", ") : "no lesion found"}`;
    case "regions":
      return "Candidate regions that the text chose: the warmer, the more like a lesion; the rest is dark.";
    case "uncertainty":
      return "How unsure the model is: bright where it hesitates between classes.";
    case "confounder":
      return `Where ${result.confounders[view.index]?.name} was taken out of the candidate regions: the brighter, the more.`;
  }
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
}

function mapOf(result: SegmentationResult, view: View, opacity: number): OffscreenCanvas | HTMLCanvasElement {
  switch (view.kind) {
    case "mask":
      return maskMap(result, opacity);
    case "uncertainty":
      return painted(result.width, result.height, (at) => [...heat(result.uncertainty[at] ?? 0), 255]);
    case "regions":
      return regionMap(result.regions);
    case "confounder":
      return confounderMap(result.regions, view.index);
    case "image":
      return painted(1, 1, () => [0, 0, 0, 0]);
  }
}

/** A tint and a firm outline. */
function maskMap({ categoryMask: mask, width, height }: SegmentationResult, opacity: number): HTMLCanvasElement {
  const reach = Math.max(1, Math.round(Math.max(width, height) / 256));
  return painted(width, height, (at) => {
    const value = mask[at]!;
    if (value === 0) return [0, 0, 0, 0];
    const [x, y] = [at % width, Math.floor(at / width)];
    const inside = x >= reach && y >= reach && x + reach < width && y + reach < height;
    const same = (step: number) => mask[at + step] === value;
    const edge = !inside || !(same(reach) && same(-reach) && same(reach * width) && same(-reach * width));
    return [...classColour(value), edge ? 255 : Math.round(255 * opacity)];
  });
}

function regionMap({ rows, columns, similarity, retained }: RegionMap): HTMLCanvasElement {
  const [low, high] = [Math.min(...similarity), Math.max(...similarity)];
  return painted(columns, rows, (at) => {
    if (!retained[at]) return [6, 8, 20, 230];
    const warmth = (similarity[at]! - low) / Math.max(1e-6, high - low);
    return [255 * warmth, 110 + 60 * warmth, 140 * (1 - warmth), 255];
  });
}

function confounderMap({ rows, columns, retained, confounders }: RegionMap, index: number): HTMLCanvasElement {
  const map = confounders[index] ?? new Float32Array(rows * columns);
  const top = Math.max(1e-6, ...map);
  return painted(columns, rows, (at) => (retained[at] ? [...heat(map[at]! / top), 255] : [6, 8, 20, 230]));
}

type Pixel = [...Colour, number];

function painted(width: number, height: number, colour: (at: number) => Pixel): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d")!;
  const image = context.createImageData(width, height);
  for (let at = 0; at < width * height; at++) image.data.set(colour(at), 4 * at);
  context.putImageData(image, 0, 0);
  return canvas;
}
