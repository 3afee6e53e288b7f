/** The disturbances of an image. */

import type { ConfounderInfo, ConfounderWeight } from "mcdrl";

/** What an image shows of a disturbance that the model knows. */
export interface Disturbance extends ConfounderWeight {
  /** Its place among the confounders of the model. */
  index: number;
}

/** From this value on, nobody should rely on the mask. */
const UNFAMILIAR = 0.5;

/** All disturbances that the model knows, the most probable first. Without the usual state, such as white light. */
export function disturbancesOf(confounders: ConfounderWeight[], known: ConfounderInfo[]): Disturbance[] {
  return confounders
    .map((confounder, index) => ({ ...confounder, index }))
    .filter(({ index }) => known[index]?.isDisturbance)
    .sort((a, b) => b.presence - a.presence);
}

/** Whether an image is so unlike the training images that nobody should rely on its mask. */
export function isUnfamiliar(unfamiliar: number): boolean {
  return unfamiliar >= UNFAMILIAR;
}
