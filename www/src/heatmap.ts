/** The colour scale of the heat maps. */

import type { Color } from "mcdrl";

/** Dark blue → violet → orange → pale yellow, with rising lightness (after matplotlib's "inferno"). */
const SCALE: Color[] = [
  [10, 8, 36],
  [87, 16, 110],
  [188, 55, 84],
  [249, 142, 9],
  [252, 255, 164],
];

/** The colour of a share, 0..1. */
export function heat(share: number): Color {
  const place = Math.min(1, Math.max(0, share)) * (SCALE.length - 1);
  const low = Math.min(SCALE.length - 2, Math.floor(place));
  const [a, b] = [SCALE[low]!, SCALE[low + 1]!];
  const mix = (channel: 0 | 1 | 2) => Math.round(a[channel] + (b[channel] - a[channel]) * (place - low));
  return [mix(0), mix(1), mix(2)];
}
