"""What a row of a ledger tells: the output that it stands for, its draft, its cost, what the gate took."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scalemt.drafts import draft_from_json
from scalemt.evaluation.bench.running import Task
from scalemt.evaluation.systems import Output, System
from scalemt.types import Draft

Ledgered = Mapping[str, Any]

_NEAR = 0.01  # two confidences nearer than this are the same


@dataclass(frozen=True)
class Prices:
    """What a server takes, in money for a million tokens of prompts and of answers."""

    prompt: float
    completion: float

    def of(self, prompt_tokens: float, completion_tokens: float) -> float:
        """Return the cost of a number of tokens."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1e6


def as_system(task: Task, prices: Prices | None = None) -> System:
    """Return the outputs of a finished task as the report shows them."""
    outputs = tuple(_output(task.rows[place], prices) for place in range(len(task.test_set)))
    return System(task.arm.name, outputs, str(task.ledger.path) if task.ledger else "")


def _output(row: Ledgered, prices: Prices | None) -> Output:
    usage = row["usage"]
    facts = {
        "seconds": float(row["seconds"]),
        "prompt_tokens": float(usage.get("prompt_tokens", 0)),
        "completion_tokens": float(usage.get("completion_tokens", 0)),
        "cost": cost(usage, prices),
    }
    return Output(
        text=row["translation"],
        draft=first_draft(row),
        decision=gate_outcome(row) or str(row.get("method", "")),
        truncated=any(item["name"] == "truncated" and not item["passed"] for item in row.get("checks", ())),
        failed=bool(row.get("error")),
        facts={key: value for key, value in facts.items() if math.isfinite(value)},
    )


def cost(usage: Mapping[str, Any], prices: Prices | None) -> float:
    """Return what a segment cost at the given prices, else as the generalist told it; NaN if neither is known."""
    if prices:
        return prices.of(usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0))
    told = float(usage.get("cost", 0.0))
    # Nothing asked costs nothing; for what was asked a generalist without prices tells 0, which is no price.
    return told if told or not usage.get("calls") else math.nan


def gate_outcome(row: Ledgered) -> str:
    """Return what the gate took, "mixed" where pieces of a long segment differ, "" where there was no gate."""
    told = [item["outcome"] for item in row["decisions"] if item.get("step") == "gate"]
    taken = {outcome for outcome in told if not outcome.startswith("refused ")}
    return "mixed" if len(taken) > 1 else next(iter(taken), "")


def standing_draft(row: Ledgered) -> str | None:
    """Return the draft that the segment's translation is to be better than, or None where there was none."""
    texts = [item["text"] for item in row["candidates"] if item.get("origin") == "draft"]
    return " ".join(texts) if texts else None


def first_draft(row: Ledgered) -> Draft | None:
    """Return the first draft of a segment, of a long one that of all its pieces; None where there was none."""
    # Several paths give each piece several drafts, of which the first is shown.
    paths = max(1, len(row["drafts"]) // _pieces(row))
    drafts = [draft_from_json(item, "a ledger") for item in row["drafts"][::paths]]
    if len(drafts) < 2:
        return drafts[0] if drafts else None
    words = tuple(word for item in drafts for word in item.words)
    return replace(drafts[0], text=" ".join(item.text for item in drafts), words=words, score=None)


def _pieces(row: Ledgered) -> int:
    """Return into how many pieces a long segment was cut, as the engine's own decision says it."""
    told = next((item["outcome"] for item in row["decisions"] if item.get("step") == "length"), "")
    count = told.partition(" ")[0]
    return max(1, int(count)) if count.isdecimal() else 1


def fault(rows: Iterable[Ledgered]) -> str:
    """Return the most frequent reason why segments failed or the generalist did; "" where none did."""
    reasons = Counter(reason for row in rows if (reason := _reason(row)))
    return reasons.most_common(1)[0][0] if reasons else ""


def _reason(row: Ledgered) -> str:
    told = [str(item.get("reason", "")) for item in row["decisions"] if item.get("step") == "generalist"]
    return str(row["error"]) if row.get("error") else next(iter(told), "")


def once(systems: Sequence[System]) -> list[System]:
    """Return the systems with each set of drafts left to the first that has it.

    All arms of one specialist start from the same drafts: what their confidences are worth is told once.
    """
    seen: list[tuple[Draft | None, ...]] = []
    found = []
    for system in systems:
        drafts = tuple(item.draft for item in system.outputs)
        known = any(all(map(_alike, drafts, other)) for other in seen)
        found.append(_without_drafts(system) if known else system)
        seen += [] if known else [drafts]
    return found


def _alike(one: Draft | None, two: Draft | None) -> bool:
    """Whether two drafts are the same but for what the size of a batch does to the confidences."""
    if one is None or two is None or one.text != two.text or len(one.words) != len(two.words):
        return one is two
    pairs = [(a.confidence, b.confidence) for a, b in zip(one.words, two.words, strict=True)]
    return all(a == b if a is None or b is None else abs(a - b) < _NEAR for a, b in pairs)


def _without_drafts(system: System) -> System:
    return replace(system, outputs=tuple(replace(item, draft=None) for item in system.outputs))
