"""Suites: many directions from one TOML file."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalemt.errors import ConfigurationError, InputError, UnknownLanguageError
from scalemt.evaluation.suite import load_suite, read_suite
from scalemt.types import Pair

SUITE = """
name = "A small suite"
directions = ["por_Latn-eng_Latn", "glg_Latn-eng_Latn"]
source = "src/{source}.txt"
references = ["ref/{target}.txt"]
baseline = "one"

[systems]
one = "one/{source}2{target}.txt"
two = "two/{source}2{target}.txt"
"""


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(
        tmp_path,
        **{
            "suite.toml": SUITE,
            "src/por_Latn.txt": "Olá.\nAdeus.\n",
            "src/glg_Latn.txt": "Ola.\nAdeus.\n",
            "ref/eng_Latn.txt": "Hello.\nGoodbye.\n",
            "one/por_Latn2eng_Latn.txt": "Hi.\nBye.\n",
            "one/glg_Latn2eng_Latn.txt": "Hello.\nBye.\n",
            "two/glg_Latn2eng_Latn.txt": "Hello.\nGoodbye.\n",
        },
    )
    return tmp_path


def test_a_suite_is_read_direction_by_direction_and_says_what_lacks(root: Path) -> None:
    first, second = read_suite(load_suite(root / "suite.toml"), root)
    assert first.test_set.pair == Pair("pt", "en")
    assert first.test_set.sources == ("Olá.", "Adeus.")
    assert [system.name for system in first.systems] == ["one"]
    assert first.missing == ("two",)
    assert [system.texts for system in second.systems] == [["Hello.", "Bye."], ["Hello.", "Goodbye."]]


def test_a_system_without_any_file_is_refused(root: Path) -> None:
    (root / "two/glg_Latn2eng_Latn.txt").unlink()
    with pytest.raises(InputError, match=r"system two has no file for any direction; .*two/por_Latn2eng_Latn.txt"):
        list(read_suite(load_suite(root / "suite.toml"), root))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('name = "A small suite"', ""), "field name: Field required"),
        (('baseline = "one"', 'base = "one"'), "field base: Extra inputs"),
        (('"por_Latn-eng_Latn"', '"por_Latn"'), "is no direction"),
        (("[systems]", "[systems"), "is not TOML"),
        (('"glg_Latn-eng_Latn"', '"por_Latn-eng_Latn"'), "'por_Latn-eng_Latn' stands there more than once"),
        (("[systems]", '[systems]\n"" = "x.txt"'), "field systems: .*has no name"),
        (("[systems]", f"x = {'[' * 20_000}\n[systems]"), "is not TOML"),
    ],
)
def test_a_wrong_suite_is_refused_with_its_field(root: Path, change: tuple[str, str], told: str) -> None:
    (root / "suite.toml").write_text(SUITE.replace(*change), "utf-8")
    with pytest.raises(ConfigurationError, match=told):
        load_suite(root / "suite.toml")


def test_an_unknown_language_is_refused(root: Path) -> None:
    (root / "suite.toml").write_text(SUITE.replace("por_Latn-", "qqq_Latn-"), "utf-8")
    with pytest.raises((UnknownLanguageError, InputError)):
        list(read_suite(load_suite(root / "suite.toml"), root))


def test_a_missing_suite_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_suite(tmp_path / "none.toml")
