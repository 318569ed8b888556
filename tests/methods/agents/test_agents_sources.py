"""Sources of terms: dictionaries of dictd, glossary, memory, a folder of documents, plug-ins."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from dictionaries import ENGLISH_PORTUGUESE, PORTUGUESE_ENGLISH, dictzip, write_dictionary
from helpers import EN_PT
from scalemt.errors import ConfigurationError, InputError, UnknownNameError
from scalemt.glossary import Glossary, TermEntry, TermFinder
from scalemt.memory.recall import Memories, MemoryUse
from scalemt.memory.store import MemoryStore
from scalemt.memory.units import Unit
from scalemt.methods.agents.sources import SOURCES, Finding, Setting, Source, SourceMissingError
from scalemt.methods.agents.sources.dictd import Dictionary
from scalemt.methods.agents.sources.folder import FolderSource
from scalemt.methods.agents.sources.freedict import FOLDER, FreeDictSource, Sense, senses
from scalemt.methods.agents.sources.glossary import GlossarySource
from scalemt.methods.agents.sources.memory import MemorySource
from scalemt.methods.agents.sources.parallel import going_with
from scalemt.types import Pair

HERE = Setting(EN_PT)


def translations(found: list[Finding]) -> list[str]:
    return [item.text for item in found if item.kind == "translation"]


# dictd


@pytest.mark.parametrize("packed", ["dictzip", "gzip", ""])
def test_entries_are_read_whatever_packs_them(tmp_path: Path, packed: str) -> None:
    dictionary = Dictionary(write_dictionary(tmp_path, "freedict-eng-por", ENGLISH_PORTUGUESE, packed=packed))
    assert len(dictionary) == len(ENGLISH_PORTUGUESE)
    for word, entry in ENGLISH_PORTUGUESE.items():
        assert dictionary.entries(word) == [entry]
    assert dictionary.entries("HOST") == [ENGLISH_PORTUGUESE["host"]]
    assert dictionary.entries("nothing") == []


def test_what_dictzip_writes_is_gzip() -> None:
    data = b"abc" * 1000
    assert gzip.decompress(dictzip(data, 100)) == data


def test_headwords_are_found_without_their_signs(tmp_path: Path) -> None:
    dictionary = Dictionary(write_dictionary(tmp_path, "d", {"yesman": "yes-man /j/\nservil\n"}))
    assert dictionary.entries("yes-man") == ["yes-man /j/\nservil\n"]


@pytest.mark.parametrize("line", ["word", "word\tA", "word\t?\tB", "a\tb\tc d"])
def test_a_damaged_index_names_its_line(tmp_path: Path, line: str) -> None:
    index = write_dictionary(tmp_path, "d", {"host": "host\nanfitrião\n"})
    index.write_text(index.read_text("utf-8") + line + "\n", "utf-8")
    with pytest.raises(InputError, match=r"d\.index, line 2"):
        Dictionary(index)


def test_a_cut_off_file_of_entries_is_told(tmp_path: Path) -> None:
    index = write_dictionary(tmp_path, "d", {word: f"{word}\n{'x' * 300}\n" for word in ("one", "two", "three")})
    packed = index.with_suffix(".dict.dz")
    packed.write_bytes(packed.read_bytes()[:-40])
    with pytest.raises(InputError, match="is damaged"):
        Dictionary(index).entries("three")
    packed.write_bytes(b"nothing of gzip")
    with pytest.raises(InputError, match="is no gzip file"):
        Dictionary(index)
    packed.unlink()
    with pytest.raises(InputError, match="there is neither"):
        Dictionary(index)


@pytest.mark.parametrize("packed", ["dictzip", "gzip", ""])
def test_an_index_that_points_behind_the_end_is_told(tmp_path: Path, packed: str) -> None:
    index = write_dictionary(tmp_path, "d", {"host": "host\nanfitrião\n"}, packed=packed)
    index.write_text("host\tA\tZZ\n", "utf-8")
    with pytest.raises(InputError, match="behind its end"):
        Dictionary(index).entries("host")


# FreeDict


def test_senses_leave_out_what_is_no_translation() -> None:
    entry = (
        'plaque /plak/ <N>\n1. placa, chapa (de metal)\n      "The plaque is old."\n'
        "2.  [med.] tártaro <m>; placa\n   Synonym: {tartar}\n see: {tooth}\n(noun)\n"
    )
    assert senses(entry) == [Sense(1, ("placa", "chapa")), Sense(2, ("tártaro", "placa"), "med.")]
    assert senses("fever /f/\n\nhoma\n") == [Sense(1, ("homa",))]
    assert senses("empty") == []


def test_a_term_is_looked_up_as_it_stands_and_by_its_lemma(tmp_path: Path) -> None:
    write_dictionary(tmp_path, "freedict-eng-por", ENGLISH_PORTUGUESE)
    source = FreeDictSource(HERE, str(tmp_path))
    assert source.name == "freedict-eng-por 0.9"
    hosts, strain, none = source.look_up(["hosts", "Strain", "lung"])
    assert hosts == [Finding("translation", "anfitrião", "host, 1", "sense 1")]
    assert [(item.text, item.sense) for item in strain] == [
        ("tensão", "sense 1"),
        ("esforço", "sense 1"),
        ("cepa", "sense 2"),
    ]
    assert none == []
    assert source.back(["febre"]) == [[]]


def test_the_opposite_dictionary_tells_the_way_back(tmp_path: Path) -> None:
    write_dictionary(tmp_path, "freedict-eng-por", ENGLISH_PORTUGUESE)
    write_dictionary(tmp_path, "freedict-por-eng", PORTUGUESE_ENGLISH)
    source = FreeDictSource(Setting(Pair("en", "pt-BR")), str(tmp_path))
    assert source.back(["febres", "asma", "cepa"]) == [["ague", "fever"], ["asthma"], []]


def test_a_missing_dictionary_says_how_to_install_it(tmp_path: Path) -> None:
    with pytest.raises(SourceMissingError, match=r"freedict-eng-por\.index"):
        FreeDictSource(HERE, str(tmp_path))
    with pytest.raises(SourceMissingError, match="would be called dict-freedict-eng-lao"):
        FreeDictSource(Setting(Pair("en", "lo")))


def test_freedict_of_debian() -> None:
    if not (FOLDER / "freedict-eng-por.index").is_file():
        pytest.skip("dict-freedict-eng-por is not installed")
    source = FreeDictSource(HERE)
    outbreaks, phrase = source.look_up(["outbreaks", "shortness of breath"])
    assert translations(outbreaks) == ["deflagração", "surto", "epidemia"]
    # Wrong, and the reason why there is a judge.
    assert translations(phrase) == ["asma"]


# Glossary


def test_a_glossary_gives_whole_terms_and_what_not_to_use() -> None:
    entries = (
        TermEntry("host", "hospedeiro", domain="biology"),
        TermEntry("host", "anfitrião", status="forbidden"),
        TermEntry("host cell", "célula hospedeira"),
    )
    finder = TermFinder(Glossary(entries, "en", "pt", "virology"), EN_PT)
    source = GlossarySource(Setting(EN_PT, terms=finder))
    assert source.name == "glossary virology"
    hosts, cell, other = source.look_up(["hosts", "host cell", "cell"])
    assert [(item.kind, item.text, item.sense) for item in hosts] == [
        ("translation", "hospedeiro", "biology"),
        ("forbidden", "anfitrião", ""),
    ]
    assert translations(cell) == ["célula hospedeira"]
    assert other == []
    with pytest.raises(SourceMissingError, match="--glossary"):
        GlossarySource(HERE)


# Parallel texts


def test_phrases_that_go_with_a_term() -> None:
    held = ["A nova cepa chegou.", "Estudamos a cepa do vírus.", "Duas cepas do vírus circulam."]
    others = ["O vírus chegou.", "Estudamos o vírus do rato.", "Duas casas do bairro."]
    assert going_with(held, others, "pt")[0] == "cepa"
    assert going_with(held[:1], others, "pt") == []
    assert going_with(held, held, "pt") == []


def memories(tmp_path: Path) -> Memories:
    path = tmp_path / "lab.db"
    store = MemoryStore(path, create=True)
    pairs = [
        ("strain", "estirpe"),
        ("The new strain has arrived.", "A nova cepa chegou."),
        ("We study the strain of the virus.", "Estudamos a cepa do vírus."),
        ("Two strains of the virus are about.", "Duas cepas do vírus circulam."),
        ("The virus has arrived.", "O vírus chegou."),
        ("We study the rat.", "Estudamos o rato."),
        ("Two houses are empty.", "Duas casas estão vazias."),
    ]
    store.add([Unit(source, target, EN_PT) for source, target in pairs])
    return Memories([MemoryUse(path)])


def test_a_memory_gives_the_unit_that_is_the_term_and_what_others_share(tmp_path: Path) -> None:
    source = MemorySource(Setting(EN_PT, memories=memories(tmp_path)))
    strains, none = source.look_up(["strains", "lung"])
    assert translations(strains)[0] == "cepa"
    (one,) = source.look_up(["strain"])
    assert translations(one)[:2] == ["estirpe", "cepa"]
    assert one[0].place == "lab.db, unit 1"
    assert any(item.kind == "context" for item in one)
    assert none == []
    assert source.attested(["cepa", "estirpe", "pulmão"]) == [3, 1, 0]
    with pytest.raises(SourceMissingError, match="--memory"):
        MemorySource(HERE)


# A folder


def folder(tmp_path: Path) -> Path:
    root = tmp_path / "papers"
    (root / "en").mkdir(parents=True)
    (root / "pt").mkdir()
    lines = {
        "en": "The new strain has arrived.\nWe study the strain.\nA host is an animal that a virus lives in.\n",
        "pt": "A nova cepa chegou.\nEstudamos a cepa.\nUm hospedeiro é um animal em que um vírus vive.\n",
    }
    for language, text in lines.items():
        (root / language / "notes.txt").write_text(text, "utf-8")
    (root / "more_pt.md").write_text("# Texto\n\nO hospedeiro adoece. O hospedeiro melhora.\n", "utf-8")
    (root / "unnamed.txt").write_text("The bat is the host of many viruses that people know.\n", "utf-8")
    (root / "pairs.tsv").write_text("en\tpt\nfever\tfebre\n", "utf-8")
    (root / "broken.xliff").write_text("<xliff", "utf-8")
    (root / "picture.bin").write_bytes(b"\0\1")
    return root


def test_a_folder_reads_parallel_and_single_documents(tmp_path: Path) -> None:
    source = FolderSource(HERE, str(folder(tmp_path)))
    strain, host, fever = source.look_up(["strains", "host", "fever"])
    assert translations(strain) == ["cepa"]
    assert strain[0].place == "en/notes.txt, line 1, en/notes.txt, line 2"
    assert translations(host) == []
    assert [item.text for item in host] == [
        "A host is an animal that a virus lives in.",
        "The bat is the host of many viruses that people know.",
    ]
    assert [item.kind for item in fever] == ["context"]
    assert source.attested(["hospedeiro", "febre", "anfitrião"]) == [2, 1, 0]
    assert source.signature.startswith("folder-papers[5+6.")
    assert {fault.split(":")[0] for fault in source.faults} == {"broken.xliff", "picture.bin"}


def test_a_folder_that_cannot_be_used_says_why(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="folder:PATH"):
        FolderSource(HERE)
    with pytest.raises(SourceMissingError, match="is not a folder"):
        FolderSource(HERE, str(tmp_path / "none"))
    with pytest.raises(SourceMissingError, match="holds no text"):
        FolderSource(HERE, str(tmp_path))


def test_sources_have_a_registry() -> None:
    assert SOURCES.names() == ["folder", "freedict", "glossary", "memory"]
    assert all(issubclass(SOURCES.load(name), Source) for name in SOURCES.names())
    with pytest.raises(UnknownNameError, match="source of terms"):
        SOURCES.load("wiki")
