// Which languages there are, which go together, and what they are called.

import { Picker, plain } from "./picker.js";
import { preferences } from "./store.js";
import { t } from "./strings.js";

const RECENT = 4;

/** What is offered where a server cannot say which languages its model knows. */
const ANY =
  `af am ar as az be bg bn bs ca cs cy da de el en eo es et eu fa fi fil fr ga gd gl gu ha he hi hr hu hy id ig is it
  ja jv ka kk km kn ko ku ky lo lt lv mg mi mk ml mn mr ms mt my nb ne nl nn ny oc or pa pl ps pt ro ru rw sd si sk sl sm sn so
  sq sr st su sv sw ta te tg th tk tr tt ug uk ur uz vi xh yi yo zh zh-Hant zu`.replace(/\s+/g, " ");

/** The languages that a profile translates, and the pair that is chosen. */
export class Languages {
  /** @param {() => void} changed called when people choose another pair */
  constructor(sourceRoot, targetRoot, changed) {
    this.known = new Map();
    this.source = preferences.get("source");
    this.target = preferences.get("target");
    this.detected = null;
    this.ofText = true; // whether what was detected in the text counts: documents are another matter
    this.changed = changed;
    const words = { search: t("language.search"), none: t("language.none") };
    this.sourcePicker = new Picker(sourceRoot, {
      label: t("language.source"),
      ...words,
      choose: (code) => this.chooseSource(code),
    });
    this.targetPicker = new Picker(targetRoot, {
      label: t("language.target"),
      ...words,
      choose: (code) => this.chooseTarget(code),
    });
  }

  /** Take the list of the server; what was chosen stays where it still exists. */
  take({ languages, names, rtl }) {
    if (!languages.length) return this.#takeAny();
    const targets = new Map(languages.map((language) => [language.code, language.targets]));
    const entry = (code) => ({
      name: names[code],
      rtl: rtl.includes(code),
      native: native(code),
      targets: targets.get(code) ?? [],
    });
    this.known = new Map(Object.keys(names).map((code) => [code, entry(code)]));
    return this.#taken();
  }

  /** A model that knows many languages may not say which: then all may be tried. */
  #takeAny() {
    const codes = ANY.split(" ");
    const entry = (code) => ({
      name: native(code, "en") ?? code,
      rtl: rightToLeft(code),
      native: native(code),
      targets: codes,
    });
    this.known = new Map(codes.map((code) => [code, entry(code)]));
    return this.#taken();
  }

  #taken() {
    if (this.source !== "auto" && !this.targetsOf(this.source).length) this.source = "auto";
    this.#mend();
    this.render();
  }

  /** The language of the text: chosen, or else detected; "" where neither is known. */
  get actual() {
    return this.source === "auto" ? (this.detected?.language ?? "") : this.source;
  }

  name(code) {
    return this.known.get(code)?.name ?? native(code, "en") ?? code;
  }

  direction(code) {
    if (!code) return "auto";
    const known = this.known.get(code);
    return (known ? known.rtl : rightToLeft(code)) ? "rtl" : "ltr";
  }

  targetsOf(code) {
    return (this.known.get(code)?.targets ?? []).filter((target) => target !== code);
  }

  /** All languages that something can be translated into. */
  get everyTarget() {
    const found = new Set([...this.known.values()].flatMap((language) => language.targets));
    return [...found].filter((code) => this.known.has(code));
  }

  chooseSource(code) {
    // Choosing the language of the other side means to swap them.
    if (code === this.target && this.canSwap) return this.swap();
    this.source = code;
    this.#remember(code);
    this.#mend();
    this.#chosen();
    return true;
  }

  chooseTarget(code) {
    if (code === this.actual && this.canSwap) return this.swap();
    this.target = code;
    this.#remember(code);
    this.#chosen();
    return true;
  }

  get canSwap() {
    return Boolean(this.actual) && this.targetsOf(this.target).includes(this.actual);
  }

  swap() {
    if (!this.canSwap) return false;
    [this.source, this.target] = [this.target, this.actual];
    this.detected = null;
    this.#chosen();
    return true;
  }

  /**
   * Take what the server detected; where the text is in the target language already, choose another target.
   *
   * @returns {boolean} whether the target was changed
   */
  detect(found) {
    this.detected = found;
    const same = this.source === "auto" && base(found.language) === base(this.target);
    const other = same ? this.#otherThan(found.language) : "";
    if (other) this.target = other;
    this.render();
    return Boolean(other);
  }

  /** Forget what was detected. */
  forget() {
    this.detected = null;
    this.render();
  }

  #otherThan(code) {
    const source = this.known.has(code) ? code : [...this.known.keys()].find((item) => base(item) === base(code));
    return this.#best(this.targetsOf(source ?? "").filter((item) => base(item) !== base(code)));
  }

  /** See to it that the target exists for the source. */
  #mend() {
    const choices = this.source === "auto" ? this.everyTarget : this.targetsOf(this.source);
    if (choices.includes(this.target)) return;
    this.target = this.#best(choices);
  }

  /** Of some targets, the one that was used lately, or is a language of the reader, or can be reached from most. */
  #best(choices) {
    const reach = new Map(
      choices.map((code) => [
        code,
        [...this.known.keys()].filter((source) => this.targetsOf(source).includes(code)).length,
      ]),
    );
    const most = (codes) =>
      codes.filter((code) => reach.has(code)).sort((one, other) => reach.get(other) - reach.get(one))[0];
    const recent = preferences.get("recent").find((code) => reach.has(code));
    const own = navigator.languages.map((code) => most([code, base(code)])).find(Boolean);
    return recent ?? own ?? most(choices) ?? "";
  }

  #remember(code) {
    if (code === "auto") return;
    const recent = [code, ...preferences.get("recent").filter((item) => item !== code)];
    preferences.set("recent", recent.slice(0, 2 * RECENT));
  }

  #chosen() {
    preferences.set("source", this.source);
    preferences.set("target", this.target);
    if (this.source !== "auto") this.detected = null;
    this.render();
    this.changed();
  }

  render() {
    const found = this.source === "auto" && this.ofText ? this.detected : null;
    if (found) {
      const sure = found.confidence === null || found.confidence >= 0.6;
      this.sourcePicker.setChosen(
        "auto",
        this.name(found.language),
        t(sure ? "language.detected" : "language.guessed"),
      );
    } else
      this.sourcePicker.setChosen(
        this.source,
        this.source === "auto" ? t("language.auto") : this.name(this.source),
      );
    this.targetPicker.setChosen(this.target, this.target ? this.name(this.target) : t("language.choose"));
    const auto = { value: "auto", name: t("language.auto"), search: plain(t("language.auto")) };
    const sources = [...this.known.keys()].filter((code) => this.targetsOf(code).length);
    this.sourcePicker.setGroups([
      { name: "", items: [auto] },
      ...this.#groups(sources.map((code) => this.#item(code))),
    ]);
    this.targetPicker.setGroups(this.#groups(this.everyTarget.map((code) => this.#targetItem(code))));
  }

  /** A target that the source does not lead to is shown as such; with a source that is only detected it may be tried. */
  #targetItem(code) {
    const from = this.actual;
    const item = this.#item(code);
    if (!from || code === from || this.targetsOf(from).includes(code)) return item;
    return { ...item, note: t("language.missing", { language: this.name(from) }), off: this.source !== "auto" };
  }

  #item(code) {
    const { name, native: own } = this.known.get(code);
    const other = own && plain(own) !== plain(name) ? own : "";
    return { value: code, name, native: other, search: plain(`${name} ${own ?? ""} ${code}`) };
  }

  #groups(items) {
    const order = (one, other) =>
      Number(Boolean(one.note)) - Number(Boolean(other.note)) || one.name.localeCompare(other.name, "en");
    const sorted = items.sort(order);
    const recent = preferences
      .get("recent")
      .map((code) => sorted.find((item) => item.value === code))
      .filter(Boolean);
    if (sorted.length <= 8 || !recent.length) return [{ name: "", items: sorted }];
    return [
      { name: t("language.recent"), items: recent.slice(0, RECENT) },
      { name: t("language.all"), items: sorted },
    ];
  }
}

const base = (code) => code.split("-")[0];

/** Return the name of a language in itself, or in another. */
function native(code, language = code) {
  try {
    const name = new Intl.DisplayNames([language], { type: "language", fallback: "none" }).of(code);
    return name ? name.charAt(0).toLocaleUpperCase(language) + name.slice(1) : undefined;
  } catch {
    return undefined;
  }
}

function rightToLeft(code) {
  try {
    const locale = new Intl.Locale(code);
    const info = locale.getTextInfo?.() ?? locale.textInfo;
    return info?.direction === "rtl";
  } catch {
    return false;
  }
}
