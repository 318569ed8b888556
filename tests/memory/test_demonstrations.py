"""The project's own pool, and users' files of triplets."""

from __future__ import annotations

import json
from importlib.resources import files
from itertools import permutations
from pathlib import Path

import pytest

from scalemt.errors import InputError
from scalemt.languages import to_flores
from scalemt.memory import load_demonstrations, packaged_demonstrations
from scalemt.memory.demonstrations import packaged_languages
from scalemt.types import Demonstration, Draft, Pair, Word

LANGUAGES = ["ca", "de", "en", "es", "eu", "fr", "gl", "it", "pt-BR"]


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    text = (files("scalemt.memory") / "data" / "demonstrations.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.rstrip("\n").split("\n")]


def test_the_pool_is_large_complete_and_without_doubles(rows: list[dict[str, str]]) -> None:
    assert len(rows) >= 60
    assert packaged_languages() == LANGUAGES
    assert all(sorted(row) == sorted([*LANGUAGES, "id", "domain"]) for row in rows)
    assert len({row["id"] for row in rows}) == len(rows)
    for tag in LANGUAGES:
        texts = [row[tag] for row in rows]
        assert len(set(texts)) == len(texts), tag
        assert all(text == " ".join(text.split(" ")).strip() and text for text in texts), tag
        assert not any(sign in text for text in texts for sign in "\n\r\t\u2028\u2029\ufffd"), tag


def test_every_pair_has_the_whole_pool(rows: list[dict[str, str]]) -> None:
    for source, target in permutations(LANGUAGES, 2):
        found = packaged_demonstrations(Pair(source, target))
        assert found == [Demonstration(row[source], row[target]) for row in rows]


def test_a_territory_takes_the_column_of_its_language() -> None:
    assert packaged_demonstrations(Pair("pt", "es-419")) == packaged_demonstrations(Pair("pt-BR", "es"))
    assert packaged_demonstrations(Pair("en", "xh")) == []
    assert packaged_demonstrations(Pair("zh-Hant", "en")) == []


@pytest.mark.data
def test_nothing_of_the_benchmark_is_in_the_pool(shared_data: Path, rows: list[dict[str, str]]) -> None:
    """FLORES sentences in any language; and none of the pool within them, or the other way round."""
    folders = [folder for folder in (shared_data / "flores200").iterdir() if folder.is_dir()]
    if not folders:
        pytest.skip("FLORES is not there")
    lines = {
        _bare(line)
        for folder in folders
        for path in (folder / f"{to_flores(tag)}.txt" for tag in LANGUAGES)
        for line in path.read_text("utf-8").split("\n")
        if line
    }
    assert len(lines) > 10_000
    ours = {_bare(row[tag]) for row in rows for tag in LANGUAGES}
    assert not ours & lines
    together = "\n".join(lines)
    assert not [text for text in ours if len(text) > 30 and text in together]


def _bare(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum() or character == " ").strip()


def write(folder: Path, *lines: object) -> Path:
    path = folder / "own.jsonl"
    text = "\n".join(line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines)
    path.write_text(text + "\n", "utf-8")
    return path


def test_a_users_file(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {"source": "Bai", "target": "Sim"},
        "",
        {"source": "Ez", "target": "Não", "drafts": {"text": "Nem"}},
        {
            "source": "Agur",
            "target": "Adeus",
            "drafts": [{"words": [{"text": "Tchau", "confidence": 0.5}], "engine": "x"}, {"text": "Até logo"}],
            "note": "left alone",
        },
        {"source": "Lehen\u2028bigarren", "target": "a", "drafts": None},
    )
    assert load_demonstrations(path) == [
        Demonstration("Bai", "Sim"),
        Demonstration("Ez", "Não", (Draft("Nem", (Word("Nem"),)),)),
        Demonstration(
            "Agur",
            "Adeus",
            (
                Draft("Tchau", (Word("Tchau", 0.5),), engine="x"),
                Draft("Até logo", (Word("Até"), Word("logo"))),
            ),
        ),
        Demonstration("Lehen\u2028bigarren", "a"),
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"source": "a"', "line 2, character"),
        ('["a", "b"]', "line 2: expected a JSON object with source and target, found ['a', 'b']"),
        ('"a"', "line 2: expected a JSON object"),
        ('{"source": "a"}', "line 2: target is None; expected a text that is not empty"),
        ('{"source": " ", "target": "b"}', "line 2: source is ' '"),
        ('{"source": "a", "target": 7}', "line 2: target is 7"),
        ('{"source": "a", "target": "b", "drafts": "c"}', "line 2: drafts is 'c'; expected a list of drafts"),
        ('{"source": "a", "target": "b", "drafts": ["c"]}', "line 2, drafts[0]: a draft is 'c'"),
        (
            '{"source": "a", "target": "b", "drafts": [{"text": "c"}, '
            '{"words": [{"text": "c", "confidence": 2}]}]}',
            "line 2, drafts[1]: words[0].confidence is 2",
        ),
    ],
)
def test_a_malformed_file_is_named_by_line_and_field(tmp_path: Path, line: str, said: str) -> None:
    path = write(tmp_path, {"source": "a", "target": "b"}, line)
    with pytest.raises(InputError) as caught:
        load_demonstrations(path)
    assert said in str(caught.value)
    assert "own.jsonl" in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_file_without_demonstrations_or_not_utf_8(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no demonstrations"):
        load_demonstrations(write(tmp_path, "", "  "))
    path = tmp_path / "latin1.jsonl"
    path.write_bytes('{"source": "a", "target": "não"}\n'.encode("latin-1"))
    with pytest.raises(InputError, match="line 1, byte 29"):
        load_demonstrations(path)
    with pytest.raises(InputError, match="cannot be read"):
        load_demonstrations(tmp_path / "none.jsonl")


def test_a_single_draft_may_stand_without_a_list(tmp_path: Path) -> None:
    triplet = {"source": "a", "target": "b"}
    path = write(tmp_path, triplet | {"drafts": {"text": "c"}}, triplet | {"draft": {"text": "c"}})
    assert [[draft.text for draft in item.drafts] for item in load_demonstrations(path)] == [["c"], ["c"]]
