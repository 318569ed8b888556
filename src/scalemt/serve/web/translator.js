// Runs of translation: one at a time, a new one ends the one before it.

import { Fault, ask, isAbort, stream } from "./api.js";
import { Line } from "./line.js";

const REUSE_FROM = 2_000; // characters; in longer texts, lines that did not change are not sent again
const ENOUGH = 5_000; // characters; more of a text does not tell more of its language

/**
 * @typedef {{source: string, target: string, profile: string, formality: string, glossary: string}} Wish
 * @typedef {{
 *   started: () => void, detected: (found: {language: string, confidence: number}) => boolean,
 *   changed: (place: number) => void, ended: (summary: object) => void, failed: (fault: Fault) => void,
 * }} Listener
 */

export class Translator {
  /** @param {Listener} listener @param {{texts: number}} limits */
  constructor(listener, limits) {
    this.listener = listener;
    this.limits = limits;
    /** @type {Line[]} */
    this.lines = [];
    this.running = false;
    this.detected = null;
    this.settings = "";
    this.stop = new AbortController();
  }

  /** End the run that is under way, if there is one. */
  cancel() {
    this.stop.abort();
    const was = this.running;
    this.running = false;
    return was;
  }

  /** Forget everything. */
  clear() {
    this.cancel();
    this.lines = [];
    this.detected = null;
    this.settings = "";
  }

  /** Translate a text, line by line; what the listener is told comes in any order of lines. @param {Wish} wish */
  async start(text, wish) {
    this.cancel();
    const stop = new AbortController();
    this.stop = stop;
    this.running = true;
    const settings = JSON.stringify(wish);
    const same = settings === this.settings;
    this.lines = renewed(text, this.lines, same, wish.target);
    this.settings = settings;
    if (!same) this.detected = null;
    this.listener.started();
    try {
      if (await this.#detect(text, wish, stop.signal)) return;
      const places = this.#toSend(text, wish);
      const summary = { segments: 0, failed: 0, seconds: 0, usage: {}, nothing: places.length === 0 };
      for (let from = 0; from < places.length; from += this.limits.texts) {
        await this.#send(places.slice(from, from + this.limits.texts), wish, stop.signal, summary);
        if (stop.signal.aborted) return;
      }
      this.running = false;
      this.listener.ended(summary);
    } catch (error) {
      if (isAbort(error) || stop.signal.aborted) return;
      this.running = false;
      if (!(error instanceof Fault)) throw error;
      this.listener.failed(error);
    }
  }

  /**
   * Find out the language of a text of several lines, as a whole: a line alone may be too short to tell.
   *
   * @returns {Promise<boolean>} whether another run has taken over
   */
  async #detect(text, wish, signal) {
    if (wish.source !== "auto" || this.lines.filter((line) => !line.blank).length < 2) return false;
    const { languages } = await ask("v1/detect", {
      method: "POST",
      json: { text: text.slice(0, ENOUGH) },
      signal,
    });
    if (signal.aborted) return true;
    this.detected = languages[0] ?? null;
    return this.detected !== null && this.listener.detected(this.detected);
  }

  /** Return the places of the lines to send: all of them, or in a long text those that are new. */
  #toSend(text, wish) {
    const all = [...this.lines.keys()];
    const known = wish.source !== "auto" || this.detected;
    if (text.length <= REUSE_FROM || !known) return all;
    return all.filter((place) => !this.lines[place].blank && this.lines[place].stage !== "done");
  }

  async #send(places, wish, signal, summary) {
    const alone = this.lines.filter((line) => !line.blank).length < 2;
    const source = wish.source === "auto" && this.detected && !alone ? this.detected.language : wish.source;
    const json = {
      text: places.map((place) => this.lines[place].source),
      source,
      target: wish.target,
      explain: true,
      stream: true,
    };
    if (wish.profile) json.profile = wish.profile;
    if (wish.formality) json.formality = wish.formality;
    if (wish.glossary) json.glossary = wish.glossary;
    for await (const [name, data] of stream("v1/translate", { json, signal })) {
      if (signal.aborted) return;
      if (name === "detected") {
        this.detected = data;
        if (this.listener.detected(data)) return;
      } else if (name === "draft" || name === "translation") this.#take(name, places[data.index], data);
      else if (name === "done") add(summary, data);
    }
  }

  #take(name, place, data) {
    const line = this.lines[place];
    if (!line || (name === "draft" && line.stage === "done")) return; // what stands there is better than a draft
    if (name === "draft") {
      line.draft = data;
      line.stage = "draft";
    } else {
      line.result = data;
      line.stage = data.error ? "failed" : "done";
    }
    this.listener.changed(place);
  }
}

function add(summary, data) {
  summary.segments += data.segments;
  summary.failed += data.failed;
  summary.seconds += data.seconds;
  for (const [name, value] of Object.entries(data.usage ?? {}))
    summary.usage[name] = (summary.usage[name] ?? 0) + value;
}

/** Return the lines of a text, with what is known already of lines that were there before. */
function renewed(text, old, same, target) {
  const bySource = new Map(old.map((line) => [line.source, line]));
  return text.split("\n").map((source, place) => {
    const line = new Line(source);
    const before = bySource.get(source);
    if (before && same) line.carry(before);
    else if (before?.mine?.kind === "edited" && before.mine.target === target) {
      Object.assign(line, { mine: before.mine, saved: before.saved });
    }
    if (line.stage === "failed" || (line.stage === "draft" && !line.result))
      Object.assign(line, { stage: "waiting", result: null });
    line.before = before?.text ?? old[place]?.text ?? "";
    return line;
  });
}
