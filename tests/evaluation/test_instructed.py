"""Test items with rules made of any lines, and what is told of outputs."""

from __future__ import annotations

import pytest

from scalemt.errors import ConfigurationError, UnknownNameError
from scalemt.evaluation.instructed import Item, make_items, score_items
from scalemt.quality.rules import RULES, read_rules
from scalemt.types import Pair

EN_PT = Pair("en", "pt")
SOURCES = [
    "On March 5, 2024 the engineer Ada Brown opened the old bridge of Porto at 3:30 PM.",
    "The water boils at 100 °C, and 12,000 people drink 4.5 litres of it.",
    "Open | Close | Save",
    "",
]
REFERENCES = [
    "Em 5 de março de 2024 a engenheira Ada Brown inaugurou a velha ponte do Porto às 15:30.",
    "A água ferve a 100 °C, e 12.000 pessoas bebem 4,5 litros dela.",
    "Abrir | Fechar | Guardar",
    "",
]


def items(**options: object) -> list[Item]:
    return make_items(SOURCES, REFERENCES, EN_PT, **options)  # type: ignore[arg-type]


def test_references_keep_their_rules() -> None:
    for seed in range(30):
        made = items(seed=seed)
        assert [item.source for item in made] == SOURCES[:3]
        assert all(1 <= len(item.rules.rules) <= 3 for item in made)
        score = score_items(made, [item.reference for item in made], EN_PT)
        assert (score.strict, score.whole, score.loose) == (1.0, 1.0, 1.0)
        assert score.product == pytest.approx(100.0)


def test_the_same_seed_draws_the_same_and_neighbours_do_not_matter() -> None:
    assert items(seed=3) == items(seed=3)
    assert make_items(SOURCES[:1], REFERENCES[:1], EN_PT, seed=3)[0] == items(seed=3)[0]
    assert len({item.rules.text for seed in range(8) for item in items(seed=seed)[:1]}) > 3


def test_rules_can_be_chosen() -> None:
    made = items(rules=["date", "clock", "temperature", "delimiter"], most=2)
    assert {rule.name for item in made for rule in item.rules.rules} == {
        "date",
        "clock",
        "temperature",
        "delimiter",
    }
    with pytest.raises(UnknownNameError):
        items(rules=["no-such-rule"])


def test_words_of_a_draft_may_be_forbidden() -> None:
    drafts = ["", "A água ferve a 100 °C, e 12.000 pessoas tomam 4,5 litros dela.", "", ""]
    (made,) = items(rules=["avoid"], drafts=drafts)
    assert (made.source, made.rules.text) == (SOURCES[1], "avoid=tomam")


def test_a_segment_tells_its_rules_in_its_note() -> None:
    item = Item("a; b", "c; d", read_rules(r"delimiter=\;; casing=upper"), "7")
    assert item.segment.note == r"rules: delimiter=\;; casing=upper"
    assert read_rules(item.segment.note.removeprefix("rules:")).text == item.rules.text
    assert item.segment.id == "7"


def test_numbers_that_do_not_fit() -> None:
    with pytest.raises(ConfigurationError, match="make no test set"):
        make_items(["a"], [], EN_PT)
    with pytest.raises(ConfigurationError, match="at least one rule"):
        items(most=0)
    with pytest.raises(ConfigurationError, match="Give one for each"):
        score_items(items(), [], EN_PT)
    with pytest.raises(ConfigurationError, match="Give one for each"):
        score_items([], [], EN_PT)


def test_rules_and_items_are_counted() -> None:
    rules = [read_rules("casing=upper; end=!"), read_rules("casing=upper")]
    made = [Item("x", "OLÁ!", rules[0]), Item("y", "ADEUS", rules[1])]
    score = score_items(made, ["OLÁ", "ADEUS"], EN_PT)
    assert [(row.name, row.items, row.strict, row.loose) for row in score.rules] == [
        ("casing", 2, 2, 2),
        ("end", 1, 0, 0),
    ]
    assert (score.strict, score.whole) == (2 / 3, 0.5)
    assert 0 < score.product <= 50.0 < score.chrf < 100


@pytest.mark.parametrize(
    "output",
    [
        "**<p>olá</p>**",
        "Here it is:\n<p>olá</p>",
        "<p>olá</p>\nI hope it helps.",
        '"<p>olá</p>"',
    ],
)
def test_usual_additions_are_taken_off_for_the_loose_verdict(output: str) -> None:
    item = Item("hello", "<p>olá</p>", read_rules("wrap=<p>…</p>"))
    score = score_items([item], [output], EN_PT)
    assert (score.strict, score.loose, score.loosely_whole, score.product) == (0.0, 1.0, 1.0, 0.0)


def test_an_empty_output_keeps_nothing_that_it_would_have_to_show() -> None:
    score = score_items([Item("hello", "<p>olá</p>", read_rules("wrap=<p>…</p>"))], [""], EN_PT)
    assert (score.strict, score.loose, score.chrf) == (0.0, 0.0, 0.0)


def test_plug_in_rules_take_part(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "max-words" in RULES.names()
    monkeypatch.setitem(RULES._builtin, "short", "scalemt.quality.rules.amounts:MaxWords")
    assert any(rule.name == "max-words" for item in items(rules=["short"]) for rule in item.rules.rules)
