"""Thoughts in the text of an answer: what is thought, what is said, and whether the thought was ended."""

from __future__ import annotations

import pytest

from scalemt.generalists.thoughts import Tags, split, tags_in


@pytest.mark.parametrize(
    ("text", "inside", "expected"),
    [
        ("A casa.", False, ("", "A casa.", True)),
        ("<think>\nHouse is casa.\n</think>\n\nA casa.", False, ("House is casa.", "\n\nA casa.", True)),
        ("House is casa.\n</think>A casa.", True, ("House is casa.", "A casa.", True)),
        ("House is casa.\n</think>A casa.", False, ("House is casa.", "A casa.", True)),
        ("House is", True, ("House is", "", False)),
        ("<think>House is", False, ("House is", "", False)),
        ("A casa.<think>House is", False, ("House is", "A casa.", False)),
        ("<think>a<think>b</think>c</think>d", False, ("abc", "d", True)),
        ("<think></think>A casa.", False, ("", "A casa.", True)),
    ],
)
def test_what_is_thought_and_what_is_said(text: str, inside: bool, expected: tuple[str, str, bool]) -> None:
    assert split(text, inside=inside) == expected


def test_the_tags_of_a_model_are_told_from_its_template_or_its_vocabulary() -> None:
    assert tags_in("{{ content.split('</think>')[-1] }}") == Tags("<think>", "</think>")
    assert tags_in("… [/THINK] …") == Tags("[THINK]", "[/THINK]")
    assert tags_in("", {"<|START_THINKING|>": 5, "<|END_THINKING|>": 6}) == Tags(
        "<|START_THINKING|>", "<|END_THINKING|>"
    )
    assert tags_in("{{ content }}", {"<think>": 1}) is None
