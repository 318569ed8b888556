// What was translated before, in this browser alone.

import { el } from "./dom.js";
import { preferences, read, write } from "./store.js";
import { t } from "./strings.js";

const NAME = "scalemt.history";
const MOST = 100; // entries
const LONGEST = 10_000; // characters of an entry, both sides; longer ones are not kept
const ROOM = 500_000; // characters of all entries
const TOGETHER = 120_000; // milliseconds in which a text that is typed on is one entry

/** @typedef {{at: number, source: string, target: string, text: string, translation: string}} Entry */

function isEntry(entry) {
  return (
    ["source", "target", "text", "translation"].every((name) => typeof entry?.[name] === "string") &&
    typeof entry.at === "number"
  );
}

/** Return the entries, the newest first. @returns {Entry[]} */
export function entries() {
  const found = read(NAME, []);
  return Array.isArray(found) ? found.filter(isEntry) : [];
}

/** Keep a translation. @param {Entry} entry */
export function remember(entry) {
  if (!preferences.get("history") || entry.text.length + entry.translation.length > LONGEST) return;
  const others = entries().filter((other) => !continues(entry, other));
  let room = ROOM;
  const kept = [entry, ...others]
    .slice(0, MOST)
    .filter((item) => (room -= item.text.length + item.translation.length) > 0);
  // A browser may leave less room than we take.
  while (kept.length && !write(NAME, kept)) kept.length = Math.floor(kept.length / 2);
}

/** Whether an entry is what became of another by typing on, or the same once more. */
function continues(entry, other) {
  const pair = other.source === entry.source && other.target === entry.target;
  if (!pair) return false;
  if (other.text === entry.text) return true;
  const shorter = Math.min(entry.text.length, other.text.length);
  return entry.at - other.at < TOGETHER && shared(entry.text, other.text) > 0.7 * shorter;
}

/** Return how many characters two texts begin with together. */
function shared(one, other) {
  let count = 0;
  while (count < one.length && one[count] === other[count]) count += 1;
  return count;
}

export function forget() {
  write(NAME, []);
}

/** The dialog that shows them. */
export class HistoryDialog {
  /** @param {HTMLDialogElement} root @param {{take: (entry: Entry) => void, name: (code: string) => string}} options */
  constructor(root, options) {
    this.root = root;
    this.options = options;
  }

  open() {
    this.#draw();
    this.root.showModal();
  }

  #draw() {
    const on = preferences.get("history");
    const found = entries();
    const keep = el("input", { type: "checkbox", id: "keep-history", onchange: () => this.#keep(keep.checked) });
    keep.checked = on;
    const clear = el("button", {
      type: "button",
      class: "quiet",
      text: t("history.clear"),
      disabled: !found.length,
      onclick: () => this.#clear(),
    });
    this.root.replaceChildren(
      el(
        "header",
        { class: "dialog-head" },
        el("h2", { id: "history-title", text: t("history.title") }),
        el("button", {
          type: "button",
          class: "icon",
          icon: "close",
          "aria-label": t("close"),
          onclick: () => this.root.close(),
        }),
      ),
      el("p", { class: "dialog-note", text: on ? t("history.note", { n: MOST }) : t("history.off") }),
      found.length
        ? el("ul", { class: "entries" }, ...found.map((entry) => this.#entry(entry)))
        : el("p", { class: "dialog-empty", text: t("history.none") }),
      el(
        "footer",
        { class: "dialog-foot" },
        el("label", { class: "switch" }, keep, el("span", { text: t("history.keep") })),
        clear,
      ),
    );
  }

  #entry(entry) {
    const short = entry.text.slice(0, 80);
    const when = new Date(entry.at);
    const take = el(
      "button",
      {
        type: "button",
        class: "entry-take",
        "aria-label": t("history.take", { text: short }),
        onclick: () => {
          this.root.close();
          this.options.take(entry);
        },
      },
      el(
        "span",
        { class: "entry-head" },
        `${this.options.name(entry.source)} → ${this.options.name(entry.target)}`,
        el("time", {
          datetime: when.toISOString(),
          text: when.toLocaleString([], { dateStyle: "medium", timeStyle: "short" }),
        }),
      ),
      el("span", { class: "entry-text", lang: entry.source || null, dir: "auto", text: entry.text }),
      el("span", { class: "entry-translation", lang: entry.target, dir: "auto", text: entry.translation }),
    );
    const remove = el("button", {
      type: "button",
      class: "icon",
      icon: "trash",
      "aria-label": t("history.remove", { text: short }),
      onclick: () => {
        write(
          NAME,
          entries().filter((other) => other.at !== entry.at),
        );
        this.#draw();
        this.root.querySelector("button")?.focus();
      },
    });
    return el("li", { class: "entry" }, take, remove);
  }

  #keep(on) {
    preferences.set("history", on);
    if (!on) forget();
    this.#draw();
    /** @type {HTMLElement | null} */ (this.root.querySelector("#keep-history"))?.focus();
  }

  #clear() {
    forget();
    this.#draw();
    this.root.querySelector("button")?.focus();
  }
}
