// How a line is shown: which words changed, and of which the specialist was not sure.

import { difference, words } from "./diff.js";

/** Return how sure a confidence is: "high", "medium" or "low"; "" where it is not known. */
export function level(confidence) {
  if (confidence === null || confidence === undefined) return "";
  if (confidence < 0.5) return "low";
  return confidence < 0.8 ? "medium" : "high";
}

/** Return a confidence in whole percent. */
export const percent = (confidence) => Math.round(confidence * 100);

/**
 * Return a line as pieces to show one after another.
 *
 * @param {import("./line.js").Line} line
 * @param {{changes: boolean, confidence: boolean, language: string}} view
 * @returns {{text: string, kind: "same" | "added" | "removed", confidence: number | null}[]}
 */
export function marks(line, view) {
  if (line.mine || !line.told) return [plain(line.text)];
  const standing = line.standing;
  const sure = view.confidence ? confidences(standing, line.words, view.language) : new Map();
  if (line.text === standing) return fromDraft(standing, sure, view.language);
  if (!line.refined || !(view.changes || sure.size)) return [plain(line.text)];
  const parts = difference(standing, line.text, view.language);
  if (!parts) return [plain(line.text)];
  const shown = view.changes ? parts : parts.filter((part) => part.kind !== "removed");
  return shown.map((part) => ({
    text: part.text,
    kind: view.changes ? part.kind : "same",
    confidence: part.kind === "same" ? (sure.get(part.place) ?? null) : null,
  }));
}

const plain = (text) => ({ text, kind: "same", confidence: null });

function fromDraft(text, sure, language) {
  if (!sure.size) return [plain(text)];
  return words(text, language).map((piece, place) => ({
    text: piece,
    kind: "same",
    confidence: sure.get(place) ?? null,
  }));
}

/** Return the confidence of each piece of the standing draft that has one, by its place among all pieces. */
function confidences(standing, known, language) {
  const found = new Map();
  if (!known.length) return found;
  const pieces = words(standing, language);
  let [word, left] = [0, known[0].text.length];
  pieces.forEach((piece, place) => {
    if (!piece.trim() || word >= known.length) return;
    if (known[word].confidence !== null) found.set(place, known[word].confidence);
    left -= piece.length; // a word at white space may be several pieces, in scripts without it
    if (left <= 0) {
      word += 1;
      left = known[word]?.text.length ?? 0;
    }
  });
  return found;
}
