"""The graph of workers: what a file may say, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalemt.errors import ConfigurationError, UnknownLanguageError, UnknownNameError
from scalemt.methods.route import Request, WorkerGraph, load_graph
from scalemt.methods.route.graph import Condition
from scalemt.methods.route.requests import FEATURES, features_of
from scalemt.types import Draft, Pair, Segment, Word

EN_PT = Pair("en", "pt")


def graph(tmp_path: Path, text: str) -> WorkerGraph:
    path = tmp_path / "workers.toml"
    path.write_text(text, "utf-8")
    return load_graph(str(path))


def test_the_built_in_graph_is_whole() -> None:
    found = load_graph()
    assert [item.name for item in found.workers] == ["draft", "code-switch", "terminology", "refine", "few-shot"]
    assert found.general == "draft"
    assert found.by_name["draft"].neighbours == ("refine",)
    assert {item.token for item in found.workers} == {f"<{item.name}>" for item in found.workers}
    assert all(item.description for item in found.workers)
    assert found.signature.startswith("built-in[")


def test_a_worker_is_a_profile_with_what_a_router_wants_to_know(tmp_path: Path) -> None:
    (tmp_path / "law.tsv").write_text("en\tpt\nclaim\tpedido\n", "utf-8")
    found = graph(
        tmp_path,
        """
        general = "plain"
        [workers.law]
        description = "Texts\\nof law."
        token = "<w-1>"
        method = "terminology"
        glossary = "law.tsv"
        options = {by = "specialist"}
        pairs = [["eng", "por_Latn"]]
        domains = ["law"]
        when = ["missed >= 1", "length<=400"]
        cost = 2.5
        [workers.plain]
        method = "draft"
        languages = ["en", "pt", "gl"]
        [domains.law]
        words = ["claim", "court", "defend*"]
        """,
    )
    law, plain = found.workers
    assert law.description == "Texts of law."
    assert law.token == "<w-1>"
    assert law.fields == {
        "method": "terminology",
        "glossary": str(tmp_path / "law.tsv"),
        "options": {"by": "specialist"},
    }
    assert law.pairs == (EN_PT,)
    assert law.conditions == (Condition("missed", ">=", 1.0), Condition("length", "<=", 400.0))
    assert law.takes(Pair("en-GB", "pt-BR"))
    assert not law.takes(Pair("pt", "en"))
    assert plain.takes(Pair("gl", "en"))
    assert not plain.takes(Pair("gl", "es"))


def test_domains_are_told_by_words(tmp_path: Path) -> None:
    found = graph(
        tmp_path,
        """
        [workers.a]
        [domains.law]
        words = ["court", "defend*", "clause"]
        [domains.medicine]
        words = ["dose", "patient*"]
        """,
    )
    assert found.domain("The court heard the DEFENDANT.") == "law"
    assert found.domain("Patients take one dose a day.") == "medicine"
    assert found.domain("The court is closed.") == "", "one word tells nothing"
    assert found.domain("The court defended patients and a dose.") == "", "two domains alike tell nothing"


@pytest.mark.parametrize(
    ("text", "kind", "told"),
    [
        ("[workers.a]\nneighbours = ['b']", UnknownNameError, "no worker of the graph"),
        ("general = 'b'\n[workers.a]", UnknownNameError, "Valid choices: a"),
        ("[workers.a]\ndomains = ['law']", UnknownNameError, "no domain of the graph"),
        (
            "[workers.a]\nneighbours = ['b']\n[workers.b]\nneighbours = ['c']\n[workers.c]\nneighbours = ['b']",
            ConfigurationError,
            r"b -> c -> b\. Take one",
        ),
        ("[workers.a]\nneighbours = ['a']", ConfigurationError, "a -> a"),
        ("[workers.a]\nmethod = 'route'", ConfigurationError, "routes in its turn"),
        ("[workers.a]\ntoken = 'yes'", ConfigurationError, "expected one such as <a>"),
        ("[workers.a]\n[workers.b]\ntoken = '<a>'", ConfigurationError, "one token"),
        ("[workers.a]\nwhen = ['very long']", ConfigurationError, "'mixed >= 20'"),
        ("[workers.a]\nwhen = ['colour >= 2']", ConfigurationError, "Valid choices: length"),
        ("[workers.a]\ncost = -1", ConfigurationError, r"workers\.a\.cost is -1"),
        ("[workers.a]\nlanguages = ['xx-unknown-yy']", UnknownLanguageError, "xx-unknown-yy"),
        ("[workers.'A b']", ConfigurationError, "no name of a worker"),
        ("[workers]", ConfigurationError, "workers is"),
        ("colour = 1\n[workers.a]", ConfigurationError, "colour is 1"),
        ("general = 'a'", ConfigurationError, "workers is missing"),
        ("workers = ", ConfigurationError, "is not TOML"),
    ],
)
def test_what_is_wrong_with_a_graph_is_said(tmp_path: Path, text: str, kind: type[Exception], told: str) -> None:
    with pytest.raises(kind, match=told):
        graph(tmp_path, text)


def test_a_graph_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_graph(str(tmp_path / "none.toml"))


def test_a_condition_on_something_unknown_does_not_hold() -> None:
    condition = Condition("doubt", "<=", 0.5)
    assert not condition.holds({})
    assert condition.holds({"doubt": 0.5})
    assert str(condition) == "doubt <= 0.5"


def test_a_worker_says_why_it_is_not_for_a_segment(tmp_path: Path) -> None:
    (worker,) = graph(
        tmp_path, "[workers.a]\ndomains = ['law']\nwhen = ['words >= 3']\n[domains.law]\nwords = ['x']"
    ).workers
    known = {"words": 2.0}
    assert worker.missing(Request(Segment("a b"), EN_PT, known, "law")) == "not words >= 3"
    assert worker.missing(Request(Segment("a b"), EN_PT, known)) == "the domain is not known, not law"
    right = Request(Segment("a b c"), EN_PT, {"words": 3.0}, "law")
    assert worker.missing(right) == ""
    assert worker.reasons(right) == ["words >= 3 (3)", "domain law"]


def test_features_are_those_that_are_named() -> None:
    segment = Segment("On 12 May the board met twice, and nobody was told about it.")
    draft = Draft("Em 12 de maio a direção", (Word("Em", 0.9), Word("12", 0.4)), -1.0, "x", "pt")
    found = features_of(segment, EN_PT, draft)
    assert set(found) <= set(FEATURES)
    assert found["words"] == 13
    assert found["digits"] == pytest.approx(2 / len(segment.text))
    assert found["lowest"] == 0.4
    assert found["missed"] == 0
    assert "confidence" not in features_of(segment, EN_PT)
    assert "source language" not in features_of(Segment("OK"), EN_PT)
    assert features_of(Segment("…"), EN_PT)["words"] == 0


def test_a_mixed_sentence_has_an_index() -> None:
    plain = features_of(Segment("We went to the market and bought some bread."), Pair("es", "en"))
    mixed = features_of(
        Segment("Mañana we can go to the market, pero hoy no puedo porque tengo trabajo."), Pair("es", "en")
    )
    assert mixed["mixed"] >= 25
    assert plain["mixed"] < 25
