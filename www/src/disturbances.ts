/** Disturbances in words that a clinician understands. */

import type { ConfounderInfo, ConfounderWeight } from "mcdrl";

/** What an image shows of a disturbance that the model knows. */
export interface Disturbance extends ConfounderWeight {
  /** Its place among the confounders of the model. */
  index: number;
  /** Its plain name. */
  words: string;
}

/** A disturbance is shown from this presence on. */
const PRESENT = 0.5;

/** A disturbance on at least this share of the image is everywhere. */
const WHOLE = 0.9;

/** From this value on, nobody should rely on the mask. */
const UNFAMILIAR = 0.5;

/** Plain names. A local disturbance has an area. The others concern the whole image. */
const PLAIN: Record<string, { words: string; local: boolean }> = {
  blur: { words: "blur", local: false },
  artefacts: { words: "picture artefacts", local: false },
  bright: { words: "over-exposure", local: false },
  dark: { words: "under-exposure", local: false },
  uneven: { words: "uneven light", local: false },
  "narrow-band": { words: "narrow-band light", local: false },
  near: { words: "close view", local: false },
  far: { words: "distant view", local: false },
  mucus: { words: "mucus", local: true },
  blood: { words: "blood", local: true },
  reflection: { words: "glare", local: true },
};

/** All disturbances that the model knows, the most probable first. Without the usual state, such as white light. */
export function disturbancesOf(confounders: ConfounderWeight[], known: ConfounderInfo[]): Disturbance[] {
  return confounders
    .map((confounder, index) => ({ ...confounder, index, words: plainName(confounder.name) }))
    .filter(({ index }) => known[index]?.isDisturbance)
    .sort((a, b) => b.presence - a.presence);
}

/** The disturbances that an image shows, in words: "glare on 8 % of the picture", "blur". */
export function inWords(disturbances: Disturbance[]): string[] {
  return disturbances
    .filter(({ presence }) => presence >= PRESENT)
    .map(({ name, words, area }) => {
      // Models of other fields have other disturbances. Their area decides.
      const local = PLAIN[name]?.local ?? area < WHOLE;
      if (!local) return words;
      const share = area < 0.01 ? "less than 1" : Math.round(100 * area);
      return `${words} on ${share} % of the picture`;
    });
}

/** The plain name of a confounder. The names of other fields are shown as they are. */
export function plainName(name: string): string {
  return PLAIN[name]?.words ?? name;
}

/** Whether an image is so unlike the training images that nobody should rely on its mask. */
export function isUnfamiliar(unfamiliar: number): boolean {
  return unfamiliar >= UNFAMILIAR;
}
