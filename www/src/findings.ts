/** The panel beside the image: classes, certainty and confounders. */

import type { Color, SegmentationResult } from "mcdrl";
import { byId, element } from "./page.js";
import { percent } from "./viewer.js";

/**
 * Shows a result.
 *
 * @param colorOf the colour of a mask value
 * @param chosen the index of the confounder whose map is shown
 * @param choose called with the index of the confounder that the user chooses
 */
export function showFindings(
  result: SegmentationResult | undefined,
  colorOf: (value: number) => Color,
  chosen: number | undefined,
  choose: (index: number) => void,
): void {
  const list = byId("findings");
  list.replaceChildren();
  for (const [index, { name, fraction, confidence }] of (result?.classes ?? []).entries()) {
    if (fraction === 0) continue;
    const swatch = element("i", { class: "swatch" });
    swatch.style.background = `rgb(${colorOf(index + 1).join(" ")})`;
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
  const certainty = result ? 1 - result.meanUncertainty : 0;
  byId<HTMLMeterElement>("certainty").value = certainty;
  byId("certainty-text").textContent = result ? percent(certainty) : "–";
  showConfounders(result, chosen, choose);
}

function showConfounders(
  result: SegmentationResult | undefined,
  chosen: number | undefined,
  choose: (index: number) => void,
): void {
  const list = byId("confounders");
  const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset["confounder"] : undefined;
  list.replaceChildren();
  const confounders = result?.confounders ?? [];
  const top = Math.max(1e-6, ...confounders.map(({ weight }) => weight));
  const order = confounders.map((confounder, index) => ({ ...confounder, index }));
  order.sort((a, b) => b.weight - a.weight);
  for (const { name, family, weight, index } of order) {
    const bar = element("span", { class: "bar-fill", "data-family": family });
    bar.style.width = `${(100 * weight) / top}%`;
    const button = element(
      "button",
      { type: "button", "aria-pressed": String(index === chosen), "data-confounder": String(index), title: `${family}: ${name}` },
      [
        element("span", { class: "name" }, [name]),
        element("span", { class: "bar-track" }, [bar]),
        element("span", { class: "number" }, [percent(weight)]),
      ],
    );
    button.addEventListener("click", () => choose(index));
    list.append(element("li", {}, [button]));
    if (focused === String(index)) button.focus();
  }
}
