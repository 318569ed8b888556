"""The case of drafts."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalemt.errors import ModelError
from scalemt.specialists.thot.casing import Recaser, sentence_starts, shape_of


def restored(recaser: Recaser, draft: str, source: str) -> str:
    tokens, given = draft.split(), source.split()
    return " ".join(recaser.restore(tokens, given, [min(at, len(given) - 1) for at in range(len(tokens))]))


@pytest.fixture
def recaser() -> Recaser:
    made = Recaser()
    for source, target in (
        ("Open the File menu", "Abra el Archivo menú"),
        ("Open the file in LibreOffice", "Abra el archivo en LibreOffice"),
        ("Copy the file", "Copie el archivo"),
        ("Open it in here", "Abra lo en aquí"),
        ("Get a PDF now", "Obtenga un PDF ahora"),
    ):
        made.observe(source.split(), target.split(), list(range(len(target.split()))))
    return made


@pytest.mark.parametrize(
    ("draft", "source", "wanted"),
    [
        ("abra el archivo", "Open the file", "Abra el archivo"),
        ("abra el archivo", "Open the File", "Abra el Archivo"),
        ("abra el archivo", "open the file", "abra el archivo"),
        ("abra el archivo", "OPEN THE FILE", "ABRA EL ARCHIVO"),
        ("un pdf en libreoffice", "one pdf in LibreOffice", "un pdf en LibreOffice"),
        ("el pdf . abra el", "The document . Open the", "El PDF . Abra el"),
        ("xkcd99 sin getdatabase", "Xkcd99 without GetDatabase", "Xkcd99 sin GetDatabase"),
        ("¿￭ dónde ￭?", "Where is ￭?", "¿￭ Dónde ￭?"),
        ("&lt;x1/&gt; archivo", "&lt;X1/&gt; file", "&lt;X1/&gt; archivo"),
    ],
)
def test_case_comes_from_the_source_and_from_what_was_seen(
    recaser: Recaser, draft: str, source: str, wanted: str
) -> None:
    assert restored(recaser, draft, source) == wanted


def test_shapes() -> None:
    assert [shape_of(word) for word in ("file", "File", "FILE", "I", "GetX", "50%", "iPhone")] == [
        "a",
        "A",
        "AA",
        "A",
        "aA",
        "a",
        "aA",
    ]


def test_sentences_start_behind_a_full_stop() -> None:
    assert sentence_starts(["¿￭", "a", "b", "￭.", "c", "1.5", "d"]) == {1, 4}


def test_what_was_counted_is_kept(recaser: Recaser, tmp_path: Path) -> None:
    recaser.save(tmp_path / "casing.json")
    again = Recaser.load(tmp_path / "casing.json")
    assert restored(again, "abra el archivo", "Open the File") == "Abra el Archivo"
    again.observe(["a", "b", "in"], ["a", "b", "En"], [0, 1, 2])
    assert restored(again, "a b en", "a b in") == "a b en"  # seen in lower case before, if not since
    (tmp_path / "casing.json").write_text("[1]")
    with pytest.raises(ModelError, match=r"casing\.json cannot be read.*Train the model anew"):
        Recaser.load(tmp_path / "casing.json")
