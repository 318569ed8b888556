// What people put in the place of a translation: another candidate, or words of their own; kept in a memory if they like.

import { Fault } from "./api.js";
import { byId } from "./dom.js";
import { begin, correct, editorForm } from "./editor.js";
import { told } from "./faults.js";
import { say } from "./notices.js";
import { t } from "./strings.js";

export class Corrections {
  /**
   * @param {{
   *   lines: () => import("./line.js").Line[],
   *   output: import("./output.js").Output,
   *   notices: import("./notices.js").Notices,
   *   about: () => import("./details.js").About,
   *   kept: () => void,
   *   changed: (place: number, status: string) => void,
   * }} panel
   */
  constructor(panel) {
    this.panel = panel;
  }

  /** Put a text that was offered in the place of a line. */
  take(place, text) {
    const line = this.panel.lines()[place];
    this.#put(line, text, "alternative");
    line.saved = false;
    this.panel.changed(place, "");
    say(text, 100);
  }

  /** Go back to what the gate chose. */
  restore(place) {
    Object.assign(this.panel.lines()[place], { mine: null, saved: false });
    this.panel.changed(place, "");
  }

  /** Keep what stands there in the memory. */
  async keep(place) {
    const line = this.panel.lines()[place];
    try {
      await this.#remember(line, line.text, place);
    } catch (error) {
      this.#trouble(error);
      return;
    }
    line.saved = true;
    this.#saved(place);
  }

  /** Edit a line in its place: the one that has the focus, or the one that is chosen, or the first. */
  edit(chosen) {
    const lines = this.panel.lines();
    const focused = /** @type {HTMLElement | null} */ (document.activeElement?.closest(".line"))?.dataset.place;
    const wanted = [Number(focused ?? NaN), chosen].find((place) => lines[place] && !lines[place].blank);
    const place = wanted ?? lines.findIndex((line) => !line.blank);
    const line = lines[place];
    if (!line?.text) return;
    const about = this.panel.about();
    const form = editorForm({
      text: line.text,
      source: line.source,
      language: about.language,
      direction: about.direction,
      memory: about.memory && Boolean(about.sourceLanguage),
      profile: about.profile,
      keep: async (text) => {
        await this.#remember(line, text, place);
        this.#put(line, text, "edited");
        line.saved = true;
        this.#close();
        this.#saved(place);
      },
      apply: (text) => {
        this.#put(line, text, "edited");
        line.saved = false;
        this.#close();
        this.panel.changed(place, "");
      },
      discard: () => this.#close(),
      trouble: (error) => this.#trouble(error),
    });
    this.panel.output.openEditor(place, form);
    begin(form);
  }

  #put(line, text, kind) {
    const own = !line.result?.error && line.result?.translation === text;
    line.mine = own ? null : { text, kind, target: this.panel.about().target };
  }

  #close() {
    this.panel.output.closeEditor();
    this.panel.output.draw();
    byId("edit").focus();
  }

  #saved(place) {
    this.panel.changed(place, t("edit.saved"));
    say(t("edit.saved"), 100);
  }

  async #remember(line, text, place) {
    const before =
      this.panel
        .lines()
        .slice(0, place)
        .findLast((other) => !other.blank)?.source ?? "";
    const { sourceLanguage, target, profile } = this.panel.about();
    await correct(line, text, { source: sourceLanguage, target, profile, before });
    this.panel.kept();
  }

  #trouble(error) {
    if (!(error instanceof Fault)) throw error;
    this.panel.notices.show("memory", told(error));
  }
}
