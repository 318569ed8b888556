"""Hints against omissions and additions, as an option of every method that asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers import EN_PT, english_portuguese
from scalemt.config import Configuration, Profile
from scalemt.engine import Engine
from scalemt.engine.assembly import Assembly
from scalemt.engine.backends import build_method
from scalemt.errors import ConfigurationError
from scalemt.generalists.fake import FakeGeneralist
from scalemt.methods import Kit
from scalemt.prompts import load_template
from scalemt.types import Demonstration, Draft, Segment

SHOWN = Demonstration("the house", "a casa", (Draft("o casa"),))


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEMT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("SCALEMT_CACHE_DIR", str(tmp_path / "cache"))


def prompt(template: str, *hints: str, draft: Draft = Draft("azul")) -> str:  # noqa: B008  # frozen
    kit = Kit(EN_PT, load_template(template), confidences=False, hints=hints)
    return kit.prompt(Segment("the famous Velociraptor is blue"), (draft,), [SHOWN]).content


def test_a_plain_prompt_has_the_hint_in_its_demonstrations_too() -> None:
    assert "Hint" not in prompt("plain")
    text = prompt("plain", "omission", "addition")
    assert text.count("\nHint: nothing left out, nothing added\nPortuguese:") == 2
    assert prompt("plain", "addition").endswith("Hint: nothing added\nPortuguese:")


def test_a_chat_prompt_says_it_once() -> None:
    text = prompt("scale", "omission")
    assert text.count("leaves nothing of the source out") == 1
    assert "adds nothing" not in text
    assert "adds nothing" in prompt("scale", "addition")


def test_words_that_the_draft_lacks_are_named() -> None:
    looked = Draft("azul", alignment=((4, 0),))
    text = prompt("scale", "found", draft=looked)
    assert text.endswith("may have left out: 'famous Velociraptor'")
    assert prompt("scale", "found") == prompt("scale") == prompt("scale", draft=looked)


def test_any_method_that_asks_takes_hints() -> None:
    for name in ("refine", "few-shot", "multi-path", "ladder"):
        assert build_method(name, {"hints": "addition, omission"}).hints == ("omission", "addition")
    assert build_method("refine", {"hints": ["found"]}).hints == ("found",)
    assert build_method("refine", {}).hints == ()
    with pytest.raises(ConfigurationError, match="asks no generalist"):
        build_method("draft", {"hints": "omission"})
    with pytest.raises(
        ConfigurationError, match=r"hint 'all' is not known\. Valid choices: omission, addition, found"
    ):
        build_method("refine", {"hints": "all"})


def test_hints_reach_the_prompt_and_the_signature() -> None:
    generalist = FakeGeneralist(["a casa"])
    profile = Profile(shots=0, gate="off", cache=False, options={"hints": "omission"})
    (done,) = Engine(profile, specialists=[english_portuguese()], generalist=generalist).translate(
        ["the house"], "en", "pt"
    )
    assert "leaves nothing of the source out" in generalist.prompts[0].content
    assert done.signature.endswith("|hints:omission")


def test_a_template_without_hints_says_so(tmp_path: Path) -> None:
    path = tmp_path / "bare.toml"
    path.write_text('kind = "chat"\ndemonstration = "{{ source }}"\nquery = "{{ source }}"\n')
    notes: list[str] = []
    profile = Profile(template=str(path), cache=False, options={"hints": "omission"})
    assembly = Assembly(
        profile,
        Configuration(),
        specialists=[english_portuguese()],
        generalist=FakeGeneralist(),
        notice=notes.append,
    )
    plan = assembly.plan(EN_PT)
    assert plan.kit.hints == ()
    assert notes == ["The prompt template bare shows no hints: they are left out."]
    assert "hints" not in plan.signature
