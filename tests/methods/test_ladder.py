"""Ladder: what is asked, how far it is climbed, and what stands wherever it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from helpers import EN_PT, EU_EN, PT_EN, DictionarySpecialist
from scalemt.config import Profile
from scalemt.engine import Engine
from scalemt.engine.running import Run
from scalemt.errors import ConfigurationError, DeadlineError
from scalemt.generalists.fake import FakeGeneralist, FakeScoringGeneralist
from scalemt.methods.ladder import LadderMethod
from scalemt.quality.gate import Gate, Scale
from scalemt.types import Completion, Prompt, Segment, Translation

SOURCE = "the old house is blue"
DRAFT = "a nova casa é verde"
BETTER, BEST = "a velha casa é verde", "a velha casa é azul"
BACK = {"a": "the", "nova": "new", "velha": "old", "casa": "house", "é": "is", "verde": "green", "azul": "blue"}
WRONG = {"the": "a", "old": "nova", "house": "casa", "is": "é", "blue": "verde"}

Script = Iterable[str | Completion | Exception]


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEMT_CONFIG_DIR", str(tmp_path / "config"))


def specialist() -> DictionarySpecialist:
    """Drafts with two mistakes; what it says of a text in Portuguese is right, so that round trips tell them."""
    return DictionarySpecialist({EN_PT: WRONG, PT_EN: BACK})


def engine(answers: Script | Callable[[Prompt], Any], **fields: Any) -> Engine:
    given = {"method": "ladder", "shots": 0, "gate": "quality", "cache": False, **fields}
    parts = given.pop("specialists", [specialist()])
    return Engine(Profile(**given), specialists=parts, generalist=FakeGeneralist(answers))


def climbed(answers: Script, **fields: Any) -> Translation:
    return engine(answers, **fields).translate([SOURCE], "en", "pt")[0]


def told(item: Translation) -> list[str]:
    return [step.outcome for step in item.decisions if step.step == "ladder"]


# Prompts.


def test_a_chat_model_is_shown_triplets_and_asked_to_modify() -> None:
    made = Engine(Profile(method="ladder", shots=1), specialists=[specialist()])
    ((_, prompt),) = made.prompts([SOURCE], "en", "pt")
    system, user = prompt.messages
    assert "In each example the final translation is better" in system.content
    example, query = user.content.split("\n\n")
    assert [line.split(":")[0] for line in example.split("\n")] == [
        "Source",
        "Intermediate translation",
        "Final translation",
    ]
    # Nor do the paper's prompts tell how sure a specialist is of a word.
    assert query == f"Source: {SOURCE}\nIntermediate translation: {DRAFT}"
    assert prompt.prediction == DRAFT
    assert "confidences:hidden" in made.plan("en", "pt", ask=False).signature


def test_without_demonstrations_nothing_is_said_of_examples() -> None:
    ((_, prompt),) = Engine(Profile(method="ladder", shots=0), specialists=[specialist()]).prompts(
        [SOURCE], "en", "pt"
    )
    assert "example" not in prompt.messages[0].content


def test_a_base_model_gets_the_three_lines_of_the_paper() -> None:
    made = engine([DRAFT], template="ladder-plain")
    made.translate([SOURCE], "en", "pt")
    generalist = made.assembly.generalist
    assert isinstance(generalist, FakeGeneralist)
    assert generalist.prompts[0].text.split("\n")[-3:] == [
        f"English Source: {SOURCE}",
        f"Intermediate Translation: {DRAFT}",
        "Final Portuguese Translation:",
    ]


# How far it is climbed.


def test_each_round_refines_the_best_so_far_and_all_are_weighed() -> None:
    made = engine([BETTER, BEST, BEST], options={"rounds": 5})
    (done,) = made.translate([SOURCE], "en", "pt")
    generalist = made.assembly.generalist
    assert isinstance(generalist, FakeGeneralist)
    shown = [prompt.messages[1].content.rsplit(": ", 1)[1] for prompt in generalist.prompts]
    assert shown == [DRAFT, BETTER, BEST]
    assert told(done) == ["round 1", "round 2", "no change"]
    assert done.decisions[0].reason.startswith("'nova' became 'velha'; the specialists expect +")
    assert [item.called for item in done.candidates] == ["draft", "ladder 2", "ladder 3", "ladder 1"]
    assert done.text == BEST
    assert done.usage.calls == 3
    # The draft is still the specialist's: what a prompt showed later is no draft.
    assert [item.text for item in done.drafts] == [DRAFT]


def test_no_more_rounds_are_asked_than_are_wanted() -> None:
    done = climbed([BETTER, BEST], options={"rounds": 2})
    assert told(done) == ["round 1", "round 2", "rounds used"]
    assert done.text == BEST
    assert told(climbed([BETTER], options={"rounds": 1})) == ["round 1", "rounds used"]


def test_it_ends_where_estimation_finds_no_gain_and_the_gate_keeps_the_best() -> None:
    done = climbed([BEST, "a casa é nova"], options={"rounds": 4})
    assert told(done) == ["round 1", "round 2", "no gain"]
    assert done.text == BEST


@pytest.mark.parametrize(
    ("gate", "expected"), [("quality", DRAFT), ("checks", "a nova casa"), ("off", "a nova casa")]
)
def test_a_first_round_that_gains_nothing_is_the_last(gate: str, expected: str) -> None:
    done = climbed(["a nova casa"], gate=gate)
    assert told(done) == ["round 1", "no gain"]
    assert done.text == expected


@pytest.mark.parametrize("gate", ["checks", "off"])
def test_where_nothing_is_weighed_the_best_is_taken_and_not_the_last(gate: str) -> None:
    assert climbed([BEST, "a casa é nova"], gate=gate).text == BEST


def test_a_refiner_that_changes_nothing_is_asked_once() -> None:
    done = climbed([DRAFT])
    assert told(done) == ["no change"]
    assert done.text == DRAFT


def test_without_evidence_one_round_is_asked() -> None:
    only_forward = [DictionarySpecialist({EN_PT: WRONG})]
    done = climbed([BETTER], specialists=only_forward, gate="checks")
    assert told(done) == ["round 1", "no evidence"]
    assert done.text == BETTER


def test_always_refines_each_answer_whatever_it_gained() -> None:
    made = engine(["a casa é nova", BETTER, BEST], gate="off", options={"rounds": 3, "always": True})
    (done,) = made.translate([SOURCE], "en", "pt")
    assert told(done) == ["round 1", "round 2", "round 3", "rounds used"]
    assert done.text == BEST
    assert "expect" not in done.decisions[0].reason


def test_segments_of_a_batch_climb_each_as_far_as_it_gets() -> None:
    answers = {SOURCE: {DRAFT: BETTER, BETTER: BEST, BEST: BEST}, "the house": {"a casa": "a casa"}}

    def answer(prompt: Prompt) -> str:
        query = prompt.messages[1].content
        source, draft = (line.split(": ", 1)[1] for line in query.split("\n"))
        return answers[source][draft]

    made = engine(answer, options={"rounds": 3})
    house, old, empty = made.translate(["the house", SOURCE, ""], "en", "pt")
    assert (house.usage.calls, old.usage.calls, empty.usage.calls) == (1, 3, 0)
    assert (told(house), told(old)) == (["no change"], ["round 1", "round 2", "no change"])


# A calibration.


def test_a_calibration_decides_what_a_gain_is() -> None:
    made = Engine(
        Profile(method="ladder", shots=0, cache=False),
        specialists=[specialist()],
        generalist=FakeScoringGeneralist([BETTER, BEST], scores=lambda _, text: -1.0 if "verde" in text else -9.0),
    )
    plan = made.plan("en", "pt")
    # By the likelihood under the generalist, to which only a calibration may listen, green houses are right.
    fitted = Gate("quality", {"ladder": Scale({"likelihood": 1.0}, bias=2.0, calibrated=True)}, 1.0)
    plan.kit.gate = fitted
    done = next(Run(made.profile, replace(plan, gate=fitted), lambda _: None).stream([Segment(SOURCE)]))
    assert told(done) == ["round 1", "round 2", "no gain"]
    assert "the calibration expects +2.00 over the draft" in done.decisions[0].reason
    assert done.text == BETTER


# Where no draft is.


def test_without_a_draft_a_translation_is_asked_for_and_then_refined() -> None:
    basque = DictionarySpecialist({EU_EN: {"etxe": "house", "urdin": "blue"}})
    options = {"always": True, "rounds": 1}
    made = engine(["casa azul", "a casa azul"], specialists=[basque], pivot="en", options=options)
    (done,) = made.translate(["etxe urdin"], "eu", "pt")
    generalist = made.assembly.generalist
    assert isinstance(generalist, FakeGeneralist)
    first, second = generalist.prompts
    assert "You translate from Basque to Portuguese" in first.messages[0].content
    assert first.messages[1].content == "Source: etxe urdin"
    assert second.messages[1].content == "Source: etxe urdin\nIntermediate translation: casa azul"
    assert told(done) == ["no draft", "round 1", "rounds used"]
    assert done.text == "a casa azul"


@pytest.mark.parametrize("specialists", [[], [DictionarySpecialist({PT_EN: BACK})]])
def test_without_any_road_the_generalist_makes_the_draft(specialists: list[DictionarySpecialist]) -> None:
    made = engine(["casa azul", DeadlineError("late")], specialists=specialists, shots=2)
    (done,) = made.translate(["the blue house"], "en", "pt")
    assert told(done) == ["no draft", "fault"]
    assert (done.text, done.error) == ("casa azul", None)
    assert done.decisions[0].step == "road"
    generalist = made.assembly.generalist
    assert isinstance(generalist, FakeGeneralist)
    assert "Intermediate" not in generalist.prompts[0].messages[1].content


def test_through_a_pivot_the_draft_of_the_second_leg_is_refined() -> None:
    table = {EU_EN: {"etxe": "house"}, EN_PT: {"house": "casa"}, PT_EN: {"casa": "house", "lar": "home"}}
    made = engine(["o lar"], specialists=[DictionarySpecialist(table)], shots=1)
    (done,) = made.translate(["etxe"], "eu", "pt")
    generalist = made.assembly.generalist
    assert isinstance(generalist, FakeGeneralist)
    *_, example, query = generalist.prompts[0].messages[1].content.split("\n\n")
    assert query == "Source: etxe\nIntermediate translation: casa"
    assert "Intermediate translation: " in example
    # Specialists compare with the pivot draft, and find a home no better than a house.
    assert told(done) == ["round 1", "no gain"]
    assert done.text == "casa"


# Failures.


def test_a_fault_ends_the_climb_and_what_was_gained_stays() -> None:
    done = climbed([BEST, DeadlineError("No answer within 5 s.")], options={"rounds": 3})
    assert told(done) == ["round 1", "fault"]
    assert ("generalist", "no ladder") in [(step.step, step.outcome) for step in done.decisions]
    assert (done.text, done.error) == (BEST, None)


@pytest.mark.parametrize("gate", ["quality", "checks"])
def test_a_fault_at_once_leaves_the_draft(gate: str) -> None:
    done = climbed([DeadlineError("No answer within 5 s.")], gate=gate)
    assert told(done) == ["fault"]
    assert done.text == DRAFT


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Completion("a velha", "length"), "truncated"),
        (Completion("", "stop"), "empty"),
        (Completion("A", "filter"), "truncated"),
        (Completion("As 75 casas são azuis e velhas"), "numbers"),
        (Completion("sim " * 30), "repetition"),
    ],
)
def test_an_answer_that_fails_checks_is_never_refined(answer: Completion, why: str) -> None:
    made = engine([answer], options={"rounds": 4, "always": True})
    (done,) = made.translate([SOURCE], "en", "pt")
    assert told(done) == ["checks failed"]
    assert why in done.decisions[0].reason
    assert done.text == DRAFT


def test_a_budget_leaves_segments_to_their_drafts() -> None:
    done = climbed([], budget=0.0)
    assert done.text == DRAFT
    assert told(done) == []


@pytest.mark.parametrize("rounds", [0, -1, 11])
def test_rounds_are_bounded(rounds: int) -> None:
    with pytest.raises(ConfigurationError, match="expected 1 to 10 rounds"):
        LadderMethod(rounds)


def test_the_signature_tells_the_options_and_the_calls_their_bound() -> None:
    assert LadderMethod().signature == "ladder[rounds:2]"
    assert LadderMethod(3, always=True).signature == "ladder[rounds:3,always]"
    assert LadderMethod(3).most_calls == 4


@pytest.mark.parametrize("given", [["rounds=3", "always=true"], {"rounds": "3", "always": "true"}])
def test_options_may_come_as_text(given: Sequence[str] | dict[str, str]) -> None:
    method = engine([], options=given).plan("en", "pt").method
    assert method.signature == "ladder[rounds:3,always]"


# On the embedded models.


@pytest.mark.slow
def test_on_the_embedded_models() -> None:
    made = Engine(Profile(method="ladder", shots=3, options={"rounds": 2}, cache=False))
    texts = ["The council put the vote off until Monday.", "Few of them had ever been to sea.", "Press <b>OK</b>."]
    done = made.translate(texts, "en", "pt")
    assert all(item.text and item.error is None for item in done)
    assert all(1 <= item.usage.calls <= 3 for item in done)
    assert all(told(item) for item in done)
    assert "<b>OK</b>" in done[2].text
