"""Where sentences end: the default SRX rules beside sentencex and pysbd, on FLORES-200 put back into paragraphs.

    python benchmarks/splitting.py --flores ../shared/data/flores200 [--json FILE]

FLORES-200 was cut into sentences by hand. The sentences of one article, which follow one another in the file, are
joined with a space (Chinese without), and each splitter cuts the paragraph again. Precision and recall are of
the ends of sentences inside paragraphs, against FLORES; agreement is F1 of one splitter against another. pysbd
(`pip install pysbd`) knows no Basque and is left out there. What the rules miss is printed with --show. Three of
them came of it: "v." between names and times of day before a weekday (English), numbers after a stop (Hindi).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

from scalemt.text import split_sentences

LANGUAGES = {"en": "eng_Latn", "es": "spa_Latn", "eu": "eus_Latn", "hi": "hin_Deva", "zh": "zho_Hans"}
_UNSPACED = {"zh"}
Cut = Callable[[str], set[int]]


def paragraphs(flores: Path, language: str) -> list[tuple[str, set[int]]]:
    """Return the text of each article with the offsets where its sentences end, the last not among them."""
    lines = (flores / "dev" / f"{LANGUAGES[language]}.txt").read_text(encoding="utf-8").splitlines()
    addresses = [row.split("\t")[0] for row in (flores / "metadata_dev.tsv").read_text().splitlines()[1:]]
    gap = "" if language in _UNSPACED else " "
    found = []
    for _, group in groupby(zip(addresses, lines, strict=True), key=lambda pair: pair[0]):
        sentences = [line.strip() for _, line in group]
        ends, length = set(), 0
        for sentence in sentences[:-1]:
            length += len(sentence)
            ends.add(length)
            length += len(gap)
        found.append((gap.join(sentences), ends))
    return found


def ours(language: str, splitter: str) -> Cut:
    """Return a splitter of scalemt."""

    def cut(text: str) -> set[int]:
        length, ends = 0, set()
        for sentence, gap in split_sentences(text, language, splitter=splitter):
            ends.add(length + len(sentence))
            length += len(sentence) + len(gap)
        return ends - {len(text)}

    return cut


def pysbd_(language: str) -> Cut | None:
    """Return pysbd, or None where it does not know the language."""
    import pysbd

    if language not in pysbd.languages.LANGUAGE_CODES:
        return None
    segmenter = pysbd.Segmenter(language=language, clean=False)

    def cut(text: str) -> set[int]:
        position, ends = 0, set()
        for sentence in segmenter.segment(text):
            found = text.find(sentence.strip(), position)
            if found >= 0:
                position = found + len(sentence.strip())
                ends.add(position)
        return ends - {len(text)}

    return cut


def scores(gold: Iterable[set[int]], found: Iterable[set[int]]) -> tuple[float, float, float]:
    """Return precision, recall and F1 in percent."""
    right = made = due = 0
    for one, other in zip(gold, found, strict=True):
        right, made, due = right + len(one & other), made + len(other), due + len(one)
    precision, recall = right / max(made, 1), right / max(due, 1)
    return 100 * precision, 100 * recall, 200 * precision * recall / max(precision + recall, 1e-9)


def main() -> None:
    """Print the table and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flores", type=Path, required=True)
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/splitting.json"))
    parser.add_argument("--show", help="print the faults of the SRX rules in a language and write nothing")
    given = parser.parse_args()
    if given.show:
        _show(given.flores, given.show)
        return
    rows = {language: _measured(given.flores, language) for language in LANGUAGES}
    names = ("srx", "sentencex", "pysbd")
    print("| language | sentences | " + " | ".join(f"{name} P / R / F1" for name in names), end=" | ")
    print("srx and sentencex agree | srx and pysbd agree | ms per 1,000 characters |\n|---|---:|" + "---|" * 6)
    for language, row in rows.items():
        cells = [" / ".join(f"{value:.1f}" for value in row["gold"].get(name, ())) or "–" for name in names]
        agreed = [f"{row['agreement'][name]:.1f}" if name in row["agreement"] else "–" for name in names[1:]]
        times = " / ".join(f"{row['ms'][name]:.2f}" for name in names if name in row["ms"])
        print(f"| {language} | {row['sentences']} | {' | '.join([*cells, *agreed])} | {times} |")
    given.json.write_text(json.dumps(rows, indent=1) + "\n")


def _measured(flores: Path, language: str) -> dict[str, Any]:
    texts, gold = zip(*paragraphs(flores, language), strict=True)
    cutters: dict[str, Cut | None] = {"srx": ours(language, "srx"), "sentencex": ours(language, "sentencex")}
    cutters["pysbd"] = pysbd_(language)
    found: dict[str, list[set[int]]] = {}
    spent: dict[str, float] = {}
    for name, cut in cutters.items():
        if cut is None:
            continue
        cut(texts[0])
        start = time.perf_counter()
        found[name] = [cut(text) for text in texts]
        spent[name] = 1e6 * (time.perf_counter() - start) / sum(map(len, texts))
    return {
        "sentences": sum(len(ends) + 1 for ends in gold),
        "gold": {name: scores(gold, ends) for name, ends in found.items()},
        "agreement": {name: scores(ends, found["srx"])[2] for name, ends in found.items() if name != "srx"},
        "ms": spent,
    }


def _show(flores: Path, language: str) -> None:
    cut = ours(language, "srx")
    for text, gold in paragraphs(flores, language):
        found = cut(text)
        for end in sorted(gold ^ found):
            sign = "missed" if end in gold else "added "
            print(f"{sign}  …{text[max(0, end - 40) : end]}|{text[end : end + 30]}…")


if __name__ == "__main__":
    main()
