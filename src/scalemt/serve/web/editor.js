// Editing a line in its place, and keeping the correction in the memory.

import { ask } from "./api.js";
import { el } from "./dom.js";
import { t } from "./strings.js";

/**
 * Return a form that stands in the place of a line.
 *
 * @param {{text: string, source: string, language: string, direction: string, memory: boolean, profile: string,
 *   keep: (text: string) => Promise<void>, apply: (text: string) => void, discard: () => void,
 *   trouble: (error: unknown) => void}} options
 */
export function editorForm(options) {
  const area = el("textarea", {
    class: "editor-text",
    rows: "1",
    lang: options.language || null,
    dir: options.direction,
    spellcheck: "true",
    "aria-label": t("edit.label", { source: options.source.slice(0, 120) }),
    oninput: () => fit(area),
  });
  area.value = options.text;
  const why = el("p", { class: "editor-why", id: "editor-why" });
  const keep = el("button", {
    type: "submit",
    class: "primary",
    text: t("edit.keep"),
    title: t("edit.keep.title"),
  });
  if (!options.memory) {
    keep.setAttribute("disabled", "");
    keep.setAttribute("aria-describedby", "editor-why");
    why.textContent = t("edit.no-memory", { profile: options.profile });
  }
  const apply = el("button", {
    type: "button",
    class: "quiet",
    text: t("edit.apply"),
    onclick: () => options.apply(one(area.value)),
  });
  const discard = el("button", {
    type: "button",
    class: "quiet",
    text: t("edit.cancel"),
    onclick: options.discard,
  });
  const save = async () => {
    const text = one(area.value);
    if (!options.memory) return options.apply(text);
    if (!text.trim()) {
      why.textContent = t("edit.empty");
      return undefined;
    }
    for (const button of [keep, apply, discard]) button.disabled = true;
    why.textContent = t("edit.saving");
    try {
      await options.keep(text);
    } catch (error) {
      why.textContent = "";
      for (const button of [keep, apply, discard]) button.disabled = false;
      options.trouble(error);
    }
    return undefined;
  };
  const form = el(
    "form",
    {
      class: "editor",
      onsubmit: (event) => {
        event.preventDefault();
        save();
      },
      onkeydown: (event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save();
        else if (event.key === "Escape") options.discard();
        else if (event.key === "Enter" && !event.isComposing)
          event.preventDefault(); // a line is one line
        else return;
        event.preventDefault();
        event.stopPropagation();
      },
    },
    area,
    el("div", { class: "editor-foot" }, keep, apply, discard),
    why,
  );
  // Enter on a button of the form presses it; only the text itself takes no line breaks.
  form.querySelectorAll("button").forEach((button) =>
    button.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) event.stopPropagation();
    }),
  );
  return form;
}

/** Begin to edit at the end of the text; at once, so that nothing typed meanwhile is met by a caret that moves. */
export function begin(form) {
  const area = form.querySelector("textarea");
  fit(area);
  area.focus();
  area.setSelectionRange(area.value.length, area.value.length);
}

const one = (text) => text.replace(/\s*\n\s*/g, " ");

/** Make a field as high as its text. */
export function fit(area) {
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight}px`;
}

/** Write a correction into the memory of the server. */
export async function correct(line, text, { source, target, profile, before }) {
  const json = { source_text: line.source, translation: text, source, target };
  if (before) json.before = before;
  if (profile) json.profile = profile;
  await ask("v1/memory", { method: "POST", json });
}
