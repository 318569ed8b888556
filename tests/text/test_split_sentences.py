from __future__ import annotations

import pytest

from scalemt.text import split_sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It rains. We stay in! Do you?  Yes.", ["It rains.", "We stay in!", "Do you?", "Yes."]),
        ("Dr. Reis paid invoice no. 12. She left.", ["Dr. Reis paid invoice no. 12.", "She left."]),
        ("A. B. Silva wrote it. The end", ["A. B. Silva wrote it.", "The end"]),
        ("He waited… and waited. “Late.” Again.", ["He waited… and waited.", "“Late.”", "Again."]),
        ("Version 3.5 is out. Get it.", ["Version 3.5 is out.", "Get it."]),
        ("雨だ。出ない。", ["雨だ。", "出ない。"]),
        ("no end", ["no end"]),
        ("", [""]),
        ("   ", [""]),
    ],
)
def test_sentences_are_found_and_nothing_is_lost(text: str, sentences: list[str]) -> None:
    parts = split_sentences(text)
    assert [sentence for sentence, _ in parts] == sentences
    assert "".join(sentence + gap for sentence, gap in parts) == text
