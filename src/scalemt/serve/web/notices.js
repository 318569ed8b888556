// Messages: what went wrong, and what can be done about it.

import { el } from "./dom.js";
import { t } from "./strings.js";

/** A place for messages; a message of a name replaces the one before it. */
export class Notices {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.shown = new Map();
  }

  /**
   * Show a message.
   *
   * @param {string} name
   * @param {{tone?: "error" | "warning" | "note", text: string, detail?: string, small?: string,
   *   actions?: {label: string, run: () => void}[], seconds?: number, due?: () => void, lasting?: boolean}} message
   *   `due` runs after `seconds`, which are counted down.
   */
  show(name, message) {
    this.hide(name);
    const tone = message.tone ?? "error";
    // Only the sentences are spoken, and once: not each second of a countdown.
    const words = el("div", { class: "notice-text", role: tone === "note" ? "status" : "alert" });
    const counter = el("p", { class: "notice-counter" });
    const buttons = (message.actions ?? []).map((action) =>
      el("button", { type: "button", class: "quiet", text: action.label, onclick: action.run }),
    );
    const dismiss = el("button", {
      type: "button",
      class: "icon",
      icon: "close",
      "aria-label": t("fault.dismiss"),
      onclick: () => this.hide(name),
    });
    const box = el(
      "div",
      { class: `notice ${tone}`, data: { notice: name } },
      el("span", { class: "notice-sign", icon: tone === "note" ? "details" : "fault" }),
      el(
        "div",
        { class: "notice-body" },
        words,
        counter,
        buttons.length > 0 && el("div", { class: "notice-actions" }, ...buttons),
      ),
      !message.lasting && dismiss,
    );
    this.root.append(box);
    words.append(el("p", { text: message.text }));
    if (message.detail && message.detail !== message.text)
      words.append(el("p", { class: "notice-detail", text: message.detail }));
    if (message.small) words.append(el("p", { class: "notice-small", text: message.small }));
    this.shown.set(name, { box, timer: message.seconds ? this.#count(name, message, counter) : 0 });
  }

  #count(name, message, counter) {
    let left = message.seconds;
    const tick = () => {
      counter.textContent = t("fault.countdown", { n: left });
      if (left <= 0) {
        this.hide(name);
        message.due();
      }
      left -= 1;
    };
    tick();
    return setInterval(tick, 1000);
  }

  /** Take a message away. */
  hide(name) {
    const shown = this.shown.get(name);
    if (!shown) return;
    clearInterval(shown.timer);
    shown.box.remove();
    this.shown.delete(name);
  }
}

let waiting = 0;

/** Say something to screen readers when the page is quiet: a later word replaces one that was not said yet. */
export function say(text, after = 400) {
  const announcer = document.getElementById("announcer");
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    announcer.textContent = "";
    requestAnimationFrame(() => {
      announcer.textContent = text;
    });
  }, after);
}
