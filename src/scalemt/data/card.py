"""The data card: what went in, what each step took and why, what came out. JSON for programs, Markdown for people.

After Gebru et al., "Datasheets for Datasets" (2021), as far as a program can tell it: composition, collection by
file and hash, and all cleaning.
"""

from __future__ import annotations

import json
import platform
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from scalemt.data.filters import Item
from scalemt.errors import InputError
from scalemt.lines import write_whole
from scalemt.memory.units import digest
from scalemt.version import __version__

EXAMPLES = 5
"""Examples of what a step dropped that a card shows: drawn by the hash of their place, the same in every run."""

_SHOWN = 160  # characters of a text in an example


@dataclass
class StepCount:
    """What one step did.

    Args:
        name, settings: of the filter.
        seen, dropped: pairs.
        seconds: processor time of its filter, over all processes.
        examples: pairs that it dropped, with the reason and their place.
        fitted: for each pair of languages what was tuned, or why nothing was.
    """

    name: str
    settings: dict[str, Any]
    seen: int = 0
    dropped: int = 0
    seconds: float = 0.0
    examples: list[dict[str, str]] = field(default_factory=list)
    fitted: dict[str, Any] = field(default_factory=dict)

    @property
    def kept(self) -> int:
        """Pairs that went on."""
        return self.seen - self.dropped

    def drop(self, item: Item, reason: str, place: str) -> None:
        """Count a pair that is dropped, and keep some as examples."""
        self.dropped += 1
        if len(self.examples) == EXAMPLES and digest(place) >= digest(self.examples[-1]["place"]):
            return
        texts = {"source": _short(item.source), "target": _short(item.target)}
        self.examples.append({"place": place, "reason": _short(reason), **texts})
        self.examples = sorted(self.examples, key=lambda example: digest(example["place"]))[:EXAMPLES]


@dataclass
class DataCard:
    """Everything that is told of a cleaned corpus; see the module."""

    inputs: list[dict[str, Any]] = field(default_factory=list)
    steps: list[StepCount] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    output: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    seconds: float = 0.0
    interrupted: int = 0
    made: dict[str, Any] = field(default_factory=dict)
    made_with: str = f"scalemt {__version__}, Python {platform.python_version()}"

    def as_json(self) -> dict[str, Any]:
        """Return the card as JSON holds it."""
        return asdict(self)

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> DataCard:
        """Return the card that `as_json` told."""
        return cls(**{**told, "steps": [StepCount(**step) for step in told["steps"]]})

    def biggest(self) -> StepCount | None:
        """Return the step that dropped most."""
        return max(self.steps, key=lambda step: step.dropped, default=None)


def count_texts(pairs: Counter[str], sizes: list[int], item: Item) -> None:
    """Count a pair that stays: by languages, and characters and words of both sides."""
    pairs[str(item.pair)] += 1
    for place, number in enumerate(
        (len(item.source), len(item.target), len(item.source.split()), len(item.target.split()))
    ):
        sizes[place] += number


def card_paths(output: str | Path) -> tuple[Path, Path]:
    """Return where the card of a corpus lies: beside it, as JSON and as Markdown."""
    path = Path(output)
    return path.with_name(f"{path.name}.card.json"), path.with_name(f"{path.name}.card.md")


def write_card(card: DataCard, output: str | Path) -> tuple[Path, Path]:
    """Write a card beside its corpus, and return the two paths."""
    told, shown = card_paths(output)
    write_whole(told, json.dumps(card.as_json(), ensure_ascii=False, indent=1) + "\n")
    write_whole(shown, as_markdown(card))
    return told, shown


def read_card(path: str | Path) -> DataCard:
    """Read the card of a corpus; the path of either will do.

    Raises:
        InputError: there is none, or it is damaged.
    """
    place = Path(path)
    told = place if place.name.endswith(".card.json") else card_paths(place)[0]
    try:
        return DataCard.from_json(json.loads(told.read_text("utf-8")))
    except FileNotFoundError:
        raise InputError(
            f"{told} does not exist. `scalemt data clean` writes it beside the corpus it makes."
        ) from None
    except OSError as fault:
        raise InputError(f"{told} cannot be read: {fault.strerror or fault}.") from None
    except (ValueError, TypeError, KeyError, AttributeError) as fault:
        raise InputError(f"{told} is no data card ({fault}). Make it anew with `scalemt data clean`.") from None


def as_markdown(card: DataCard) -> str:
    """Return a card as a page of Markdown."""
    out = card.output
    lines = [
        f"# Data card: {_cell(out.get('file', ''))}",
        "",
        f"{out.get('pairs', 0):,} pairs of {sum(item['read'] for item in card.inputs):,} that were read, "
        f"by {card.made_with}, seed {card.seed}, in {card.seconds:,.1f} s.",
        "",
        *_table(["languages", "pairs"], [[name, f"{count:,}"] for name, count in out["by_pair"].items()]),
        *_table(
            ["side", "characters", "words"],
            [[side, f"{out.get(f'{side}_characters', 0):,}", f"{out.get(f'{side}_words', 0):,}"]
             for side in ("source", "target")],
        ),
        *_made(card.made),
        "## Inputs",
        "",
        *_table(
            ["input", "sha256", "read", "passed over"],
            [[item["name"], item["sha256"][:12], f"{item['read']:,}",
              "; ".join(f"{count:,} {why}" for why, count in item["skipped"].items())] for item in card.inputs],
        ),
        "## Steps",
        "",
        *_table(
            ["step", "settings", "seen", "dropped", "share", "CPU s"],
            [[step.name, _settings(step.settings), f"{step.seen:,}", f"{step.dropped:,}",
              f"{step.dropped / max(1, step.seen):.2%}", f"{step.seconds:,.1f}"] for step in card.steps],
        ),
    ]  # fmt: skip
    if card.left_out:
        lines += ["Left out: " + "; ".join(f"{name} ({why})" for name, why in card.left_out.items()) + ".", ""]
    for step in card.steps:
        lines += _details(step)
    return "\n".join(lines).rstrip() + "\n"


def _made(told: dict[str, Any]) -> list[str]:
    """Return how the pairs were made, where a program made them."""
    if not told:
        return []
    rows = [[name.replace("_", " "), _shown(value)] for name, value in told.items() if value not in ("", None)]
    return ["## How they were made", "", *_table(["what", "value"], rows)]


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_shown(held)}" for name, held in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_shown, value))
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _details(step: StepCount) -> list[str]:
    lines: list[str] = []
    for pair, told in step.fitted.items():
        if "threshold" in told:
            text = f"threshold {told['threshold']:.3f}"
            if "kept" in told:
                text += f", tuned on {told['sample']:,} pairs: {told['kept']:.1%} of them stay, "
                text += f"{told['rejected']:.1%} of the same pairs shuffled go"
        else:
            text = told["left_out"]
        lines.append(f"- {pair}: {text}")
    lines += [""] if lines else []
    if step.examples:
        rows = [[example[key] for key in ("place", "reason", "source", "target")] for example in step.examples]
        lines += _table(["place", "reason", "source", "target"], rows)
    return [f"### {step.name}", "", *lines] if lines else []


def _settings(told: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in told.items() if name != "filter")


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    if not rows:
        return []
    body = ["| " + " | ".join(map(_cell, row)) + " |" for row in [head, *rows]]
    return [body[0], "|" + "---|" * len(head), *body[1:], ""]


def _cell(text: str) -> str:
    """What comes from a corpus is data: no mark of it may end a cell or begin HTML."""
    plain = " ".join(str(text).split())
    for sign, kept in (("\\", "\\\\"), ("|", "\\|"), ("<", "&lt;"), ("`", "\\`")):
        plain = plain.replace(sign, kept)
    return "".join(character if character.isprintable() else "\ufffd" for character in plain)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
