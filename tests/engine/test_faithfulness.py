"""What a translation may have left out: checks that refuse an answer, and drafts that are told of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from helpers import EN_PT, DictionarySpecialist
from scalemt.config import Profile
from scalemt.engine import Engine
from scalemt.generalists.fake import FakeGeneralist
from scalemt.types import Decision, Draft, Pair, Translation

SOURCE = "the old bridge was closed in March , after engineers had found cracks in two pillars"
TABLE = dict(
    zip(
        SOURCE.split(),
        "a velha ponte foi fechada em março , depois engenheiros tinham encontrado fendas em duas colunas".split(),
        strict=False,
    )
)


class Looking(DictionarySpecialist):
    """Tells that it looked at the first words of a source alone, if it is to."""

    seen = 100

    def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
        made = super()._draft(texts, pair, n)
        links = tuple((place, place) for place in range(self.seen))
        return [[replace(draft, alignment=links) for draft in drafts] for drafts in made]


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEMT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("SCALEMT_CACHE_DIR", str(tmp_path / "cache"))


def run(seen: int = 100, answer: str = "", method: str = "refine") -> Translation:
    specialist = Looking({EN_PT: TABLE})
    specialist.seen = seen
    profile = Profile(method=method, shots=0, gate="checks", cache=False)
    engine = Engine(profile, specialists=[specialist], generalist=FakeGeneralist([answer]))
    (done,) = engine.translate([SOURCE], "en", "pt")
    return done


def test_an_answer_without_a_clause_is_refused() -> None:
    done = run(answer="a velha ponte foi fechada em março")
    assert done.text.endswith("fendas em duas colunas")
    told = next(item for item in done.decisions if item.outcome == "refused refine")
    assert told.reason.startswith("omission: nothing stands for ")


def test_an_answer_with_another_clause_is_refused() -> None:
    done = run(answer=" ".join(TABLE.values()) + ", e os habitantes protestaram muitas semanas contra o fecho")
    assert [item.outcome for item in done.decisions] == ["refused refine", "draft"]
    assert "addition: " in done.decisions[0].reason


@pytest.mark.parametrize("method", ["draft", "refine"])
def test_a_draft_that_looked_past_words_is_told_of(method: str) -> None:
    done = run(7, method=method)
    why = "no word of the draft stands for 'after engineers had found cracks in two pillars' of the source"
    assert Decision("coverage", "suspect", why) in done.decisions
    assert "suspect" not in [item.outcome for item in run(method=method).decisions]


def test_of_an_answer_nothing_is_known() -> None:
    done = run(
        7, answer="a velha ponte foi fechada em março, depois que engenheiros acharam fendas em duas colunas"
    )
    assert done.text.endswith("acharam fendas em duas colunas")
    assert "suspect" not in [item.outcome for item in done.decisions]
