"""The parts of the page that can be tried by themselves, in the browser that runs them."""

from __future__ import annotations

import random
from typing import Any

import pytest

from serve.page.houses import House
from serve.page.visiting import Open, Visit

pytestmark = pytest.mark.slow


@pytest.fixture
def page(visit: Open, open_house: House) -> Visit:
    return visit(open_house.url)


def call(page: Visit, module: str, name: str, *arguments: Any) -> Any:
    """Call a function that a module exports."""
    script = """async ([module, name, given]) => {
        const found = await import(new URL(`assets/${module}.js`, document.baseURI));
        return found[name](...given);
    }"""
    return page.page.evaluate(script, [module, name, list(arguments)])


def written(parts: list[dict[str, Any]]) -> str:
    signs = {"same": "{}", "added": "[+{}]", "removed": "[-{}]"}
    return "".join(signs[part["kind"]].format(part["text"]) for part in parts)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("the house is blue", "the house is green", "the house is [-blue][+green]"),
        ("a b c", "a b c", "a b c"),
        ("we spent another night", "we spent one more night", "we spent [-another][+one][+ ][+more] night"),
        ("one two", "one two three", "one two[+ ][+three]"),
    ],
)
def test_a_difference_is_told_by_words(page: Visit, before: str, after: str, expected: str) -> None:
    assert written(call(page, "diff", "difference", before, after)) == expected


def test_texts_with_nothing_in_common_have_no_difference(page: Visit) -> None:
    assert call(page, "diff", "difference", "one two three four", "cinco seis sete oito") is None
    assert call(page, "diff", "difference", "", "text") is None


def test_a_difference_holds_both_texts(page: Visit) -> None:
    random.seed(8)
    pairs = [[" ".join(random.choices("abcd", k=random.randint(1, 9))) for _ in range(2)] for _ in range(400)]
    script = """async pairs => {
        const { difference } = await import(new URL('assets/diff.js', document.baseURI));
        return pairs.map(([one, other]) => difference(one, other));
    }"""
    for (before, after), parts in zip(pairs, page.page.evaluate(script, pairs), strict=True):
        if parts is not None:
            assert "".join(part["text"] for part in parts if part["kind"] != "added") == before
            assert "".join(part["text"] for part in parts if part["kind"] != "removed") == after


def test_scripts_without_spaces_are_cut_into_words(page: Visit) -> None:
    assert len(call(page, "diff", "words", "図書館は九時半に開きます。", "ja")) > 3
    assert call(page, "diff", "words", "two words", "en") == ["two", " ", "words"]


def test_events_are_read_however_they_are_cut(page: Visit) -> None:
    stream = ': alive\n\nevent: draft\ndata: {"index": 0,\ndata: "text": "é"}\n\nevent: x\n\ndata: 1\r\n\r\n'
    script = """async text => {
        const { events } = await import(new URL('assets/sse.js', document.baseURI));
        const all = [];
        for (let size = 1; size < 9; size += 1) {
            async function* pieces() {
                for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
            }
            const found = [];
            for await (const event of events(pieces())) found.push(event);
            all.push(found);
        }
        return all;
    }"""
    expected = [["draft", {"index": 0, "text": "é"}], ["message", 1]]
    assert page.page.evaluate(script, stream) == [expected] * 8


@pytest.mark.parametrize(
    ("step", "outcome", "reason", "expected"),
    [
        (
            "gate",
            "draft",
            "the answer is the same as the draft",
            "The generalist confirmed the draft, word for word.",
        ),
        (
            "gate",
            "draft",
            "expected gain over the draft: refine -3.12; needed +3.00",
            "The draft was kept: the refinement is expected to be 3.1 points worse, "
            "and would have to be 3.0 points better.",
        ),
        (
            "gate",
            "refine",
            "expected gain over the draft: refine +4.20, few-shot -1.00; needed +3.00",
            "The refinement was taken: the refinement is expected to be 4.2 points better; "
            "the generalist’s own translation is expected to be 1.0 points worse than the draft, "
            "and had to be 3.0 points better.",
        ),
        (
            "gate",
            "refused refine",
            "numbers: 3 became 4",
            "The refinement was refused: 3 became 4 (check: numbers agree).",
        ),
        (
            "gate",
            "refine",
            "2 of 3 missed terms are used; expected gain over the draft +0.40",
            "The refinement was taken: it uses 2 of the 3 terms that the draft misses; "
            "it is expected to be 0.4 points better than the draft.",
        ),
        ("generalist", "no refine", "It was cut off.", "The generalist gave no answer: It was cut off."),
        (
            "memory",
            "reused",
            "100 % match, unit 7",
            "The memory holds this text: 100 % match, unit 7.",
        ),
        ("new step", "done", "because", "New step, done: because."),
    ],
)
def test_decisions_become_sentences(page: Visit, step: str, outcome: str, reason: str, expected: str) -> None:
    found = call(page, "sentences", "sentence", {"step": step, "outcome": outcome, "reason": reason})
    assert found == expected


@pytest.mark.parametrize(
    ("name", "target", "expected"),
    [
        ("a.docx", "pt", "a.pt.docx"),
        ("notes", "ar", "notes.ar"),
        (".env", "pt", ".env.pt"),
        ("a.b.po", "pt-BR", "a.b.pt-BR.po"),
    ],
)
def test_a_result_is_called_as_the_server_calls_it(page: Visit, name: str, target: str, expected: str) -> None:
    assert call(page, "documents", "resultName", {"name": name, "target": target}) == expected
