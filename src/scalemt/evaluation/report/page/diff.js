// Word-level differences of two texts by their longest common subsequence.

const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const segmenters = new Map();

// Words and signs, each with the space behind it: only the words are compared, and all join to the text again.
// Scripts without spaces are cut by the browser.
function tokens(text, language) {
  const segmenter = UNSPACED.test(text) ? segmenterFor(language) : null;
  const parts = segmenter ? Array.from(segmenter.segment(text), (part) => part.segment)
    : text.match(/\s+|[\p{L}\p{M}\p{N}]+|[^\s\p{L}\p{M}\p{N}]/gu) || [];
  const found = [];
  for (const part of parts) {
    if (part.trim()) found.push({ word: part, space: "" });
    else if (found.length) found[found.length - 1].space += part;
    else found.push({ word: "", space: part });
  }
  return found;
}

function wordCount(text, language) {
  if (!UNSPACED.test(text)) return text.split(/\s+/u).filter(Boolean).length;
  return tokens(text, language).filter(({ word }) => /[\p{L}\p{N}]/u.test(word)).length;
}

function segmenterFor(language) {
  if (!("Segmenter" in Intl)) return null;
  if (!segmenters.has(language)) {
    let made;
    try {
      made = new Intl.Segmenter(language || undefined, { granularity: "word" });
    } catch (fault) { // a tag that the browser does not take
      made = new Intl.Segmenter(undefined, { granularity: "word" });
    }
    segmenters.set(language, made);
  }
  return segmenters.get(language);
}

const LARGEST = 4e6; // cells of the table; beyond, all between the common ends counts as replaced

// Returns runs { kind, text, space } that tell how `before` becomes `after`: "same", "added" and "removed". The
// space belongs behind the run; runs that are not "removed" join to `after`.
function difference(before, after, language = "") {
  const [one, two] = [tokens(before, language), tokens(after, language)];
  const same = (row, column) => one[row].word === two[column].word;
  let start = 0;
  while (start < one.length && start < two.length && same(start, start)) start += 1;
  let end = 0;
  const room = Math.min(one.length, two.length) - start;
  while (end < room && same(one.length - 1 - end, two.length - 1 - end)) end += 1;
  const [left, right] = [one.slice(start, one.length - end), two.slice(start, two.length - end)];
  const kept = (tokensOf) => tokensOf.map((token) => ["same", token]);
  const middle = left.length * right.length > LARGEST
    ? [...left.map((token) => ["removed", token]), ...right.map((token) => ["added", token])] : align(left, right);
  return runs([...kept(two.slice(0, start)), ...middle, ...kept(two.slice(two.length - end))]);
}

function align(one, two) {
  const width = two.length + 1;
  const best = new Uint16Array((one.length + 1) * width); // longest common subsequence of what follows
  for (let row = one.length - 1; row >= 0; row -= 1) {
    for (let column = two.length - 1; column >= 0; column -= 1) {
      best[row * width + column] = one[row].word === two[column].word ? best[(row + 1) * width + column + 1] + 1
        : Math.max(best[(row + 1) * width + column], best[row * width + column + 1]);
    }
  }
  const found = [];
  let [row, column] = [0, 0];
  while (row < one.length || column < two.length) {
    const [inOne, inTwo] = [row < one.length, column < two.length];
    if (inOne && inTwo && one[row].word === two[column].word) {
      found.push(["same", two[column]]);
      [row, column] = [row + 1, column + 1];
    } else if (inOne && (!inTwo || best[(row + 1) * width + column] >= best[row * width + column + 1])) {
      found.push(["removed", one[row]]);
      row += 1;
    } else {
      found.push(["added", two[column]]);
      column += 1;
    }
  }
  return found;
}

function runs(parts) {
  const grouped = [];
  for (const [kind, { word, space }] of parts) {
    const last = grouped[grouped.length - 1];
    if (last && last.kind === kind) {
      last.text += last.space + word;
      last.space = space;
    } else grouped.push({ kind, text: word, space });
  }
  return grouped;
}
