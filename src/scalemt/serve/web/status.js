// The line under the translation that says how far it is, and what it is.

import { seconds, t } from "./strings.js";

/** @typedef {import("./line.js").Line} Line */

/** Say how far a run is. @param {Line[]} lines */
export function underWay(lines) {
  const open = lines.filter((line) => !line.blank);
  const total = open.length;
  const done = open.filter((line) => line.result).length;
  const drafted = open.some((line) => line.stage === "draft");
  if (drafted) return total > 1 ? t("status.drafted.many", { done, total }) : t("status.drafted");
  return total > 1 && done > 0 && done < total ? t("status.partly", { done, total }) : t("status.translating");
}

/** Say what came out. @param {Line[]} lines @param {{seconds: number, nothing: boolean}} summary */
export function outcome(lines, summary) {
  const open = lines.filter((line) => !line.blank);
  if (!open.length) return "";
  if (summary.nothing) return t("status.reused");
  const told = open.length === 1 ? ofOne(open[0], summary) : ofMany(open, summary);
  const failed = open.filter((line) => line.stage === "failed").length;
  return failed ? `${t("status.failed", { n: failed })} · ${told}` : told;
}

function ofOne(line, summary) {
  const time = { seconds: seconds(summary.seconds) };
  if (line.stage === "failed" || line.result?.method === "none") return t("status.done", time);
  if (line.remembered) return t("status.memory", time);
  if (line.result?.method === "draft") return t("status.draft", time);
  if (line.refined) return t("status.refined", time);
  const others = (line.result?.candidates ?? []).filter((item) => item.origin !== "draft");
  return t(others.some((item) => item.text === line.text) ? "status.agreed" : "status.stands", time);
}

function ofMany(open, summary) {
  const time = seconds(summary.seconds);
  if (open.every((line) => line.result?.method === "draft" || line.result?.method === "none"))
    return t("status.done", { seconds: time });
  const changed = open.filter((line) => line.refined).length;
  return changed
    ? t("status.refined.many", { changed, total: open.length, seconds: time })
    : t("status.stands.many", { seconds: time });
}
