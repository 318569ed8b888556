// What is shown: the evaluations, and the small tools that everything below uses.

const { sets } = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// Texts reach the document only as text nodes and attribute values: nothing is ever parsed as HTML.
function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function fixed(value, places = 1, signed = false) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const text = Math.abs(value) >= 1e9 ? Math.abs(value).toExponential(2)
    : Math.abs(value).toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places });
  const zero = !/[1-9]/.test(text);
  const sign = value < 0 && !zero ? "−" : signed && !zero ? "+" : "";
  return (signed && zero ? "±" : sign) + text;
}

const counted = (number) => number.toLocaleString("en-US");
const finite = (value) => typeof value === "number" && Number.isFinite(value);
const mean = (values) => (values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null);

function quantile(sorted, share) {
  const at = (sorted.length - 1) * share;
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
}

// One test set with its texts looked up. Lengths and search texts are made when they are first asked for.
class TestSet {
  constructor(data) {
    Object.assign(this, data);
    this.found = new Map(); // what was worked out once
  }

  id(segment) { return this.ids.length ? this.ids[segment] : String(segment + 1); }
  source(segment) { return this.sources.length ? this.texts[this.sources[segment]] : null; }
  reference(segment) { return this.references.map((column) => this.texts[column[segment]]); }
  output(system, segment) { return this.texts[this.systems[system].outputs[segment]]; }
  domain(segment) { return this.domains.length ? this.labels[this.domains[segment]] : ""; }
  flags(system, segment) { return this.systems[system].flags.length ? this.systems[system].flags[segment] : 0; }

  decision(system, segment) {
    const { decisions } = this.systems[system];
    return decisions.length && decisions[segment] >= 0 ? this.labels[decisions[segment]] : "";
  }

  draft(system, segment) {
    const { drafts } = this.systems[system];
    if (!drafts.length || drafts[segment] < 0) return null;
    const [text, engine, language, percents, words] = this.drafts[drafts[segment]];
    return { key: drafts[segment], text: this.texts[text], engine, language, percents, words };
  }

  confidence(system, segment) {
    const draft = this.draft(system, segment);
    const known = draft ? draft.percents.filter((value) => value !== null) : [];
    return known.length ? mean(known) / 100 : null;
  }

  confident(system) { // whether any draft of the system has word confidences
    return this.once(`confident ${system}`, () => this.systems[system].drafts.some(
      (place) => place >= 0 && this.drafts[place][3].length));
  }

  score(system, metric, segment) {
    const scores = this.systems[system]?.segments[metric]; // there may be no system, and no metric
    return scores?.length ? scores[segment] : null;
  }

  // Of a metric where less is better the sign turns, so that a gain is always good.
  gain(system, against, metric, segment) {
    const one = this.score(system, metric, segment);
    const two = against < 0 ? null : this.score(against, metric, segment);
    if (one === null || two === null) return null;
    return (one - two) * (this.metrics[metric].better === false ? -1 : 1);
  }

  get lengths() {
    return this.once("lengths", () => {
      const column = this.sources.length ? this.sources : this.references[0] || this.systems[0]?.outputs || [];
      const language = this.sources.length ? this.from : this.to;
      return column.map((place) => wordCount(this.texts[place], language));
    });
  }

  get searched() {
    return this.once("searched", () => {
      const lower = this.texts.map((text) => text.toLocaleLowerCase());
      const columns = [this.sources, ...this.references, ...this.systems.map((system) => system.outputs)];
      return Array.from({ length: this.size }, (_, segment) => columns.filter((column) => column.length)
        .map((column) => lower[column[segment]]).join("\n") + "\n" + this.id(segment).toLocaleLowerCase());
    });
  }

  once(key, make) {
    if (!this.found.has(key)) this.found.set(key, make());
    return this.found.get(key);
  }
}

const testSets = sets.map((data) => new TestSet(data));
const say = (text) => { byId("said").textContent = text; };
