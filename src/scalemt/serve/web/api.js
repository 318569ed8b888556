// The native API of the server: JSON, errors as one kind of exception, and answers that come piece by piece.

import { events } from "./sse.js";
import { apiKey } from "./store.js";

const SILENCE = 45_000; // the server sends a comment every 10 s; after so long it is gone

/** A request that was not served. `kind` is the server's word, or "away" and "cut" for a connection that failed. */
export class Fault extends Error {
  constructor(kind, message = "", { status = 0, after = null, request = "" } = {}) {
    super(message);
    this.kind = kind;
    this.status = status;
    this.after = after;
    this.request = request;
  }

  /** Whether the same request may go through later without anyone doing anything. */
  get passing() {
    return ["away", "busy", "rate_limited", "unavailable"].includes(this.kind);
  }
}

/** Whether an exception only says that nobody waits any more. */
export function isAbort(error) {
  return error?.name === "AbortError";
}

const url = (path) => new URL(path, document.baseURI);

/** Send a request and return the response, or throw a `Fault`. */
export async function send(path, { method = "GET", json, form, signal } = {}) {
  const headers = new Headers({ Accept: "application/json, text/event-stream" });
  const key = apiKey.get();
  if (key) headers.set("Authorization", `Bearer ${key}`);
  if (json !== undefined) headers.set("Content-Type", "application/json");
  let answer;
  try {
    const body = json === undefined ? form : JSON.stringify(json);
    answer = await fetch(url(path), {
      method,
      headers,
      body,
      signal,
      cache: "no-store",
      credentials: "same-origin",
    });
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new Fault("away");
  }
  if (!answer.ok) throw await fault(answer);
  return answer;
}

/** Send a request and return what the JSON of its answer holds; null where there is none. */
export async function ask(path, options = {}) {
  const answer = await send(path, options);
  if (answer.status === 204) return null;
  try {
    return await answer.json();
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new Fault("cut");
  }
}

/** Yield `[event, data]` of an answer that is a stream of events, until "done". */
export async function* stream(path, { json, signal }) {
  const answer = await send(path, { method: "POST", json, signal });
  const reader = answer.body.getReader();
  try {
    for await (const [name, data] of events(chunks(reader))) {
      if (name === "fault") throw new Fault(data.type, data.message, { request: data.request_id });
      yield [name, data];
      if (name === "done") return;
    }
  } catch (error) {
    if (isAbort(error) || error instanceof Fault) throw error;
    throw new Fault("cut");
  } finally {
    reader.cancel().catch(() => {});
  }
  throw new Fault("cut");
}

async function* chunks(reader) {
  const decoder = new TextDecoder();
  for (;;) {
    const { value, done } = await soon(reader.read());
    if (done) return;
    yield decoder.decode(value, { stream: true });
  }
}

/** Wait for a piece of the answer, but not for ever: a connection may hang without an end. */
function soon(promise) {
  let timer;
  const silence = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Fault("cut")), SILENCE);
  });
  return Promise.race([promise, silence]).finally(() => clearTimeout(timer));
}

const KINDS = {
  401: "unauthorized",
  403: "forbidden",
  404: "not_found",
  408: "timeout",
  413: "too_large",
  429: "rate_limited",
  456: "quota",
  502: "failed",
  503: "unavailable",
  504: "deadline",
};

/** Read the error that a response holds; a proxy in between may have written another form of it. */
async function fault(answer) {
  let told = {};
  try {
    told = (await answer.json()).error ?? {};
  } catch {
    told = {};
  }
  const kind = told.type ?? KINDS[answer.status] ?? (answer.status < 500 ? "invalid_request" : "internal");
  const request = told.request_id ?? "";
  return new Fault(kind, told.message ?? "", { status: answer.status, after: pause(answer), request });
}

/** Return the seconds of Retry-After, in either of its forms. */
function pause(answer) {
  const told = answer.headers.get("Retry-After");
  if (!told) return null;
  const number = /^\d+$/.test(told) ? Number(told) : (Date.parse(told) - Date.now()) / 1000;
  return Number.isFinite(number) ? Math.max(1, Math.ceil(number)) : null;
}
