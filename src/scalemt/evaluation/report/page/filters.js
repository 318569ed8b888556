// Which segments are listed, and in which order.

const ORDERS = {
  "": "as in the test set",
  gain: "largest gain",
  loss: "largest loss",
  disagreement: "largest disagreement of systems",
  low: "lowest score",
  high: "highest score",
  long: "longest source",
  short: "shortest source",
};

function bound(text, otherwise) {
  const value = Number(text);
  return text === "" || Number.isNaN(value) ? otherwise : value;
}

function chosenSegments() {
  const { set } = view;
  const tests = activeTests(set);
  const found = [];
  for (let segment = 0; segment < set.size; segment += 1) {
    if (tests.every((test) => test(segment))) found.push(segment);
  }
  return ordered(found);
}

function activeTests(set) {
  const { system } = view;
  const tests = [];
  const words = state.q.toLocaleLowerCase().trim();
  if (words) tests.push((segment) => set.searched[segment].includes(words));
  if (state.from || state.to) {
    const [from, to] = [bound(state.from, 0), bound(state.to, Infinity)];
    tests.push((segment) => set.lengths[segment] >= from && set.lengths[segment] <= to);
  }
  if (state.cfrom || state.cto) {
    const [from, to] = [bound(state.cfrom, 0), bound(state.cto, 1)];
    const judged = confidenceSystem(set, system);
    tests.push((segment) => {
      const value = judged < 0 ? null : set.confidence(judged, segment);
      return value !== null && value >= from && value <= to;
    });
  }
  if (state.decision) tests.push((segment) => set.decision(system, segment) === state.decision);
  if (state.domain) tests.push((segment) => set.domain(segment) === state.domain);
  if (state.flag) tests.push((segment) => (set.flags(system, segment) & Number(state.flag)) !== 0);
  return tests;
}

// The system whose confidences the filter is about: the chosen one, or the first that has any.
function confidenceSystem(set, system) {
  if (set.systems[system] && set.confident(system)) return system;
  return set.systems.findIndex((_, number) => set.confident(number));
}

function ordered(segments) {
  const { set, metric, system, against } = view;
  const score = (segment) => (set.systems[system] ? set.score(system, metric, segment) : null);
  const keys = {
    gain: (segment) => set.gain(system, against, metric, segment),
    loss: (segment) => negative(set.gain(system, against, metric, segment)),
    disagreement: (segment) => disagreement(set, metric, segment),
    low: (segment) => negative(score(segment)),
    high: score,
    long: (segment) => set.lengths[segment],
    short: (segment) => -set.lengths[segment],
  };
  const key = keys[state.order];
  if (!key) return segments;
  const worth = new Map(segments.map((segment) => [segment, key(segment) ?? -Infinity]));
  return segments.sort((one, two) => {
    const [a, b] = [worth.get(one), worth.get(two)];
    return a === b ? one - two : b > a ? 1 : -1;
  });
}

const negative = (value) => (value === null ? null : -value);

// Standard deviation of the systems' scores of one segment.
function disagreement(set, metric, segment) {
  const scores = set.systems.map((_, system) => set.score(system, metric, segment)).filter(finite);
  if (scores.length < 2) return null;
  const centre = mean(scores);
  return Math.sqrt(mean(scores.map((value) => (value - centre) ** 2)));
}

function options(select, choices, chosen) {
  select.replaceChildren(...choices.map(([value, text]) => el("option", { value }, text)));
  select.value = choices.some(([value]) => value === chosen) ? chosen : choices[0]?.[0] ?? "";
}

function tally(values) {
  const counts = new Map();
  for (const value of values) if (value) counts.set(value, (counts.get(value) || 0) + 1);
  return [...counts].sort((one, two) => two[1] - one[1] || (one[0] < two[0] ? -1 : 1));
}

const withCounts = (pairs) => [["", "any"], ...pairs.map(([value, count]) => [value, `${value} (${counted(count)})`])];

// Fills the controls from the state: after a link was followed, and when the test set or the system changed.
function fillFilters() {
  const { set, system } = view;
  const segments = Array.from({ length: set.size }, (_, segment) => segment);
  const named = set.systems[system];
  options(byId("order"), Object.entries(ORDERS), state.order);
  const decisions = withCounts(named ? tally(segments.map((segment) => set.decision(system, segment))) : []);
  options(byId("decision"), decisions, state.decision);
  options(byId("domain"), withCounts(tally(segments.map((segment) => set.domain(segment)))), state.domain);
  const flags = [[1, "truncated"], [2, "failed"], [4, "empty"]].map(([bit, name]) => [String(bit), name, segments.filter(
    (segment) => named && set.flags(system, segment) & bit).length]).filter(([, , count]) => count);
  options(byId("flag"), [["", "any"], ...flags.map(([bit, name, count]) => [bit, `${name} (${counted(count)})`])], state.flag);
  // A choice that this test set or system does not offer would hide everything and could not be seen.
  for (const key of ["order", "decision", "domain", "flag"]) state[key] = byId(key).value;
  for (const [id, few] of [["decision", 2], ["domain", 2], ["flag", 2]]) {
    byId(`${id}-label`).hidden = byId(id).options.length < few;
  }
  const judged = confidenceSystem(set, system);
  byId("confidence").hidden = judged < 0;
  if (judged >= 0) byId("confidence").querySelector("legend").textContent = `Mean confidence (${set.systems[judged].name})`;
  options(byId("compare"), comparisons(set), state.compare);
  state.compare = byId("compare").value;
  fillInputs();
  fillShown(set);
}

function comparisons(set) {
  const { against } = view;
  const choices = [];
  if (against >= 0) choices.push(["", set.systems[against].name]);
  set.references.forEach((_, number) => choices.push([`r${number}`, set.references.length > 1 ? `reference ${number + 1}` : "reference"]));
  if (set.systems.some((system) => system.drafts.length)) choices.push(["draft", "the system's draft"]);
  choices.push(["none", "nothing"]);
  // Where there is no system to compare with, the empty choice (the default) is the first that there is.
  return against >= 0 ? choices : choices.map(([value, text], number) => [number ? value : "", text]);
}

const INPUTS = { query: "q", "words-from": "from", "words-to": "to", "confidence-from": "cfrom", "confidence-to": "cto" };

function fillInputs() {
  for (const [id, key] of Object.entries(INPUTS)) if (byId(id).value !== state[key]) byId(id).value = state[key];
  byId("removed").checked = state.removed === "1";
}

function fillShown(set) {
  byId("shown-systems").replaceChildren(el("legend", { class: "unseen" }, "Systems shown"), ...set.systems.map((system, number) => el("label", { class: "check" },
    el("input", { type: "checkbox", value: String(number) }), system.name)));
  markShown();
}

function markShown() {
  const { shown, set } = view;
  all("input", byId("shown-systems")).forEach((input) => { input.checked = shown.includes(Number(input.value)); });
  byId("shown").querySelector("summary").textContent = `Systems shown (${shown.length} of ${set.systems.length})`;
}

function startFilters() {
  let waiting = 0;
  const inputValues = () => Object.fromEntries(Object.entries(INPUTS).map(([id, key]) => [key, byId(id).value]));
  for (const id of Object.keys(INPUTS)) {
    byId(id).addEventListener("input", () => { // typing must not redraw at each key
      clearTimeout(waiting);
      waiting = setTimeout(() => change(inputValues()), 120);
    });
  }
  for (const id of ["order", "decision", "domain", "flag", "compare"]) {
    byId(id).addEventListener("change", () => change({ [id]: byId(id).value }));
  }
  byId("removed").addEventListener("change", () => change({ removed: byId("removed").checked ? "1" : "" }));
  byId("shown-systems").addEventListener("change", () => {
    const names = all("input:checked", byId("shown-systems")).map((input) => view.set.systems[Number(input.value)].name);
    change({ shown: names.join("\t") });
    markShown();
  });
  byId("reset").addEventListener("click", () => { change({ ...FILTERS }); fillFilters(); });
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
}
