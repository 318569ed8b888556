// Decisions of the engine as sentences for people; the words stand in strings.js.

import { has, t } from "./strings.js";

/** Return the name of what made a candidate. */
export function origin(name) {
  const plain = name.replace(/\W*\d+$/, "");
  return has(`origin.${plain}`) ? t(`origin.${plain}`) : t("origin.other", { origin: name });
}

/** Return one sentence for one decision. */
export function sentence({ step, outcome, reason }) {
  const written = STEPS[step]?.(outcome, reason) ?? t("why.other", { step, outcome, reason });
  return end(begin(written));
}

const begin = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const end = (text) => (/[.!?…]$/.test(text) ? text : `${text}.`);
const subject = (name) => {
  if (name === "draft") return t("why.draft");
  return has(`why.${name}`) ? t(`why.${name}`) : t("why.candidate", { name: origin(name) });
};

/** What the gate writes as its reason, and the key of our sentence for it. */
const GATE = {
  "the answer is the same as the draft": "why.same",
  "all checks passed": "why.passed",
  "the gate is off": "why.off",
  "there is no draft": "why.no-draft",
  "there is no draft to fall back on": "why.no-fallback",
  "no other candidate passed": "why.none-passed",
  "there is no other candidate": "why.no-other",
  "no candidate can be used": "why.unusable",
  "the gate is off, and no answer came": "why.off-nothing",
  "calibration found nothing that beats the draft of this pair": "why.calibrated",
  "no evidence could be measured; the draft is the safe choice": "why.unmeasured",
  "the calibration holds no such candidate; the draft is the safe choice": "why.uncalibrated",
  "no edit of it uses more of the terms without being another translation, or clearly worse": "why.no-edit",
};

const STEPS = {
  gate: (outcome, reason) => {
    if (GATE[reason]) return t(GATE[reason], { subject: subject(outcome) });
    if (outcome.startsWith("refused ")) {
      return t("why.refused", { subject: subject(outcome.slice(8)), reason: checked(reason) });
    }
    return (
      weighed(outcome, reason) ?? termed(outcome, reason) ?? t("why.taken", { subject: subject(outcome), reason })
    );
  },
  generalist: (outcome, reason) => t("why.no-answer", { reason }),
  deferral: (outcome, reason) => t(outcome === "asked" ? "why.asked" : "why.not-asked", { reason }),
  road: (outcome, reason) => t("why.pivot", { reason }),
  memory: (outcome, reason) => t(outcome === "reused" ? "why.reused" : "why.not-asked", { reason }),
  terms: (outcome, reason) => t("why.terms", { reason }),
  spans: (outcome, reason) => t(outcome === "failed" ? "why.spans-lost" : "why.spans", { reason }),
  length: (outcome, reason) => t("why.length", { outcome, reason }),
  source: (outcome, reason) => t("why.source", { reason }),
  language: (outcome, reason) =>
    t(outcome === "source kept" ? "why.language" : "why.other", { step: "language", outcome, reason }),
  draft: (outcome, reason) => t("why.nothing", { reason }),
};

const points = (number) =>
  t(Number(number) < 0 ? "why.worse" : "why.better", { points: Math.abs(Number(number)).toFixed(1) });

/** A verdict by evidence: "expected gain over the draft: refine +4.20; needed +3.00". */
function weighed(outcome, reason) {
  const found = /^expected gain over the draft: (.+); needed ([+-][\d.]+)$/.exec(reason);
  if (!found) return null;
  const gains = found[1].split(", ").map((item) => item.split(" "));
  const told = gains
    .map(([of, gain]) => t("why.expected", { subject: subject(of), points: points(gain) }))
    .join("; ");
  return t(outcome === "draft" ? "why.kept" : "why.weighed", {
    subject: subject(outcome),
    told,
    due: points(found[2]),
  });
}

/** A verdict by terms: "2 of 3 missed terms are used; expected gain over the draft +0.40". */
function termed(outcome, reason) {
  const found = /^(\d+) of (\d+) missed terms are used; (.+)$/.exec(reason);
  if (!found) return null;
  const gain = /([+-][\d.]+)$/.exec(found[3]);
  const rest = gain ? t("why.otherwise", { points: points(gain[1]) }) : found[3];
  return t("why.for-terms", { subject: subject(outcome), used: found[1], of: found[2], rest });
}

/** Name the checks of a reason such as "numbers: 3 became 4; length: …" as the page names them. */
function checked(reason) {
  const told = reason.split("; ").map((part) => {
    const [, name, detail] = /^(\w+): (.*)$/.exec(part) ?? [];
    return name && has(`check.${name}`) ? t("why.check", { detail, check: t(`check.${name}`) }) : part;
  });
  return told.join("; ");
}
