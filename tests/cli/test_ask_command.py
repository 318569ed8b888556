"""`scalemt ask`: questions from the argument and from standard input, and what is told where it cannot be."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from scalemt.cli import cli
from scalemt.engine.assembly import Assembly
from scalemt.errors import ConfigurationError, InputError, ScalemtError, UnknownNameError, UsageError
from scalemt.generalists.fake import FakeGeneralist
from scalemt.types import Completion

QUESTION = "When are blood samples taken?"


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEMT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    hand = tmp_path / "hand"
    hand.mkdir()
    (hand / "ward.en.txt").write_text("Blood samples are taken before breakfast.\n", "utf-8")


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> FakeGeneralist:
    """A generalist that repeats what it is shown, but for one question that it does not get to the end of."""
    fake = FakeGeneralist(
        lambda prompt: (
            Completion("It", "length")
            if "endless" in prompt.content
            else ", ".join(json.loads(prompt.messages[-1].content)["notes"]) or "I do not know."
        )
    )
    monkeypatch.setattr(Assembly, "generalist", fake)
    return fake


def asked(arguments: Sequence[str], stdin: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["ask", *arguments, "--semantic", "off"], input=stdin, standalone_mode=False)


def test_an_argument_is_answered(scripted: FakeGeneralist) -> None:
    done = asked([QUESTION, "--card", "hand=folder:hand"])
    assert done.stdout == "Blood samples are taken before breakfast.\n"
    assert done.return_value == 0
    assert not done.stderr


def test_lines_of_standard_input_are_answered_in_order(scripted: FakeGeneralist) -> None:
    done = asked(
        ["--card", "hand=folder:hand", "--json"], f"{QUESTION}\n\nWhat is an endless spacer?\n{QUESTION}\n"
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["question"] for row in rows] == [QUESTION, "What is an endless spacer?", QUESTION]
    assert [bool(row["answer"]) for row in rows] == [True, False, True]
    assert rows[0]["documents"][0]["card"] == "hand"
    assert rows[0]["usage"]["calls"] == 1
    assert done.return_value == 1
    assert "it was cut off" in done.stderr or rows[1]["error"]


def test_what_was_decided_is_shown(scripted: FakeGeneralist) -> None:
    done = asked([QUESTION, "--card", "hand=folder:hand", "--explain"])
    assert "kept: hand: Blood samples are taken before breakfast." in done.stdout
    assert "answer  Blood samples" in done.stdout


def test_cards_of_a_file_and_a_choice_among_them(scripted: FakeGeneralist) -> None:
    Path("cards.toml").write_text('[cards.hand]\nspec = "folder:hand"\n[cards.own]\nspec = "own"\n', "utf-8")
    done = asked([QUESTION, "--cards", "cards.toml", "--card", "hand", "--json"])
    assert json.loads(done.stdout)["calls"] == 0
    with_both = asked([QUESTION, "--cards", "cards.toml", "--json"])
    assert with_both.exception is not None or json.loads(with_both.stdout)["calls"] == 1


def test_without_cards_that_is_told(scripted: FakeGeneralist) -> None:
    done = asked(["What is a spacer?"])
    assert done.stdout == "I do not know.\n"
    assert "No cards are given" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "kind", "said"),
    [
        ([" "], UsageError, "The question is empty"),
        ([QUESTION, "--card", "nothing"], UnknownNameError, "There is no card named 'nothing'"),
        ([QUESTION, "--card", "a=nobody:x"], ConfigurationError, "The card a is 'nobody:x'"),
        ([QUESTION, "--card", "a=folder:none"], ConfigurationError, "is not a folder"),
        ([QUESTION, "--card", "a[en,pt]=glossary:none.csv"], InputError, "cannot be read"),
        ([QUESTION, "--cards", "none.toml"], InputError, "cannot be read"),
        ([QUESTION, "--card", "a=own", "--card", "a=own"], ConfigurationError, "Two cards are named 'a'"),
        ([QUESTION, "--mode", "sideways"], ConfigurationError, "Valid choices: bottom-up"),
        ([QUESTION, "--language", "qqxx"], ScalemtError, "qqxx"),
    ],
)
def test_what_cannot_be_is_told(
    scripted: FakeGeneralist, arguments: Sequence[str], kind: type[Exception], said: str
) -> None:
    done = asked(arguments)
    assert isinstance(done.exception, kind)
    assert said in str(done.exception)
    assert not done.stdout


def test_an_empty_standard_input_is_no_question(scripted: FakeGeneralist) -> None:
    assert "The question is empty" in str(asked([], "\n").exception)


def test_a_generalist_that_is_none_is_told() -> None:
    done = asked([QUESTION, "--generalist", "nobody"])
    assert isinstance(done.exception, UnknownNameError)
    assert "There is no generalist named 'nobody'" in str(done.exception)


@pytest.mark.slow
def test_the_embedded_model_answers() -> None:
    done: Any = asked([QUESTION, "--card", "hand=folder:hand", "--json"])
    reply = json.loads(done.stdout)
    assert reply["answer"]
    assert reply["documents"][0]["state"] == "kept"
