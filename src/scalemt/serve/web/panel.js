// The two panes of text: what is typed, what comes back, and all that can be done with it.

import { Details } from "./details.js";
import { copied } from "./clipboard.js";
import { Corrections } from "./corrections.js";
import { byId } from "./dom.js";
import { fit } from "./editor.js";
import { Patience, told, wantsKey } from "./faults.js";
import { remember } from "./history.js";
import { Notices, say } from "./notices.js";
import { Output, markable, sample } from "./output.js";
import { outcome, underWay } from "./status.js";
import { preferences } from "./store.js";
import { t } from "./strings.js";
import { Translator } from "./translator.js";

const SPOKEN = 300; // characters of a translation that are read out when it is ready

export class TextPanel {
  /**
   * @param {import("./languages.js").Languages} languages
   * @param {import("./server.js").Server} server
   * @param {{enterKey: (refused: boolean) => Promise<boolean>}} options
   */
  constructor(languages, server, options) {
    this.languages = languages;
    this.server = server;
    this.options = options;
    this.area = /** @type {HTMLTextAreaElement} */ (byId("source-text"));
    this.notices = new Notices(byId("faults"));
    this.patience = new Patience();
    this.timer = 0;
    this.frame = 0;
    this.shown = -1; // the line whose details are shown
    this.glossary = "";
    this.output = new Output(byId("output"), { select: (place) => this.#select(place) });
    this.details = new Details(byId("details"), {
      take: (place, text) => this.corrections.take(place, text),
      restore: (place) => this.corrections.restore(place),
      keep: (place) => this.corrections.keep(place),
      step: (by) => this.#step(by),
      close: () => this.toggleDetails(false),
      copy: (text) => copied(text),
    });
    this.translator = new Translator(
      {
        started: () => this.#started(),
        detected: (found) => this.#detected(found),
        changed: (place) => this.#changed(place),
        ended: (summary) => this.#ended(summary),
        failed: (fault) => this.#failed(fault),
      },
      server.limits,
    );
    this.corrections = new Corrections({
      lines: () => this.translator.lines,
      output: this.output,
      notices: this.notices,
      about: () => this.#about(),
      kept: () => this.details.forget(),
      changed: (place, status) => {
        this.#changed(place);
        this.#status(status);
        this.#explain();
      },
    });
    this.#listen();
    this.#count();
  }

  #listen() {
    this.area.addEventListener("input", (event) => this.#typed(/** @type {InputEvent} */ (event)));
    this.area.addEventListener("compositionend", () => this.#soon());
    byId("clear").addEventListener("click", () => this.setText(""));
    byId("translate").addEventListener("click", () => (this.translator.running ? this.cancel() : this.run()));
    byId("copy").addEventListener("click", () => this.copy());
    byId("edit").addEventListener("click", () => this.edit());
    byId("toggle-details").addEventListener("click", () => this.toggleDetails());
    for (const name of ["changes", "confidence"]) {
      byId(`toggle-${name}`).append(...sample(name));
      byId(`toggle-${name}`).addEventListener("click", () => {
        preferences.set(name, !preferences.get(name));
        this.#view();
      });
    }
    this.#view();
  }

  get text() {
    return this.area.value;
  }

  /** Put a text in the place of what is there. */
  setText(text) {
    this.area.value = text;
    this.#typed();
    this.area.focus();
  }

  /** Called when the pair, the profile or anything else of the wish has changed. */
  changedWish() {
    this.#view();
    if (this.text.trim() && this.server.loaded) this.run();
  }

  #typed(event) {
    this.#count();
    if (!this.text.trim()) return this.#empty();
    if (!event?.isComposing) this.#soon();
    return undefined;
  }

  #empty() {
    clearTimeout(this.timer);
    for (const name of ["fault", "generalist", "switched", "memory"]) this.notices.hide(name);
    this.translator.clear();
    this.languages.forget();
    this.shown = -1;
    this.output.show([]);
    this.#working(false);
    this.#status("");
    this.#after();
  }

  /** Translate when nothing is typed for a moment; in a long text the moment is longer. */
  #soon() {
    clearTimeout(this.timer);
    if (!preferences.get("live")) return;
    byId("output").setAttribute("aria-busy", "true"); // what stands there is out of date
    const length = this.text.length;
    this.timer = setTimeout(() => this.run(), length < 1_000 ? 350 : length < 10_000 ? 700 : 1_500);
  }

  #count() {
    const [n, limit] = [this.text.length, this.server.limits.characters];
    const over = Math.max(0, n - limit);
    const count = byId("count");
    count.textContent = over
      ? t("count.over", { n, limit, over })
      : Number.isFinite(limit)
        ? t("count.limit", { n, limit })
        : t("count.short", { n });
    count.classList.toggle("over", over > 0);
    this.area.toggleAttribute("aria-invalid", over > 0);
    byId("clear").hidden = n === 0;
    this.area.dataset.size = n <= 180 ? "large" : n <= 900 ? "medium" : "small";
    fit(this.area);
  }

  /** Translate now. */
  run() {
    clearTimeout(this.timer);
    if (!this.text.trim() || !this.server.loaded || !this.languages.target) return;
    if (this.text.length > this.server.limits.characters) {
      const limit = this.server.limits.characters;
      this.notices.show("fault", {
        text: t("fault.too_large"),
        detail: t("count.over", { n: this.text.length, limit, over: this.text.length - limit }),
      });
      this.#working(false);
      return;
    }
    const wish = {
      source: this.languages.source,
      target: this.languages.target,
      profile: this.server.profile.name,
      formality: "",
      glossary: "",
    };
    if (this.server.takesFormality(wish.target)) wish.formality = preferences.get("formality");
    if (this.server.glossariesOf(this.languages.actual, wish.target).some((item) => item.id === this.glossary))
      wish.glossary = this.glossary;
    this.translator.start(this.text, wish);
  }

  /** Give up what is under way. */
  cancel() {
    clearTimeout(this.timer);
    this.notices.hide("fault");
    const was = this.translator.cancel();
    this.#working(false);
    if (!was) return;
    const drafted = this.translator.lines.some((line) => line.told);
    this.#status(t(drafted ? "status.kept" : "status.cancelled"));
    say(t(drafted ? "status.kept" : "status.cancelled"));
    this.#after();
  }

  // What the translator tells

  #started() {
    for (const name of ["fault", "generalist", "switched"]) this.notices.hide(name);
    this.output.show(this.translator.lines, this.#direction());
    if (this.shown >= this.translator.lines.length) this.shown = -1;
    this.#working(true);
    this.#status(t("status.translating"));
  }

  #detected(found) {
    if (!this.languages.detect(found)) {
      this.#view();
      return false;
    }
    const named = {
      language: this.languages.name(found.language),
      other: this.languages.name(this.languages.target),
    };
    this.translator.cancel();
    queueMicrotask(() => {
      this.changedWish();
      // A target that nobody chose needs no words.
      if (preferences.get("target"))
        this.notices.show("switched", { tone: "note", text: t("switched.target", named) });
    });
    return true;
  }

  #changed(place) {
    this.output.renew(place);
    if (place === this.shown) this.#explain();
    // Of a thousand lines many may come within one frame.
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      if (this.translator.running) this.#status(underWay(this.translator.lines));
      this.#after();
    });
  }

  #ended(summary) {
    this.patience.reset();
    this.#working(false);
    const { lines } = this.translator;
    this.#status(outcome(lines, summary));
    this.#tellOfGeneralist(lines);
    this.#explain();
    this.#after();
    const open = lines.filter((line) => !line.blank);
    const language = this.languages.name(this.languages.target);
    const text = this.#translation();
    say(
      text.length <= SPOKEN
        ? t("say.ready", { language, text })
        : t("say.ready.long", { language, n: open.length }),
      900,
    );
    if (open.every((line) => line.stage === "done")) {
      remember({
        at: Date.now(),
        source: this.languages.actual,
        target: this.languages.target,
        text: this.text,
        translation: text,
      });
    }
  }

  /** A generalist that failed leaves the drafts; what it said is told once, with the lines it is about. */
  #tellOfGeneralist(lines) {
    const failed = lines.filter((line) => line.refusal && line.stage === "done");
    if (!failed.length) return;
    const reasons = [...new Set(failed.map((line) => line.refusal))];
    this.notices.show("generalist", {
      tone: "warning",
      text: t("fault.generalist", { n: failed.length }),
      detail: reasons[0],
      actions: [{ label: t("fault.again"), run: () => this.run() }],
    });
  }

  #failed(fault) {
    this.#working(false);
    this.#explain();
    this.#after();
    const drafted = this.translator.lines.some((line) => line.told && !line.blank);
    this.#status(drafted ? t("fault.stays") : "");
    if (wantsKey(fault)) return this.#askKey(fault);
    const words = told(fault);
    const cancel = { label: t("cancel"), run: () => this.notices.hide("fault") };
    if (fault.passing) {
      const actions = [{ label: t("fault.now"), run: () => this.run() }, cancel];
      this.notices.show("fault", {
        ...words,
        tone: "warning",
        seconds: this.patience.wait(fault),
        due: () => this.run(),
        actions,
      });
      return undefined;
    }
    const again = ["cut", "failed", "deadline", "internal", "timeout"].includes(fault.kind);
    this.notices.show("fault", {
      ...words,
      actions: again ? [{ label: t("fault.again"), run: () => this.run() }] : [],
    });
    return undefined;
  }

  async #askKey(fault) {
    const refused = fault.kind === "forbidden";
    this.notices.show("fault", {
      ...told(fault),
      tone: "note",
      actions: [{ label: t("fault.enter-key"), run: () => this.#askKey(fault) }],
    });
    if (await this.options.enterKey(refused)) this.run();
  }

  // What is shown

  #direction() {
    return { language: this.languages.target, direction: this.languages.direction(this.languages.target) };
  }

  /** Bring directions, languages and toggles up to date. */
  #view() {
    const { actual } = this.languages;
    this.area.dir = this.languages.direction(actual);
    this.area.lang = actual;
    const view = { changes: preferences.get("changes"), confidence: preferences.get("confidence") };
    for (const [name, on] of Object.entries(view)) byId(`toggle-${name}`).setAttribute("aria-pressed", String(on));
    const direction = this.#direction();
    byId("output").dir = direction.direction;
    this.output.show(this.translator?.lines ?? [], { ...view, ...direction });
    if (this.translator) this.#after();
  }

  #working(on) {
    byId("progress").hidden = !on;
    byId("output").setAttribute("aria-busy", String(on));
    const button = byId("translate");
    button.firstElementChild.textContent = t(on ? "cancel" : "translate");
    button.classList.toggle("working", on);
  }

  #status(text) {
    byId("status").textContent = text;
  }

  /** What follows from any change of the lines: the legend, and which buttons make sense. */
  #after() {
    for (const [name, there] of Object.entries(markable(this.translator.lines)))
      byId(`toggle-${name}`).hidden = !there;
    const some = this.translator.lines.some((line) => line.text);
    for (const id of ["copy", "edit"]) byId(id).toggleAttribute("disabled", !some);
    byId("swap").toggleAttribute("disabled", !this.languages.canSwap);
    const why = this.languages.canSwap ? "swap.title" : this.languages.actual ? "swap.impossible" : "swap.unknown";
    byId("swap").title = t(why);
    if (preferences.get("details") && this.shown < 0 && some) this.#explain();
  }

  #translation() {
    return this.translator.lines.map((line) => line.text).join("\n");
  }

  /** Change sides: the translation becomes the text. */
  swap() {
    if (!this.languages.canSwap) return;
    const text = this.#translation();
    this.translator.clear();
    if (text.trim()) {
      this.area.value = text;
      this.#count();
    }
    this.languages.swap();
  }

  copy() {
    if (this.#translation()) copied(this.#translation());
  }

  // Details

  /** Show or hide the details. */
  toggleDetails(open = !preferences.get("details")) {
    preferences.set("details", open);
    this.#explain();
    if (!open) byId("toggle-details").focus();
  }

  #select(place) {
    const close = preferences.get("details") && place === this.shown;
    this.shown = place;
    preferences.set("details", !close);
    this.#explain();
  }

  #step(by) {
    const { lines } = this.translator;
    for (let place = this.shown + by; place >= 0 && place < lines.length; place += by) {
      if (lines[place].blank) continue;
      this.shown = place;
      this.#explain();
      this.output.rows[place]?.scrollIntoView({ block: "nearest" });
      return;
    }
  }

  /** Show the details of the chosen line, of the first one where none is chosen. */
  #explain() {
    const open = preferences.get("details");
    byId("details").hidden = !open;
    byId("toggle-details").setAttribute("aria-expanded", String(open));
    this.output.view.open = open;
    const { lines } = this.translator;
    if (open && (this.shown < 0 || !lines[this.shown] || lines[this.shown].blank))
      this.shown = lines.findIndex((line) => !line.blank);
    this.output.choose(open && lines.filter((line) => !line.blank).length > 1 ? this.shown : -1);
    if (open) this.details.show(lines, this.shown, this.#about());
  }

  /** What details and corrections need to know beside the lines. @returns {import("./details.js").About} */
  #about() {
    const { actual, target } = this.languages;
    const { profile } = this.server;
    return {
      ...this.#direction(),
      sourceLanguage: actual,
      sourceDirection: this.languages.direction(actual),
      target,
      memory: profile.memory,
      glossary: profile.glossary || Boolean(this.glossary),
      profile: profile.name,
      running: this.translator.running,
    };
  }

  /** Edit a line: the one that has the focus, or is chosen, or the first. */
  edit() {
    this.corrections.edit(this.shown);
  }
}
