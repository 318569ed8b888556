"""Which mask survives a specialist best: 500 strings of a user interface, by style, against a naive pass-through.

    python benchmarks/masks.py --po DJANGO/conf/locale/pt_BR/LC_MESSAGES/django.po [--po …] [--json FILE]

Get the files by `pip download --no-deps Django wagtail` and unpack the wheels. The strings are those of the PO
files that hold a placeholder, a tag or an address, in one line; if there are more than 500, 500 spread over them.
For each style the table says in how many segments all protected spans were intact straight away, after repairs,
after the second mask (the one that the specialist uses), after projection, and in how many not at all; chrF++ is
against the PO files' own translations. Files of a language that Bergamot does not have here serve Apertium. "as it
is" gives the specialist the text as it stands and looks for what it must hold. NLLB and other models that
CTranslate2 runs are not in the table: no real weights of them can be had from the package registries.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scalemt.languages import parse
from scalemt.specialists import Specialist
from scalemt.specialists.apertium import ApertiumSpecialist
from scalemt.specialists.bergamot import BergamotSpecialist
from scalemt.specialists.drafting import Drafting, by_sentences, setting
from scalemt.text.masking import STYLES, located
from scalemt.text.peeling import peeled
from scalemt.text.protection import protect, summary
from scalemt.text.spans import fault, prose
from scalemt.types import Draft, Pair, Segment, SpanKind

COUNT = 500
OUTCOMES = ("straight away", "repaired", "second mask", "projected", "failed")
TAGS: frozenset[SpanKind] = frozenset({"tag"})
_SYNTAX = {"python-format": "python", "python-brace-format": "python-brace", "c-format": "c"}


class Wearing:
    """A specialist that is told to use one style of masks; drafts are kept, since the styles share many."""

    def __init__(self, inner: Specialist, kept: dict[str, Draft]) -> None:
        self.inner = inner
        self.name = inner.name
        self.signature = inner.signature
        self.single_sentence = getattr(inner, "single_sentence", False)
        self.mask, self.second_mask = "", ""
        self.left_out: frozenset[SpanKind] = frozenset()
        self._kept = kept

    def signature_for(self, pair: Pair) -> str:
        """Return that of the inner one."""
        return self.inner.signature_for(pair)

    def pairs(self) -> list[Pair]:
        """Return those of the inner one."""
        return self.inner.pairs()

    def supports(self, pair: Pair) -> bool:
        """Whether the inner one takes the pair."""
        return self.inner.supports(pair)

    def draft(self, texts: Sequence[str], pair: Pair, n: int = 1) -> list[list[Draft]]:
        """Draft what was not drafted before."""
        new = [text for text in dict.fromkeys(texts) if text not in self._kept]
        for text, row in zip(new, self.inner.draft(new, pair) if new else [], strict=True):
            self._kept[text] = row[0]
        return [[self._kept[text]] * n for text in texts]


@dataclass(frozen=True)
class Strings:
    """The strings of PO files in one language, with their translations ("" where there is none)."""

    language: str
    segments: list[Segment]
    references: list[str]


def strings_of(paths: Sequence[Path]) -> Strings:
    """Read the strings with protected spans of PO files of one language, at most `COUNT`."""
    import polib

    found: dict[str, tuple[Segment, str]] = {}
    language = ""
    for path in paths:
        file = polib.pofile(str(path))
        language = language or str(file.metadata.get("Language", "")).replace("_", "-")
        for entry in file:
            text = entry.msgid_plural or entry.msgid
            translation = entry.msgstr_plural.get(1, "") if entry.msgid_plural else entry.msgstr
            syntax = tuple(_SYNTAX[flag] for flag in entry.flags if flag in _SYNTAX) or None
            segment = protect(Segment(text, syntax=syntax))
            if "\n" in text or not segment.spans or not any(map(str.isalpha, prose(text, segment.spans))):
                continue
            known = found.get(text)
            if known is None or not known[1]:
                found[text] = (segment, "" if entry.fuzzy or entry.obsolete else translation)
    rows = list(found.values())
    if len(rows) > COUNT:
        rows = [rows[index * len(rows) // COUNT] for index in range(COUNT)]
    return Strings(language, [segment for segment, _ in rows], [translation for _, translation in rows])


def outcome(segment: Segment, draft: Draft) -> str:
    """Return which step of the ladder kept the spans."""
    told = " ".join(draft.repairs)
    if fault(segment.text, segment.spans, draft.text, draft.spans):
        return "failed"
    if "projected" in told or "left tags out" in told:
        return "projected"
    if "masked again" in told:
        return "second mask"
    return "repaired" if told else "straight away"


def quality(drafts: Sequence[Draft], references: Sequence[str]) -> float | None:
    """Return chrF++ over the segments that have a translation of their own."""
    from sacrebleu.metrics.chrf import CHRF

    rows = [(draft.text, reference) for draft, reference in zip(drafts, references, strict=True) if reference]
    if not rows:
        return None
    return float(CHRF(word_order=2).corpus_score([text for text, _ in rows], [[ref for _, ref in rows]]).score)


def measured(specialist: Specialist, pair: Pair, strings: Strings) -> list[dict[str, object]]:
    """Return a row for each style, with tags masked and with tags left out, and one for the pass-through."""
    kept: dict[str, Draft] = {}
    rows = [passed_through(Wearing(specialist, kept), pair, strings)]
    for name in STYLES:
        if name == "typed":
            continue
        for left_out in (frozenset[SpanKind](), TAGS):
            wearing = Wearing(specialist, kept)
            wearing.mask, wearing.left_out = name, left_out
            others = (setting(specialist, "mask", ""), setting(specialist, "second_mask", ""))
            wearing.second_mask = others[1] if others[1] != name else others[0]
            began = time.perf_counter()
            drafting = Drafting(wearing, pair, by_sentences(pair.source))
            drafts = [row[0] for row in drafting.draft(strings.segments)]
            counts = Counter(outcome(*item) for item in zip(strings.segments, drafts, strict=True))
            label = f"{name}, tags left out" if left_out else name
            rows.append(row_of(label, counts, drafts, strings, time.perf_counter() - began))
            print(rows[-1], flush=True)
    return rows


def passed_through(specialist: Wearing, pair: Pair, strings: Strings) -> dict[str, object]:
    """Draft the texts as they stand, and look for what they must hold; tags around all of it stay outside."""
    began = time.perf_counter()
    drafts = [row[0] for row in specialist.draft([segment.text for segment in strings.segments], pair)]
    counts: Counter[str] = Counter()
    for segment, draft in zip(strings.segments, drafts, strict=True):
        counts["failed" if located(segment, draft.text).fault else "straight away"] += 1
    return row_of("as it is", counts, drafts, strings, time.perf_counter() - began)


def row_of(
    label: str, counts: Counter[str], drafts: Sequence[Draft], strings: Strings, seconds: float
) -> dict[str, object]:
    """Return one row of the table; shares in per cent of the segments."""
    shares = {name: round(100 * counts[name] / len(strings.segments), 1) for name in OUTCOMES}
    score = quality(drafts, strings.references)
    return {
        "style": label,
        **shares,
        "chrF++": None if score is None else round(score, 2),
        "seconds": round(seconds),
    }


def table(rows: Sequence[dict[str, object]]) -> str:
    """Return rows as Markdown."""
    names = [name for name in rows[0] if name != "seconds"]
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += [
        "| " + " | ".join("" if row[name] is None else str(row[name]) for name in names) + " |" for row in rows
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--po", type=Path, action="append", required=True, help="a PO file; may be repeated")
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "results" / "masks.json")
    arguments = parser.parse_args()
    by_language: dict[str, list[Path]] = {}
    for path in arguments.po:
        by_language.setdefault(strings_of([path]).language, []).append(path)
    results: dict[str, object] = {}
    for language, paths in by_language.items():
        strings = strings_of(paths)
        pair = Pair("en", parse(language))
        bergamot = BergamotSpecialist()
        apertium = ApertiumSpecialist()
        specialist: Specialist = bergamot if bergamot.supports(pair) else apertium
        kinds = dict(summary(strings.segments))
        print(f"\n{specialist.name} {pair}: {len(strings.segments)} strings, {kinds}", flush=True)
        rows = measured(specialist, pair, strings)
        print(table(rows), flush=True)
        results[f"{specialist.name} {pair}"] = {
            "signature": specialist.signature_for(pair),
            "files": [str(Path(*path.parts[-6:])) for path in paths],
            "strings": len(strings.segments),
            "with a translation": sum(map(bool, strings.references)),
            "spans": kinds,
            "peeled whole": sum(peeled(item) != (0, len(item.text)) for item in strings.segments),
            "rows": rows,
        }
        apertium.close()
    arguments.json.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
