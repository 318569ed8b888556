// Copying, also where browsers deny the clipboard.

import { byId, el } from "./dom.js";
import { say } from "./notices.js";
import { t } from "./strings.js";

/** Copy a text, and say so; a page that is served without TLS has no clipboard and copies as pages did before. */
export async function copied(text) {
  let done = false;
  try {
    await navigator.clipboard.writeText(text);
    done = true;
  } catch {
    done = copiedByHand(text);
  }
  const status = byId("status");
  const before = status.textContent;
  status.textContent = t(done ? "copy.done" : "copy.failed");
  say(t(done ? "copy.done" : "copy.failed"), 50);
  if (done) setTimeout(() => status.textContent === t("copy.done") && (status.textContent = before), 2_000);
}

function copiedByHand(text) {
  const field = el("textarea", { class: "hidden", "aria-hidden": "true", tabindex: "-1" });
  const focused = /** @type {HTMLElement | null} */ (document.activeElement);
  field.value = text;
  document.body.append(field);
  field.select();
  try {
    return document.execCommand("copy");
  } finally {
    field.remove();
    focused?.focus();
  }
}
