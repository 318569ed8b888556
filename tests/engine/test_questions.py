"""Questions answered with knowledge cards: `Asker`, on scripted generalists."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from scalemt.config import Profile
from scalemt.engine.questions import Asker
from scalemt.errors import ConfigurationError, ScalemtError
from scalemt.generalists.fake import FakeGeneralist
from scalemt.methods.knowledge.integrating import Settings
from scalemt.methods.knowledge.reading import read_card
from scalemt.types import Completion, Prompt

Script = Iterable[str | Completion | Exception] | Callable[[Prompt], Any]


def folder_of(tmp_path: Path, *lines: str) -> Path:
    (tmp_path / "hand").mkdir()
    (tmp_path / "hand" / "ward.en.txt").write_text("\n".join(lines) + "\n", "utf-8")
    return tmp_path / "hand"


def glossary_of(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "terms.csv"
    path.write_text("\n".join(["source,target", *rows]) + "\n", "utf-8")
    return path


def asker(answers: Script, *cards: str, notice: Any = None, **settings: Any) -> Asker:
    return Asker(
        Profile(cache=False),
        [read_card(card) for card in cards],
        Settings(semantic="off", **settings),
        generalist=FakeGeneralist(answers),
        notice=notice,
    )


def test_a_question_is_answered_with_what_a_folder_says(tmp_path: Path) -> None:
    hand = folder_of(tmp_path, "Blood samples are taken before breakfast.", "Visitors leave at eight.")
    made = asker(["Before breakfast."], f"hand=folder:{hand}")
    (reply,) = made.ask(["When are blood samples taken?"])
    assert reply.text == "Before breakfast."
    assert reply.usage.calls == 1
    (prompt,) = made._assembly.generalist.prompts  # type: ignore[attr-defined]
    assert json.loads(prompt.messages[-1].content) == {
        "question": "When are blood samples taken?",
        "notes": ["Blood samples are taken before breakfast."],
    }
    assert reply.as_json()["documents"][0]["state"] == "kept"


def test_questions_in_two_languages_come_back_in_order(tmp_path: Path) -> None:
    terms = glossary_of(tmp_path, "spacer,câmara expansora")
    made = asker(lambda prompt: prompt.messages[-1].content, f"words[en,pt]=glossary:{terms}")
    asked = ["Qual é a tradução inglesa de câmara expansora?", "What is a spacer called in Portuguese?"]
    replies = made.ask(asked)
    assert [reply.question for reply in replies] == asked
    assert "câmara expansora = spacer" in replies[0].text
    assert "spacer = câmara expansora" in replies[1].text


def test_a_source_of_translations_must_be_told_its_languages(tmp_path: Path) -> None:
    terms = glossary_of(tmp_path, "spacer,câmara")
    with pytest.raises(ConfigurationError, match=r"words\[en,pt\]=glossary"):
        asker([], f"words=glossary:{terms}").ask(["What is a spacer?"])
    with pytest.raises(ConfigurationError, match="is not a folder"):
        asker([], f"hand=folder:{tmp_path}/none").ask(["What is a spacer?"])


def test_without_an_answer_the_reason_is_told() -> None:
    (reply,) = asker([Completion("It is a", "length")]).ask(["What is a spacer?"])
    assert (reply.text, reply.error) == ("", "The generalist gave no answer: it was cut off.")
    assert reply.as_json()["error"] == reply.error
    with pytest.raises(ScalemtError, match="empty"):
        asker([]).ask([" "])


def test_a_question_may_ask_for_cards_itself() -> None:
    said = ['{"more": true, "about": "devices"}', "A spacer is a chamber.", "A chamber."]
    (reply,) = asker(said, "devices=own", mode="automatic").ask(["What is a spacer?"])
    assert reply.text == "A chamber."
    assert [step.outcome for step in reply.decisions] == ["asked: devices", "no more", "kept: devices"]
