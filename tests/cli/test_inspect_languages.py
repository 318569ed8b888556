"""`scalemt inspect --languages`: which word is in which language."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from scalemt.cli import cli
from scalemt.errors import UnknownLanguageError

pytest.importorskip("simplemma")


def test_each_word_is_told_with_the_index(tmp_path: Path) -> None:
    path = tmp_path / "chat.txt"
    path.write_text("Tengo un meeting con %s hoy.\n", "utf-8")
    shown = CliRunner().invoke(cli, ["inspect", str(path), "--languages", "es+en"], standalone_mode=False)
    assert "20.0  Tengo/es un/es meeting/en con/es hoy/es" in shown.stdout
    told = CliRunner().invoke(cli, ["inspect", str(path), "--languages", "es,en", "--json"], standalone_mode=False)
    mixing = json.loads(told.stdout)["mixing"]
    assert mixing["index"] == 20.0
    assert mixing["shares"] == {"es": 0.8, "en": 0.2}
    assert mixing["switches"] == [9, 17]
    assert mixing["words"][2] == {"text": "meeting", "start": 9, "language": "en"}


def test_a_language_that_is_none_is_refused_before_anything_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "chat.txt"
    path.write_text("Tengo un meeting.\n", "utf-8")
    done = CliRunner().invoke(cli, ["inspect", str(path), "--languages", "es+xxyyzz"], standalone_mode=False)
    assert isinstance(done.exception, UnknownLanguageError)
    assert not done.stdout
