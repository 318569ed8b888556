"""The engine as a whole, on a dictionary and a scripted generalist: order, fallbacks, decisions."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest

from helpers import EN_PT, EU_EN, WORDS, DictionarySpecialist, english_portuguese
from scalemt.config import Profile
from scalemt.engine import Engine
from scalemt.errors import (
    ConfigurationError,
    DeadlineError,
    EndpointError,
    GeneralistError,
    InputError,
    NoRoadError,
    UnknownNameError,
    UsageError,
)
from scalemt.generalists import Generalist
from scalemt.generalists.fake import FakeGeneralist, FakeScoringGeneralist
from scalemt.specialists import Specialist
from scalemt.specialists.recorded import RecordedSpecialist
from scalemt.types import Completion, Draft, Pair, Prompt, Segment


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEMT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("SCALEMT_CACHE_DIR", str(tmp_path / "cache"))


def engine(
    generalist: Generalist | None = None, specialists: list[Specialist] | None = None, **fields: object
) -> Engine:
    return Engine(
        Profile(**{"shots": 2, **fields}),  # type: ignore[arg-type]
        specialists=[english_portuguese()] if specialists is None else specialists,
        generalist=generalist or FakeGeneralist(),
    )


def test_draft_method_asks_no_generalist_and_keeps_order_and_empty_lines() -> None:
    done = engine(method="draft").translate(["the house", "", "  ", "blue"], "en", "pt")
    assert [item.text for item in done] == ["a casa", "", "  ", "azul"]
    assert [item.segment.id for item in done] == ["1", "2", "3", "4"]
    assert done[0].draft is not None
    assert done[0].draft.confidence == pytest.approx(0.9)


def test_refine_shows_triplets_and_takes_the_answer_when_the_gate_is_off() -> None:
    fake = FakeGeneralist(["Target sentence: a casa velha"])
    done = engine(fake, gate="off").translate(["the old house"], "en", "pt-BR")
    assert done[0].text == "a casa velha"
    user = fake.prompts[0].messages[-1].content
    assert user.count("Potentially useful reference answer: ") == 3
    assert user.endswith("Potentially useful reference answer: a(0.90) velha(0.90) casa(0.90)")
    assert len(done[0].demonstrations) == 2
    assert all(item.drafts for item in done[0].demonstrations)


def test_many_batches_keep_order() -> None:
    fake = FakeGeneralist(lambda prompt: prompt.messages[-1].content.split("\n")[-2].split(": ", 1)[1])
    texts = [f"the house {number}" for number in range(75)]
    done = engine(fake, gate="off", batch=7).translate(texts, "en", "pt")
    assert [item.text for item in done] == texts
    assert [item.segment.text for item in done] == texts


def test_a_failed_call_falls_back_to_the_draft_and_says_so() -> None:
    fake = FakeGeneralist([DeadlineError("no answer in 60 s"), "uma casa azul"])
    done = engine(fake, gate="checks").translate(["the house", "a blue house"], "en", "pt")
    assert [item.text for item in done] == ["a casa", "uma casa azul"]
    assert any("no answer in 60 s" in decision.reason for decision in done[0].decisions)
    assert done[0].error is None


def test_a_failed_call_is_a_failed_segment_when_the_gate_is_off() -> None:
    fake = FakeGeneralist([DeadlineError("no answer"), "uma casa"])
    done = engine(fake, gate="off").translate(["the house", "a house"], "en", "pt")
    assert (done[0].text, done[1].text) == ("", "uma casa")
    assert isinstance(done[0].error, DeadlineError)
    assert [(item.step, item.outcome) for item in done[0].decisions] == [
        ("generalist", "no refine"),
        ("gate", "nothing"),
    ]


@pytest.mark.parametrize("gate", ["off", "checks", "quality"])
def test_a_truncated_answer_is_never_accepted(gate: str) -> None:
    fake = FakeGeneralist([Completion("a casa é", "length")])
    done = engine(fake, gate=gate).translate(["the house is blue"], "en", "pt")
    assert done[0].text == "a casa é azul"
    assert any("cut off" in decision.reason for decision in done[0].decisions)


def test_an_unreachable_endpoint_is_raised() -> None:
    with pytest.raises(EndpointError, match="refused"):
        engine(FakeGeneralist([EndpointError("refused")])).translate(["the house"], "en", "pt")


def test_quality_gate_takes_the_answer_that_the_evidence_prefers() -> None:
    def likely(_: Prompt, text: str) -> float:
        return -1.0 if "mansão" in text else -30.0

    fake = FakeScoringGeneralist(["a mansão é azul"], scores=likely, kind="base")
    backward = DictionarySpecialist({Pair("pt", "en"): {"mansão": "house", "a": "the", "é": "is", "azul": "blue"}})
    forward = DictionarySpecialist({EN_PT: WORDS})
    done = engine(fake, [forward, backward]).translate(["the house is blue"], "en", "pt")
    assert done[0].text == "a mansão é azul"
    assert done[0].decisions[-1].outcome == "refine"
    evidence = {item.origin: item.evidence for item in done[0].candidates}
    assert evidence["refine"]["likelihood"] > evidence["draft"]["likelihood"]
    assert evidence["refine"]["roundtrip"] > evidence["draft"]["roundtrip"]


def test_quality_gate_keeps_the_draft_without_evidence() -> None:
    forward = DictionarySpecialist({EN_PT: WORDS})
    done = engine(FakeGeneralist(["a casa azulada"]), [forward]).translate(["the blue house"], "en", "pt")
    assert done[0].text == "a azul casa"
    assert "no evidence" in done[0].decisions[-1].reason


def test_a_third_candidate_is_asked_for_and_weighed() -> None:
    answers = iter(["a casa verde", "a habitação é azul"])
    fake = FakeScoringGeneralist(
        lambda _: next(answers), kind="base", scores=lambda _, text: -1.0 if "habitação" in text else -90.0
    )
    done = engine(fake, third="few-shot").translate(["the house is blue"], "en", "pt")
    assert done[0].text == "a habitação é azul"
    assert [item.origin for item in done[0].candidates] == ["draft", "refine", "few-shot"]
    assert "third:few-shot" in done[0].signature


def test_pivot_is_chosen_when_two_legs_cover_the_pair() -> None:
    first = DictionarySpecialist({EU_EN: {"etxea": "house", "urdina": "blue"}})
    fake = FakeGeneralist(["casa azul bonita"])
    done = engine(fake, [first, english_portuguese()], gate="off").translate(["etxea urdina"], "eu", "pt")
    assert done[0].method == "pivot"
    assert done[0].text == "casa azul bonita"
    assert done[0].drafts[0].text == "house blue"
    standing = next(item for item in done[0].candidates if item.origin == "draft")
    assert standing.text == "casa azul"
    assert done[0].decisions[0].outcome == "pivot en"
    assert fake.prompts[0].messages[-1].content.endswith("reference answer: house(0.90) blue(0.90)")


def test_through_a_pivot_candidates_are_compared_with_the_pivot_draft() -> None:
    first = DictionarySpecialist({EU_EN: {"etxea": "house", "urdina": "blue"}})
    fake = FakeScoringGeneralist(["uma coisa qualquer"], kind="base", scores=lambda *_: -1.0)
    done = engine(fake, [first, english_portuguese()]).translate(["etxea urdina"], "eu", "pt")
    assert done[0].text == "casa azul"
    evidence = {item.origin: item.evidence for item in done[0].candidates}
    assert evidence["draft"]["roundtrip"] == pytest.approx(1.0)
    assert evidence["pivot"]["roundtrip"] < 0.5
    assert {"forward", "backward"} <= evidence["pivot"].keys()


def test_draft_method_through_a_pivot_gives_the_second_leg() -> None:
    first = DictionarySpecialist({EU_EN: {"etxea": "house"}})
    done = engine(method="draft", specialists=[first, english_portuguese()]).translate(["etxea"], "eu", "pt")
    assert done[0].text == "casa"


def test_multi_path_shows_sampled_drafts() -> None:
    for paths in (1, 3):
        fake = FakeGeneralist(["a casa"])
        engine(fake, method="multi-path", paths=paths, gate="off").translate(["the house"], "en", "pt")
        last = fake.prompts[0].messages[-1].content.split("\n\n")[-1]
        assert last.count("Potentially useful reference answer") == paths


def test_multi_path_of_several_specialists_shows_one_draft_each() -> None:
    other = DictionarySpecialist({EN_PT: {"the": "o", "house": "lar"}}, "dictionary[other]")
    fake = FakeGeneralist(["a casa"])
    built = Engine(
        Profile(shots=1, method="multi-path", gate="off", specialists=("first", "second")),
        specialists=[english_portuguese(), other],
        generalist=fake,
    )
    built.translate(["the house"], "en", "pt")
    last = fake.prompts[0].messages[-1].content.split("\n\n")[-1]
    assert "answer 1: a(0.90) casa(0.90)" in last
    assert "answer 2: o(0.90) lar(0.90)" in last


def test_recorded_drafts_take_the_place_of_specialists() -> None:
    recorded = RecordedSpecialist(drafts=[[Draft("a casa")], [Draft("o gato")]])
    fake = FakeGeneralist(["a casa!", "o gato!"])
    built = Engine(Profile(shots=0, gate="off"), generalist=fake, drafts=recorded)
    done = built.translate(["the house", "the cat"], "en", "pt")
    assert [item.text for item in done] == ["a casa!", "o gato!"]
    assert "reference answer: o gato" in fake.prompts[1].messages[-1].content


def test_recorded_drafts_keep_to_their_lines() -> None:
    """Empty segments have a line of drafts too, and a long segment is not cut away from its draft."""
    long = "the house is blue. " * 100
    rows = [[Draft("a casa")], [Draft("")], [Draft("azul")], [Draft("longo")]]
    built = Engine(Profile(method="draft", batch=2), drafts=RecordedSpecialist(drafts=rows))
    for _ in range(2):  # a second run starts at the first line again
        done = built.translate(["the house", "", "blue", long], "en", "pt")
        assert [item.text.strip() for item in done] == ["a casa", "", "azul", "longo"]
    with pytest.raises(InputError, match="4 segments"):
        built.translate(["a", "b", "c", "d", "e"], "en", "pt")


def test_prompts_need_no_generalist() -> None:
    built = Engine(Profile(shots=1, generalist="openai"), specialists=[english_portuguese()])
    rows = list(built.prompts(["the house", "", "blue"], "en", "pt"))
    assert [segment.id for segment, _ in rows] == ["1", "3"]


def test_a_long_line_is_cut_and_joined() -> None:
    text = "the house is blue. " * 40
    done = engine(method="draft", max_characters=200).translate([Segment(text.strip(), "x")], "en", "pt")
    assert done[0].segment.id == "x"
    assert done[0].text.count("casa") == 40
    assert done[0].decisions[0].step == "length"


def test_answers_are_bounded_by_the_source_unless_the_user_says_otherwise() -> None:
    fake = FakeGeneralist(["a casa", "a casa"])
    engine(fake, gate="off").translate(["the house"], "en", "pt")
    engine(fake, gate="off", max_tokens=4000).translate(["the house"], "en", "pt")
    assert [decoding.max_tokens for decoding in fake.decodings] == [64 + 3 * 9, 4000]


def test_an_unknown_pair_says_what_is_installed() -> None:
    with pytest.raises(NoRoadError, match=r"en->pt.*few-shot"):
        engine().translate(["x"], "xh", "am")


def test_unknown_method_names_the_choices() -> None:
    with pytest.raises(UnknownNameError, match="multi-path"):
        engine(method="refined").translate(["x"], "en", "pt")


def test_no_candidate_at_all_is_an_error_not_an_empty_text() -> None:
    done = engine(FakeGeneralist(["   "]), method="few-shot").translate(["the house"], "en", "pt")
    assert done[0].text == ""
    assert isinstance(done[0].error, GeneralistError)


def test_pivot_into_the_source_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="third language"):
        engine(pivot="pt").translate(["x"], "en", "pt")


def test_signature_tells_when_the_specialist_is_swapped() -> None:
    """Updating is configuration: swap the specialist, nothing else changes, and the signature says so."""
    old = engine(method="draft").translate(["the"], "en", "pt")[0].signature
    newer = DictionarySpecialist({EN_PT: WORDS}, signature="dictionary[newer]")
    new = engine(method="draft", specialists=[newer]).translate(["the"], "en", "pt")[0].signature
    assert old.replace("dictionary[test]", "dictionary[newer]") == new


def test_a_language_into_itself_is_refused_and_no_detour_is_made_between_its_variants() -> None:
    with pytest.raises(UsageError, match=r"Source and target are both English \(en\)\."):
        engine(method="draft").plan("eng_Latn", "en")
    with pytest.raises(NoRoadError, match="No specialist covers pt-BR->pt-PT"):
        engine(method="draft").plan("pt-BR", "pt-PT")


def test_models_go_with_the_engine_at_once() -> None:
    fake = FakeGeneralist(["a casa"])
    model = weakref.ref(fake)
    made = engine(fake)
    gc.collect()
    gc.disable()  # what dies below is in no circle
    try:
        done = made.translate(["the house"], "en", "pt")
        del made, fake
        assert done[0].text == "a casa"
        assert model() is None
    finally:
        gc.enable()
