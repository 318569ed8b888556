"""The table of relatedness: what it holds, and which languages it gives for a pair."""

from __future__ import annotations

from importlib.resources import files

import pytest

from scalemt import languages
from scalemt.methods.relatedness import auxiliary_languages, related
from scalemt.types import Pair

# The map of LMT (Luo et al., arXiv 2511.07003), by our tags.
PAPER = """
es:pt de:nl fr:it it:fr nl:de pl:cs bg:ru cs:pl da:nb fa:ar fi:hu hi:bn hu:fi id:nl nb:da ro:it sk:cs sv:nb uk:ru
vi:fr az:tr hr:cs is:da jv:id kk:ru ky:ru lo:th mr:hi ms:id ne:hi ps:fa tg:ru fil:id ug:fa ur:fa uz:fr
"""


def rows() -> list[list[str]]:
    text = (files("scalemt.methods") / "data" / "related.tsv").read_text("utf-8")
    return [line.split("\t") for line in text.splitlines() if not line.startswith("#")]


def test_every_line_is_whole_and_every_tag_canonical() -> None:
    found = rows()
    assert all(len(row) == 4 and row[3] for row in found)
    names = [row[0] for row in found]
    assert len(names) == len(set(names))
    for name, near, chosen, _ in found:
        tags = [name, *near.split(), *([] if chosen == "-" else [chosen])]
        assert [languages.parse(tag) for tag in tags] == tags
        assert name not in near.split()
        assert len(set(near.split())) == len(near.split())


def test_the_map_of_the_paper_is_in_it_and_comes_first() -> None:
    chosen = {row[0]: row[2] for row in rows() if row[2] != "-"}
    assert chosen == dict(item.split(":") for item in PAPER.split())
    for name, first in chosen.items():
        assert first in related(name)
        # French is no near language of Uzbek: it comes last there.
        assert related(name)[0] == first or name == "uz"


def test_a_variety_is_as_its_language() -> None:
    assert related("pt-BR") == related("pt")
    assert related("ca-valencia") == related("ca")
    assert related("tlh") == ()


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        (Pair("en", "gl"), ["pt", "es", "ast", "ca"]),  # neighbours of the language that is not English,
        (Pair("pt-BR", "en"), ["es", "gl", "ca", "it", "fr"]),  # on whichever side it is
        (Pair("zh", "de"), ["en", "nl", "lb", "da"]),  # with Chinese it is English first
        (Pair("de", "zh-Hant"), ["en", "nl", "lb", "da"]),
        (Pair("en", "zh"), []),
        (Pair("eu", "ca"), ["es", "oc", "fr", "it", "pt", "en"]),
        (Pair("en", "ka"), []),
        (Pair("en-GB", "pt-PT"), ["es", "gl", "ca", "it", "fr"]),
    ],
)
def test_the_rule_of_the_paper(pair: Pair, expected: list[str]) -> None:
    assert auxiliary_languages(pair) == expected


def test_no_side_of_the_pair_is_its_own_help() -> None:
    assert "pt" not in auxiliary_languages(Pair("pt", "gl"))
    assert "gl" not in auxiliary_languages(Pair("pt", "gl-ES"))
