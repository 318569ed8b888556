// What became of a text, word by word (Myers, An O(ND) Difference Algorithm, 1986).

const MOST = 300; // differences; beyond, the texts have too little in common to be shown as one

/** Cut a text into words and the white space between them; where a script writes none, into the words of that language. */
export function words(text, language = "") {
  const pieces = text.match(/\s+|\S+/g) ?? [];
  if (
    !("Segmenter" in Intl) ||
    !/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Khmer}\p{Script=Lao}\p{Script=Myanmar}]/u.test(
      text,
    )
  ) {
    return pieces;
  }
  const segmenter = new Intl.Segmenter(language || undefined, { granularity: "word" });
  return [...segmenter.segment(text)].map((piece) => piece.segment);
}

/**
 * Return `[{kind: "same" | "removed" | "added", text, place}]`, or null when the texts have too little in common.
 *
 * `place` is the position of a word that stayed or was removed among the pieces of the old text.
 */
export function difference(before, after, language = "") {
  const [old, now] = [words(before, language), words(after, language)];
  const trail = search(old, now);
  if (!trail) return null;
  const parts = back(trail, old, now);
  const kept = parts.filter((part) => part.kind === "same" && part.text.trim()).length;
  const most = Math.max(1, Math.min(count(old), count(now)));
  return kept / most < 0.25 ? null : tidy(parts);
}

const count = (pieces) => pieces.filter((piece) => piece.trim()).length;

function search(old, now) {
  const most = Math.min(MOST, old.length + now.length);
  let furthest = new Map([[1, 0]]);
  const trail = [];
  for (let d = 0; d <= most; d += 1) {
    trail.push(new Map(furthest));
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && (furthest.get(k - 1) ?? -1) < (furthest.get(k + 1) ?? -1));
      let x = down ? furthest.get(k + 1) : furthest.get(k - 1) + 1;
      while (x < old.length && x - k < now.length && old[x] === now[x - k]) x += 1;
      furthest.set(k, x);
      if (x >= old.length && x - k >= now.length) return trail;
    }
  }
  return null;
}

function back(trail, old, now) {
  const parts = [];
  let [x, y] = [old.length, now.length];
  for (let d = trail.length - 1; d >= 0; d -= 1) {
    const furthest = trail[d];
    const k = x - y;
    const down = k === -d || (k !== d && (furthest.get(k - 1) ?? -1) < (furthest.get(k + 1) ?? -1));
    const [fromX, fromY] = d === 0 ? [0, 0] : cameFrom(furthest, down ? k + 1 : k - 1);
    while (x > fromX && y > fromY && old[x - 1] === now[y - 1]) {
      x -= 1;
      y -= 1;
      parts.push({ kind: "same", text: old[x], place: x });
    }
    if (d === 0) break;
    if (down) parts.push({ kind: "added", text: now[(y -= 1)], place: -1 });
    else parts.push({ kind: "removed", text: old[(x -= 1)], place: x });
  }
  return parts.reverse();
}

const cameFrom = (furthest, k) => [furthest.get(k), furthest.get(k) - k];

/** Put what was removed before what was added in its place, and a space between two changes into the change. */
function tidy(parts) {
  const tidied = [];
  let [removed, added] = [[], []];
  const flush = () => {
    const [first, last] = [[], []];
    // A space that only changed its place among what was removed and added did not change.
    while (sameSpace(removed.at(-1), added.at(-1)) && added.pop()) last.unshift(kept(removed.pop()));
    while (sameSpace(removed[0], added[0]) && added.shift()) first.push(kept(removed.shift()));
    tidied.push(...first, ...removed, ...added, ...last);
    [removed, added] = [[], []];
  };
  parts.forEach((part, at) => {
    if (part.kind === "removed") removed.push(part);
    else if (part.kind === "added") added.push(part);
    else if (!part.text.trim() && removed.length + added.length && changes(parts, at)) {
      removed.push({ ...part, kind: "removed" });
      added.push({ ...part, kind: "added", place: -1 });
    } else {
      flush();
      tidied.push(part);
    }
  });
  flush();
  return tidied;
}

const sameSpace = (one, other) => one && other && one.text === other.text && !one.text.trim();
const kept = (removed) => ({ ...removed, kind: "same" });

/** Whether words change on both sides of the space at `at`: the whole reads as one change then. */
function changes(parts, at) {
  return at > 0 && at + 1 < parts.length && parts[at - 1].kind !== "same" && parts[at + 1].kind !== "same";
}
