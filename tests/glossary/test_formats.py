"""Reading and writing glossaries in every format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scalemt.errors import ConfigurationError, InputError, UnknownNameError
from scalemt.glossary import Glossary, TermEntry, load_glossary, save_glossary
from scalemt.glossary.fields import is_acronym
from scalemt.glossary.tbx import decode_id, encode_id
from scalemt.glossary.writing import lost
from scalemt.types import Pair

EN_PT = Pair("en", "pt")
MASK = TermEntry("mask", "máscara")


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Write a file as bytes or text, and return where."""

    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


# CSV and TSV.


@pytest.mark.parametrize(
    "content",
    [
        "mask,máscara\n",
        "source,target\nmask,máscara\n",
        "Source Term;Target Term\nmask;máscara\n",
        "target\tsource\r\nmáscara\tmask\r\n",
        "en,pt\nmask,máscara\n",
        "English,Portuguese\nmask,máscara\n",
        "eng_Latn\tpor_Latn\nmask\tmáscara\n",
        "id,sourceLang,targetLang,sourceString,targetString\n1,en,pt_XX,mask,máscara\n",
        "\ufeffsource,target\n\n mask , máscara \n\n",
        "en,pt,es\nmask,máscara,mascarilla\n",
        "es,pt,en\nmascarilla,máscara,mask\n",
        "pt,en\nmáscara,mask\n",
        "source,target\nmask,máscara\nmask,máscara\n",
        'source,target\n"mask","máscara"',
        "mask,máscara,whatever else\n",
        "sourceLang,targetLang,source,target\nen,pt_XX,mask,máscara\n,pt_XX,,\n",
    ],
)
def test_one_entry_however_the_table_is_written(written: Callable[..., Path], content: str) -> None:
    assert load_glossary(written("terms.csv", content), EN_PT).entries == (MASK,)


def test_every_column(written: Callable[..., Path]) -> None:
    path = written(
        "terms.csv",
        "source,target,status,case,POS,domain,note,concept\n"
        "Mask,Máscara,admittedTerm-admn-sts,yes,noun,health,a note,c1\n"
        "Bluetooth,,keep,,,,,\n",
    )
    glossary = load_glossary(path)
    assert (glossary.name, glossary.source) == ("terms", "")
    assert glossary.entries == (
        TermEntry("Mask", "Máscara", "admitted", True, "noun", "health", "a note", "c1"),
        TermEntry("Bluetooth", "Bluetooth", "keep"),
    )


def test_acronyms_are_case_sensitive_unless_the_file_says_otherwise(written: Callable[..., Path]) -> None:
    terms = "AIDS,SIDA\nWHO,OMS\nCOVID-19,COVID-19\nUNICEF,UNICEF\nMask,Máscara\n"
    told = [entry.case_sensitive for entry in load_glossary(written("a.csv", terms)).entries]
    assert told == [True, True, False, False, False]
    stated = written("b.csv", "source,target,case\nAIDS,SIDA,no\nmask,máscara,\n")
    assert [entry.case_sensitive for entry in load_glossary(stated).entries] == [False, False]


@pytest.mark.parametrize("first", ["leg,ben\n", "de,from\n", "mask,máscara\n", "Latin,latim\n"])
def test_a_first_row_of_terms_is_no_header_of_languages(written: Callable[..., Path], first: str) -> None:
    assert load_glossary(written("terms.csv", first + "arm,braço\n")).entries[0].source == first.partition(",")[0]


@pytest.mark.parametrize("pair", [Pair("fil", "en"), Pair("de", "hsb"), Pair("dsb", "hsb")], ids=str)
@pytest.mark.parametrize("suffix", ["csv", "tsv"])
def test_headers_of_languages_that_are_little_used(tmp_path: Path, pair: Pair, suffix: str) -> None:
    """By itself `fil` could be a term; beside the name of a column, which is always written, it is a language."""
    path = tmp_path / f"terms.{suffix}"
    save_glossary(Glossary((MASK,), *pair, "terms"), path)
    for wanted in (pair, None):
        assert load_glossary(path, wanted) == Glossary((MASK,), *pair, "terms")


def test_quotes_are_characters_in_tsv_and_quoted_line_breaks_spaces_in_csv(written: Callable[..., Path]) -> None:
    assert load_glossary(written("a.tsv", 'the "mask"\ta, b\n')).entries == (TermEntry('the "mask"', "a, b"),)
    assert load_glossary(written("b.csv", '"the\nmask","a ""b"""\n')).entries == (TermEntry("the mask", 'a "b"'),)


def test_rows_of_several_pairs_are_chosen_by_the_pair(written: Callable[..., Path]) -> None:
    path = written(
        "terms.csv",
        "sourceLang,targetLang,source,target\nen,pt,mask,máscara\nen,es_XX,mask,mascarilla\n",
    )
    assert load_glossary(path, EN_PT).entries == (MASK,)
    assert load_glossary(path, Pair("es", "en")).entries == (TermEntry("mascarilla", "mask"),)
    with pytest.raises(ConfigurationError, match=r"en to pt, en to es\. Say which two"):
        load_glossary(path)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", b"mask,m\xe1scara\n", r"line 1, byte 7 .* not UTF-8"),
        ("a.csv", "", "holds no terms"),
        ("a.csv", "\n\n", "holds no terms"),
        ("a.csv", "source,target\n", "holds no terms"),
        ("a.csv", "mask,máscara\nlung,\n", "a.csv, line 2: the target is empty"),
        ("a.csv", "source,target\n\n,pulmão\n", "a.csv, line 3: the source is empty"),
        ("a.csv", "mask\n", "a.csv, line 1: one field"),
        ("a.csv", "mask,máscara\nlung,pulmão,x\n", "line 2: 3 fields, expected at most 2"),
        ("a.csv", "source,target,status\nmask,máscara,nice\n", "line 2: the status 'nice' is unknown.*forbidden"),
        ("a.csv", "source,target,case\nmask,máscara,perhaps\n", "line 2: the field case is 'perhaps'"),
        ("a.csv", "source,target,status\nmask,máscara,keep\n", "line 2: the status keep means"),
        ("a.csv", 'mask,"máscara\n', "not CSV"),
        ("a.csv", 'lung,pulmão\n"a\nb",\n', "line 2: the target is empty"),
        ("a.csv", "sourceLang,targetLang,source,target\nen,qqqq,mask,máscara\n", "line 2, targetlang: Unknown"),
        ("a.utx", "", "line 1: not a UTX header"),
        ("a.utx", "src\ttgt\nmask\tmáscara\n", "line 1: not a UTX header"),
        ("a.utx", "#UTX 1.20; en; 2020\n#src\ttgt\nmask\tmáscara\n", "line 1: no pair of languages"),
        ("a.utx", "#UTX 1.20; en/pt;\n#src\ttgt\nmask\n", "line 3: the target is empty"),
        ("a.utx", "#UTX 1.20; en/pt;\n#src\tsrc:pos\nmask\tx\n", "line 2: no columns src and tgt"),
        ("a.utx", "#UTX 1.20; en/pt;\n#src\ttgt\tterm status\na\tb\tnice\n", "line 3: the status 'nice'"),
        ("a.utx", "#UTX 1.20; en/pt;\n#src\ttgt\n", "holds no terms"),
        ("a.tbx", "", "not well-formed XML"),
        ("a.tbx", "<tbx><text>\n<body></text></tbx>", "line 2, column 9: not well-formed"),
        ("a.tbx", "<html>\n</html>", "line 1: not TBX"),
        ("a.tbx", "<tbx><text><body/></text></tbx>", "holds no terms"),
    ],
)
def test_what_cannot_be_read_is_named(
    written: Callable[..., Path], name: str, content: str | bytes, told: str
) -> None:
    with pytest.raises(InputError, match=told):
        load_glossary(written(name, content))


def test_a_missing_file_and_an_unknown_format(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_glossary(tmp_path / "none.csv")
    with pytest.raises(UnknownNameError, match="Valid choices: csv, tbx, tsv, utx"):
        save_glossary(Glossary((MASK,)), tmp_path / "terms.xlsx")
    with pytest.raises(UnknownNameError, match="glossary format named 'doc'"):
        load_glossary(tmp_path / "none.csv", format="doc")


@pytest.mark.parametrize(
    "content",
    ["#UTX 1.20; en/pt;\n#src\ttgt\nmask\tmáscara\n", "mask,máscara\n", "mask\tmáscara\n"],
)
def test_a_file_without_a_suffix_that_tells_is_known_by_its_first_bytes(
    written: Callable[..., Path], content: str
) -> None:
    assert load_glossary(written("terms.txt", content)).entries == (MASK,)


# UTX.

UTX = """\
#UTX 1.11; en-US/pt-BR; 2020-01-01; copyright: us (2020); license: CC-BY 4.0; bidirectional
#description: a short one
#src\ttgt\tsrc:pos\tsrc:plural\tterm status\tConcept ID\tcomment
mask\tmáscara\tnoun\tmasks\tapproved\tC1\ta note
mask\tcareta\tnoun\tmasks\tprovisional\tC1
# a comment
mask\tmascarilha\t-\t-\tnon-standard\tC1
mask\tmordaça\tnoun\t\tforbidden\tC1
lung\tpulmão
"""


def test_utx(written: Callable[..., Path]) -> None:
    glossary = load_glossary(written("terms.utx", UTX))
    assert (glossary.source, glossary.target) == ("en-US", "pt-BR")
    assert [(entry.target, entry.status) for entry in glossary.entries] == [
        ("máscara", "preferred"),
        ("careta", "admitted"),
        ("mascarilha", "deprecated"),
        ("mordaça", "forbidden"),
        ("pulmão", "preferred"),
    ]
    first, _, third, *_ = glossary.entries
    assert (first.part_of_speech, first.note, first.concept) == ("noun", "a note", "C1")
    assert third.part_of_speech == ""


def test_the_term_columns_of_utx_1_20(written: Callable[..., Path]) -> None:
    content = "#UTX 1.20; en/es;\n#term:es\tterm:en\tterm:pt\tsrc:pos\nmascarilla\tmask\tmáscara\tnoun\n"
    path = written("terms.utx", content)
    assert load_glossary(path, EN_PT).entries == (replace(MASK, part_of_speech="noun"),)
    assert load_glossary(path).entries[0].target == "mascarilla"
    with pytest.raises(ConfigurationError, match="columns of es and en and pt"):
        load_glossary(written("b.utx", content.replace("en/es", "en/fr")))


# TBX.

TBX_2 = """\
<?xml version="1.0"?>
<!DOCTYPE martif SYSTEM "TBXcoreStructV02.dtd">
<martif type="TBX" xml:lang="en">
<martifHeader><fileDesc><sourceDesc><p>mask</p></sourceDesc></fileDesc></martifHeader><text><body>
<termEntry id="c1"><descripGrp><descrip type="subjectField">health</descrip></descripGrp>
<descrip type="definition">what is worn</descrip>
<langSet xml:lang="en-US"><note>of the language</note><tig><term>mask</term>
<termNote type="partOfSpeech">noun</termNote></tig></langSet>
<langSet xml:lang="es"><tig><term>mascarilla</term></tig></langSet>
<langSet xml:lang="pt-PT">
<ntig><termGrp><term>máscara</term>
<termNote type="administrativeStatus">preferredTerm-admn-sts</termNote></termGrp></ntig>
<tig><term>mas<hi type="bold">cari</hi>lha &amp; <![CDATA[<b>]]></term>
<termNote type="administrativeStatus">supersededTerm-admn-sts</termNote><note>old</note></tig>
</langSet></termEntry>
<termEntry><langSet xml:lang="fr"><tig><term>masque</term></tig></langSet></termEntry>
</body></text></martif>
"""

TBX_3 = """\
<tbx type="TBX-Basic" style="dct" xml:lang="en" xmlns="urn:iso:std:iso:30042:ed-2" xmlns:min="m" xmlns:basic="b">
<text><body><conceptEntry id="c1"><min:subjectField>health</min:subjectField>
<langSec xml:lang="en"><termSec><term>mask</term><min:partOfSpeech>noun</min:partOfSpeech></termSec></langSec>
<langSec xml:lang="pt"><termSec><term>máscara</term>
<min:administrativeStatus>admittedTerm-admn-sts</min:administrativeStatus></termSec>
</langSec></conceptEntry></body></text></tbx>
"""


def test_tbx_version_2(written: Callable[..., Path]) -> None:
    glossary = load_glossary(written("terms.tbx", TBX_2), EN_PT)
    assert (glossary.source, glossary.target) == ("en-US", "pt-PT")
    assert glossary.entries == (
        TermEntry("mask", "máscara", "preferred", False, "noun", "health", "", "c1"),
        TermEntry("mask", "mascarilha & <b>", "deprecated", False, "noun", "health", "old", "c1"),
    )


def test_tbx_in_the_other_direction_and_between_two_other_languages(written: Callable[..., Path]) -> None:
    path = written("terms.tbx", TBX_2)
    assert [entry.target for entry in load_glossary(path, Pair("pt", "en")).entries] == ["mask", "mask"]
    assert [entry.target for entry in load_glossary(path, Pair("en", "es")).entries] == ["mascarilla"]


def test_tbx_version_3_with_data_categories_as_elements(written: Callable[..., Path]) -> None:
    glossary = load_glossary(written("terms.tbx", TBX_3))
    assert glossary.entries == (TermEntry("mask", "máscara", "admitted", False, "noun", "health", "", "c1"),)


def test_tbx_in_utf_16(written: Callable[..., Path]) -> None:
    path = written("terms.tbx", ('<?xml version="1.0" encoding="utf-16"?>' + TBX_3).encode("utf-16"))
    assert load_glossary(path).entries[0].target == "máscara"


def test_tbx_of_several_languages_asks_which(written: Callable[..., Path]) -> None:
    path = written("terms.tbx", TBX_2)
    with pytest.raises(ConfigurationError, match=r"holds en-US, es, pt-PT, fr\. Say which two"):
        load_glossary(path)
    with pytest.raises(ConfigurationError, match="not en to de"):
        load_glossary(path, Pair("en", "de"))
    with pytest.raises(ConfigurationError, match="no concept with terms in both en-US and fr"):
        load_glossary(path, Pair("en", "fr"))


def test_the_very_territory_is_chosen_before_others(written: Callable[..., Path]) -> None:
    both = TBX_2.replace('"es"', '"pt-BR"')
    path = written("terms.tbx", both)
    assert [entry.target for entry in load_glossary(path, Pair("en", "pt-BR")).entries] == ["mascarilla"]
    assert len(load_glossary(path, EN_PT).entries) == 3
    assert load_glossary(path, Pair("pt-PT", "pt-BR")).entries[0] == TermEntry(
        "máscara", "mascarilla", domain="health", concept="c1"
    )


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("supersededTerm-admn-sts", "nice", "terms.tbx, line 13: the status 'nice' is unknown"),
        ("<term>máscara</term>", "<term> </term>", "line 11: the target is empty"),
        ("<term>mask</term>", "<term/>", "line 7: the source is empty"),
        ('xml:lang="es"', "", "line 9: Unknown language ''"),
        ("&amp;", "&bomb;", "line 13: &bomb; is an entity"),
    ],
)
def test_faults_in_tbx_are_named(written: Callable[..., Path], before: str, after: str, told: str) -> None:
    assert before in TBX_2
    with pytest.raises(InputError, match=told):
        load_glossary(written("terms.tbx", TBX_2.replace(before, after, 1)), EN_PT)


def test_entities_are_not_expanded(written: Callable[..., Path]) -> None:
    bomb = '<!DOCTYPE tbx [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>' + TBX_3.replace("mask", "&b;")
    with pytest.raises(InputError, match="line 3: &b; is an entity"):
        load_glossary(written("terms.tbx", bomb), EN_PT)


def test_tbx_as_it_is_written(tmp_path: Path) -> None:
    entries = (
        TermEntry("mask", "máscara", "preferred", domain="health", concept="c 1"),
        TermEntry("face covering", "máscara", "preferred", domain="health", concept="c 1"),
        TermEntry("lung", "pulmão"),
        TermEntry("lung", "bofe", "deprecated", note="of animals <only>"),
    )
    path = tmp_path / "terms.tbx"
    save_glossary(Glossary(entries, "en", "pt", "health & more"), path)
    root = ElementTree.parse(path).getroot()
    space = {"t": "urn:iso:std:iso:30042:ed-2"}
    assert (root.get("type"), root.get("style")) == ("TBX-Basic", "dca")
    concepts = root.findall(".//t:conceptEntry", space)
    assert [concept.get("id") for concept in concepts] == ["c_x0020_1", "scalemt-2"]
    assert [[term.text for term in concept.iterfind(".//t:term", space)] for concept in concepts] == [
        ["mask", "face covering", "máscara"],
        ["lung", "pulmão", "bofe"],
    ]
    assert set(load_glossary(path).entries) == set(entries)


def test_a_concept_that_is_no_rectangle_is_written_in_pieces(tmp_path: Path) -> None:
    entries = (
        TermEntry("a", "x", concept="c"),
        TermEntry("b", "y", concept="c"),
        TermEntry("b", "x", concept="c"),
    )
    save_glossary(Glossary(entries, "en", "pt"), tmp_path / "terms.tbx")
    again = load_glossary(tmp_path / "terms.tbx").entries
    assert [(entry.source, entry.target, entry.concept) for entry in again] == [
        ("a", "x", "c"),
        ("b", "y", "c-2"),
        ("b", "x", "c-2"),
    ]


@given(st.text(min_size=1))
def test_every_concept_has_an_id(concept: str) -> None:
    coded = encode_id(concept)
    assert decode_id(coded) == concept
    assert not coded.startswith("scalemt-")
    assert ElementTree.fromstring(f"<{coded}/>").tag == coded


# Round trips.

# Unassigned characters and halves of pairs are no text, and control characters are in no format.
_LINES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), max_size=12).map(
    lambda text: " ".join(text.split())
)
_TERMS = _LINES.filter(bool).filter(lambda text: not text.startswith("#") and "\ufffe" not in text)


@st.composite
def entries(draw: st.DrawFn, statuses: tuple[str, ...], cased: bool, concepts: bool) -> TermEntry:
    source = draw(_TERMS)
    status = draw(st.sampled_from(statuses))
    return TermEntry(
        source=source,
        target=source if status == "keep" else draw(_TERMS),
        status=status,  # type: ignore[arg-type]
        case_sensitive=draw(st.booleans()) if cased else is_acronym(source),
        part_of_speech=draw(_LINES.filter(lambda text: text != "-")),
        domain=draw(_LINES),
        note=draw(_LINES),
        concept=draw(_LINES) if concepts else "",
    )


ALL = ("preferred", "admitted", "deprecated", "forbidden", "keep")


@pytest.mark.parametrize("suffix", ["csv", "tsv", "utx"])
@given(kept=st.lists(entries(ALL, cased=True, concepts=True), min_size=1, max_size=6, unique=True))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_tables_lose_nothing(tmp_path: Path, suffix: str, kept: list[TermEntry]) -> None:
    path = tmp_path / f"terms.{suffix}"
    glossary = Glossary(tuple(kept), "en", "pt-BR", "terms")
    save_glossary(glossary, path)
    assert load_glossary(path) == glossary
    assert lost(glossary, path) == ()


@given(
    kept=st.lists(
        entries(("preferred", "admitted", "deprecated"), cased=False, concepts=False),
        min_size=1,
        max_size=6,
        unique_by=lambda entry: entry.source,
    ),
    named=st.booleans(),
)
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_tbx_loses_nothing_that_it_can_hold(tmp_path: Path, kept: list[TermEntry], named: bool) -> None:
    path = tmp_path / "terms.tbx"
    told = tuple(
        replace(entry, concept=f"{number} {entry.source}" if named else "") for number, entry in enumerate(kept)
    )
    glossary = Glossary(told, "en", "pt-BR", "terms")
    save_glossary(glossary, path)
    assert load_glossary(path) == glossary


def test_what_a_format_cannot_hold_is_said(tmp_path: Path) -> None:
    told = (
        TermEntry("a", "b", "forbidden"),
        TermEntry("c", "c", "keep"),
        TermEntry("d", "e", case_sensitive=True),
    )
    glossary = Glossary(told, "en", "pt", "terms")
    assert [line.split(":")[0] for line in lost(glossary, "x.tbx")] == [
        "TBX has no forbidden terms",
        "TBX cannot say that a term is kept",
        "TBX does not say which terms are case-sensitive",
    ]
    for suffix in ("tbx", "utx"):
        with pytest.raises(ConfigurationError, match="Give --from and --to"):
            save_glossary(replace(glossary, source="", target=""), tmp_path / f"terms.{suffix}")
    with pytest.raises(InputError, match="UTX cannot hold the term '#tag'"):
        save_glossary(replace(glossary, entries=(TermEntry("#tag", "x"),)), tmp_path / "terms.utx")


def test_line_breaks_and_control_characters_become_spaces_or_nothing(tmp_path: Path) -> None:
    glossary = Glossary((TermEntry("a\tb\n", "c\x00d", note="one\ntwo"),), "en", "pt")
    for suffix in ("csv", "tsv", "utx", "tbx"):
        save_glossary(glossary, tmp_path / f"terms.{suffix}")
        assert load_glossary(tmp_path / f"terms.{suffix}").entries == (TermEntry("a b", "cd", note="one two"),)


@given(st.binary(max_size=200), st.sampled_from(["csv", "tsv", "utx", "tbx"]))
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"terms.{suffix}"
    path.write_bytes(content)
    try:
        told = str(load_glossary(path).entries)
    except (InputError, ConfigurationError) as fault:
        told = str(fault).removeprefix(str(path))
    assert told not in ("", "()")


@pytest.mark.data
def test_every_list_of_tico_19(shared_data: Path, tmp_path: Path) -> None:
    lists = sorted((shared_data / "tico19" / "terminologies").glob("*.csv"))
    assert lists
    for path in lists:
        if path.stem == "f_en-bg_BG":  # has a row with a comma that is not in quotes
            with pytest.raises(InputError, match="line 84: 6 fields"):
                load_glossary(path)
            continue
        glossary = load_glossary(path)
        assert glossary.source == "en"
        assert len(glossary.entries) > 200
        for suffix in ("csv", "tsv", "utx", "tbx"):
            save_glossary(glossary, tmp_path / f"{path.stem}.{suffix}")
            again = load_glossary(tmp_path / f"{path.stem}.{suffix}")
            assert set(again.entries) == set(glossary.entries)
