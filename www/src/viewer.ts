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
  if (!result) return;
  for (const { map, firm } of layersOf(result, view)) {
    context.globalAlpha = firm ? 1 : opacity;
    context.drawImage(map, 0, 0, canvas.width, canvas.height);
  }
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

/** A map as a picture; a firm one is not faded. */
interface Layer {
  map: HTMLCanvasElement;
  firm?: boolean;
}

/** Painted once for a result: the slider only fades them. */
const painted = new WeakMap<SegmentationResult, Map<string, Layer[]>>();

function layersOf(result: SegmentationResult, view: View): Layer[] {
  const key = view.kind === "confounder" ? `confounder ${view.index}` : view.kind;
  const known = painted.get(result) ?? new Map<string, Layer[]>();
  painted.set(result, known);
  const layers = known.get(key) ?? paintLayers(result, view);
  known.set(key, layers);
  return layers;
}

function paintLayers(result: SegmentationResult, view: View): Layer[] {
  const { width, height, categoryMask, uncertainty, regions } = result;
  switch (view.kind) {
    case "image":
      return [];
    case "mask": {
      const colours = Array.from({ length: 256 }, (_, value) => (value ? pack(classColour(value)) : 0));
      const edge = edgeOf(result);
      return [
        { map: paint(width, height, (at) => colours[categoryMask[at]!]!) },
        { map: paint(width, height, (at) => (edge[at] ? colours[categoryMask[at]!]! : 0)), firm: true },
      ];
    }
    case "uncertainty": {
      const colours = Array.from({ length: 256 }, (_, value) => pack(heat(value / 255)));
      return [{ map: paint(width, height, (at) => colours[Math.round(255 * (uncertainty[at] ?? 0))]!) }];
    }
    case "regions":
      return [{ map: regionMap(regions) }];
    case "confounder":
      return [{ map: confounderMap(regions, view.index) }];
  }
}

/** 1 where another value is near. */
function edgeOf({ categoryMask: mask, width, height }: SegmentationResult): Uint8Array {
  const reach = Math.max(1, Math.round(Math.max(width, height) / 256));
  const edge = new Uint8Array(mask.length);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      const value = mask[at]!;
      if (value === 0) continue;
      const inside = x >= reach && y >= reach && x + reach < width && y + reach < height;
      const down = reach * width;
      const same =
        inside &&
        mask[at + reach] === value &&
        mask[at - reach] === value &&
        mask[at + down] === value &&
        mask[at - down] === value;
      edge[at] = same ? 0 : 1;
    }
  }
  return edge;
}

const DROPPED = pack([6, 8, 20], 230);

function regionMap({ rows, columns, similarity, retained }: RegionMap): HTMLCanvasElement {
  const [low, high] = [Math.min(...similarity), Math.max(...similarity)];
  return paint(columns, rows, (at) => {
    if (!retained[at]) return DROPPED;
    const warmth = (similarity[at]! - low) / Math.max(1e-6, high - low);
    return pack([255 * warmth, 110 + 60 * warmth, 140 * (1 - warmth)]);
  });
}

function confounderMap({ rows, columns, retained, confounders }: RegionMap, index: number): HTMLCanvasElement {
  const map = confounders[index] ?? new Float32Array(rows * columns);
  const top = Math.max(1e-6, ...map);
  return paint(columns, rows, (at) => (retained[at] ? pack(heat(map[at]! / top)) : DROPPED));
}

/** A colour as canvases hold it in memory, on the little-endian machines that browsers run on. */
function pack([red, green, blue]: Colour, alpha = 255): number {
  return ((alpha << 24) | (Math.round(blue) << 16) | (Math.round(green) << 8) | Math.round(red)) >>> 0;
}

function paint(width: number, height: number, colour: (at: number) => number): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d")!;
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let at = 0; at < pixels.length; at++) pixels[at] = colour(at);
  context.putImageData(image, 0, 0);
  return canvas;
}
