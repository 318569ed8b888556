"""Modes are found by what their files hold, and named pairs by what their names say."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalemt.specialists.apertium import install_hint
from scalemt.specialists.apertium.modes import Mode, find_modes, fingerprint
from scalemt.types import Pair

TRANSLATES = "lt-proc 'a.automorf.bin' | apertium-tagger -g $2 'a.prob' | lt-proc $1 'a.autogen.bin'\n"
ANALYSES = "lt-proc 'a.automorf.bin' | apertium-tagger -g $2 'a.prob'\n"


def write(folder: Path, *names: str, content: str = TRANSLATES) -> list[Mode]:
    for name in names:
        (folder / f"{name}.mode").write_text(content)
    return find_modes(folder)


@pytest.mark.parametrize(
    ("name", "source", "target"),
    [
        ("eng-spa", "en", "es"),
        ("en-gl", "en", "gl"),
        ("eu-en", "eu", "en"),
        ("es-pt_BR", "es", "pt-BR"),
        ("eng-cat_valencia", "en", "ca-valencia"),
        ("eng-cat_valencia_uni", "en", "ca-valencia"),
        ("eng-cat_iec2017", "en", "ca"),
        ("spa-eng_US", "es", "en-US"),
        ("hbs-eng", "sh", "en"),
        ("eng-hbs", "en", "sh"),
        ("eng-hbs_HR", "en", "hr"),
        ("eng-hbs_BS", "en", "bs"),
        ("eng-hbs_SR", "en", "sr-Latn"),
        ("oc_aran-ca", "oc-aranes", "ca"),
        ("oci_gascon-fra", "oc-gascon", "fr"),
        ("nno-nob", "nn", "nb"),
    ],
)
def test_the_name_of_a_mode_gives_canonical_tags(tmp_path: Path, name: str, source: str, target: str) -> None:
    (mode,) = write(tmp_path, name)
    assert (mode.source, mode.target) == (source, target)


@pytest.mark.parametrize(
    "name", ["eng-tagger", "en-eo-bytecode", "eng-spa-chunker", "Cyrl-Latn", "eng", "qqq-eng"]
)
def test_names_that_are_no_pair_are_left_out(tmp_path: Path, name: str) -> None:
    assert write(tmp_path, name) == []


def test_modes_that_generate_nothing_are_left_out(tmp_path: Path) -> None:
    # "lex" and "gen" are ISO 639-3 codes too, so the name alone does not tell.
    assert write(tmp_path, "eng-lex", "eng-gen", content=ANALYSES) == []


def test_the_plainest_mode_of_a_pair_comes_first(tmp_path: Path) -> None:
    modes = write(tmp_path, "eng-cat_valencia_uni", "eng-cat_valencia", "eng-cat_iec2017", "eng-cat")
    assert [mode.name for mode in modes] == [
        "eng-cat",
        "eng-cat_iec2017",
        "eng-cat_valencia",
        "eng-cat_valencia_uni",
    ]


def test_serbo_croatian_reads_all_its_standards(tmp_path: Path) -> None:
    (mode,) = write(tmp_path, "hbs-eng")
    assert mode.pairs == (Pair("sh", "en"), Pair("hr", "en"), Pair("bs", "en"), Pair("sr", "en"))


def test_the_fingerprint_follows_mode_file_and_data_files(tmp_path: Path) -> None:
    data = tmp_path / "a.bin"
    data.write_bytes(b"1234")
    (mode,) = write(tmp_path, "eng-spa", content=f"lt-proc $1 '{data}'")
    first = fingerprint(mode)
    assert fingerprint(mode) == first
    data.write_bytes(b"12345")
    second = fingerprint(mode)
    write(tmp_path, "eng-spa", content=f"lt-proc -z $1 '{data}'")
    assert len({first, second, fingerprint(mode)}) == 3


@pytest.mark.parametrize(
    ("pair", "package"),
    [
        (Pair("en", "es"), "apertium-eng-spa"),
        (Pair("en-GB", "ca-valencia"), "apertium-eng-cat"),
        (Pair("hr", "en"), "apertium-hbs-eng"),
        (Pair("eu", "en"), "apertium-eu-en"),
    ],
)
def test_the_package_of_a_pair_is_known(pair: Pair, package: str) -> None:
    assert install_hint(pair) == f"apt-get install apertium {package}"


def test_no_package_is_made_up() -> None:
    assert install_hint(Pair("xh", "en")) == ""
    assert install_hint(Pair("en", "eu")) == ""
