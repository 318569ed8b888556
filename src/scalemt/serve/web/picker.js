// A button that opens a searchable list: combobox and listbox of the ARIA Authoring Practices.

import { el, icon } from "./dom.js";
import { t } from "./strings.js";

let made = 0;

/**
 * @typedef {{value: string, name: string, native?: string, search: string, note?: string, off?: boolean}} Item
 * @typedef {{name: string, items: Item[]}} Group `name` is "" for items above all groups
 */

export class Picker {
  /**
   * @param {HTMLElement} root
   * @param {{label: string, search: string, none: string, choose: (value: string) => void}} options
   */
  constructor(root, options) {
    this.options = options;
    this.id = `picker-${(made += 1)}`;
    this.groups = [];
    this.value = "";
    this.shown = [];
    this.at = 0;
    this.name = el("span", { class: "picker-name" });
    this.note = el("span", { class: "picker-note" });
    this.button = el(
      "button",
      {
        type: "button",
        class: "picker-button",
        "aria-haspopup": "dialog",
        "aria-expanded": "false",
        onclick: () => this.toggle(),
      },
      this.name,
      this.note,
      icon("chevron"),
    );
    this.input = el("input", {
      type: "text",
      role: "combobox",
      class: "picker-search",
      "aria-expanded": "true",
      "aria-autocomplete": "list",
      "aria-controls": `${this.id}-list`,
      "aria-label": options.search,
      placeholder: options.search,
      autocomplete: "off",
      spellcheck: "false",
      oninput: () => this.#filter(),
      onkeydown: (event) => this.#key(event),
    });
    this.list = el("div", {
      role: "listbox",
      id: `${this.id}-list`,
      class: "picker-list",
      "aria-label": options.label,
    });
    this.empty = el("p", { class: "picker-empty", text: options.none, hidden: true });
    this.box = el(
      "div",
      { class: "picker-box", role: "dialog", "aria-label": options.label, hidden: true },
      this.input,
      this.list,
      this.empty,
    );
    root.append(this.button, this.box);
    root.addEventListener("focusout", (event) => {
      if (!root.contains(/** @type {Node | null} */ (event.relatedTarget)) && event.relatedTarget)
        this.close(false);
    });
    document.addEventListener("pointerdown", (event) => {
      if (!this.box.hidden && !root.contains(/** @type {Node} */ (event.target))) this.close(false);
    });
  }

  get open() {
    return !this.box.hidden;
  }

  /** Give the list. @param {Group[]} groups */
  setGroups(groups) {
    this.groups = groups;
    if (this.open) this.#filter();
  }

  /** Say what is chosen, and a word beside it. */
  setChosen(value, name, note = "") {
    this.value = value;
    this.name.textContent = name;
    this.note.textContent = note;
    this.button.setAttribute("aria-label", `${this.options.label}: ${name}${note ? `, ${note}` : ""}`);
  }

  toggle() {
    if (this.open) this.close();
    else this.show();
  }

  show() {
    this.box.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
    this.input.value = "";
    this.#filter();
    this.input.focus();
  }

  /** Close the list; focus goes back to the button unless it is elsewhere already. */
  close(back = true) {
    this.box.hidden = true;
    this.button.setAttribute("aria-expanded", "false");
    if (back) this.button.focus();
  }

  #filter() {
    const wanted = plain(this.input.value);
    const groups = this.groups.map(({ name, items }) => ({
      name,
      items: items.filter((item) => fits(item, wanted)),
    }));
    if (wanted) {
      for (const group of groups) group.items.sort((one, other) => rank(one, wanted) - rank(other, wanted));
    }
    const seen = new Set();
    this.shown = [];
    this.list.replaceChildren(...groups.flatMap((group) => this.#group(group, wanted, seen)));
    this.empty.hidden = this.shown.length > 0;
    this.list.hidden = this.shown.length === 0;
    const chosen = this.shown.findIndex((row) => row.item.value === this.value);
    this.#move(wanted ? 0 : Math.max(0, chosen));
  }

  /** Return a group as elements; while something is searched, each item stands once. */
  #group({ name, items }, wanted, seen) {
    const rows = items.filter((item) => !wanted || !seen.has(item.value));
    if (!rows.length) return [];
    rows.forEach((item) => seen.add(item.value));
    const options = rows.map((item) => this.#option(item));
    if (!name || wanted) return options;
    const title = el("div", { class: "picker-group", id: `${this.id}-group-${this.shown.length}`, text: name });
    return [el("div", { role: "group", "aria-labelledby": title.id }, title, ...options)];
  }

  #option(item) {
    const place = this.shown.length;
    const row = el(
      "div",
      {
        role: "option",
        id: `${this.id}-option-${place}`,
        class: "picker-option",
        "aria-selected": String(item.value === this.value),
        "aria-disabled": item.off ? "true" : null,
        onpointermove: () => this.#move(place, false),
        onclick: () => this.#choose(place),
      },
      el("span", { class: "picker-option-name", text: item.name }),
      item.native && el("span", { class: "picker-option-native", lang: item.value, text: item.native }),
      item.note && el("span", { class: "picker-option-note", text: item.note }),
      item.value === this.value && icon("check"),
    );
    this.shown.push({ item, row });
    return row;
  }

  #move(place, scroll = true) {
    this.shown[this.at]?.row.classList.remove("at");
    this.at = Math.max(0, Math.min(place, this.shown.length - 1));
    const row = this.shown[this.at]?.row;
    row?.classList.add("at");
    if (scroll) row?.scrollIntoView({ block: "nearest" });
    if (row) this.input.setAttribute("aria-activedescendant", row.id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  #choose(place) {
    const chosen = this.shown[place]?.item;
    if (!chosen || chosen.off) return;
    this.close();
    this.options.choose(chosen.value);
  }

  #key(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };
    if (event.key in steps) this.#move(this.at + steps[event.key]);
    else if (event.key === "Enter") this.#choose(this.at);
    else if (event.key === "Escape") this.close();
    else if (event.key === "Tab") {
      this.close();
      return; // focus moves on from the button
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

/** Return a text for comparing: no case, no accents. */
export function plain(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().trim();
}

const fits = (item, wanted) => !wanted || item.search.includes(wanted);
const rank = (item, wanted) => {
  const name = plain(item.name);
  if (name.startsWith(wanted)) return 0;
  return item.search.split(" ").some((word) => word.startsWith(wanted)) ? 1 : 2;
};
