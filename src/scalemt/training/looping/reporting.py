"""Reports of rounds, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scalemt.training.looping.weaknesses import Weaknesses

_TERMS = 20  # that a report shows


def round_report(
    number: int, model: str, scores: dict[str, Any], weak: Weaknesses, made_of: dict[str, Any]
) -> str:
    """Return the report of a round.

    Args:
        number: of the round, 0 before the first.
        model: what was measured.
        scores: by test set.
        weak: what is wrong on dev.
        made_of: what the synthesis of this round gave, {} where there was none.
    """
    lines = [f"# Round {number}: {model}", "", "| | chrF++ | BLEU |", "|---|---:|---:|"]
    lines += [f"| {name} | {found['chrf++']} | {found['bleu']} |" for name, found in scores.items()]
    if made_of:
        dropped = ", ".join(f"{name} {count}" for name, count in made_of.get("filters dropped", {}).items())
        lines += [
            "",
            f"Trained with {made_of['pairs']} synthetic pairs (filters dropped: {dropped or 'nothing'}).",
        ]
    share = f"{weak.missed} of {weak.known} occurrences of terms are missed on dev"
    lines += ["", "## Errors", "", f"{share}; {len(weak.terms)} terms are weak.", ""]
    lines += ["| term | wanted | expected | missed |", "|---|---|---:|---:|"]
    lines += [
        f"| {_cell(t.source)} | {_cell(t.target)} | {t.expected} | {t.missed} |" for t in weak.terms[:_TERMS]
    ]
    lines += ["", "Checks that fail: " + (", ".join(f"{k} {v}" for k, v in weak.checks.items()) or "none") + "."]
    lines += ["", "| source | chrF++ |", "|---|---:|", *(f"| {k} | {v} |" for k, v in weak.lengths.items())]
    lines += ["", "## The worst segments", ""]
    for item in weak.worst:
        lines += [f"- {name}: {_cell(str(text))}" for name, text in item.items()] + [""]
    return "\n".join(lines)


def loop_report(name: str, rounds: Sequence[dict[str, Any]], why: str) -> str:
    """Return the report of a whole loop: a table of its rounds, and why it ended."""
    tests = list(rounds[0]["scores"])
    lines = [f"# {name}: {len(rounds) - 1} rounds", "", f"It ended: {why}.", ""]
    lines.append(
        "| round | model | synthetic pairs | terms missed | " + " | ".join(f"{t}, chrF++" for t in tests) + " |"
    )
    lines.append("|---:|---|---:|---:|" + "---:|" * len(tests))
    for item in rounds:
        scores = " | ".join(str(item["scores"][test]["chrf++"]) for test in tests)
        errors = item["errors"]
        told = f"{errors['missed']} of {errors['known']}"
        lines.append(
            f"| {item['round']} | {item['model']} | {item['synthetic'].get('pairs', 0)} | {told} | {scores} |"
        )
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")[:300]
