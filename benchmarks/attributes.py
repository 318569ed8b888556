"""Whether a bank of demonstrations controls variety and formality: the share of outputs that show the value.

    python benchmarks/attributes.py --sentences 20 --targets pt es

English sentences whose translation must show the attribute (`attributes/marked.jsonl`, like none of a bank) are
translated with the specialist alone (where one covers the pair), few-shot with the bank of each value, and by
refining drafts with that bank, gate off. Between two values of an attribute only the targets of the bank change:
the target language is named without territory; sources of demonstrations, sentences, seed and shots are the same.

The rules of `scalemt.quality.attributes` judge what was wanted, another value, or none. An output may show a value
and be no translation: `sound` is the share that passes all quality checks and copies no demonstration, `both` the
share that is sound and as wanted. Prints a table; writes JSON, in which rows measured before stay.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rapidfuzz import fuzz

from scalemt.config import Profile
from scalemt.engine import Engine
from scalemt.errors import NoRoadError
from scalemt.lines import read_jsonl, write_whole
from scalemt.memory.banks import packaged_bank
from scalemt.quality.attributes import formality_of, variety_of
from scalemt.types import Demonstration, Pair, Translation
from scalemt.version import __version__

MARKED = Path(__file__).with_name("attributes") / "marked.jsonl"
MOST_LIKE = 80  # percent of a demonstration's target; the sentences themselves are less like any
METHODS = ("draft", "few-shot", "refine")


@dataclass(frozen=True)
class Case:
    """One attribute of one target language; `judged` is the tag whose rules judge its formality."""

    target: str
    attribute: str
    judged: str

    @property
    def values(self) -> tuple[str, str]:
        """The two values that are set against each other."""
        return ("pt-BR", "pt-PT") if self.attribute == "variety" else ("formal", "informal")

    def verdict(self, text: str) -> str:
        """Return the value that a text shows, "none" without one."""
        verdict = variety_of(text, self.target) if self.attribute == "variety" else formality_of(text, self.judged)
        return verdict.value or "none"

    def _bank(self, value: str) -> list[Demonstration]:
        variety = value if self.attribute == "variety" else self.judged if self.judged != self.target else ""
        formality = value if self.attribute == "formality" else ""
        return packaged_bank(Pair("en", self.target), variety=variety, formality=formality)

    def write_bank(self, value: str, folder: Path) -> Path:
        """Write the bank of a value as a file of demonstrations, which every engine can read."""
        other = {item.source for item in self._bank(next(own for own in self.values if own != value))}
        # The same sources under both values, so that nothing but the targets differs.
        bank = [item for item in self._bank(value) if item.source in other]
        path = folder / f"{self.judged}-{value}.jsonl"
        rows = (json.dumps({"source": item.source, "target": item.target}, ensure_ascii=False) for item in bank)
        write_whole(path, "".join(row + "\n" for row in rows))
        return path


CASES = (
    Case("pt", "variety", "pt"),
    Case("pt", "formality", "pt-BR"),
    Case("pt", "formality", "pt-PT"),
    Case("es", "formality", "es"),
    Case("fr", "formality", "fr"),
    Case("de", "formality", "de"),
)


@dataclass(frozen=True)
class Row:
    """Shares of the sentences for one case, bank and method; the specialist alone sees no bank."""

    target: str
    judged: str
    attribute: str
    value: str
    method: str
    sentences: int
    wanted: float
    another: float
    none: float
    sound: float
    both: float
    seconds: float
    shots: int
    seed: int
    generalist: str
    signature: str


@dataclass(frozen=True)
class Settings:
    """What the command line asked for."""

    sentences: int
    shots: int
    seed: int
    generalist: str
    outputs: Path | None


def measure(case: Case, settings: Settings, folder: Path) -> list[Row]:
    """Translate the marked sentences of a case by every method under the bank of each value."""
    sources = marked_sentences(case.attribute, settings.sentences)
    rows = []
    for method in METHODS:
        done: list[Translation] = []
        for value in case.values:
            started = time.perf_counter()
            # No demonstration is shown to a specialist: both values judge the same drafts.
            if method != "draft" or not done:
                done = translate(case, method, value, sources, settings, folder)
            if not done:
                break
            seconds = (time.perf_counter() - started) / len(sources) if method != "draft" else done[0].seconds
            keep(case, value, method, done, settings.outputs)
            rows.append(judge(case, value, method, done, seconds, settings))
            print(show(rows[-1]), flush=True)
    return rows


def marked_sentences(attribute: str, number: int) -> list[str]:
    """Return `number` sentences of an attribute, spread over all domains; 0 takes all."""
    found = [
        str(row["source"])
        for _, row in read_jsonl(MARKED)
        if isinstance(row, dict) and row["attribute"] == attribute
    ]
    if not 0 < number < len(found):
        return found
    return [found[i * len(found) // number] for i in range(number)]


def translate(
    case: Case, method: str, value: str, sources: Sequence[str], settings: Settings, folder: Path
) -> list[Translation]:
    """Translate with one bank, every answer taken as it is; empty where no specialist covers the pair."""
    profile = Profile(
        method=method,
        generalist=settings.generalist,
        gate="off",
        selection="fixed",
        shots=settings.shots,
        seed=settings.seed,
        demonstrations=str(case.write_bank(value, folder)),
        cache=False,
    )
    try:
        return Engine(profile).translate(sources, "en", case.target)
    except NoRoadError:
        return []


def judge(
    case: Case, value: str, method: str, done: Sequence[Translation], seconds: float, settings: Settings
) -> Row:
    """Count what the outputs show."""
    verdicts = Counter(case.verdict(item.text) for item in done)
    another = sum(count for shown, count in verdicts.items() if shown not in (value, "none"))
    sound = [item for item in done if is_sound(item)]
    counts = {
        "wanted": verdicts[value],
        "another": another,
        "none": verdicts["none"],
        "sound": len(sound),
        "both": sum(case.verdict(item.text) == value for item in sound),
    }
    return Row(
        target=case.target,
        judged=case.judged,
        attribute=case.attribute,
        value=value,
        method=method,
        sentences=len(done),
        **{name: round(count / len(done), 3) for name, count in counts.items()},
        seconds=round(seconds, 2),
        shots=settings.shots,
        seed=settings.seed,
        generalist=settings.generalist,
        signature=done[0].signature,
    )


def is_sound(item: Translation) -> bool:
    """Tell whether an output passes all checks and is not the target of a demonstration that it was shown."""
    copied = any(fuzz.ratio(item.text, shown.target) > MOST_LIKE for shown in item.demonstrations)
    return not item.error and not copied and all(check.passed for check in item.checks)


def keep(case: Case, value: str, method: str, done: Sequence[Translation], folder: Path | None) -> None:
    """Write every output with its verdict, for looking closer."""
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    rows = (
        {
            "source": item.segment.text,
            "output": item.text,
            "verdict": case.verdict(item.text),
            "sound": is_sound(item),
        }
        for item in done
    )
    path = folder / f"{case.judged}-{case.attribute}-{value}-{method}.jsonl"
    write_whole(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


KEY = ("judged", "attribute", "value", "method", "sentences", "shots", "seed", "generalist")
HEADER = (
    "| target | attribute | bank | method | sentences | wanted | another | none | sound | both | s/segment |",
    "|---|---|---|---|---|---|---|---|---|---|---|",
)


def show(row: Row) -> str:
    """Return the row as one line of a Markdown table."""
    shares = " | ".join(f"{share:.0%}" for share in (row.wanted, row.another, row.none, row.sound, row.both))
    return (
        f"| {row.judged} | {row.attribute} | {row.value} | {row.method} | {row.sentences} | {shares} "
        f"| {row.seconds:.2f} |"
    )


def write_json(rows: Sequence[Row], path: Path) -> None:
    """Write the rows beside those that the file had of other cases and settings."""
    known: list[dict[str, object]] = json.loads(path.read_text("utf-8"))["rows"] if path.is_file() else []
    # A row takes the place of what was measured with the same settings, and of nothing else.
    merged = {tuple(row.get(key) for key in KEY): row for row in [*known, *(asdict(row) for row in rows)]}
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"scalemt": __version__, "rows": list(merged.values())}
    write_whole(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def main() -> None:
    """Read the command line, measure every case, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=0, help="of each attribute; 0: all")
    parser.add_argument("--targets", nargs="+", default=sorted({case.judged for case in CASES}), help="as judged")
    parser.add_argument("--attributes", nargs="+", default=["variety", "formality"])
    parser.add_argument("--shots", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--generalist", default="llamacpp")
    parser.add_argument("--outputs", type=Path, help="folder for every output with its verdict")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/attributes.json"))
    options = parser.parse_args()
    settings = Settings(options.sentences, options.shots, options.seed, options.generalist, options.outputs)
    print("\n".join(HEADER))
    with TemporaryDirectory() as folder:
        for case in CASES:
            if case.attribute in options.attributes and case.judged in options.targets:
                write_json(measure(case, settings, Path(folder)), options.json)


if __name__ == "__main__":
    main()
