// One line of the text, and what became of it.

/** @typedef {"waiting" | "draft" | "done" | "failed"} Stage */

export class Line {
  /** @param {string} source */
  constructor(source) {
    this.source = source;
    /** @type {Stage} */
    this.stage = "waiting";
    this.draft = null; // what the server sent first, where a generalist follows
    this.result = null; // what it sent last
    this.mine = null; // {text, kind: "edited" | "alternative"}: what people put in its place
    this.saved = false; // whether that is in the memory
    this.before = ""; // what stood here before, shown until something new comes
  }

  get blank() {
    return !this.source.trim();
  }

  /** All that the server told, the last word of it. */
  get told() {
    return this.result ?? this.draft;
  }

  /** The translation as it stands now. */
  get text() {
    if (this.blank) return "";
    return this.mine?.text ?? (this.result?.error ? this.draft?.translation : this.told?.translation) ?? "";
  }

  /** The draft that could stand by itself, in the target language. */
  get standing() {
    if (this.pieces) return this.draft?.translation ?? "";
    const candidate = this.told?.candidates?.find((item) => item.origin === "draft");
    return candidate?.text ?? this.draft?.translation ?? this.told?.draft?.text ?? "";
  }

  /** Words of the standing draft with the confidence of each, or none where they do not belong to it. */
  get words() {
    const told = this.draft ?? this.result;
    const drafts = this.pieces ? told?.drafts : [told?.draft];
    const words = (drafts ?? []).flatMap((draft) => draft?.words ?? []);
    const written = this.standing.match(/\S+/g) ?? [];
    const fits = words.length === written.length && words.every((word, at) => word.text === written[at]);
    return fits ? words : [];
  }

  /** Whether the line was too long for one piece: its candidates are pieces then, too. */
  get pieces() {
    return (this.told?.decisions ?? []).some((item) => item.step === "length");
  }

  /** Why the generalist gave no answer, or ""; where it answered otherwise, one answer that failed cost nothing. */
  get refusal() {
    if (this.refined) return "";
    return (this.result?.decisions ?? []).find((item) => item.step === "generalist")?.reason ?? "";
  }

  /** Whether a memory held the translation. */
  get remembered() {
    return (this.result?.decisions ?? []).some((item) => item.step === "memory" && item.outcome === "reused");
  }

  /** Whether the gate was given more than the draft. */
  get refined() {
    return Boolean(this.result) && !this.result.error && this.result.translation !== this.standing;
  }

  /** Take what another line of the same text and settings has. */
  carry(other) {
    Object.assign(this, {
      stage: other.stage,
      draft: other.draft,
      result: other.result,
      mine: other.mine,
      saved: other.saved,
    });
  }
}
