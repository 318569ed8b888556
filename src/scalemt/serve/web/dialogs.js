// Dialogs: shortcuts, settings, and the key that a server wants.

import { el } from "./dom.js";
import { apiKey, preferences } from "./store.js";
import { t } from "./strings.js";

const head = (dialog, id, title) =>
  el(
    "header",
    { class: "dialog-head" },
    el("h2", { id, text: title }),
    el("button", {
      type: "button",
      class: "icon",
      icon: "close",
      "aria-label": t("close"),
      onclick: () => dialog.close(),
    }),
  );

/** Close a dialog by a click beside it. @param {HTMLDialogElement} dialog */
export function closesBeside(dialog) {
  dialog.addEventListener("pointerdown", (event) => {
    const box = dialog.getBoundingClientRect();
    const inside =
      event.clientX >= box.left &&
      event.clientX <= box.right &&
      event.clientY >= box.top &&
      event.clientY <= box.bottom;
    if (event.target === dialog && !inside) dialog.close();
  });
}

const SHORTCUTS = [
  [["Ctrl", "Enter"], "translate"],
  [["Esc"], "cancel"],
  [["Alt", "1"], "source"],
  [["Alt", "2"], "output"],
  [["Alt", "L"], "from"],
  [["Alt", "T"], "into"],
  [["Alt", "S"], "swap"],
  [["Alt", "C"], "copy"],
  [["Alt", "R"], "edit"],
  [["Alt", "I"], "details"],
  [["↑", "↓"], "lines"],
  [["Enter"], "line"],
  [["Alt", "H"], "history"],
  [["Alt", "K"], "help"],
];

/** Show what keys do. @param {HTMLDialogElement} dialog */
export function openKeys(dialog) {
  const rows = SHORTCUTS.map(([keys, name]) =>
    el(
      "div",
      { class: "shortcut" },
      el("dt", {}, ...keys.map((key) => el("kbd", { text: key }))),
      el("dd", { text: t(`keys.${name}`) }),
    ),
  );
  dialog.replaceChildren(head(dialog, "keys-title", t("keys.title")), el("dl", { class: "shortcuts" }, ...rows));
  dialog.showModal();
}

/** Show the settings. @param {HTMLDialogElement} dialog @param {{changed: () => void, enterKey: () => void, history: (on: boolean) => void}} options */
export function openSettings(dialog, options) {
  const live = toggle("live", t("settings.live"), t("settings.live.note"), options.changed);
  const history = toggle("history", t("settings.history"), "", () => options.history(preferences.get("history")));
  const themes = ["system", "light", "dark"].map((name) => {
    const radio = el("input", { type: "radio", name: "theme", value: name, onchange: () => setTheme(name) });
    radio.checked = preferences.get("theme") === name;
    return el("label", {}, radio, el("span", { text: t(`theme.${name}`) }));
  });
  const held = Boolean(apiKey.get());
  const key = el("button", {
    type: "button",
    class: "quiet",
    text: t(held ? "settings.key.forget" : "settings.key.enter"),
    onclick: () => {
      dialog.close();
      if (held) apiKey.set("");
      else options.enterKey();
    },
  });
  dialog.replaceChildren(
    head(dialog, "settings-title", t("settings.title")),
    live,
    history,
    el(
      "fieldset",
      { class: "segmented setting" },
      el("legend", { text: t("settings.theme") }),
      el("div", { class: "segments" }, ...themes),
    ),
    el(
      "div",
      { class: "setting setting-key" },
      el(
        "div",
        {},
        el("span", { class: "setting-name", text: t("settings.key") }),
        el("span", { class: "setting-note", text: t(held ? "settings.key.held" : "settings.key.none") }),
      ),
      key,
    ),
  );
  dialog.showModal();
}

function toggle(name, label, note, changed) {
  const box = el("input", {
    type: "checkbox",
    onchange: () => {
      preferences.set(name, box.checked);
      changed();
    },
  });
  box.checked = preferences.get(name);
  return el(
    "label",
    { class: "switch setting" },
    box,
    el(
      "span",
      {},
      el("span", { class: "setting-name", text: label }),
      note && el("span", { class: "setting-note", text: note }),
    ),
  );
}

/** Choose colours: "system", "light" or "dark". */
export function setTheme(name) {
  preferences.set("theme", name);
  if (name === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  document.dispatchEvent(new Event("theme"));
}

/** Whether the page is dark now. */
export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/**
 * Ask for a key, and resolve to whether one was given.
 *
 * @param {HTMLDialogElement} dialog @param {boolean} refused whether the key that is held was refused
 * @returns {Promise<boolean>}
 */
export function askKey(dialog, refused) {
  if (dialog.open) return Promise.resolve(false);
  return new Promise((resolve) => {
    const field = el("input", {
      type: "password",
      id: "key-field",
      autocomplete: "off",
      spellcheck: "false",
      required: true,
      "aria-describedby": "key-note",
    });
    let given = false;
    const form = el(
      "form",
      {
        onsubmit: (event) => {
          event.preventDefault();
          if (!field.value.trim()) return;
          apiKey.set(field.value.trim());
          given = true;
          dialog.close();
        },
      },
      refused && el("p", { class: "key-refused", role: "alert", text: t("key.refused") }),
      el("label", { for: "key-field", text: t("key.label") }),
      field,
      el("p", { id: "key-note", class: "dialog-note", text: t("key.note") }),
      el(
        "div",
        { class: "dialog-actions" },
        el("button", { type: "submit", class: "primary", text: t("key.use") }),
      ),
    );
    dialog.replaceChildren(head(dialog, "key-title", t("key.title")), form);
    dialog.addEventListener("close", () => resolve(given), { once: true });
    dialog.showModal();
    field.focus();
  });
}
