// Documents: sent one after another, watched, fetched.

import { Fault, ask, isAbort, send } from "./api.js";
import { el, icon } from "./dom.js";
import { Patience, told, wantsKey } from "./faults.js";
import { say } from "./notices.js";
import { read, write } from "./store.js";
import { bytes, t } from "./strings.js";

const KEPT = "scalemt.documents"; // ids of what this browser has sent; a server without keys shows everybody's
const OFTEN = 700; // milliseconds between two looks at what is under way
const SELDOM = 3_000;

/**
 * @typedef {{
 *   id: string, name: string, state: string, source: string, target: string, segments: number | null, done: number, failed: number,
 *   error: string | null, file?: File, wish?: object, stop?: AbortController, waits?: number,
 * }} Job
 */

export class Documents {
  /**
   * @param {{list: HTMLElement, count: HTMLElement, notices: import("./notices.js").Notices}} places
   * @param {{wish: () => {source: string, target: string, profile: string, glossary: string}, name: (code: string) => string,
   *   limit: () => number, enterKey: (refused: boolean) => Promise<boolean>}} options
   */
  constructor(places, options) {
    this.places = places;
    this.options = options;
    /** @type {Job[]} */
    this.jobs = [];
    this.rows = new Map();
    this.timer = 0;
    this.sending = Promise.resolve();
    this.patience = new Patience();
  }

  /** Look for what this browser has sent before. */
  async restore() {
    const known = read(KEPT, []);
    const here = new Set(this.jobs.map((job) => job.id));
    for (const id of Array.isArray(known)
      ? known.filter((item) => typeof item === "string" && !here.has(item))
      : []) {
      try {
        this.jobs.push(await ask(`v1/jobs/${encodeURIComponent(id)}`));
      } catch {
        // The server keeps documents for a while only.
      }
    }
    this.#draw();
    this.#watch();
  }

  /** Take files and send them one after another. @param {Iterable<File>} files */
  add(files) {
    for (const file of files) {
      const limit = this.options.limit();
      if (limit && file.size > limit) {
        const text = t("files.too-large", { name: file.name, size: bytes(file.size), limit: bytes(limit) });
        this.places.notices.show(`large ${file.name}`, { text });
        continue;
      }
      const wish = this.options.wish();
      const job = {
        id: "",
        name: file.name,
        state: "uploading",
        source: wish.source,
        target: wish.target,
        segments: null,
        done: 0,
        failed: 0,
        error: null,
        file,
        wish,
      };
      this.jobs.unshift(job);
      this.#send(job);
    }
    this.#draw();
  }

  #send(job) {
    job.stop = new AbortController();
    this.sending = this.sending.then(() => this.#upload(job));
  }

  async #upload(job) {
    if (job.stop.signal.aborted) return;
    const form = new FormData();
    for (const [name, value] of Object.entries(job.wish)) if (value) form.append(name, value);
    form.append("file", job.file, job.name);
    try {
      const told = await ask("v1/jobs", { method: "POST", form, signal: job.stop.signal });
      Object.assign(job, told);
      this.patience.reset();
    } catch (fault) {
      if (isAbort(fault)) return;
      if (!(fault instanceof Fault)) throw fault;
      if (await this.#mended(fault)) return this.#upload(job);
      this.#fail(job, fault);
    }
    this.#keep();
    this.#draw();
    this.#watch();
    return undefined;
  }

  async #mended(fault) {
    return wantsKey(fault) && this.options.enterKey(fault.kind === "forbidden");
  }

  #fail(job, fault) {
    const words = told(fault);
    Object.assign(job, { state: "failed", error: words.detail || words.text });
    if (!fault.passing) return;
    const after = this.patience.wait(fault);
    this.places.notices.show("documents", {
      ...words,
      tone: "warning",
      seconds: after,
      due: () => this.#again(job),
      actions: [
        { label: t("fault.now"), run: () => this.#again(job) },
        { label: t("cancel"), run: () => this.places.notices.hide("documents") },
      ],
    });
  }

  /** Try again with what is chosen now: the pair may have been the fault. */
  #anew(job) {
    const wish = this.options.wish();
    Object.assign(job, { wish, source: wish.source, target: wish.target });
    this.#again(job);
  }

  #again(job) {
    this.places.notices.hide("documents");
    Object.assign(job, { id: "", state: "uploading", error: null, done: 0, failed: 0, segments: null });
    this.#send(job);
    this.#draw();
  }

  #keep() {
    write(
      KEPT,
      this.jobs
        .map((job) => job.id)
        .filter(Boolean)
        .slice(0, 50),
    );
  }

  get #open() {
    return this.jobs.filter((job) => job.id && (job.state === "queued" || job.state === "running"));
  }

  #watch() {
    clearTimeout(this.timer);
    if (this.#open.length) this.timer = setTimeout(() => this.#look(), document.hidden ? SELDOM : OFTEN);
  }

  async #look() {
    for (const job of this.#open) {
      try {
        const before = job.state;
        Object.assign(job, await ask(`v1/jobs/${encodeURIComponent(job.id)}`));
        if (job.state !== before && job.state === "done") say(t("files.say.done", { name: job.name }));
        if (job.state !== before && job.state === "failed") say(t("files.say.failed", { name: job.name }));
      } catch (fault) {
        if (fault instanceof Fault && fault.kind === "not_found")
          Object.assign(job, { state: "failed", error: fault.message });
        // Otherwise the server may be away for a moment: the next look tells.
      }
    }
    this.#draw();
    this.#watch();
  }

  async #remove(job) {
    job.stop?.abort();
    this.jobs = this.jobs.filter((other) => other !== job);
    this.rows.delete(job);
    this.#keep();
    this.#draw();
    if (!job.id) return;
    try {
      await ask(`v1/jobs/${encodeURIComponent(job.id)}`, { method: "DELETE" });
    } catch (fault) {
      if (fault instanceof Fault && fault.kind !== "not_found") this.places.notices.show("documents", told(fault));
    }
  }

  async #download(job) {
    try {
      const answer = await send(`v1/jobs/${encodeURIComponent(job.id)}/result`);
      const address = URL.createObjectURL(await answer.blob());
      const link = el("a", { href: address, download: resultName(job) });
      link.click();
      setTimeout(() => URL.revokeObjectURL(address), 60_000);
    } catch (fault) {
      if (!(fault instanceof Fault)) throw fault;
      this.places.notices.show("documents", told(fault));
    }
  }

  #draw() {
    const active = this.jobs.filter((job) => ["uploading", "queued", "running"].includes(job.state)).length;
    this.places.count.hidden = active === 0;
    this.places.count.textContent = active ? String(active) : "";
    for (const job of this.jobs) this.#row(job);
    const rows = this.jobs.map((job) => this.rows.get(job).row);
    if (
      rows.length !== this.places.list.children.length ||
      rows.some((row, place) => this.places.list.children[place] !== row)
    ) {
      this.places.list.replaceChildren(...rows);
    }
  }

  /** Make or renew the row of a document; its buttons are made anew only with its state, so that they keep the focus. */
  #row(job) {
    const known = this.rows.get(job);
    const made = known ?? this.#newRow(job);
    const { state, bar, buttons, pair, row } = made;
    row.dataset.state = job.state;
    pair.textContent = `${this.#named(job.source)} → ${this.#named(job.target)}`;
    state.textContent = stateOf(job);
    const running = ["uploading", "queued", "running"].includes(job.state);
    bar.hidden = !running;
    if (job.segments) Object.assign(bar, { max: job.segments, value: job.done });
    else bar.removeAttribute("value");
    if (made.state0 === job.state) return;
    made.state0 = job.state;
    buttons.replaceChildren(...this.#buttons(job, running));
  }

  #newRow(job) {
    const [state, pair, buttons] = [
      el("p", { class: "job-state" }),
      el("span", { class: "job-pair" }),
      el("div", { class: "job-buttons" }),
    ];
    const bar = el("progress", { "aria-label": t("files.progress", { name: job.name }) });
    const row = el(
      "li",
      { class: "job" },
      el("span", { class: "job-icon" }, icon("document")),
      el(
        "div",
        { class: "job-body" },
        el("p", { class: "job-name" }, el("span", { dir: "auto", text: job.name }), pair),
        state,
        bar,
      ),
      buttons,
    );
    const made = { row, state, pair, bar, buttons, state0: "" };
    this.rows.set(job, made);
    return made;
  }

  #buttons(job, running) {
    const button = (name, act, options) =>
      el("button", {
        type: "button",
        onclick: act,
        "aria-label": t(`files.${name}.label`, { name: job.name }),
        text: t(`files.${name}`),
        ...options,
      });
    const found = [];
    if (job.state === "done") found.push(button("download", () => this.#download(job), { class: "primary" }));
    if (job.state === "failed" && job.file) found.push(button("retry", () => this.#anew(job), { class: "quiet" }));
    const words = t(running ? "files.cancel" : "files.remove", { name: job.name });
    found.push(
      el("button", {
        type: "button",
        class: "icon",
        icon: running ? "close" : "trash",
        "aria-label": words,
        title: words,
        onclick: () => this.#remove(job),
      }),
    );
    return found;
  }

  #named(code) {
    return code === "auto" ? t("language.auto") : this.options.name(code);
  }
}

function stateOf(job) {
  if (job.state === "uploading") return t("files.uploading");
  if (job.state === "queued") return t("files.queued");
  if (job.state === "running")
    return job.segments ? t("files.running", { done: job.done, total: job.segments }) : t("files.running.unknown");
  if (job.state === "failed") return t("files.failed", { reason: job.error ?? "" });
  if (job.state === "cancelled") return t("files.cancelled");
  const done = t("files.done", { n: job.segments ?? 0 });
  return job.failed ? `${done}; ${t("files.failures", { n: job.failed })}` : done;
}

/** Return what a translated document is called: "report.pt.docx". */
export function resultName(job) {
  const dot = job.name.lastIndexOf(".");
  return dot > 0 ? `${job.name.slice(0, dot)}.${job.target}${job.name.slice(dot)}` : `${job.name}.${job.target}`;
}
