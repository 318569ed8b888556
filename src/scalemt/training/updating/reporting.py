"""The report of an update, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scalemt.evaluation.tables import comparisons, scores
from scalemt.trained import ModelCard
from scalemt.training.updating.comparing import NEW, OLD, Compared
from scalemt.training.updating.records import Record

_EXAMPLES = 3  # of what became better, and of what became worse


def report(record: Record, card: ModelCard, compared: Sequence[Compared]) -> str:
    """Return the report.

    Args:
        record: what is remembered of the update.
        card: of the new version.
        compared: both versions, by test set.
    """
    verdict = "promoted" if record.promoted else f"not promoted: {record.parent} stays in use"
    lines = [
        f"# Update of {record.name}: version {record.version}, {verdict}",
        "",
        f"{record.pair}, made from `{record.parent}`, {record.made}, {record.seconds / 60:.1f} minutes.",
        "",
        "## Decision",
        "",
        "| asked | found | |",
        "|---|---|---|",
        *(f"| {_cell(item['question'])} | {_cell(item['found'])} | {_answer(item)} |" for item in record.checks),
        "",
        "## New pairs",
        "",
        *_data(record),
        "",
        "## Scores",
        "",
    ]
    for item in compared:
        for evaluation in (item.alone, item.scale):
            if evaluation:
                lines += [scores(evaluation, "quality").markdown(), comparisons([evaluation]).markdown()]
    for item in compared:
        lines += _examples(item)
    lines += ["## Settings", "", *(f"- {name}: {value}" for name, value in card.settings.items())]
    return "\n".join(lines) + "\n"


def _answer(check: Mapping[str, Any]) -> str:
    return "yes" if check["passed"] else "**no**"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _data(record: Record) -> Iterator[str]:
    for name, value in record.data.items():
        told = ", ".join(f"{key}: {count}" for key, count in value.items()) if isinstance(value, dict) else value
        yield f"- {name}: {told or 'nothing'}"


def _examples(item: Compared) -> list[str]:
    """Return the segments that changed most, by chrF++ of the segment."""
    test_set, (old, new) = item.alone.test_set, item.alone.systems
    cells = [item.alone.cells[label]["chrf++"].segments for label in (OLD, NEW)]
    gains = sorted(
        (after - before, number)
        for number, (before, after) in enumerate(zip(*cells, strict=True))
        if after != before
    )
    lines = []
    for title, found in (("better", gains[::-1]), ("worse", gains)):
        some = [(gain, n) for gain, n in found[:_EXAMPLES] if (gain > 0) == (title == "better")]
        if some:
            lines += [f"## {item.test}: what became {title}", ""]
        for gain, number in some:
            rows = {
                "source": test_set.sources[number], "reference": test_set.references[0][number],
                "before": old.outputs[number].text, "new": new.outputs[number].text,
            }  # fmt: skip
            lines += [f"{gain:+.1f} chrF++", "", *(f"- {name}: {_line(text)}" for name, text in rows.items()), ""]
    return lines


def _line(text: str) -> str:
    shown = " ".join(text.split())
    return f"`{shown[:300].replace('`', chr(39))}`"
