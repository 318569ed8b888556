"""Budgets in a run: who is asked, what stands for the others, and what is said about it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helpers import EN_PT, PT_EN, WORDS, DictionarySpecialist, english_portuguese
from scalemt.config import Configuration, Profile
from scalemt.engine import Engine
from scalemt.engine.calibrating import DevelopmentSet, calibrate
from scalemt.errors import ConfigurationError
from scalemt.folders import config_dir
from scalemt.generalists import Generalist
from scalemt.generalists.fake import FakeGeneralist, FakeScoringGeneralist
from scalemt.quality.calibration import Calibration, calibration_path, load_calibration
from scalemt.quality.deferral import DeferralModel
from scalemt.specialists import Specialist
from scalemt.specialists.recorded import RecordedSpecialist
from scalemt.types import Completion, Draft, Pair, Prompt, Translation, Word

GOOD = "the house is blue"
BAD = "tower window garden is blue"


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEMT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("SCALEMT_CACHE_DIR", str(tmp_path / "cache"))


def engine(
    generalist: Generalist | None = None, specialists: list[Specialist] | None = None, **fields: object
) -> Engine:
    given = {"shots": 0, "gate": "off", "cache": False, "method": "refine", **fields}
    made = specialists if specialists is not None else [english_portuguese()]
    return Engine(Profile(**given), specialists=made, generalist=generalist)  # type: ignore[arg-type]


def answering() -> FakeGeneralist:
    return FakeGeneralist(lambda _: "uma resposta")


def outcomes(done: list[Translation]) -> list[str]:
    return [item.outcome for one in done for item in one.decisions if item.step == "deferral"]


def test_the_doubtful_are_asked_and_the_others_keep_their_draft() -> None:
    fake = answering()
    done = engine(fake, budget=0.5).translate([GOOD, BAD, GOOD, BAD], "en", "pt")
    assert [item.text for item in done] == ["a casa é azul", "uma resposta"] * 2
    assert outcomes(done) == ["draft", "asked"] * 2
    assert len(fake.prompts) == 2
    assert [item.usage.calls for item in done] == [0, 1, 0, 1]
    assert "budget:0.5" in done[0].signature
    assert all(item.error is None for item in done)


def test_a_budget_of_one_changes_nothing() -> None:
    done = engine(answering(), budget=1.0).translate([GOOD, BAD], "en", "pt")
    assert outcomes(done) == []
    assert "budget" not in done[0].signature


def test_a_budget_of_nothing_builds_no_generalist_and_no_demonstrations() -> None:
    specialist = english_portuguese()
    profile = Profile(budget=0.0, generalist="there is none of this name", shots=5, method="refine", cache=False)
    built = Engine(profile, specialists=[specialist])
    done = built.translate([GOOD, BAD, ""], "en", "pt")
    assert [item.text for item in done] == ["a casa é azul", "tower window garden é azul", ""]
    assert outcomes(done) == ["draft", "draft"]
    assert specialist.calls == 1
    assert built.plan("en", "pt").generalist is None


@pytest.mark.parametrize("budget", [0.05, 0.3, 0.4, 0.75])
def test_the_budget_holds_over_windows_whatever_their_size(budget: float) -> None:
    for batch in (1, 3, 32):
        fake = answering()
        done = engine(fake, budget=budget, batch=batch).translate([GOOD, BAD] * 50, "en", "pt")
        assert len(fake.prompts) == round(100 * budget)
        assert outcomes(done).count("asked") == len(fake.prompts)


def test_each_run_has_an_account_of_its_own() -> None:
    fake = answering()
    built = engine(fake, budget=0.5)
    for expected in (1, 2):
        built.translate([GOOD, BAD], "en", "pt")
        assert len(fake.prompts) == expected


def test_what_was_not_asked_shows_no_demonstrations() -> None:
    done = engine(answering(), budget=0.5, shots=2).translate([GOOD, BAD], "en", "pt")
    assert [len(item.demonstrations) for item in done] == [0, 2]


def test_the_third_candidate_is_not_asked_for_deferred_segments() -> None:
    fake = FakeScoringGeneralist(lambda _: "uma resposta", scores=lambda _, text: -float(len(text)))
    done = engine(fake, budget=0.5, gate="quality", third="few-shot").translate([GOOD, BAD], "en", "pt")
    assert len(fake.prompts) == 2
    assert [item.usage.calls for item in done] == [0, 2]
    assert {candidate.origin for candidate in done[0].candidates} == {"draft"}


def test_a_dry_run_prints_what_would_be_sent() -> None:
    profile = Profile(budget=0.5, generalist="there is none of this name", shots=0, method="refine", cache=False)
    built = Engine(profile, specialists=[english_portuguese()])
    assert [segment.id for segment, _ in built.prompts([GOOD, BAD], "en", "pt")] == ["2"]


def test_segments_without_a_draft_are_asked(tmp_path: Path) -> None:
    path = tmp_path / "drafts.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in ("a casa", "", "azul", "casa")))
    fake = answering()
    profile = Profile(shots=0, gate="off", cache=False, method="refine", budget=0.25)
    built = Engine(profile, drafts=RecordedSpecialist(path), generalist=fake)
    done = built.translate(["the house", "tower", "blue", "house"], "en", "pt")
    assert outcomes(done) == ["draft", "asked", "draft", "draft"]
    assert done[1].text == "uma resposta"


def test_without_a_draft_and_without_a_budget_a_segment_fails_and_says_why(tmp_path: Path) -> None:
    path = tmp_path / "drafts.jsonl"
    path.write_text('{"text": ""}\n{"text": "casa"}\n')
    profile = Profile(shots=0, cache=False, method="refine", budget=0.0)
    done = Engine(profile, drafts=RecordedSpecialist(path)).translate(["tower", "house"], "en", "pt")
    assert done[0].error is not None
    assert done[1].text == "casa"


@pytest.mark.parametrize(
    ("method", "more"), [("few-shot", {}), ("pivot", {"pivot": "gl"})], ids=["few-shot", "no second leg"]
)
def test_a_method_that_drafts_nothing_refuses_a_budget(method: str, more: dict[str, object]) -> None:
    table = {**WORDS}
    specialist = DictionarySpecialist({Pair("en", "gl"): table})
    with pytest.raises(ConfigurationError, match=r"budget is 0\.4.*no draft in the target language of en->pt"):
        engine(answering(), [specialist], method=method, budget=0.4, **more).plan("en", "pt")
    assert engine(answering(), [specialist], method=method, **more).plan("en", "pt").budget == 1.0


def test_recorded_drafts_in_a_pivot_language_refuse_a_budget(tmp_path: Path) -> None:
    path = tmp_path / "drafts.jsonl"
    path.write_text('{"text": "a casa"}\n')
    profile = Profile(shots=0, cache=False, method="refine", pivot="gl", budget=0.4)
    with pytest.raises(ConfigurationError, match="budget"):
        Engine(profile, drafts=RecordedSpecialist(path), generalist=answering()).plan("en", "pt")


def test_the_method_draft_asks_nobody_whatever_the_budget() -> None:
    done = engine(answering(), method="draft", budget=0.4).translate([BAD], "en", "pt")
    assert outcomes(done) == []
    assert "budget" not in done[0].signature


def test_an_unanswered_call_counts_as_asked_and_falls_back() -> None:
    fake = FakeGeneralist(lambda _: Completion("", "error", error=TimeoutError("no answer")))
    done = engine(fake, budget=0.5, gate="checks").translate([GOOD, BAD], "en", "pt")
    assert outcomes(done) == ["draft", "asked"]
    assert done[1].text == "tower window garden é azul"


# --- calibration -----------------------------------------------------------------------------------------------


def _development(count: int = 80) -> DevelopmentSet:
    """Every second sentence has a word that the specialist does not know, but the generalist does."""
    sources = [f"the old house is {'tower' if number % 2 else 'blue'}{number}" for number in range(count)]
    targets = [f"a velha casa é {'torre' if number % 2 else 'blue'}{number}" for number in range(count)]
    return DevelopmentSet(sources, targets, EN_PT)


class Halves(DictionarySpecialist):
    """Unsure of a word that begins with "tower", sure of all others."""

    def _one(self, text: str, pair: Pair, path: int) -> Draft:
        table = self.tables[pair]
        words = [Word(table.get(word, word), 0.1 if word.startswith("tower") else 0.9) for word in text.split()]
        return Draft(" ".join(word.text for word in words), tuple(words), -1.0, self.name, pair.target)


def _parts() -> dict[str, object]:
    def answer(prompt: Prompt) -> str:
        source = next(line for line in reversed(prompt.text.split("\n")) if line.startswith("English: "))
        word = source.rsplit(" ", 1)[1]
        return f"a velha casa é {word.replace('tower', 'torre')}" if "tower" in word else "uma coisa ruim"

    back = {value: key for key, value in WORDS.items()}
    return {
        "specialists": [Halves({EN_PT: WORDS, PT_EN: back})],
        "generalist": FakeScoringGeneralist(
            answer, kind="base", scores=lambda _, text: -1.0 if "torre" in text else -30.0
        ),
    }


def test_calibration_learns_whom_to_ask_and_the_engine_obeys() -> None:
    chosen = calibrate(_development(), Profile(shots=1), Configuration(), shots=(1,), parts=_parts())
    assert sorted(chosen.deferral) == ["checks", "off", "quality"]
    model = chosen.deferral["off"]
    assert model.expected_gain({"confidence": 0.7, "doubt": 0.2, "lowest": 0.1}) > 0
    assert model.expected_gain({"confidence": 0.9, "doubt": 0.0, "lowest": 0.9}) < 0
    chosen.save(calibration_path(config_dir(), "default", EN_PT))
    parts = _parts()
    profile = Profile(shots=1, method="refine", gate="off", budget=0.9, cache=False)
    texts = [f"the old house is {word}7" for word in ("tower", "blue", "tower", "blue", "blue")]
    done = Engine(profile, **parts).translate(texts, "en", "pt")  # type: ignore[arg-type]
    # Nine in ten may be asked, but a model that knows better asks two.
    assert outcomes(done) == ["asked", "draft", "asked", "draft", "draft"]
    assert [item.text for item in done[:2]] == ["a velha casa é torre7", "a velha casa é blue7"]
    told = next(item.reason for item in done[1].decisions if item.step == "deferral")
    assert told.endswith("nothing to gain")


def test_the_held_out_curve_lies_between_random_and_oracle() -> None:
    chosen = calibrate(_development(), Profile(shots=1), Configuration(), shots=(1,), parts=_parts())
    assert [point["budget"] for point in chosen.curve] == [step / 10 for step in range(11)]
    middle = chosen.curve[5]
    assert middle["random"] < middle["expected"] <= middle["oracle"] + 1e-6
    assert middle["worse"] == 0.0
    assert chosen.curve[0]["expected"] == pytest.approx(chosen.scores["draft"], abs=0.005)


def test_a_profile_with_a_budget_is_calibrated_on_every_segment() -> None:
    parts = _parts()
    calibrate(_development(20), Profile(shots=1, budget=0.1), Configuration(), shots=(1,), parts=parts)
    assert len({prompt.text for prompt in parts["generalist"].prompts}) >= 40  # type: ignore[attr-defined]


def test_calibrations_of_before_are_read_and_new_ones_come_back(tmp_path: Path) -> None:
    old = {
        "pair": "en->pt", "backends": "x", "method": "refine", "shots": 5, "third": "none", "threshold": 1.0,
        "scales": {}, "segments": 100, "scores": {},
    }  # fmt: skip
    path = tmp_path / "old.json"
    path.write_text(json.dumps(old))
    found = load_calibration(path)
    assert found is not None
    assert found.deferral == {}
    model = DeferralModel({"doubt": 2.0}, {"doubt": 0.1}, 0.5, (1.0, 0.0))
    made = Calibration(**{**vars(found), "deferral": {"off": model}, "curve": [{"budget": 0.0, "expected": 1.0}]})
    made.save(path)
    assert load_calibration(path) == made
    path.write_text(json.dumps({**old, "deferral": {"off": {"weights": {"a": "much"}}}}))
    with pytest.raises(ConfigurationError, match=r"deferral\.off\.weights\.a"):
        load_calibration(path)
