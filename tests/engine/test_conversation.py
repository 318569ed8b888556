"""Methods that ask more than once: before the translation, and after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from helpers import english_portuguese
from scalemt.config import Profile
from scalemt.engine import Engine
from scalemt.engine.running import Run
from scalemt.errors import DeadlineError
from scalemt.generalists.fake import FakeGeneralist
from scalemt.glossary import Glossary, TermEntry, TermFinder
from scalemt.methods import Answer, Kit, Prepared, Question, Talk
from scalemt.methods.refine import RefineMethod
from scalemt.types import Completion, Decision, Prompt, Segment, Translation


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEMT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("SCALEMT_CACHE_DIR", str(tmp_path / "cache"))


class Talkative(RefineMethod):
    """Asks twice about each segment before it is translated, then once more for a longer translation."""

    most_calls = 4

    def talk(self, prepared: Sequence[Prepared], kit: Kit) -> Talk:
        first = yield [
            Question(Prompt(text=f"topic of {item.segment.text}"), at) for at, item in enumerate(prepared)
        ]
        good = [at for at, said in enumerate(first) if said.finish_reason == "stop"]
        second = yield [Question(Prompt(text=f"tone of {first[at].text}"), at, max_tokens=7) for at in good]
        tones = dict(zip(good, (said.text for said in second), strict=True))
        return [
            replace(
                item,
                prompt=Prompt(text=f"translate {item.segment.text}"),
                decisions=(Decision("topic", tones.get(at, "unknown"), first[at].text),),
            )
            for at, item in enumerate(prepared)
        ]

    def follow(self, prepared: Sequence[Prepared], answers: Sequence[Answer], kit: Kit) -> Sequence[Prepared]:
        return [
            replace(item, prompt=Prompt(text="longer"))
            if item.prompt and said.candidate and len(said.candidate.text) < 10
            else replace(item, prompt=None)
            for item, said in zip(prepared, answers, strict=True)
        ]


def run(generalist: FakeGeneralist, texts: Sequence[str], **fields: object) -> list[Translation]:
    given = {"shots": 0, "gate": "off", "cache": False, **fields}
    engine = Engine(Profile(**given), specialists=[english_portuguese()], generalist=generalist)  # type: ignore[arg-type]
    plan = replace(engine.plan("en", "pt"), method=Talkative())
    segments = [Segment(text, str(number)) for number, text in enumerate(texts, 1)]
    return list(Run(engine.profile, plan, lambda _: None).stream(segments))


def scripted(prompt: Prompt) -> Completion | Exception:
    answers: dict[str, str | Exception] = {
        "topic of the house": "homes",
        "topic of blue": DeadlineError("No answer within 5 s."),
        "tone of homes": "calm",
        "translate the house": "a casa",
        "translate blue": "a cor que é azul",
        "longer": "a casa grande",
    }
    answer = answers[prompt.text]
    return Completion(answer, prompt_tokens=10, completion_tokens=1) if isinstance(answer, str) else answer


def test_a_talk_comes_before_the_translation_and_is_followed_up() -> None:
    generalist = FakeGeneralist(scripted)
    house, blue = run(generalist, ["the house", "blue"])
    assert [prompt.text for prompt in generalist.prompts] == [
        "topic of the house",
        "topic of blue",
        "tone of homes",
        "translate the house",
        "translate blue",
        "longer",
    ]
    # What a question may cost is bounded by what it says, and not by the length of translations.
    assert [decoding.max_tokens for decoding in generalist.decodings[:3]] == [256, 256, 7]
    # The last answer is the method's result: it stands first of its kind, and the gate, being off, takes it.
    assert [(item.called, item.text) for item in house.candidates] == [
        ("draft", "a casa"),
        ("refine 2", "a casa grande"),
        ("refine 1", "a casa"),
    ]
    assert house.text == "a casa grande"
    assert Decision("topic", "calm", "homes") in house.decisions
    assert Decision("topic", "unknown", "") in blue.decisions
    assert [(item.called, item.text) for item in blue.candidates][1:] == [("refine", "a cor que é azul")]


def test_each_segment_pays_for_its_own_questions() -> None:
    house, blue = run(FakeGeneralist(scripted), ["the house", "blue"])
    assert (house.usage.calls, house.usage.prompt_tokens) == (4, 40)
    assert blue.usage.prompt_tokens == 10


def test_nobody_is_asked_about_a_segment_that_a_budget_leaves_out() -> None:
    generalist = FakeGeneralist(scripted)
    (kept,) = run(generalist, ["the house"], budget=0.0)
    assert kept.text == "a casa"
    assert generalist.prompts == []


class Carrying(RefineMethod):
    """Counts the segments of a run, wants "azul" called "anil" where it stands, and keeps what became of it."""

    sequential = True

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.heard: list[Translation] = []
        self.begun: list[Carrying] = []

    def begin(self) -> Carrying:
        self.begun.append(Carrying())
        return self.begun[-1]

    def prepare(self, segments: Sequence[Segment], kit: Kit) -> list[Prepared]:
        self.seen += [item.text for item in segments]
        entry = TermEntry("blue", "anil")
        found = TermFinder(Glossary((entry,)), kit.pair)
        prepared = super().prepare(segments, kit)
        return [replace(item, terms=tuple(found.find(item.segment.text))) for item in prepared]

    def conclude(self, translations: Sequence[Translation], kit: Kit) -> None:
        self.heard += translations


def carried(batch: int) -> tuple[Carrying, Run]:
    profile = Profile(shots=0, gate="checks", cache=False, batch=batch)
    answers = {"the house is blue": "a casa é anil"}
    generalist = FakeGeneralist(lambda prompt: next((v for k, v in answers.items() if k in prompt.content), ""))
    engine = Engine(profile, specialists=[english_portuguese()], generalist=generalist)
    method = Carrying()
    plan = replace(engine.plan("en", "pt"), method=method)
    return method, Run(profile, plan, lambda _: None)


def test_a_stream_is_one_run_with_a_state_of_its_own() -> None:
    method, run = carried(batch=1)
    done = list(run.stream([Segment("the house is blue"), Segment("the house"), Segment("blue")]))
    (begun,) = method.begun
    assert method.seen == []
    assert begun.seen == ["the house is blue", "the house", "blue"]
    assert (
        [item.text for item in begun.heard] == [item.text for item in done] == ["a casa é anil", "a casa", "azul"]
    )


def test_each_batch_that_stands_alone_begins_anew() -> None:
    method, run = carried(batch=32)
    list(run.batches([[Segment("the house is blue")], [Segment("blue")], [Segment("the house")]]))
    assert [item.seen for item in method.begun] == [["the house is blue"], ["blue"], ["the house"]]


def test_candidates_are_verified_for_the_terms_that_a_method_wants() -> None:
    _, run = carried(batch=32)
    house, blue = run.stream([Segment("the house is blue"), Segment("blue")])
    assert [(use.target, use.state) for use in house.terms] == [("anil", "applied")]
    assert [(use.target, use.state) for use in blue.terms] == [("anil", "missed")]
    draft = next(item for item in house.candidates if item.origin == "draft")
    assert [use.state for use in draft.terms] == ["missed"]


def test_an_empty_text_is_not_talked_about() -> None:
    generalist = FakeGeneralist(scripted)
    empty, _ = run(generalist, ["", "the house"])
    assert empty.text == ""
    assert generalist.prompts[0].text == "topic of the house"


class Stubborn(RefineMethod):
    """Asks three times, and holds the answer of one round for its result."""

    def __init__(self, result: int | None = None) -> None:
        self.result = result

    def prepare(self, segments: Sequence[Segment], kit: Kit) -> list[Prepared]:
        return [replace(item, prompt=Prompt(text="1")) for item in super().prepare(segments, kit)]

    def follow(self, prepared: Sequence[Prepared], answers: Sequence[Answer], kit: Kit) -> Sequence[Prepared]:
        asked = prepared[0].prompt
        following = Prompt(text=str(int(asked.text) + 1)) if asked and asked.text != "3" else None
        return [replace(item, prompt=following, result=self.result) for item in prepared]


def asked_thrice(method: Stubborn, answers: Sequence[str | Exception], **fields: object) -> Translation:
    given = {"shots": 0, "gate": "off", "cache": False, **fields}
    generalist = FakeGeneralist(answers)
    engine = Engine(Profile(**given), specialists=[english_portuguese()], generalist=generalist)  # type: ignore[arg-type]
    plan = replace(engine.plan("en", "pt"), method=method)
    return next(Run(engine.profile, plan, lambda _: None).stream([Segment("the house is blue")]))


@pytest.mark.parametrize("gate", ["off", "checks"])
@pytest.mark.parametrize(("result", "expected"), [(None, "casa é azul"), (0, "casa azul"), (1, "a casa azul")])
def test_where_nothing_is_weighed_the_methods_result_is_taken(
    gate: str, result: int | None, expected: str
) -> None:
    done = asked_thrice(Stubborn(result), ["casa azul", "a casa azul", "casa é azul"], gate=gate)
    assert done.text == expected


def test_an_answer_of_before_stands_where_a_later_one_failed() -> None:
    done = asked_thrice(Stubborn(), ["casa azul", DeadlineError("No answer within 5 s."), ""])
    assert done.text == "casa azul"
    assert done.error is None
    told = [(item.step, item.outcome) for item in done.decisions]
    # The third answer is empty: it is refused, and says which it was.
    assert told == [("generalist", "no refine"), ("gate", "refused refine 2"), ("gate", "refine")]


def test_without_any_answer_the_segment_has_failed_with_the_gate_off() -> None:
    fault = DeadlineError("No answer within 5 s.")
    done = asked_thrice(Stubborn(), [fault] * 3)
    assert done.error is fault
    assert asked_thrice(Stubborn(), [fault] * 3, gate="checks").text == "a casa é azul"


def test_the_gate_weighs_every_answer_and_says_which_it_took() -> None:
    done = asked_thrice(Stubborn(), ["a casa azul", "a casa é azul !", "o lar"], gate="quality")
    verdict = done.decisions[-1]
    assert "refine 1 " in verdict.reason
    assert "refine 2 " in verdict.reason
    assert "refine 3 " in verdict.reason
