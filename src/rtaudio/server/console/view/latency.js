import { make } from "./dom.js";

/**
 * Shows turns in a table, newest first.
 *
 * @param {HTMLTableSectionElement} body
 * @param {import("./turns.js").Turn[]} turns
 */
export function showLatency(body, turns) {
  body.replaceChildren(
    ...turns.map(({ number, kind, transcript, text, sound }) =>
      make(
        "tr",
        make("td", `${number} ${kind}`),
        ...[transcript, text, sound].map((ms) => make("td", ms === null ? "–" : `${ms}`)),
      ),
    ),
  );
}
