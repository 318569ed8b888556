"""Banks of one variety or formality: the project's own, and users' files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from rapidfuzz import fuzz

from scalemt.errors import ConfigurationError, InputError, UnknownNameError
from scalemt.languages import base, to_flores
from scalemt.memory import packaged_demonstrations
from scalemt.memory.banks import AttributeBank, BankEntry, formalities, load_bank, packaged_bank, varieties
from scalemt.types import Demonstration, Draft, Pair, Word

PT, ES = Pair("en", "pt"), Pair("en", "es")
MARKED = Path(__file__).parents[2] / "benchmarks" / "attributes" / "marked.jsonl"


def read(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return read((files("scalemt.memory") / "data" / "banks.jsonl").read_text("utf-8"))


@pytest.fixture(scope="module")
def marked() -> list[dict[str, Any]]:
    return read(MARKED.read_text("utf-8"))


def texts(rows: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for row in rows:
        yield "en", row["source"]
        yield from ((target["language"], target["target"]) for target in row["targets"])


def test_the_file_is_clean_and_without_doubles(rows: list[dict[str, Any]]) -> None:
    assert len({row["id"] for row in rows}) == len({row["source"] for row in rows}) == len(rows)
    for row in rows:
        assert row.keys() == {"id", "source_language", "source", "domain", "targets"}
        values = [(target["language"], target.get("variety"), target["formality"]) for target in row["targets"]]
        assert len(set(values)) == len(values)
        assert len({target["target"] for target in row["targets"]}) == len(values)
    for _, text in texts(rows):
        assert text == " ".join(text.split(" ")).strip() != ""
        assert not any(sign in text for sign in "\n\r\t\u2028\u2029\ufffd")


def test_every_bank_is_large_enough_and_of_different_lengths_and_domains(rows: list[dict[str, Any]]) -> None:
    wanted = [(PT, variety, formality) for variety in varieties(PT) for formality in ("", "formal", "informal")]
    wanted += [
        (Pair("en", tag), "", formality) for tag in ("es", "fr", "de") for formality in ("formal", "informal")
    ]
    assert len(wanted) == 12
    domains = {row["source"]: row["domain"] for row in rows}
    for pair, variety, formality in wanted:
        bank = packaged_bank(pair, variety=variety, formality=formality)
        lengths = [len(item.source.split()) for item in bank]
        assert len(bank) >= 12, (pair, variety, formality)
        assert min(lengths) <= 9
        assert max(lengths) >= 20
        assert max(lengths) <= 30
        assert len({domains[item.source] for item in bank}) >= 6
        assert all(item.drafts == () for item in bank)


def test_only_the_bank_decides() -> None:
    """The same sources under both values, and no target in both."""
    for pair, one, other in [
        (PT, {"variety": "pt-BR"}, {"variety": "pt-PT"}),
        *((Pair("en", tag), {"formality": "formal"}, {"formality": "informal"}) for tag in ("es", "fr", "de")),
    ]:
        banks = [packaged_bank(pair, **values) for values in (one, other)]
        assert {item.source for item in banks[0]} == {item.source for item in banks[1]}
        assert not {item.target for item in banks[0]} & {item.target for item in banks[1]}


def test_values_are_never_mixed(rows: list[dict[str, Any]]) -> None:
    stated = {
        target["target"]: (target.get("variety", ""), target["formality"])
        for row in rows
        for target in row["targets"]
    }
    both = packaged_bank(PT, variety="pt-PT", formality="formal")
    assert {stated[item.target] for item in both} == {("pt-PT", "formal")}
    assert {stated[item.target][0] for item in packaged_bank(PT, variety="pt-PT")} == {"pt-PT"}
    # Without a variety it is that of the language's bare name: never both.
    assert {stated[item.target] for item in packaged_bank(PT, formality="informal")} == {("pt-BR", "informal")}


def test_a_variety_alone_shows_no_sentence_twice() -> None:
    bank = packaged_bank(PT, variety="pt-PT")
    assert len({item.source for item in bank}) == len(bank) >= 20
    # Where there is nothing else, all of it is given.
    both = (BankEntry("a", "b", PT, "pt-PT", "formal"), BankEntry("a", "c", PT, "pt-PT", "informal"))
    assert len(AttributeBank(both).demonstrations(PT, variety="pt-PT")) == 2


def test_the_territory_of_the_pair_is_a_wanted_variety() -> None:
    portugal = packaged_bank(PT, variety="pt-PT")
    assert packaged_bank(Pair("en-GB", "pt-PT")) == packaged_bank(Pair("en", "pt-PT"), variety="pt-PT") == portugal
    assert packaged_bank(PT, variety="por-PT") == packaged_bank(PT, variety="PT-PT") == portugal
    # The bank knows no varieties of Spanish: its formality serves all.
    assert packaged_bank(Pair("en", "es-MX"), formality="formal") == packaged_bank(ES, formality="formal")


def test_what_there_is() -> None:
    assert varieties(PT) == varieties(Pair("en", "pt-PT")) == ["pt-BR", "pt-PT"]
    assert formalities(PT) == ["formal", "informal", "neutral"]
    assert varieties(ES) == []
    assert formalities(ES) == ["formal", "informal"]
    assert varieties(Pair("pt", "en")) == formalities(Pair("en", "eu")) == []


@pytest.mark.parametrize(
    ("pair", "values", "fault", "said"),
    [
        (PT, {}, ConfigurationError, "asked for without a value. Name a variety or a formality"),
        (PT, {"variety": "es-ES"}, ConfigurationError, "es-ES is not one of Portuguese, the target of en->pt"),
        (PT, {"variety": "pt"}, ConfigurationError, "Expected a tag such as pt-BR"),
        (PT, {"variety": "no tag"}, ConfigurationError, "'no tag' is not a language tag"),
        (PT, {"formality": "polite"}, ConfigurationError, "Valid choices: formal, informal, neutral"),
        (PT, {"variety": "pt-AO"}, UnknownNameError, "named 'pt-AO'. Valid choices: pt-BR, pt-PT"),
        (Pair("en", "pt-AO"), {"formality": "formal"}, UnknownNameError, "named 'pt-AO'"),
        (Pair("en", "pt-BR"), {"variety": "pt-PT"}, ConfigurationError, "contradicts the target of en->pt-BR"),
        (ES, {"formality": "neutral"}, UnknownNameError, "Valid choices: formal, informal"),
        (ES, {"variety": "es-MX"}, ConfigurationError, "the varieties none and the formalities formal, informal"),
        (
            Pair("en", "eu"),
            {"formality": "formal"},
            ConfigurationError,
            "nothing for en->eu; it has: en->de, en->es",
        ),
        (Pair("fr", "pt"), {"variety": "pt-PT"}, ConfigurationError, "nothing for fr->pt"),
    ],
)
def test_what_there_is_not(pair: Pair, values: dict[str, str], fault: type[Exception], said: str) -> None:
    with pytest.raises(fault) as caught:
        packaged_bank(pair, **values)
    assert said in str(caught.value)


def test_a_combination_that_is_missing_names_both() -> None:
    bank = AttributeBank(
        (BankEntry("a", "b", PT, "pt-PT", "formal"), BankEntry("c", "d", PT, "pt-BR", "informal")), "It"
    )
    with pytest.raises(
        ConfigurationError, match=r"pt-PT and informal\. It has for en->pt the varieties pt-BR, pt-PT"
    ):
        bank.demonstrations(PT, variety="pt-PT", formality="informal")


def write(folder: Path, *lines: object) -> Path:
    path = folder / "own.jsonl"
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), "utf-8")
    return path


def test_a_users_file(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {"source": "Yes", "target": "Sim", "variety": "pt_PT", "formality": "formal"},
        {"source": "No", "target": "Não", "variety": "pt-PT", "drafts": [{"text": "Nem"}]},
        {"source": "Hi", "target": "Oi", "variety": "pt-BR", "formality": "informal"},
        {"source": "Bye", "target": "Adeus", "variety": None, "formality": "", "drafts": {"text": "Tchau"}},
    )
    yes, no = Demonstration("Yes", "Sim"), Demonstration("No", "Não", (Draft("Nem", (Word("Nem"),)),))
    told: list[str] = []
    assert load_bank(path, PT, "pt-PT", notice=told.append) == [yes, no]
    assert told == [f"{path}: 2 of 4 entries are not pt-PT and were left out."]
    assert load_bank(path, Pair("en", "pt-PT"), formality="formal") == [yes]
    assert load_bank(path, PT, "pt-BR", "informal") == [Demonstration("Hi", "Oi")]
    assert load_bank(path, PT, formality="informal") == [Demonstration("Hi", "Oi")]
    with pytest.raises(
        InputError, match=r"no entry that is pt-PT and informal. It has the varieties not stated \(1\),"
    ):
        load_bank(path, PT, "pt-PT", "informal")
    with pytest.raises(ConfigurationError, match="not one of Portuguese"):
        load_bank(path, PT, "fr-CA")
    with pytest.raises(ConfigurationError, match="Valid choices: formal"):
        load_bank(path, PT, formality="rude")


def test_a_users_file_without_varieties_serves_any_territory(tmp_path: Path) -> None:
    path = write(tmp_path, {"source": "a", "target": "b", "formality": "formal"}, {"source": "c", "target": "d"})
    told: list[str] = []
    assert load_bank(path, Pair("eu", "pt-PT"), formality="formal") == [Demonstration("a", "b")]
    assert len(load_bank(path, Pair("eu", "pt-PT"), notice=told.append)) == 2
    assert told == []
    with pytest.raises(InputError, match="no entry that is pt-PT"):
        load_bank(path, PT, "pt-PT")
    # One variety alone needs no naming.
    path = write(tmp_path, {"source": "a", "target": "b", "formality": "formal", "variety": "pt-PT"})
    assert load_bank(path, PT, formality="formal") == [Demonstration("a", "b")]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["a"], "line 2: expected a JSON object"),
        ({"source": "a"}, "line 2: target is None"),
        ({"source": " ", "target": "b"}, "line 2: source is ' '"),
        ({"source": "a", "target": "b", "variety": "xx yy"}, "line 2: variety: Unknown language"),
        ({"source": "a", "target": "b", "variety": 7}, "line 2: variety is 7"),
        ({"source": "a", "target": "b", "formality": "Formal"}, "line 2: formality is 'Formal'. Valid choices"),
        ({"source": "a", "target": "b", "formality": ["formal"]}, "line 2: formality is ['formal']"),
        ({"source": "a", "target": "b", "drafts": ["c"]}, "line 2, drafts[0]: a draft is 'c'"),
        ({"source": "a", "target": "b", "drafts": "c"}, "line 2, drafts[0]: a draft is 'c'"),
    ],
)
def test_a_malformed_file_is_named_by_line_and_field(tmp_path: Path, line: object, said: str) -> None:
    path = write(tmp_path, {"source": "a", "target": "b", "formality": "formal"}, line)
    with pytest.raises(InputError) as caught:
        load_bank(path, ES, formality="formal")
    assert said in str(caught.value)
    assert "own.jsonl" in str(caught.value)


def test_an_empty_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no demonstrations"):
        load_bank(write(tmp_path), ES, formality="formal")


def test_the_marked_sentences_are_enough_and_clean(marked: list[dict[str, Any]]) -> None:
    assert all(row.keys() == {"id", "attribute", "domain", "source"} for row in marked)
    for attribute in ("variety", "formality"):
        sources = {row["source"] for row in marked if row["attribute"] == attribute}
        assert len(sources) >= 60
        assert len({row["domain"] for row in marked if row["attribute"] == attribute}) >= 6
    assert len({row["id"] for row in marked}) == len({row["source"] for row in marked}) == len(marked)


def test_no_marked_sentence_is_like_one_of_a_prompt(
    rows: list[dict[str, Any]], marked: list[dict[str, Any]]
) -> None:
    shown = [row["source"] for row in rows] + [item.source for item in packaged_demonstrations(PT)]
    for row in marked:
        likest = max(shown, key=lambda text: fuzz.ratio(text.lower(), row["source"].lower()))
        assert fuzz.ratio(likest.lower(), row["source"].lower()) < 75, likest


@pytest.mark.data
def test_nothing_of_the_benchmark_is_in_the_banks(
    shared_data: Path, rows: list[dict[str, Any]], marked: list[dict[str, Any]]
) -> None:
    folders = [folder for folder in (shared_data / "flores200").iterdir() if folder.is_dir()]
    if not folders:
        pytest.skip("FLORES is not there")
    ours = {(tag, _bare(text)) for tag, text in texts(rows)} | {("en", _bare(row["source"])) for row in marked}
    for tag in {tag for tag, _ in ours}:
        paths = [folder / f"{to_flores(base(tag))}.txt" for folder in folders]
        together = "\n".join(_bare(line) for path in paths for line in path.read_text("utf-8").split("\n"))
        assert len(together) > 100_000
        assert not [text for own, text in ours if own == tag and len(text) > 20 and text in together]


def _bare(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum() or character == " ").strip()
