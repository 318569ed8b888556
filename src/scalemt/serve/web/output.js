// The pane of the translation: a row a line, redrawn once a frame where something changed.

import { el } from "./dom.js";
import { level, marks, percent } from "./marks.js";
import { t } from "./strings.js";

/**
 * @typedef {{changes: boolean, confidence: boolean, language: string, direction: string, open: boolean}} View
 */

export class Output {
  /**
   * @param {HTMLElement} root
   * @param {{select: (place: number) => void}} options
   */
  constructor(root, options) {
    this.root = root;
    this.options = options;
    this.lines = [];
    this.rows = [];
    this.dirty = new Set();
    this.frame = 0;
    this.at = 0;
    this.chosen = -1;
    this.editor = null;
    /** @type {View} */
    this.view = { changes: true, confidence: true, language: "", direction: "ltr", open: false };
    root.addEventListener("keydown", (event) => this.#key(event));
    root.addEventListener("click", (event) => this.#click(event));
    this.draw();
  }

  /** Show lines, all of them. */
  show(lines, view = {}) {
    Object.assign(this.view, view);
    if (this.editor && lines[this.editor.place]?.source !== this.editor.source) this.closeEditor();
    this.lines = lines;
    lines.forEach((_, place) => this.dirty.add(place));
    this.#soon();
  }

  /** Show one line anew. */
  renew(place) {
    this.dirty.add(place);
    this.#soon();
  }

  /** Mark the line whose details are shown; -1 for none. */
  choose(place) {
    const before = this.chosen;
    this.chosen = place;
    if (place >= 0) this.at = place;
    for (const row of [before, place]) if (row >= 0) this.renew(row);
  }

  /** Put an editor in the place of a line. */
  openEditor(place, form) {
    this.closeEditor();
    this.editor = { place, form, source: this.lines[place].source };
    this.dirty.add(place);
    this.draw();
  }

  closeEditor() {
    const was = this.editor;
    this.editor = null;
    if (!was) return;
    was.form.remove();
    if (this.lines[was.place]) this.renew(was.place);
  }

  #soon() {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.draw());
  }

  /** Bring the page up to date. */
  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const empty = this.lines.every((line) => line.blank);
    this.root.classList.toggle("empty", empty);
    this.root.dataset.size = size(this.lines);
    if (empty) {
      this.rows = [];
      this.root.replaceChildren(el("p", { class: "placeholder", text: t("target.placeholder") }));
      return;
    }
    if (!this.rows.length) this.root.replaceChildren();
    while (this.rows.length > this.lines.length) this.rows.pop().remove();
    while (this.rows.length < this.lines.length) {
      const row = el("div", { class: "line", data: { place: String(this.rows.length) } });
      this.rows.push(row);
      this.root.append(row);
      this.dirty.add(this.rows.length - 1);
    }
    for (const place of this.dirty) if (this.lines[place]) this.#row(place);
    this.dirty.clear();
  }

  #row(place) {
    const [line, row] = [this.lines[place], this.rows[place]];
    const waits = line.stage === "waiting" && !line.told && !line.mine;
    row.dataset.stage = line.blank ? "blank" : waits && line.before ? "before" : line.stage;
    row.classList.toggle("chosen", place === this.chosen);
    const focused = row.contains(document.activeElement);
    if (this.editor?.place === place) {
      if (row.firstChild !== this.editor.form) row.replaceChildren(this.editor.form);
      return;
    }
    if (line.blank) return row.replaceChildren(el("br"));
    const { language, direction } = this.view;
    const text = el("p", { class: "line-text", lang: language || null, dir: direction });
    if (waits) text.textContent = line.before;
    else text.append(...this.#pieces(line));
    row.replaceChildren(text, ...this.#failure(line), this.#aside(line, place));
    if (focused) this.#button(place)?.focus();
    return undefined;
  }

  /** Return the text of a line as nodes: bare text where nothing is to be marked. */
  #pieces(line) {
    const nodes = [];
    let bare = "";
    const flush = () => {
      if (bare) nodes.push(document.createTextNode(bare));
      bare = "";
    };
    for (const piece of joined(marks(line, this.view))) {
      const node = marked(piece);
      if (node) {
        flush();
        nodes.push(node);
      } else bare += piece.text;
    }
    flush();
    return nodes;
  }

  #failure(line) {
    if (line.stage !== "failed") return [];
    return [el("p", { class: "line-failure", icon: "fault" }, t("line.failed", { reason: line.result.error }))];
  }

  #aside(line, place) {
    const chips = chipsOf(line).map((name) => el("span", { class: `chip ${name}`, text: t(`chip.${name}`) }));
    const button = el("button", {
      type: "button",
      class: "icon line-more",
      icon: "details",
      tabindex: place === this.at ? "0" : "-1",
      "aria-expanded": String(this.view.open && place === this.chosen),
      "aria-controls": "details",
      "aria-label":
        this.lines.length > 1 ? t("line.details", { n: numberOf(this.lines, place) }) : t("line.details.one"),
      onclick: () => this.options.select(place),
    });
    return el("span", { class: "line-aside" }, ...chips, button);
  }

  #button(place) {
    return /** @type {HTMLElement | null} */ (this.rows[place]?.querySelector(".line-more"));
  }

  #click(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.closest("button, form, a") || String(window.getSelection() ?? "").trim()) return;
    const row = /** @type {HTMLElement | null} */ (target.closest(".line"));
    if (row && this.view.open && !this.lines[Number(row.dataset.place)]?.blank)
      this.options.select(Number(row.dataset.place));
  }

  /** Arrows move from line to line; Enter opens details, since it presses the button that has the focus. */
  #key(event) {
    if (/** @type {HTMLElement} */ (event.target).closest("form")) return;
    const inside = event.target !== this.root;
    const step = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    const open = [...this.rows.keys()].filter((place) => this.#button(place));
    if (!open.length) return;
    const here = inside ? open.indexOf(this.at) : step > 0 ? -1 : 0;
    const next = open[Math.max(0, Math.min(open.length - 1, here + step))];
    event.preventDefault();
    this.#button(this.at)?.setAttribute("tabindex", "-1");
    this.at = next;
    this.#button(next).setAttribute("tabindex", "0");
    this.#button(next).focus();
  }
}

/** Return the number of a line among those that hold a text, from 1. */
export function numberOf(lines, place) {
  return lines.slice(0, place + 1).filter((line) => !line.blank).length;
}

/** Return the largest type that leaves a text readable at one look. */
function size(lines) {
  const length = lines.reduce((sum, line) => sum + line.source.length, 0);
  if (length <= 180) return "large";
  return length <= 900 ? "medium" : "small";
}

function chipsOf(line) {
  const found = [];
  if (line.saved) found.push("saved");
  else if (line.mine) found.push(line.mine.kind);
  if (!line.mine && line.remembered) found.push("memory");
  if (!line.mine && line.refusal && line.stage === "done") found.push("draft-kept");
  if (!line.mine && (line.result?.terms ?? []).some((use) => use.state === "missed")) found.push("terms");
  return found;
}

/** Put neighbours of one kind together, so that a change of several words is one change. */
function joined(pieces) {
  const found = [];
  for (const piece of pieces) {
    const last = found.at(-1);
    const alike = last && last.kind === piece.kind && piece.kind !== "same";
    if (alike) found[found.length - 1] = { ...last, text: last.text + piece.text };
    else found.push(piece);
  }
  return found;
}

/** Return the element of a piece, or null where it is shown as it is. */
function marked({ text, kind, confidence }) {
  if (kind === "added") return el("ins", { text });
  if (kind === "removed") return el("del", { text });
  const sure = level(confidence);
  if (sure !== "low" && sure !== "medium") return null;
  const told = t("confidence.word", { percent: percent(confidence) });
  return el("span", { class: `sure ${sure}`, title: told, "aria-description": told, text });
}

/** What the marks of a name mean, in their own look. */
export function sample(name) {
  const word = (kind) => el("span", { class: `sure ${kind}`, text: t(`confidence.${kind}`) });
  const [one, other] =
    name === "confidence"
      ? [word("medium"), word("low")]
      : [el("ins", { text: t("changes.added") }), el("del", { text: t("changes.removed") })];
  return [t(`${name}.legend`), " ", one, " ", other];
}

/** Which marks could be shown: of confidence, of changes. */
export function markable(lines) {
  const open = lines.filter((line) => !line.mine && !line.blank);
  const doubtful = (word) => word.confidence !== null && level(word.confidence) !== "high";
  return {
    confidence: open.some((line) => line.words.some(doubtful)),
    changes: open.some((line) => line.refined && line.standing),
  };
}
