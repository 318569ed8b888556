"""A generalist that names its template and its shots is asked so, unless the user says otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from helpers import english_portuguese
from scalemt.config import Profile
from scalemt.engine import Engine
from scalemt.generalists.fake import FakeGeneralist
from scalemt.generalists.wrapping import WrappedGeneralist


def prompt(**fields: Any) -> str:
    generalist = FakeGeneralist(lambda _: "A ameixa está madura.", kind="base")
    generalist.template, generalist.shots = "refiner", 0
    profile = Profile(gate="off", cache=False, **fields)
    engine = Engine(profile, specialists=[english_portuguese()], generalist=generalist)
    engine.translate(["The plum is ripe."], "en", "pt")
    return generalist.prompts[0].text or generalist.prompts[0].messages[0].content


def test_its_template_and_shots_are_taken_where_nobody_sets_any() -> None:
    assert prompt().startswith("English: The plum is ripe.\nDraft: ")
    assert prompt().endswith("\nPortuguese:")
    assert prompt(method="few-shot") == "English: The plum is ripe.\nPortuguese:"


def test_what_the_user_sets_wins() -> None:
    assert prompt(shots=2).count("English: ") == 3
    assert "Intermediate Translation: " in prompt(template="ladder-plain")


def test_a_method_with_a_template_of_its_own_keeps_it() -> None:
    assert "Intermediate Translation: " in prompt(method="ladder")


@pytest.mark.parametrize("inner", [FakeGeneralist(), object()])
def test_what_is_wrapped_around_it_says_the_same(inner: Any) -> None:
    if isinstance(inner, FakeGeneralist):
        inner.template, inner.shots = "refiner", 0
        wrapped = WrappedGeneralist(inner)
        assert (wrapped.template, wrapped.shots) == ("refiner", 0)
    else:
        inner = type("Plugin", (), {"name": "plugin"})()
        assert (WrappedGeneralist(inner).template, WrappedGeneralist(inner).shots) == ("", None)
