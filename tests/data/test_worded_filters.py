"""Filters that know a glossary."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalemt.data import Cleaning, Source, clean, read_configuration
from scalemt.data.filters import Frames, Item, Terms
from scalemt.errors import ConfigurationError, InputError
from scalemt.types import Pair

EN_PT = Pair("en", "pt")


@pytest.fixture
def glossary(tmp_path: Path) -> str:
    path = tmp_path / "terms.csv"
    path.write_text("source,target\nfever,febre\nface mask,máscara facial\ndisease,doença\n", "utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("source", "target", "why"),
    [
        ("She has a fever.", "Ela está com febre.", ""),
        ("Diseases spread fast.", "As doenças espalham-se depressa.", ""),
        ("Wear face masks.", "Use máscaras faciais.", ""),
        ("She has a fever.", "Ela tem temperatura.", "fever = febre is not in the target"),
        ("She is well.", "Ela está bem.", ""),
    ],
)
def test_terms_must_stand_on_both_sides(glossary: str, source: str, target: str, why: str) -> None:
    assert Terms(glossary=glossary).judge(Item(source, target, EN_PT)) == why


def test_a_pair_without_a_term_may_be_refused(glossary: str) -> None:
    item = Item("She is well.", "Ela está bem.", EN_PT)
    assert Terms(glossary=glossary, needed=True).judge(item) == "no term of the glossary stands in the source"


def test_frames_are_kept_as_often_as_is_said(glossary: str) -> None:
    made = [f"The doctor asked about the {term} on day {day}." for term in ("fever", "disease") for day in (1, 23)]
    for most, kept in ((1, 1), (3, 3)):
        memory = Frames(glossary=glossary, most=most).state()
        told = [memory.judge(Item(text, "x", EN_PT)) for text in made]
        assert [not why for why in told] == [True] * kept + [False] * (4 - kept)
        assert told[-1] == f"the frame of a pair before it ({made[0]})"
        assert memory.judge(Item("Fever is seldom a reason to worry.", "x", EN_PT)) == ""
    again = Frames(glossary=glossary).state()
    again.learn(Item(made[0], "x", EN_PT))
    assert again.judge(Item(made[3], "x", EN_PT))


def test_both_stand_in_chains(glossary: str, tmp_path: Path) -> None:
    rows = ["She has a fever.\tEla está com febre.", "She has a disease.\tEla está com doença.", "No.\tNão."]
    (tmp_path / "in.tsv").write_text("\n".join(rows) + "\n", "utf-8")
    (tmp_path / "chain.toml").write_text(
        'from = "en"\nto = "pt"\n[[inputs]]\nfiles = ["in.tsv"]\n[[steps]]\nfilter = "terms"\n'
        'glossary = "terms.csv"\nneeded = true\n[[steps]]\nfilter = "frames"\nglossary = "terms.csv"\n',
        "utf-8",
    )
    card = clean(read_configuration(tmp_path / "chain.toml"), tmp_path / "out.tsv", workers=1)
    assert [(step.name, step.dropped) for step in card.steps] == [("terms", 1), ("frames", 1)]
    missing = Cleaning((Source((str(tmp_path / "in.tsv"),), "en", "pt"),), (Terms(glossary="nowhere.csv"),))
    with pytest.raises(InputError, match=r"nowhere\.csv"):
        missing.check()


def test_a_chain_names_its_glossary(tmp_path: Path) -> None:
    (tmp_path / "chain.toml").write_text('[[inputs]]\nfiles = ["in.tsv"]\n[[steps]]\nfilter = "terms"\n', "utf-8")
    with pytest.raises(ConfigurationError, match=r"line 3, step 1, field glossary: it is missing"):
        read_configuration(tmp_path / "chain.toml")
