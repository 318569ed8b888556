"""Reading a judgement: what models write around it, and that nothing is read that was not said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalemt.errors import DeadlineError, UsageError
from scalemt.quality.judgement import DIMENSIONS, LOWEST, Judgement, read_judgement
from scalemt.types import Completion

GOOD = '{"fluency": 5, "accuracy": 4, "idiomaticity": 3, "terminology": 0, "format": 2}'
READ = Judgement(5, 4, 3, None, 2)


def read(text: str) -> Judgement | None:
    return read_judgement(Completion(text))


def with_value(value: Any, name: str = "accuracy") -> str:
    return json.dumps(json.loads(GOOD) | {name: value})


# The value


def test_the_score_is_the_mean_of_what_can_be_applied() -> None:
    assert READ.score == 3.5
    assert READ.as_scores() == {"faith": 3.5, "fluency": 5, "accuracy": 4, "idiomaticity": 3, "format": 2}


@pytest.mark.parametrize(
    "numbers", [(0, 5, 5, 5, 5), (6, 5, 5, 5, 5), (True, 5, 5, 5, 5), (2.5, 5, 5, 5, 5), (None,) * 5]
)
def test_what_is_no_judgement_cannot_be_made(numbers: tuple[Any, ...]) -> None:
    with pytest.raises(UsageError, match="from 1 to 5"):
        Judgement(*numbers)


# What models do


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"```json\n{GOOD}\n```",
        f"Here is my {{rating}}:\n\n{GOOD}\n\nThe translation leaves out a {{name}}.",
        json.dumps(json.loads(GOOD), indent=4),
        '{"Format": 2, "TERMINOLOGY": 0, " idiomaticity ": 3, "Accuracy": 4, "fluency": 5}',
        '{"fluency": "5", "accuracy": " 4 ", "idiomaticity": 3.0, "terminology": "0.0", "format": 2}',
        GOOD.replace('"format"', '"Handling_of_Format"'),
        GOOD.replace('"format"', '"format handling"'),
        GOOD.replace("{", '{"reason": "{\\"fluency\\": 1}", '),
        f'{{"scores": {GOOD}}}',
        f"[{GOOD}]",
        f"{GOOD}\n{GOOD}",
        f"<think>At first {with_value(1)}, but no.</think>\n{GOOD}",
        f"At first {with_value(1)}, but no.</thinking>\n{GOOD}",
        GOOD.replace("}", ', "accuracy": 4}'),
        f'{{"source": "x", "translation": "y"}} {GOOD}',
    ],
)
def test_is_read(text: str) -> None:
    assert read(text) == READ


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "fluency: 5, accuracy: 4, idiomaticity: 3, terminology: 0, format: 2",
        "null",
        "{}",
        GOOD[:-1],
        GOOD.replace(', "format": 2', ""),
        GOOD.replace("}", ",}"),
        GOOD.replace('"', "'"),
        GOOD.replace("}", ', "accuracy": 5}'),
        GOOD.replace("}", ', "Format Handling": 5}'),
        f"{GOOD} or rather {with_value(5)}",
        f'{GOOD} {{"accuracy": 5}}',
        f'{GOOD} {{"accuracy": 5,}}',
        f"{GOOD} {{'accuracy': 1",
        f'{{"fluency": 1, "accuracy": {GOOD}',
        f'{{"fluency": 5, "first": {GOOD}}}',
        f"<think>{GOOD}</think>",
        f"\n<think>{GOOD}",
        "<think>" + GOOD + "</think>" + GOOD[:-1],
        json.dumps(dict.fromkeys(DIMENSIONS, 0)),
        json.dumps({name: {"score": 5, "why": "x"} for name in DIMENSIONS}),
        json.dumps(GOOD),
        "x" * 9000 + GOOD,
    ],
)
def test_is_not_read(text: str) -> None:
    assert read(text) is None


@pytest.mark.parametrize(
    "value",
    [
        *("6", "-2", "true", "false", "null", "3.5", "NaN", "Infinity", "1e400", "4e-400", "4.99999999999999999"),
        *(
            "1" * 5000,
            "1e" + "9" * 30,
            "4.000000000000000001",
            "[4]",
            '"3.5"',
            '"4/5"',
            '"five"',
            '""',
            '"٤"',
            '{"a": 4}',
        ),
    ],
    ids=lambda value: value[:9],
)
def test_a_value_that_is_no_rating_is_not_read(value: str) -> None:
    assert read(GOOD.replace("4", value)) is None


@pytest.mark.parametrize("text", [with_value(-1), with_value("-1"), json.dumps(dict.fromkeys(DIMENSIONS, -1))])
def test_no_translation_is_the_lowest(text: str) -> None:
    assert read(text) == LOWEST
    assert LOWEST.score == 1.0


@pytest.mark.parametrize("reason", ["length", "filter", "error"])
def test_an_answer_that_did_not_end_is_not_read(reason: Any) -> None:
    assert read_judgement(Completion(GOOD, reason)) is None
    assert read_judgement(Completion(GOOD, error=DeadlineError("Late."))) is None


@pytest.mark.parametrize("text", ["{" * 8000, '{"a":' * 1600, "[" * 8000 + "{", '{"a' * 2600, '{"":[' * 1600])
def test_depth_and_length_do_no_harm(text: str) -> None:
    assert read(text) is None


# Whatever is written

VALUES = st.integers(-3, 8) | st.booleans() | st.none() | st.floats() | st.text(max_size=3) | st.just([5])
RATINGS = st.integers(0, 5)
NOISE = st.text(st.characters(exclude_characters="{}\"'<"), max_size=30)


@settings(deadline=None, max_examples=400)
@given(st.text() | st.text(st.sampled_from('{}[]":,-0123456789 fluency')) | st.just(GOOD).map(lambda s: s[7:] + s))
def test_never_raises_and_reads_only_what_names_all_dimensions(text: str) -> None:
    found = read(text)
    assert found is None or all(name in text.lower() for name in DIMENSIONS)


@settings(deadline=None, max_examples=300)
@given(st.fixed_dictionaries(dict.fromkeys(DIMENSIONS, RATINGS)), NOISE, NOISE, st.randoms())
def test_reads_what_was_said(ratings: dict[str, int], before: str, after: str, chance: Any) -> None:
    pairs = list(ratings.items())
    chance.shuffle(pairs)
    said = {chance.choice([key, key.upper()]): chance.choice([value, str(value)]) for key, value in pairs}
    found = read(f"{before}{json.dumps(said)}{after}")
    if not any(ratings.values()):
        assert found is None
    else:
        assert found == Judgement(**{name: value or None for name, value in ratings.items()})


@settings(deadline=None, max_examples=300)
@given(
    st.dictionaries(st.sampled_from(DIMENSIONS), VALUES), st.dictionaries(st.text(max_size=8), VALUES, max_size=2)
)
def test_invents_nothing(said: dict[str, Any], more: dict[str, Any]) -> None:
    found = read(json.dumps(more | said))
    if found is None or found == LOWEST:
        return
    for name in DIMENSIONS:
        assert isinstance(said[name], int | float | str)
        assert not isinstance(said[name], bool)
        assert float(said[name]) == float(getattr(found, name) or 0)


@settings(deadline=None, max_examples=200)
@given(st.integers(0, len(GOOD)), st.text(max_size=3))
def test_a_damaged_answer_is_unread_or_unchanged_but_for_the_damage(place: int, put: str) -> None:
    found = read(GOOD[:place] + put + GOOD[place:])
    if found is None or found == LOWEST:
        return
    same = sum(getattr(found, name) == getattr(READ, name) for name in DIMENSIONS)
    assert same >= 4
