"""Instruct: drafts that keep their rules, answers that are asked for again, what the gate makes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from helpers import EN_PT, DictionarySpecialist
from scalemt.config import Profile
from scalemt.engine import Engine
from scalemt.engine.backends import build_method
from scalemt.errors import ConfigurationError, DeadlineError, InputError, UnknownNameError
from scalemt.generalists.fake import Answer, FakeGeneralist
from scalemt.memory.store import MemoryStore
from scalemt.memory.units import Unit
from scalemt.types import Completion, Decision, Draft, Pair, Prompt, Segment, Translation, Word

TABLE = {"the": "a", "house": "casa", "is": "é", "very": "muito", "old": "velha", "and": "e", "blue": "azul"}
SOURCE = "the house is very old and blue"
DRAFT = "a casa é muito velha e azul"


class Sampling(DictionarySpecialist):
    """Samples the texts that it is given, in turn."""

    samples: tuple[str, ...] = ()

    def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
        if n == 1:
            return super()._draft(texts, pair, n)
        return [[_draft_of(self.samples[path % len(self.samples)]) for path in range(n)] for _ in texts]


def _draft_of(text: str) -> Draft:
    return Draft(text, tuple(Word(word, 0.9) for word in text.split()), -1.0, language="pt")


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEMT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("SCALEMT_CACHE_DIR", str(tmp_path / "cache"))


def run(
    rules: str,
    answers: Sequence[Answer] | Callable[[Prompt], Answer] = (),
    *,
    source: str | Segment = SOURCE,
    gate: str = "checks",
    samples: tuple[str, ...] = (),
    fields: dict[str, Any] | None = None,
    **options: object,
) -> tuple[Translation, FakeGeneralist]:
    generalist = FakeGeneralist(answers)
    specialist = Sampling({EN_PT: TABLE})
    specialist.samples = samples
    given = {"rules": rules, "samples": len(samples) or 0, **options}
    profile = Profile(method="instruct", shots=0, gate=gate, cache=False, options=given, **(fields or {}))  # type: ignore[arg-type]
    engine = Engine(profile, specialists=[specialist], generalist=generalist)
    (done,) = engine.translate([source], "en", "pt")
    return done, generalist


def steps(done: Translation) -> list[str]:
    return [f"{item.step}: {item.outcome}" for item in done.decisions]


def test_a_draft_that_keeps_all_rules_needs_no_call() -> None:
    done, generalist = run("max-words=7; use=azul")
    assert (done.text, generalist.prompts) == (DRAFT, [])
    assert Decision("rules", "the draft keeps all", "max-words=7; use=azul") in done.decisions
    assert steps(done)[-1] == "rules: 2 of 2 kept"


def test_always_asks_and_equals_are_left_to_the_gate() -> None:
    done, generalist = run("max-words=7", ["a casa é bem velha e azul"], always=True)
    assert done.text == "a casa é bem velha e azul"
    assert len(generalist.prompts) == 1


def test_what_a_program_can_do_is_done_without_a_call() -> None:
    done, generalist = run("casing=upper; wrap=<p>…</p>; start=»")
    assert (done.text, generalist.prompts) == ("<p>» A CASA É MUITO VELHA E AZUL</p>", [])
    assert steps(done) == ["rules: the draft keeps all", "gate: draft", "rules: finished", "rules: 3 of 3 kept"]
    assert "casing=upper; wrap=<p>…</p>; start=»" in done.decisions[2].reason
    assert [(check.name, check.passed) for check in done.checks][-3:] == [
        ("casing=upper", True),
        ("wrap=<p>…</p>", True),
        ("start=»", True),
    ]


def test_an_answer_that_keeps_the_rule_is_taken_and_finished() -> None:
    done, generalist = run("avoid=muito; casing=upper", ["a casa é bem velha e azul"])
    assert done.text == "A CASA É BEM VELHA E AZUL"
    assert steps(done) == [
        "rules: the draft breaks some",
        "gate: instruct",
        "rules: finished",
        "rules: 2 of 2 kept",
    ]
    assert "1 of 1 broken rules are kept" in done.decisions[1].reason
    (prompt,) = generalist.prompts
    # What a program does need not be asked for.
    assert "1. Do not use “muito”.\n\nSource: the house" in prompt.content
    assert "capital" not in prompt.content
    assert "Draft: a casa é muito velha e azul" in prompt.content


def test_all_rules_may_be_told() -> None:
    _, generalist = run("avoid=muito; casing=upper", ["a casa"], tell="all", retries=0)
    assert "2. Write everything in capital letters." in generalist.prompts[0].content


def test_a_broken_rule_is_named_and_the_answer_asked_for_again() -> None:
    done, generalist = run("avoid=muito; max-words=6", ["a casa é muito velha e azul", "a casa é velha e azul"])
    assert done.text == "a casa é velha e azul"
    assert done.usage.calls == 2
    again = generalist.prompts[1].messages
    assert [message.role for message in again] == ["system", "user", "assistant", "user"]
    assert again[2].content == "Translation: a casa é muito velha e azul"
    assert again[3].content.startswith(
        "Your translation breaks rules:\n- “muito” is there, and must not be used\n- it has 7 words, and at most"
    )
    assert "rules: answer 1 asked for again" in steps(done)


def test_retries_are_bounded_and_the_best_answer_stands_first() -> None:
    answers = [
        "a casa azul e velha muito velha",
        "a casa é velha e azul, sim senhor",
        "muito velha e azul é a casa",
    ]
    done, generalist = run("avoid=muito; max-words=6", answers, retries=2)
    assert len(generalist.prompts) == 3
    # The second answer breaks one rule, the first and the third break two and one.
    assert done.text == "a casa é velha e azul, sim senhor"
    assert steps(done)[-1] == "rules: 1 of 2 kept"
    assert "max-words=6: it has 8 words" in done.decisions[-1].reason


def test_no_retries() -> None:
    done, generalist = run("avoid=muito", ["muito velha é a casa azul e bela"], retries=0)
    assert len(generalist.prompts) == 1
    assert done.text == DRAFT
    assert "gate: draft" in steps(done)


def test_an_answer_that_breaks_what_the_draft_keeps_is_refused() -> None:
    done, _ = run("avoid=muito; use=azul", ["a casa é bem velha e verde"], retries=0)
    assert done.text == DRAFT
    told = next(item for item in done.decisions if item.outcome == "refused instruct")
    assert told.reason == "rules that the draft keeps: use=azul: “azul” is not there, and must be used"


def test_a_short_answer_is_no_omission_where_shortness_is_wanted() -> None:
    done, _ = run("max-words=2", ["casa velha"])
    assert done.text == "casa velha"
    assert all(check.passed for check in done.checks)
    done, _ = run("avoid=muito", ["casa"], source=f"{SOURCE} {SOURCE} {SOURCE}", retries=0)
    assert done.text == f"{DRAFT} {DRAFT} {DRAFT}"


@pytest.mark.parametrize(
    "answer",
    [
        DeadlineError("No answer within 5 s."),
        Completion("a casa", "length"),
        Completion("", "filter"),
        "",
        "<think>still thinking",
    ],
)
def test_what_is_no_answer_leaves_the_draft_and_says_so(answer: Answer) -> None:
    done, generalist = run("avoid=muito", [answer, "", ""])
    assert done.text == DRAFT
    assert steps(done)[-1] == "rules: 0 of 1 kept"
    assert any(item.outcome in ("no instruct", "refused instruct") for item in done.decisions)
    assert len(generalist.prompts) <= 2


def test_without_a_draft_the_answer_that_keeps_most_rules_is_taken() -> None:
    answers = ["a casa é muito velha", "a casa é velha"]
    done, generalist = run("avoid=muito", answers, drafts=False, gate="off")
    assert done.text == "a casa é velha"
    assert "Draft" not in generalist.prompts[0].content
    done, _ = run("avoid=muito", ["muito bem", DeadlineError("late")], drafts=False)
    assert done.text == "muito bem"


def test_sampled_drafts_that_break_fewer_rules_are_candidates() -> None:
    samples = ("a casa é velha e azul", DRAFT, "a casa, azul, é bem velha", "zzz", "muito muito muito muito")
    done, _ = run("avoid=muito", [DRAFT], samples=samples, retries=0)
    assert "rules: sampled" in steps(done)
    assert {item.origin for item in done.candidates} == {"draft", "instruct", "sampled 1", "sampled 2"}
    assert done.text in (samples[0], samples[2])


def test_a_specialist_that_cannot_sample_is_no_fault() -> None:
    class Single(DictionarySpecialist):
        def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
            from scalemt.errors import SpecialistError

            if n > 1:
                raise SpecialistError("One draft is all there is.")
            return super()._draft(texts, pair, n)

    profile = Profile(method="instruct", shots=0, gate="checks", cache=False, options={"rules": "avoid=muito"})
    engine = Engine(
        profile, specialists=[Single({EN_PT: TABLE})], generalist=FakeGeneralist(["a casa é velha e azul"])
    )
    (done,) = engine.translate([SOURCE], "en", "pt")
    assert done.text == "a casa é velha e azul"
    assert Decision("rules", "not sampled", "One draft is all there is.") in done.decisions


def test_words_to_keep_go_through_the_specialist_unchanged() -> None:
    done, generalist = run("keep=old", source="the old house is old")
    assert (done.text, generalist.prompts) == ("a old casa é old", [])
    assert done.spans == ()


def test_rules_of_a_note_hold_for_its_segment_where_they_are_asked_for() -> None:
    noted = Segment(SOURCE, note="A sign; rules: casing=upper; end=!")
    assert run("", source=noted, notes=True)[0].text == "A CASA É MUITO VELHA E AZUL!"
    named = Segment(SOURCE, note="The rules: of it.\nA sign. Rules: end=!")
    assert run("", source=named, notes=True)[0].text == f"{DRAFT}!"
    assert run("", source=noted)[0].text == DRAFT
    assert run("", source=Segment(SOURCE, note="casing=upper"), notes=True)[0].text == DRAFT


def test_a_note_that_holds_no_rules_is_told_of() -> None:
    for note in ("rules: be nice", "rules: casing=upper; casing=lower", "rules: variety=es-MX"):
        done, _ = run("end=!", source=Segment(SOURCE, note=note), notes=True)
        assert done.text == f"{DRAFT}!"
        assert done.decisions[0].outcome == "note left aside"
    done, _ = run("casing=lower", source=Segment(SOURCE, note="rules: casing=upper"), notes=True)
    assert "cannot both be kept" in done.decisions[0].reason


def test_rules_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text('rules = ["end=!"]')
    assert run("casing=upper", file=str(path))[0].text == f"{DRAFT.upper()}!"
    with pytest.raises(InputError, match="cannot be read"):
        build_method("instruct", {"file": str(tmp_path / "none.toml")})


def test_without_finishing_everything_is_asked_for() -> None:
    done, generalist = run("casing=upper", ["A CASA É MUITO VELHA E AZUL"], repair=False)
    assert done.text == "A CASA É MUITO VELHA E AZUL"
    assert "capital letters" in generalist.prompts[0].content


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"rules": "max-words=2; min-words=3"}, "cannot both be kept"),
        ({"rules": "max-words=many"}, "needs a whole number"),
        ({"retries": 9}, "retries is 9"),
        ({"samples": 1}, "samples is 1"),
        ({"tell": "some"}, "Valid choices: needed, all"),
    ],
)
def test_wrong_options_are_told_at_the_start(options: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        build_method("instruct", options)


def test_unknown_rules_and_languages_are_told_at_the_start() -> None:
    with pytest.raises(UnknownNameError, match="max-words"):
        build_method("instruct", {"rules": "max-word=2"})
    profile = Profile(method="instruct", options={"rules": "honorifics=formal"}, cache=False)
    engine = Engine(
        profile, specialists=[DictionarySpecialist({Pair("en", "eu"): {}})], generalist=FakeGeneralist()
    )
    with pytest.raises(ConfigurationError, match="cannot be checked in Basque"):
        engine.plan("en", "eu")


def test_the_signature_tells_rules_and_options() -> None:
    plain = build_method("instruct", {"rules": ["avoid=a", "avoid=b"]}).signature
    assert plain.startswith("instruct[rules:2.")
    assert plain.endswith(",retries:1,samples:8]")
    told = build_method(
        "instruct", {"notes": True, "drafts": False, "always": True, "repair": False, "tell": "all"}
    )
    assert told.signature.endswith("samples:0,notes,no drafts,always,unfinished,all told]")


def test_no_rules_at_all_are_noted() -> None:
    notes: list[str] = []
    engine = Engine(
        Profile(method="instruct", cache=False),
        specialists=[DictionarySpecialist({EN_PT: TABLE})],
        generalist=FakeGeneralist(),
        notice=notes.append,
    )
    engine.plan("en", "pt")
    assert notes
    assert notes[0].startswith("The method instruct was given no rules")


def test_protected_spans_survive_finishing_and_retries() -> None:
    source = "the <b>house</b> is {n} old"
    answers = ["a <g1>casa</g1> é muito {n} velha", "a <g1>casa</g1> é {n} velha"]
    done, generalist = run("casing=upper; avoid=é", answers, source=source, retries=1)
    assert "<b>" in done.text
    assert "{n}" in done.text
    assert all(done.text[span.start : span.end] in ("<b>", "</b>", "{n}") for span in done.spans)
    assert len(done.spans) == 3
    assert "<g1>casa</g1>" in generalist.prompts[1].messages[2].content


def test_what_a_memory_holds_is_held_to_the_rules_too(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path / "tm.db", create=True)
    store.add([Unit(SOURCE, "a casa velha é azul", EN_PT)])
    store.close()
    fields = {"memories": (str(tmp_path / "tm.db"),)}
    done, generalist = run("max-words=5; casing=upper", fields=fields)
    assert (done.text, generalist.prompts) == ("A CASA VELHA É AZUL", [])
    assert steps(done) == ["memory: reused", "rules: 2 of 2 kept"]
    done, _ = run("max-words=4", ["casa velha e azul"], fields=fields)
    assert done.text == "casa velha e azul"
    noted = Segment(SOURCE, note="rules: max-words=3")
    done, _ = run("", ["casa velha azul"], source=noted, notes=True, fields=fields)
    assert done.text == "casa velha azul"
    assert run("", fields=fields)[0].text == "a casa velha é azul"


@pytest.mark.slow
def test_with_the_embedded_models() -> None:
    """A base model of 270M does not follow rules: what a program and the specialist can do is done, and told."""
    options = {"rules": "max-words=40; date=iso; keep=Open Files; wrap=<p>…</p>"}
    profile = Profile(method="instruct", shots=2, cache=False, threads=1, options=options)
    sources = ["Press Open Files before March 5, 2024.", "The dog sleeps."]
    first, second = Engine(profile).translate(sources, "en", "pt")
    assert "Open Files" in first.text
    assert "2024-03-05" in first.text
    assert second.text.startswith("<p>")
    assert first.usage.calls == second.usage.calls == 0
    asked = profile.model_copy(update={"options": {"rules": "avoid=cão"}})
    (third,) = Engine(asked).translate(sources[1:], "en", "pt")
    assert third.usage.calls >= 1
    assert third.text
