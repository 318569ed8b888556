"""Long texts cut into parts that join back to exactly the same text."""

from __future__ import annotations

import random

import pytest

from scalemt.text import split_long


def joined(parts: list[tuple[str, str]]) -> str:
    return "".join(part + gap for part, gap in parts)


@pytest.mark.parametrize(
    "alphabet",
    ["ab .!?\n", "aé \u00a0\u3000。！」", "x", " \t", "ab.”) ", "क।॥ ", "a؟۔ "],
)
def test_parts_fit_and_join_back_to_the_text(alphabet: str) -> None:
    drawn = random.Random(7)
    for _ in range(300):
        text = "".join(drawn.choice(alphabet) for _ in range(drawn.randrange(120)))
        limit = drawn.randrange(1, 40)
        parts = split_long(text, limit)
        assert joined(parts) == text
        assert all(len(part) + len(gap) <= limit for part, gap in parts) or len(text) <= limit
        assert all(part == part.rstrip() and not gap.strip() for part, gap in parts)


def test_a_short_text_is_one_part() -> None:
    assert split_long("One. Two.", 100) == [("One. Two.", "")]
    assert split_long("", 100) == [("", "")]


@pytest.mark.parametrize(
    ("text", "limit", "first"),
    [
        ("First one. Second one is longer.", 20, "First one."),
        ("He said “Stop.” Then he left the room.", 25, "He said “Stop.”"),
        ("(So it is.) And so on and on.", 20, "(So it is.)"),
        ("今天很热。我们去海边吧。好的。", 8, "今天很热。"),
        ("彼は「行こう。」と言った。それから。", 14, "彼は「行こう。」と言った。"),
        ("यह घर है। वह नीला है।", 14, "यह घर है।"),
        ("هل أنت بخير؟ نعم أنا بخير.", 18, "هل أنت بخير؟"),
        ("It costs 3.50 euros today at the market", 24, "It costs 3.50 euros"),
        ("a" * 50, 20, "a" * 20),
    ],
)
def test_cuts_after_a_sentence_else_at_a_space_else_anywhere(text: str, limit: int, first: str) -> None:
    assert split_long(text, limit)[0][0] == first


def test_a_line_of_a_hundred_thousand_characters() -> None:
    text = "This is one sentence of many. " * 3334
    parts = split_long(text, 1500)
    assert joined(parts) == text
    assert max(len(part) for part, _ in parts) <= 1500
    assert all(part.endswith(".") for part, _ in parts)
    assert len(parts) <= len(text) // 1400
