/** Colours that are told apart with any kind of colour vision (Okabe and Ito 2008), the same as the command's. */

export type Colour = readonly [number, number, number];

const CLASSES: Colour[] = [
  [0, 200, 150],
  [240, 228, 66],
  [86, 180, 233],
  [230, 120, 220],
  [255, 150, 40],
  [255, 255, 255],
];

/** The colour of mask value `index`, from one. */
export function classColour(index: number): Colour {
  return CLASSES[(index - 1) % CLASSES.length]!;
}

export function css([red, green, blue]: Colour): string {
  return `rgb(${red} ${green} ${blue})`;
}

/** Dark blue → violet → orange → pale yellow, rising in lightness (after matplotlib's "inferno"). */
const HEAT: Colour[] = [
  [10, 8, 36],
  [87, 16, 110],
  [188, 55, 84],
  [249, 142, 9],
  [252, 255, 164],
];

/** The colour of a share, 0..1. */
export function heat(share: number): Colour {
  const place = Math.min(1, Math.max(0, share)) * (HEAT.length - 1);
  const low = Math.min(HEAT.length - 2, Math.floor(place));
  const [a, b] = [HEAT[low]!, HEAT[low + 1]!];
  const mix = (channel: 0 | 1 | 2) => Math.round(a[channel] + (b[channel] - a[channel]) * (place - low));
  return [mix(0), mix(1), mix(2)];
}
