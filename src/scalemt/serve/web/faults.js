// What a fault means to people, and what becomes of it: said, waited for, or mended by a key.

import { has, t } from "./strings.js";

const MOST = 30; // seconds between two tries while the server is away

/** Return the sentences of a fault. @param {import("./api.js").Fault} fault */
export function told(fault) {
  const key = has(`fault.${fault.kind}`) ? fault.kind : "internal";
  // Whoever runs the server finds a request by its id; what passes by itself, or wants a key, is nobody's work.
  const looked = fault.request && !fault.passing && !wantsKey(fault);
  return {
    text: t(`fault.${key}`),
    detail: fault.message,
    small: looked ? t("fault.request", { id: fault.request }) : "",
  };
}

/** Whether another key may mend a fault. */
export function wantsKey(fault) {
  return (
    fault.kind === "unauthorized" ||
    (fault.kind === "forbidden" && /\bkey\b/i.test(fault.message) && !/scope/i.test(fault.message))
  );
}

/** Counts tries, and says how long to wait for the next. */
export class Patience {
  constructor() {
    this.tries = 0;
  }

  /** Return the seconds to wait: what the server says, or longer each time. @param {import("./api.js").Fault} fault */
  wait(fault) {
    this.tries += 1;
    return fault.after ?? Math.min(MOST, 2 ** this.tries);
  }

  reset() {
    this.tries = 0;
  }
}
