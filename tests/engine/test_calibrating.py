"""Calibration end to end on a dictionary and a scripted generalist whose gain can be foreseen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from helpers import EN_PT, PT_EN, WORDS, DictionarySpecialist
from scalemt.config import Configuration, Profile
from scalemt.engine import Engine
from scalemt.engine.calibrating import DevelopmentSet, calibrate, packaged_development
from scalemt.errors import ConfigurationError
from scalemt.generalists.fake import FakeScoringGeneralist
from scalemt.memory import packaged_demonstrations
from scalemt.memory.selection import FixedSelector
from scalemt.quality.calibration import calibration_path
from scalemt.quality.gate import NEVER
from scalemt.types import Pair, Prompt


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEMT_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("SCALEMT_CACHE_DIR", str(tmp_path / "cache"))


def _development(count: int = 60) -> DevelopmentSet:
    """Sentences whose last word the specialist does not know."""
    sources = [f"the old house is blue tower{number}" for number in range(count)]
    return DevelopmentSet(sources, [f"a velha casa é azul torre{number}" for number in range(count)], EN_PT)


def _generalist(good: bool) -> FakeScoringGeneralist:
    """Answers with the right word for every second sentence, and with nonsense for the others (or for all)."""

    def answer(prompt: Prompt) -> str:
        source = next(line for line in reversed(prompt.text.split("\n")) if line.startswith("English: "))
        number = int(source.rsplit("tower", 1)[1])
        return (
            f"a velha casa é azul torre{number}" if good and number % 2 else "uma coisa muito diferente do resto"
        )

    return FakeScoringGeneralist(answer, kind="base", scores=lambda _, text: -1.0 if "torre" in text else -30.0)


def _engine_parts(good: bool) -> dict[str, object]:
    back = {value: key for key, value in WORDS.items()}
    return {
        "specialists": [DictionarySpecialist({EN_PT: WORDS, PT_EN: back})],
        "generalist": _generalist(good),
    }


def test_calibration_learns_when_the_generalist_helps_and_the_engine_obeys() -> None:
    chosen = calibrate(_development(), Profile(shots=1), Configuration(), shots=(1,), parts=_engine_parts(True))
    assert chosen.method == "refine"
    assert chosen.threshold < NEVER
    assert chosen.scores["expected gain"] > 0
    assert chosen.scores["refine, 1 shots"] != chosen.scores["draft"]
    chosen.save(calibration_path(_folder(), "default", EN_PT))
    built = Engine(Profile(method="refine", shots=1), Configuration(), **_engine_parts(True))  # type: ignore[arg-type]
    done = built.translate(["the old house is blue tower7", "the old house is blue tower8"], "en", "pt")
    assert [item.text for item in done] == ["a velha casa é azul torre7", "a velha casa é azul tower8"]
    assert "calibrated:yes" in done[0].signature


def test_calibration_chooses_the_draft_when_the_generalist_only_spoils() -> None:
    chosen = calibrate(_development(), Profile(), Configuration(), shots=(1,), parts=_engine_parts(False))
    assert chosen.method == "draft"
    assert chosen.threshold == NEVER
    chosen.save(calibration_path(_folder(), "default", EN_PT))
    parts = _engine_parts(False)
    done = Engine(Profile(), Configuration(), **parts).translate(["the house"], "en", "pt")  # type: ignore[arg-type]
    assert done[0].method == "draft"
    assert parts["generalist"].prompts == []  # type: ignore[attr-defined]


def test_the_method_of_the_profile_is_what_is_tried() -> None:
    profile = Profile(method="dictionary", options={"mode": "list"}, shots=1, glossary=str(_glossary()))
    chosen = calibrate(_development(), profile, Configuration(), shots=(1,), parts=_engine_parts(True))
    assert chosen.method == "dictionary"
    assert {"draft", "few-shot, 1 shots", "dictionary, 1 shots"} < chosen.scores.keys()
    assert "refine, 1 shots" not in chosen.scores


def test_a_profile_that_only_drafts_is_tried_with_refine() -> None:
    profile = Profile(method="draft", shots=1)
    chosen = calibrate(_development(), profile, Configuration(), shots=(1,), parts=_engine_parts(True))
    assert chosen.method == "refine"


def _glossary() -> Path:
    path = _folder() / "terms.csv"
    path.write_text("source,target\nchimney,chaminé\n")
    return path


def test_too_little_to_learn_from_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"at least 20 lines.*found 5"):
        calibrate(_development(5), Profile(), Configuration())


def test_the_packaged_sentences_hold_no_shown_demonstration() -> None:
    pair = Pair("gl", "en")
    found = packaged_development(pair, Profile(), (5, 2))
    pool = packaged_demonstrations(pair)
    for count in (5, 2):
        for index in FixedSelector(pool, count, Profile().seed).select([""])[0]:
            assert pool[index].source not in found.sources
    assert len(found.sources) >= len(pool) - 7
    with pytest.raises(ConfigurationError, match="--src FILE"):
        packaged_development(pair, Profile(selection="nearest"), (5,))
    with pytest.raises(ConfigurationError, match="--src FILE"):
        packaged_development(Pair("xh", "en"), Profile(), (5,))


def _folder() -> Path:
    return Path(os.environ["SCALEMT_CONFIG_DIR"])
