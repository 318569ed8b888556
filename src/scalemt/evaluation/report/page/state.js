// What the reader has chosen. It lives in the address, so that a link leads to the same view.

const FILTERS = { q: "", order: "", from: "", to: "", cfrom: "", cto: "", decision: "", domain: "", flag: "" };
const DEFAULTS = {
  set: "0", metric: "", system: "", against: "", compare: "", removed: "", shown: "", size: "", page: "1",
  segment: "", ...FILTERS,
};
const state = { ...DEFAULTS };

function readHash() {
  if (location.hash.length > 1 && !location.hash.includes("=")) return; // the anchor of a heading
  Object.assign(state, DEFAULTS);
  let given;
  try {
    given = new URLSearchParams(location.hash.slice(1));
  } catch (fault) { return; }
  for (const key of Object.keys(DEFAULTS)) if (given.has(key)) state[key] = given.get(key);
  for (const key of ["from", "to", "cfrom", "cto"]) if (Number.isNaN(Number(state[key]))) state[key] = "";
}

function writeHash() {
  const chosen = Object.entries(state).filter(([key, value]) => value !== DEFAULTS[key]);
  const hash = `#${new URLSearchParams(chosen)}`;
  if (location.hash === hash || (!chosen.length && !location.hash)) return;
  try {
    history.replaceState(null, "", hash);
  } catch (fault) { location.hash = hash; }
}

// What the choices mean in the test set that is shown; names that it lacks fall back to the default.
const view = {
  get set() { return testSets[Number(state.set)] || testSets[0]; },
  get metric() {
    const { metrics } = this.set;
    const chosen = metrics.findIndex((metric) => metric.name === state.metric);
    // Where none is chosen, the first that says which system is better.
    return chosen >= 0 ? chosen : Math.max(0, metrics.findIndex((metric) => metric.better !== null));
  },
  get metricInfo() { return this.set.metrics[this.metric] || { name: "score", better: true, places: 1 }; },
  get against() {
    const { systems, baseline } = this.set;
    const chosen = systems.findIndex((system) => system.name === state.against);
    return chosen >= 0 ? chosen : systems.findIndex((system) => system.name === baseline);
  },
  get system() {
    const { systems } = this.set;
    const chosen = systems.findIndex((system) => system.name === state.system);
    return chosen >= 0 ? chosen : this.ranked().find((number) => number !== this.against) ?? 0;
  },
  ranked() { // systems from best to worst on the chosen metric, the undefined ones last
    const way = this.metricInfo.better === false ? 1 : -1;
    const worth = (number) => {
      const score = this.set.systems[number].scores[this.metric];
      return finite(score) ? way * score : Infinity;
    };
    return this.set.systems.map((_, number) => number).sort((one, two) => worth(one) - worth(two) || one - two);
  },
  get shown() { // systems side by side in the browser: those chosen, else the pair compared and the best others
    const { systems } = this.set;
    if (state.shown) {
      const names = new Set(state.shown.split("\t"));
      return systems.map((_, number) => number).filter((number) => names.has(systems[number].name));
    }
    const first = [this.against, this.system].filter((number) => number >= 0 && systems[number]);
    return [...new Set([...first, ...this.ranked()])].slice(0, Math.max(4, first.length)).sort((a, b) => a - b);
  },
};

const scored = (value, signed = false) => fixed(value, view.metricInfo.places, signed);

const listeners = [];
function onChange(listener) { listeners.push(listener); }

// What decides which segments are listed: after such a change the list begins anew.
const LISTING = new Set([...Object.keys(FILTERS), "set", "metric", "system", "against", "size"]);

// Listeners are told the names of what changed, so that they can leave alone what does not depend on it.
function change(values) {
  const changed = Object.keys(values);
  if (changed.some((key) => LISTING.has(key))) Object.assign(state, { page: "1", segment: "" });
  Object.assign(state, values);
  writeHash();
  for (const listener of listeners) listener(new Set(changed));
}
