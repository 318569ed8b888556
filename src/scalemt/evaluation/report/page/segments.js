// The segment browser: one card a segment, texts side by side, differences and confidences marked.

const SIZES = ["10", "25", "50"];
let listed = []; // segments after filters, in order

const pageSize = () => Number(SIZES.includes(state.size) ? state.size : SIZES[0]);
const pages = () => Math.max(1, Math.ceil(listed.length / pageSize()));
const page = () => Math.min(pages(), Math.max(1, Math.floor(Number(state.page)) || 1));

function segmentOf(id) {
  const { set } = view;
  const places = set.once("places", () => new Map(Array.from({ length: set.size }, (_, segment) => [set.id(segment), segment]).reverse()));
  return places.has(id) ? places.get(id) : -1;
}

function listSegments() {
  listed = chosenSegments();
  const current = listed.indexOf(state.segment ? segmentOf(state.segment) : -1);
  if (current >= 0) state.page = String(Math.floor(current / pageSize()) + 1);
}

function drawSegments() {
  const first = (page() - 1) * pageSize();
  const part = listed.slice(first, first + pageSize());
  byId("list").replaceChildren(...part.map(card));
  byId("list").start = first + 1;
  const { set } = view;
  const range = part.length ? `, ${counted(first + 1)} to ${counted(first + part.length)} shown` : "";
  byId("count").textContent = `${counted(listed.length)} of ${counted(set.size)} segments${range}`;
  if (!part.length) byId("list").append(el("li", { class: "nothing" }, "No segment passes all filters. Widen one, or reset them."));
  all(".pager").forEach((place, number) => drawPager(place, number));
  drawLegend();
  markCurrent(false);
}

function drawPager(place, number) {
  const [at, last] = [page(), pages()];
  const step = (target, text, name) => el("button", {
    type: "button", "aria-label": name, disabled: target < 1 || target > last,
    onclick: () => turn(target),
  }, text);
  const size = el("select", { "aria-label": "Segments a page", onchange: (event) => change({ size: event.target.value, page: "1", segment: "" }) },
    ...SIZES.map((value) => el("option", { value, selected: Number(value) === pageSize() }, `${value} a page`)));
  const jump = el("input", {
    type: "number", min: "1", max: String(last), value: String(at), "aria-label": `Page, of ${last}`,
    onchange: (event) => turn(Number(event.target.value)),
  });
  // Redrawing must not throw the keyboard focus away: it goes to the same control of the new pager.
  const held = place.contains(document.activeElement) ? [...place.children].indexOf(document.activeElement) : -1;
  place.replaceChildren(step(at - 1, "‹", "Previous page"), jump, el("span", {}, `of ${counted(last)}`), step(at + 1, "›", "Next page"), ...(number ? [] : [size]));
  const control = place.children[held];
  if (control) (control.disabled ? place.querySelector("button:enabled, input") : control).focus();
}

function turn(target) {
  change({ page: String(Math.min(pages(), Math.max(1, Math.floor(target) || 1))), segment: "" });
}

function card(segment) {
  const { set, system, against, metric } = view;
  const info = view.metricInfo;
  const gain = set.gain(system, against, metric, segment);
  const id = set.id(segment);
  const facts = [set.domain(segment), `${counted(set.lengths[segment])} ${set.lengths[segment] === 1 ? "word" : "words"}`];
  const told = facts.filter(Boolean).join(" · ");
  const won = finite(gain) && system !== against ? el("span", { class: `gain ${direction(gain, info)}` },
    `${set.systems[system].name} ${scored(gain, true)} ${info.name}`) : null;
  const open = () => goTo(segment, true);
  return el("li", { class: "segment", "data-segment": String(segment), tabindex: "-1", "aria-label": `Segment ${id}` },
    el("header", {}, el("h3", {}, el("a", { href: `#segment=${encodeURIComponent(id)}`, onclick: (event) => { event.preventDefault(); open(); } }, `Segment ${id}`)),
      el("span", { class: "told" }, told), won),
    el("div", { class: "texts" }, ...given(set, segment), ...outputs(set, segment), ...drafts(set, segment)));
}

function direction(gain, info) {
  if (info.better === null) return "";
  return gain > 0 ? "v-better" : gain < 0 ? "v-worse" : "";
}

function block(kind, who, text, language, below) {
  const words = el("p", { class: "words", lang: language || undefined, dir: "auto" }, ...(Array.isArray(text) ? text : [text]));
  return el("div", { class: `text ${kind}` }, el("p", { class: "who" }, ...who), words, below ? el("p", { class: "below" }, below) : null);
}

function given(set, segment) {
  const blocks = [];
  const source = set.source(segment);
  if (source !== null) blocks.push(block("source", ["Source"], source, set.from));
  set.reference(segment).forEach((text, number) => {
    blocks.push(block("reference", [set.references.length > 1 ? `Reference ${number + 1}` : "Reference"], text, set.to));
  });
  return blocks;
}

function compared(set, system, segment) { // the text that an output is compared with, and its name
  const { against } = view;
  let chosen = state.compare;
  if (!chosen && against < 0) chosen = set.references.length ? "r0" : "draft";
  if (chosen === "none") return null;
  if (chosen === "draft") return set.draft(system, segment)?.text ?? null;
  if (/^r\d+$/u.test(chosen)) return set.reference(segment)[Number(chosen.slice(1))] ?? null;
  return system === against ? null : set.output(against, segment);
}

function outputs(set, segment) {
  return view.shown.map((system) => {
    const text = set.output(system, segment);
    const other = compared(set, system, segment);
    const words = other === null ? [text] : marked(other, text, set.to);
    if (!text.trim()) words.splice(0, words.length, el("em", {}, "empty"));
    return block(`output${system === view.system ? " chosen" : ""}`, who(set, system, segment), words, set.to, below(set, system, segment));
  });
}

function who(set, system, segment) {
  const { metric, against, metricInfo } = view;
  const score = set.score(system, metric, segment);
  const gain = system === against ? null : set.gain(system, against, metric, segment);
  const flags = set.flags(system, segment);
  const parts = [el("strong", {}, set.systems[system].name)];
  if (score !== null) parts.push(el("span", { class: "number" }, scored(score)));
  if (finite(gain)) parts.push(el("span", { class: `number ${direction(gain, metricInfo)}` }, scored(gain, true)));
  if (set.decision(system, segment)) parts.push(el("span", { class: "tag" }, set.decision(system, segment)));
  for (const [bit, name] of [[1, "truncated"], [2, "failed"]]) if (flags & bit) parts.push(el("span", { class: "tag fault" }, name));
  return parts.flatMap((part, number) => (number ? [" ", part] : [part]));
}

function below(set, system, segment) {
  const confidence = set.confidence(system, segment);
  const facts = Object.entries(set.systems[system].facts).filter(([, values]) => values[segment] !== null)
    .map(([name, values]) => `${name.replaceAll("_", " ")} ${values[segment].toLocaleString("en-US", { maximumSignificantDigits: 3 })}`);
  return [...(confidence === null ? [] : [`draft confidence ${confidence.toFixed(2)}`]), ...facts].join(" · ");
}

function marked(before, after, language) {
  const removed = state.removed === "1";
  return difference(before, after, language).flatMap(({ kind, text, space }) => {
    if (kind === "same") return [text + space];
    if (kind === "added") return [el("ins", {}, text), space];
    return removed ? [el("del", {}, text), " "] : [];
  });
}

function drafts(set, segment) {
  const byKey = new Map(); // systems often share a draft
  for (const system of view.shown) {
    const draft = set.draft(system, segment);
    if (draft) byKey.set(draft.key, { ...draft, systems: [...(byKey.get(draft.key)?.systems || []), set.systems[system].name] });
  }
  return [...byKey.values()].map((draft) => block("draft", [
    "Draft of ", draft.systems.join(", "), draft.engine ? ` (${draft.engine})` : "",
  ], coloured(draft), draft.language || set.to));
}

const MOST_WORDS = 3000; // an element a word; a text beyond that is not read word by word

function coloured({ text, percents, words }) {
  const spelled = words.length ? words : text.split(/\s+/u).filter(Boolean);
  if (!percents.length || spelled.length !== percents.length || spelled.length > MOST_WORDS) return [text];
  return spelled.flatMap((word, number) => {
    const percent = percents[number];
    if (percent === null) return [`${word} `];
    const level = Math.min(4, Math.max(0, Math.floor(percent / 20)));
    return [el("span", { class: `q${level}`, title: `confidence ${(percent / 100).toFixed(2)}` }, word), " "];
  });
}

function drawLegend() {
  const { set, shown } = view;
  const parts = [];
  if (state.compare !== "none") {
    const name = byId("compare").selectedOptions[0]?.textContent;
    parts.push(el("ins", {}, "words"), ` not in ${name}`);
    if (state.removed === "1") parts.push("; ", el("del", {}, "words"), " removed");
  }
  if (shown.some((system) => set.confident(system))) {
    parts.push(parts.length ? ". " : "", "Confidence of draft words: ", ...[0, 1, 2, 3, 4].flatMap((level) => [
      el("span", { class: `q${level}` }, level === 4 ? "0.8–1" : `${(level / 5).toFixed(1)}–${((level + 1) / 5).toFixed(1)}`), " "]));
  }
  byId("legend").replaceChildren(...parts);
}

function markCurrent(focus) {
  const current = state.segment ? segmentOf(state.segment) : -1;
  for (const item of all("li.segment", byId("list"))) {
    const here = Number(item.dataset.segment) === current;
    if (here) item.setAttribute("aria-current", "true");
    else item.removeAttribute("aria-current");
    if (here && focus) {
      item.focus({ preventScroll: true });
      item.scrollIntoView({ block: "start" });
    }
  }
}

// Opens a segment; one that the filters hide is shown by lifting them, when `lift` says so.
function goTo(segment, lift = false) {
  if (!listed.includes(segment)) {
    if (!lift) return;
    Object.assign(state, { ...FILTERS, order: state.order });
    fillFilters();
    listSegments();
  }
  const at = Math.floor(listed.indexOf(segment) / pageSize()) + 1;
  change({ segment: view.set.id(segment), page: String(at) });
  markCurrent(true);
}

function stepSegment(step) {
  const current = listed.indexOf(state.segment ? segmentOf(state.segment) : -1);
  const first = (page() - 1) * pageSize();
  const next = current < 0 ? first : current + step;
  if (next >= 0 && next < listed.length) goTo(listed[next]);
}
