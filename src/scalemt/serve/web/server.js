// What the server offers: profiles, languages, glossaries, limits.

import { ask } from "./api.js";
import { preferences } from "./store.js";

export class Server {
  constructor() {
    this.loaded = false;
    this.profiles = [];
    this.usual = "";
    this.limits = { characters: 50_000, texts: 1_000, upload: 0 };
    this.languages = { languages: [], names: {}, rtl: [], formality: [] };
    this.glossaries = [];
  }

  /** Ask for all of it. */
  async load() {
    const told = await ask("v1/profiles");
    this.profiles = told.profiles;
    this.usual = told.default;
    // A limit of 0 is none.
    for (const name of Object.keys(this.limits)) {
      if (typeof told[name] === "number") this.limits[name] = told[name] || Infinity;
    }
    await Promise.all([this.loadLanguages(), this.#loadGlossaries()]);
    this.loaded = true;
  }

  /** Ask for the languages of the profile that is chosen. */
  async loadLanguages() {
    this.languages = await ask(`v1/languages?${new URLSearchParams({ profile: this.profile.name })}`);
  }

  async #loadGlossaries() {
    try {
      this.glossaries = (await ask("v1/glossaries")).glossaries;
    } catch {
      this.glossaries = []; // a key may be good for translating alone
    }
  }

  /** The profile that is chosen. */
  get profile() {
    const chosen = preferences.get("profile");
    const found =
      this.profiles.find((item) => item.name === chosen) ?? this.profiles.find((item) => item.name === this.usual);
    return found ?? { name: "", method: "", asks: false, memory: false, glossary: false };
  }

  /** Whether the profile can be told how people are addressed in a language. */
  takesFormality(target) {
    return (this.languages.formality ?? []).includes(target);
  }

  /** The glossaries of a pair; each lies at the server. */
  glossariesOf(source, target) {
    const base = (code) => code.split("-")[0];
    return this.glossaries.filter(
      (item) => base(item.target) === base(target) && (!source || base(item.source) === base(source)),
    );
  }
}
