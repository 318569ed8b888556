"""The ladder for lost spans: restored, asked again, put back by the words around, the draft instead, refused."""

from __future__ import annotations

from helpers import english_portuguese
from scalemt.config import Profile
from scalemt.engine import Engine
from scalemt.errors import IntegrityError
from scalemt.generalists.fake import FakeGeneralist
from scalemt.methods.integrity import held, shown, shown_draft
from scalemt.retry import RetryBudget
from scalemt.text.protection import protect
from scalemt.text.spans import literal
from scalemt.types import Draft, Segment, Translation, Word


def translated(answers: list[str], text: str, **fields: object) -> tuple[Translation, FakeGeneralist]:
    fake = FakeGeneralist(answers)
    profile = Profile(gate="off", cache=False, template="scale", shots=0, **fields)  # type: ignore[arg-type]
    engine = Engine(profile, specialists=[english_portuguese()], generalist=fake)
    return engine.translate([text], "en", "pt")[0], fake


def told(item: Translation) -> str:
    return " ".join(decision.reason for decision in item.decisions if decision.step == "spans")


def test_a_prompt_shows_tags_by_number_and_placeholders_as_they_are() -> None:
    item, fake = translated(["a <g1>casa</g1> {x}"], 'the <a href="http://a.b/c?d=e">house</a> {x}')
    asked = fake.prompts[0].messages[-1].content
    assert "the <g1>house</g1> {x}" in asked
    assert "href" not in asked
    assert "stay exactly as they are" in fake.prompts[0].messages[0].content
    assert item.text == 'a <a href="http://a.b/c?d=e">casa</a> {x}'
    assert [literal(item.text, span) for span in item.spans] == ['<a href="http://a.b/c?d=e">', "</a>", "{x}"]


def test_a_near_miss_is_put_right_and_told() -> None:
    item, fake = translated(["a < G1 >casa</g1> azul"], "the <b>house</b> blue")
    assert item.text == "a <b>casa</b> azul"
    assert len(fake.prompts) == 1
    assert told(item)


def test_a_loss_is_asked_for_once_more_by_name() -> None:
    item, fake = translated(["a casa azul", "a casa {x} azul"], "the house {x} blue")
    assert item.text == "a casa {x} azul"
    assert len(fake.prompts) == 2
    assert fake.prompts[1].messages[-2].role == "assistant"
    assert "{x}" in fake.prompts[1].messages[-1].content
    assert "asked again" in told(item)
    assert item.usage.calls == 2


def test_what_stays_lost_is_put_back_by_the_words_around_or_the_draft_stands_in() -> None:
    item, fake = translated(["a <g1>casa verde", "casa verde"], "the <b>house</b> green")
    assert len(fake.prompts) == 2
    assert item.error is None
    assert item.text.count("<b>") == item.text.count("</b>") == 1


def test_an_answer_of_other_words_cannot_be_mended_and_the_draft_stands_in() -> None:
    item, _ = translated(["xyz", "xyz"], "old {x} blue")
    assert item.error is None
    assert "{x}" in item.text
    assert item.text in ("velha {x} azul", "xyz {x}") or item.text.count("{x}") == 1


def test_without_a_draft_a_loss_fails_out_loud() -> None:
    item, fake = translated(["nada", "nada"], "keep {x} and %s here", method="few-shot")
    assert len(fake.prompts) == 2
    assert (item.error is None) == (item.text.count("{x}") == 1 and item.text.count("%s") == 1)
    if item.error:
        assert isinstance(item.error, IntegrityError)
        assert item.text == ""


def test_a_draft_is_shown_with_its_confidences_in_the_form_of_the_source() -> None:
    segment = protect(Segment("the <b>house</b>"))
    masked = shown(segment)
    first, second = segment.spans
    draft = Draft(
        "a <b>casa</b>",
        (Word("a", 0.5), Word("<b>casa</b>", 0.9)),
        spans=(type(first)(2, 5, "tag", 0, "open", 1), type(second)(9, 13, "tag", 1, "close", 0)),
    )
    made = shown_draft(draft, masked)
    assert made.text == "a <g1>casa</g1>"
    assert made.words == (Word("a", 0.5), Word("<g1>casa</g1>", 0.9))


def test_an_answer_without_spans_is_as_it_is() -> None:
    segment = Segment("plain")
    assert held(shown(segment), segment, "texto <b>").text == "texto <b>"


def test_nobody_is_asked_again_when_the_retries_of_a_job_are_spent() -> None:
    fake = FakeGeneralist(["a casa azul", "a casa {x} azul"])
    fake.retries = RetryBudget(0)  # type: ignore[attr-defined]
    profile = Profile(method="refine", gate="off", shots=0, cache=False)
    engine = Engine(profile, specialists=[english_portuguese()], generalist=fake)
    item = engine.translate(["the house {x} blue"], "en", "pt")[0]
    assert len(fake.prompts) == 1
    assert item.text.count("{x}") == 1  # put back, or the draft
