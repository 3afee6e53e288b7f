/** Draws a picture with one of its maps over it. */

import type { Color, RegionMap, SegmentationResult } from "mcdrl";
import { heat } from "./heatmap.js";
import type { Picture } from "./picture.js";

/** The map over the image. */
export type View =
  | { kind: "image" }
  | { kind: "mask" }
  | { kind: "regions" }
  | { kind: "uncertainty" }
  | { kind: "confounder"; index: number };

/** How a picture is drawn. */
export interface Drawing {
  view: View;
  /** The opacity of the map, 0..1. */
  opacity: number;
  /** The colour of a mask value. */
  colorOf: (value: number) => Color;
  /** How much the picture is enlarged. Default 1. */
  scale?: number;
}

/** Draws a picture with its map. */
export function draw(canvas: HTMLCanvasElement, { bitmap, result }: Picture, drawing: Drawing): void {
  const { view, opacity, colorOf, scale = 1 } = drawing;
  if (!bitmap) return;
  canvas.width = bitmap.width * scale;
  canvas.height = bitmap.height * scale;
  const context = canvas.getContext("2d")!;
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  if (!result) return;
  for (const { map, opaque, area } of layersOf(result, view, colorOf)) {
    context.globalAlpha = opaque ? 1 : opacity;
    const [left, top, width, height] = (area ?? [0, 0, bitmap.width, bitmap.height]).map((side) => side * scale);
    context.drawImage(map, left!, top!, width!, height!);
  }
  context.globalAlpha = 1;
}

/** The enlargement of a small picture on the screen. It makes outlines smooth. */
export function screenScale({ bitmap }: Picture): number {
  return bitmap ? Math.max(1, Math.ceil(1200 / Math.max(bitmap.width, bitmap.height))) : 1;
}

/** The caption of the picture. Screen readers read it too. */
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
      return "Candidate regions that the text prompts selected. Warmer: more similar to a lesion. Dark: not selected.";
    case "uncertainty":
      return "The model's uncertainty about the class. Brighter: more uncertain.";
    case "confounder":
      return `How much ${result.confounders[view.index]?.words ?? "it"} is seen at each place. Brighter: more.`;
  }
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
}

/** A map as a picture. */
interface Layer {
  map: HTMLCanvasElement;
  /** Whether the opacity of the drawing does not apply. */
  opaque?: boolean;
  /** The part of the image that it shows: left, top, width, height. Default: all of it. */
  area?: SegmentationResult["activeArea"];
}

/** The layers of each result. They are painted once, because the slider changes only their opacity. */
const painted = new WeakMap<SegmentationResult, Map<string, Layer[]>>();

function layersOf(result: SegmentationResult, view: View, colorOf: Drawing["colorOf"]): Layer[] {
  const key = view.kind === "confounder" ? `confounder ${view.index}` : view.kind;
  const known = painted.get(result) ?? new Map<string, Layer[]>();
  painted.set(result, known);
  const layers = known.get(key) ?? paintLayers(result, view, colorOf);
  known.set(key, layers);
  return layers;
}

function paintLayers(result: SegmentationResult, view: View, colorOf: Drawing["colorOf"]): Layer[] {
  const { width, height, activeArea, categoryMask, uncertainty, regions } = result;
  switch (view.kind) {
    case "image":
      return [];
    case "mask": {
      const colors = Array.from({ length: 256 }, (_, value) => (value ? pack(colorOf(value)) : 0));
      const edge = edgeOf(result);
      return [
        { map: paint(width, height, (at) => colors[categoryMask[at]!]!) },
        { map: paint(width, height, (at) => (edge[at] ? colors[categoryMask[at]!]! : 0)), opaque: true },
      ];
    }
    case "uncertainty": {
      const colors = Array.from({ length: 256 }, (_, value) => pack(heat(value / 255)));
      return [{ map: paint(width, height, (at) => colors[Math.round(255 * (uncertainty[at] ?? 0))]!) }];
    }
    case "regions":
      return [{ map: regionMap(regions), area: activeArea }];
    case "confounder":
      return [{ map: confounderMap(regions, view.index), area: activeArea }];
  }
}

/** 1 at the edges of the lesions, 0 elsewhere. */
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

const NOT_SELECTED = pack([6, 8, 20], 230);

function regionMap({ rows, columns, similarity, retained }: RegionMap): HTMLCanvasElement {
  const [low, high] = [Math.min(...similarity), Math.max(...similarity)];
  return paint(columns, rows, (at) => {
    if (!retained[at]) return NOT_SELECTED;
    const warmth = (similarity[at]! - low) / Math.max(1e-6, high - low);
    return pack([255 * warmth, 110 + 60 * warmth, 140 * (1 - warmth)]);
  });
}

function confounderMap({ rows, columns, confounders }: RegionMap, index: number): HTMLCanvasElement {
  const doses = confounders[index] ?? new Float32Array(rows * columns);
  return paint(columns, rows, (at) => pack(heat(doses[at]!)));
}

/** A colour as four bytes of a canvas. All browsers run on little-endian machines. */
function pack([red, green, blue]: Color, alpha = 255): number {
  return ((alpha << 24) | (Math.round(blue) << 16) | (Math.round(green) << 8) | Math.round(red)) >>> 0;
}

function paint(width: number, height: number, colorAt: (at: number) => number): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d")!;
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let at = 0; at < pixels.length; at++) pixels[at] = colorAt(at);
  context.putImageData(image, 0, 0);
  return canvas;
}
