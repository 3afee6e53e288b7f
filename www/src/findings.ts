/** The panel beside the image: lesions, certainty and disturbances. */

import type { Color, ConfounderInfo, SegmentationResult } from "mcdrl";
import { disturbancesOf, isUnfamiliar } from "./disturbances.js";
import { byId, element } from "./page.js";
import { percent } from "./viewer.js";

/**
 * Shows a result.
 *
 * @param colorOf the colour of a mask value
 * @param known the confounders of the model
 * @param chosen the index of the confounder whose map is shown
 * @param choose called with the index of the confounder that the user chooses
 */
export function showFindings(
  result: SegmentationResult | undefined,
  colorOf: (value: number) => Color,
  known: ConfounderInfo[],
  chosen: number | undefined,
  choose: (index: number) => void,
): void {
  byId("unfamiliar").hidden = !result || !isUnfamiliar(result.unfamiliar);
  const list = byId("findings");
  list.replaceChildren();
  for (const { class: name, fraction, confidence } of result?.lesions ?? []) {
    const value = 1 + (result?.classes ?? []).findIndex((share) => share.name === name);
    const swatch = element("i", { class: "swatch" });
    swatch.style.background = `rgb(${colorOf(value).join(" ")})`;
    list.append(
      element("li", {}, [
        swatch,
        element("span", { class: "name" }, [name]),
        element("span", { class: "number" }, [`${percent(fraction)} of the image`]),
        element("span", { class: "confidence" }, [`${percent(confidence)} confidence`]),
      ]),
    );
  }
  if (!list.children.length) {
    list.append(element("li", { class: "empty" }, [result ? "No lesion found" : "No image yet"]));
  }
  const notes = result?.notes ?? [];
  byId("notes").hidden = !notes.length;
  byId("notes").replaceChildren(...notes.map((note) => element("li", {}, [note])));
  const certainty = result ? 1 - result.meanUncertainty : 0;
  byId<HTMLMeterElement>("certainty").value = certainty;
  byId("certainty-text").textContent = result ? percent(certainty) : "–";
  showDisturbances(result, known, chosen, choose);
}

function showDisturbances(
  result: SegmentationResult | undefined,
  known: ConfounderInfo[],
  chosen: number | undefined,
  choose: (index: number) => void,
): void {
  const disturbances = disturbancesOf(result?.confounders ?? [], known);
  const words = result?.disturbances ?? [];
  const lines = words.length || !result ? words : ["No disturbances."];
  byId("disturbances").replaceChildren(...lines.map((line) => element("li", {}, [line])));
  const list = byId("confounders");
  const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset["confounder"] : undefined;
  list.replaceChildren();
  for (const { words, family, presence, index } of disturbances) {
    const bar = element("span", { class: "bar-fill", "data-family": family });
    bar.style.width = `${100 * presence}%`;
    const button = element(
      "button",
      { type: "button", "aria-pressed": String(index === chosen), "data-confounder": String(index), title: `${family}: ${words}` },
      [
        element("span", { class: "name" }, [words]),
        element("span", { class: "bar-track" }, [bar]),
        element("span", { class: "number" }, [percent(presence)]),
      ],
    );
    button.addEventListener("click", () => choose(index));
    list.append(element("li", {}, [button]));
    if (focused === String(index)) button.focus();
  }
}
