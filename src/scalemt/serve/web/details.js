// The panel that says how one line came about.

import { ask } from "./api.js";
import { el, icon } from "./dom.js";
import { difference } from "./diff.js";
import { level, percent } from "./marks.js";
import { numberOf } from "./output.js";
import { origin, sentence } from "./sentences.js";
import { has, seconds, t } from "./strings.js";

const LOOKED_UP = 1_000; // characters; longer lines are hardly found in a memory

/**
 * @typedef {{language: string, direction: string, sourceLanguage: string, sourceDirection: string, target: string,
 *   memory: boolean, glossary: boolean, running: boolean, profile: string}} About
 */

export class Details {
  /**
   * @param {HTMLElement} root
   * @param {{take: (place: number, text: string) => void, restore: (place: number) => void, keep: (place: number) => void, step: (by: number) => void,
   *   close: () => void, copy: (text: string) => void}} actions
   */
  constructor(root, actions) {
    this.root = root;
    this.actions = actions;
    this.found = new Map(); // matches of the memory by what was looked up
    this.looking = new AbortController();
  }

  /** Forget what the memory held: something was added to it. */
  forget() {
    this.found.clear();
  }

  /** Show a line. @param {import("./line.js").Line[]} lines @param {number} place @param {About} about */
  show(lines, place, about) {
    this.looking.abort();
    const line = lines[place];
    const focus = this.root.contains(document.activeElement) ? document.activeElement.dataset?.focus : null;
    const open = this.root.querySelector("details")?.open ?? false;
    const shown = line && line.told && !line.blank;
    this.root.replaceChildren(
      this.#head(lines, place),
      ...(shown ? this.#body(line, place, about, lines.length, open) : [this.#nothing()]),
    );
    if (focus)
      /** @type {HTMLElement | null} */ (this.root.querySelector(`[data-focus="${CSS.escape(focus)}"]`))?.focus();
  }

  #nothing() {
    return el("p", { class: "details-nothing", text: t("details.nothing") });
  }

  #head(lines, place) {
    const total = lines.filter((line) => !line.blank).length;
    const many = total > 1;
    const title =
      many && lines[place] ? t("details.title.many", { n: numberOf(lines, place), total }) : t("details.title");
    const step = (name, by) =>
      many &&
      el("button", {
        type: "button",
        class: "icon",
        icon: name,
        "aria-label": t(`details.${name}`),
        title: t(`details.${name}`),
        data: { focus: name },
        onclick: () => this.actions.step(by),
      });
    const close = el("button", {
      type: "button",
      class: "icon",
      icon: "close",
      "aria-label": t("details.close"),
      title: t("details.close"),
      onclick: this.actions.close,
    });
    return el(
      "header",
      { class: "details-head" },
      el("h2", { id: "details-title", tabindex: "-1", text: title }),
      step("previous", -1),
      step("next", 1),
      close,
    );
  }

  #body(line, place, about, count, open) {
    const source =
      count > 1 &&
      el("p", {
        class: "details-source",
        lang: about.sourceLanguage || null,
        dir: about.sourceDirection,
        text: line.source,
      });
    const waiting =
      !line.result && about.running && el("p", { class: "details-nothing", text: t("details.waiting") });
    return [
      source,
      waiting,
      el(
        "div",
        { class: "facets" },
        el("div", { class: "facets-main" }, this.#alternatives(line, place, about), this.#why(line)),
        el(
          "div",
          { class: "facets-side" },
          this.#words(line, about),
          this.#terms(line, about),
          this.#matches(line, place, about),
          this.#checks(line),
        ),
      ),
      this.#facts(line, open),
    ].filter(Boolean);
  }

  #alternatives(line, place, about) {
    if (line.pieces)
      return facet("alternatives", el("p", { class: "facet-note", text: t("alternatives.pieces") }));
    const rows = alternatives(line).map((item) => this.#alternative(item, line, place, about));
    return facet(
      "alternatives",
      el("ul", { class: "alternatives" }, ...rows),
      line.mine && this.#own(line, place, about),
    );
  }

  /** What can be done with a text that people put in: keep it, or go back. */
  #own(line, place, about) {
    const keep =
      !line.saved &&
      about.memory &&
      el("button", {
        type: "button",
        class: "primary",
        text: t("edit.keep"),
        title: t("edit.keep.title"),
        data: { focus: "keep" },
        onclick: () => this.actions.keep(place),
      });
    const restore = el("button", {
      type: "button",
      class: "quiet",
      text: t("alternatives.restore"),
      data: { focus: "restore" },
      onclick: () => this.actions.restore(place),
    });
    const why =
      !about.memory && el("p", { class: "facet-note", text: t("edit.no-memory", { profile: about.profile }) });
    return el("div", { class: "own" }, keep, restore, why);
  }

  #alternative(item, line, place, about) {
    const used = item.text === line.text;
    const text = el(
      "p",
      { class: "alternative-text", lang: about.language || null, dir: about.direction },
      ...compared(line.text, item.text, about.language),
    );
    const failed = item.failed.map((told) => el("li", { class: "failed", icon: "fault" }, named(told)));
    const evidence = Object.entries(item.evidence).map(
      ([name, value]) => `${has(`evidence.${name}`) ? t(`evidence.${name}`) : name} ${value.toFixed(2)}`,
    );
    const action = used
      ? el("span", { class: "alternative-used", icon: "check" }, t("alternatives.used"))
      : el("button", {
          type: "button",
          class: "quiet",
          text: t("alternatives.use"),
          data: { focus: `use ${item.text}` },
          "aria-label": t("alternatives.use.label", { text: item.text }),
          onclick: () => this.actions.take(place, item.text),
        });
    return el(
      "li",
      { class: `alternative${used ? " used" : ""}` },
      el(
        "div",
        { class: "alternative-head" },
        el("span", { class: "alternative-origin", text: item.names.join(" · ") }),
        action,
      ),
      text,
      failed.length > 0 && el("ul", { class: "alternative-failed" }, ...failed),
      evidence.length > 0 && el("p", { class: "facet-small", text: t("evidence.title") + evidence.join(" · ") }),
    );
  }

  #why(line) {
    const told = (line.told.decisions ?? []).map((decision) => el("li", { text: sentence(decision) }));
    if (line.result?.error) told.push(el("li", { text: line.result.error }));
    const list = told.length
      ? el("ul", { class: "reasons" }, ...told)
      : el("p", { class: "facet-note", text: t("why.none") });
    return facet("why", list);
  }

  #words(line, about) {
    if (!line.standing) return null;
    const known = line.words.filter((word) => word.confidence !== null);
    if (!known.length) return facet("words", el("p", { class: "facet-note", text: t("words.unknown") }));
    const doubtful = known.filter((word) => level(word.confidence) !== "high");
    if (!doubtful.length) return facet("words", el("p", { class: "facet-note", text: t("words.none") }));
    const rows = doubtful
      .sort((one, other) => one.confidence - other.confidence)
      .slice(0, 12)
      .map((word) =>
        el(
          "li",
          {},
          el("span", {
            class: `sure ${level(word.confidence)}`,
            lang: about.language || null,
            dir: about.direction,
            text: word.text,
          }),
          ` ${percent(word.confidence)} %`,
        ),
      );
    return facet("words", el("ul", { class: "words" }, ...rows));
  }

  #terms(line, about) {
    const uses = line.result?.terms ?? [];
    if (!uses.length)
      return about.glossary ? facet("terms", el("p", { class: "facet-note", text: t("terms.none") })) : null;
    return facet("terms", el("ul", { class: "terms" }, ...uses.map((use) => term(use, about))));
  }

  /** What the generalist was shown of the memory, and, looked up now, what else the memory holds. */
  #matches(line, place, about) {
    const shown = line.result?.matches ?? [];
    if (!about.memory && !shown.length) return null;
    const list = el("ul", { class: "matches" });
    const note = el("p", { class: "facet-note" });
    const put = (matches) => {
      const rows = unique([...matches, ...shown]).map((match) => this.#match(match, line, place, about));
      list.replaceChildren(...rows);
      note.textContent = rows.length ? "" : t("matches.none");
      note.hidden = rows.length > 0;
    };
    put([]);
    if (about.memory && about.sourceLanguage && line.source.length <= LOOKED_UP)
      this.#lookUp(line, about, note, put);
    return facet("matches", list, note);
  }

  async #lookUp(line, about, note, put) {
    const { sourceLanguage: source, target, profile } = about;
    const json = { text: line.source, source, target, profile };
    const wanted = JSON.stringify(json);
    const known = this.found.get(wanted);
    if (known) return put(known);
    if (!note.hidden) note.textContent = t("matches.looking");
    this.looking = new AbortController();
    try {
      // Sent as a body: addresses are what proxies between write down.
      const { matches } = await ask("v1/memory/matches", { method: "POST", json, signal: this.looking.signal });
      this.found.set(wanted, matches);
      put(matches);
    } catch {
      put([]); // what was shown to the generalist stands there; that the memory says no more is no fault of the page
    }
    return undefined;
  }

  #match(match, line, place, about) {
    const used = match.target === line.text;
    const use =
      !used &&
      el("button", {
        type: "button",
        class: "quiet",
        text: t("alternatives.use"),
        data: { focus: `match ${match.target}` },
        "aria-label": t("matches.use.label", { text: match.target }),
        onclick: () => this.actions.take(place, match.target),
      });
    return el(
      "li",
      { class: "match" },
      el(
        "div",
        { class: "alternative-head" },
        el("span", { class: "match-score", text: t("matches.score", { percent: Math.floor(match.score) }) }),
        el("span", { class: "match-memory", text: match.memory }),
        used ? el("span", { class: "alternative-used", icon: "check" }, t("alternatives.used")) : use,
      ),
      el("p", {
        class: "match-source",
        lang: about.sourceLanguage || null,
        dir: about.sourceDirection,
        text: match.source,
      }),
      el("p", { class: "match-target", lang: about.language || null, dir: about.direction, text: match.target }),
    );
  }

  #checks(line) {
    const checks = line.told.checks ?? [];
    if (!checks.length) return null;
    const failed = checks.filter((check) => !check.passed);
    const name = (check) => (has(`check.${check.name}`) ? t(`check.${check.name}`) : check.name);
    if (failed.length) {
      const rows = failed.map((check) =>
        el("li", { class: "failed", icon: "fault" }, `${name(check)}: ${check.detail}`),
      );
      return facet("checks", el("ul", { class: "checks" }, ...rows));
    }
    const passed = el(
      "p",
      { class: "facet-note passed", icon: "check", title: [...new Set(checks.map(name))].join(", ") },
      t("checks.passed", { n: checks.length }),
    );
    return facet("checks", passed);
  }

  #facts(line, open) {
    const told = line.told;
    const usage = told.usage ?? {};
    const tokens = usage.calls
      ? t("facts.tokens.value", { sent: usage.prompt_tokens, got: usage.completion_tokens })
      : usage.cached
        ? t("facts.cached")
        : "";
    const rows = [
      ["method", told.method],
      ["specialist", told.draft?.engine ?? ""],
      ["seconds", told.seconds === undefined ? "" : seconds(told.seconds)],
      ["demonstrations", told.demonstrations ? String(told.demonstrations) : ""],
      ["tokens", tokens],
      ["cost", usage.cost ? usage.cost.toPrecision(3) : ""],
    ].filter(([, value]) => value);
    const copy = el("button", {
      type: "button",
      class: "icon",
      icon: "copy",
      "aria-label": t("facts.copy"),
      title: t("facts.copy"),
      onclick: () => this.actions.copy(told.signature),
    });
    return el(
      "details",
      { class: "facts", open },
      el(
        "summary",
        {},
        t("facts.title"),
        el("span", {
          class: "facts-short",
          text: rows
            .map(([, value]) => value)
            .slice(0, 3)
            .join(" · "),
        }),
      ),
      el(
        "dl",
        {},
        ...rows.flatMap(([name, value]) => [el("dt", { text: t(`facts.${name}`) }), el("dd", { text: value })]),
      ),
      told.signature &&
        el(
          "div",
          { class: "signature" },
          el("span", { class: "facet-small", text: t("facts.signature") }),
          el("code", { text: told.signature }),
          copy,
        ),
    );
  }
}

function facet(name, ...children) {
  return el(
    "section",
    { class: `facet facet-${name}`, "aria-labelledby": `facet-${name}` },
    el("h3", { id: `facet-${name}`, text: t(`${name}.title`) }),
    ...children,
  );
}

/** Return the texts that could stand there, each once, with the names of all that wrote it. */
export function alternatives(line) {
  const texts = new Map();
  const add = (text, name, failed = [], evidence = {}) => {
    if (!text) return;
    const found = texts.get(text);
    if (!found) texts.set(text, { text, names: [name], failed, evidence });
    else if (!found.names.includes(name)) found.names.push(name);
  };
  if (line.mine) add(line.mine.text, t("alternatives.mine"));
  const candidates = line.told.candidates ?? [];
  for (const item of candidates) add(item.text, origin(item.origin), item.failed, item.evidence);
  if (!candidates.length) add(line.told.translation, origin(line.told.method));
  const items = [...texts.values()];
  // A text that people chose among the candidates is no edit of theirs.
  for (const item of items)
    if (item.names.length > 1) item.names = item.names.filter((name) => name !== t("alternatives.mine"));
  return items;
}

/** Return a text with the words marked that another has not. */
function compared(text, other, language) {
  const parts = text === other || !text ? null : difference(text, other, language);
  if (!parts) return [other];
  return parts
    .filter((part) => part.kind !== "removed")
    .map((part) => (part.kind === "added" && part.text.trim() ? el("b", { text: part.text }) : part.text));
}

/** Name the check in "numbers: 3 became 4" as the page names it. */
function named(told) {
  const [, name, detail] = /^(\w+): (.*)$/s.exec(told) ?? [];
  return name && has(`check.${name}`) ? `${t(`check.${name}`)}: ${detail}` : told;
}

function term(use, about) {
  const bad = use.state === "missed" || use.status === "deprecated" || use.status === "forbidden";
  const state = t(`terms.${use.state}`);
  const told =
    use.status === "deprecated" || use.status === "forbidden"
      ? t("terms.doubtful", { state, status: use.status })
      : state;
  const found = use.found && use.found !== use.target ? ` (${use.found})` : "";
  return el(
    "li",
    { class: `term ${bad ? "bad" : "good"}` },
    el("span", { lang: about.sourceLanguage || null, text: use.source }),
    icon("next"),
    el("span", { lang: about.language || null, text: use.target }),
    el("span", { class: "term-state", icon: bad ? "fault" : "check" }, told + found),
  );
}

function unique(matches) {
  const seen = new Map();
  for (const match of matches) {
    const key = `${match.source}\n${match.target}`;
    if (!seen.has(key) || seen.get(key).score < match.score) seen.set(key, match);
  }
  return [...seen.values()].sort((one, other) => other.score - one.score).slice(0, 6);
}
