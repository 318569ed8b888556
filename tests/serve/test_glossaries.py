"""Glossaries kept at a server: what they take, who sees them, and what a crash or a full disk leaves."""

from __future__ import annotations

import json
import os
import resource
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scalemt.glossary import TermEntry, load_glossary
from scalemt.serve import glossaries as module
from scalemt.serve.glossaries import MOST_BYTES, MOST_ENTRIES, Kept, Shelf
from scalemt.serve.refusals import InvalidRequest, NotFound, QuotaSpent, TooLarge, Unavailable
from scalemt.types import Pair

EN_PT = Pair("en", "pt")
NOWHERE = "5ce4c9a8-8d3a-4a2e-9bb1-3bb7a9f4b0d1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "glossaries"


@pytest.fixture
def shelf(folder: Path) -> Shelf:
    return Shelf(folder)


def make(shelf: Shelf, tsv: str = "mask\tmáscara\n", owner: str = "ann", **more: Any) -> Kept:
    return shelf.create(owner, "Terms", more.pop("pair", EN_PT), tsv=tsv, **more)


def files(folder: Path) -> list[str]:
    return sorted(path.suffix for path in folder.rglob("*") if path.is_file())


# What is kept


def test_a_glossary_is_kept_and_read_again(shelf: Shelf, folder: Path) -> None:
    kept = shelf.create("ann", "  Médico ", EN_PT, entries=[("mask", "máscara"), (" face  shield", "viseira ")])
    assert (kept.owner, kept.name, kept.pair, kept.entries) == ("ann", "Médico", EN_PT, 2)
    assert kept.created.endswith("Z")
    again = Shelf(folder)
    assert again.get("ann", kept.id) == kept
    assert again.get("ann", kept.id.upper()) == kept
    assert again.list("ann") == [kept]
    assert again.entries("ann", kept.id) == (("mask", "máscara"), ("face shield", "viseira"))
    assert again.as_tsv("ann", kept.id) == "mask\tmáscara\nface shield\tviseira\n"


@pytest.mark.parametrize("pair", [EN_PT, Pair("fil", "en"), Pair("de", "hsb"), Pair("pt", "pt-BR")], ids=str)
def test_the_file_is_read_by_load_glossary(shelf: Shelf, pair: Pair) -> None:
    path = shelf.path("ann", make(shelf, pair=pair).id)
    assert path.suffix == ".tsv"
    for wanted in (pair, None):
        glossary = load_glossary(path, wanted)
        assert (glossary.source, glossary.target) == pair
        assert glossary.entries == (TermEntry("mask", "máscara"),)


def test_files_are_for_the_user_of_the_server_alone(shelf: Shelf, folder: Path) -> None:
    make(shelf)
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o700}


def test_all_that_scalemt_knows_of_terms_is_kept(shelf: Shelf) -> None:
    csv = (
        "source,target,status,case,note\nmask,máscara,,,\nmask,mascarilha,forbidden,,\nBluetooth,,keep,,\n"
        "Go,Go,admitted,yes,game\n"
    )
    kept = shelf.create("ann", "Terms", EN_PT, csv=csv)
    assert kept.entries == 4
    assert shelf.terms("ann", kept.id) == (
        TermEntry("mask", "máscara"),
        TermEntry("mask", "mascarilha", "forbidden"),
        TermEntry("Bluetooth", "Bluetooth", "keep"),
        TermEntry("Go", "Go", "admitted", True, note="game"),
    )
    # A pair cannot say that it must not be used.
    assert shelf.as_tsv("ann", kept.id) == "mask\tmáscara\nBluetooth\tBluetooth\nGo\tGo\n"


@pytest.mark.parametrize(
    "given",
    [
        {"tsv": "mask\tmáscara\r\nlung\tpulmão\r\n"},
        {"tsv": "\ufeffmask\tmáscara\rlung\tpulmão"},
        {"tsv": "\n\nmask\tmáscara\n  \nlung\tpulmão\n\n"},
        {"tsv": "source\ttarget\nmask\tmáscara\nlung\tpulmão\n"},
        {"tsv": "pt\ten\nmáscara\tmask\npulmão\tlung\n"},
        {"csv": "mask,máscara\nlung,pulmão\n"},
        {"csv": "en,pt,status\nmask,máscara,\nlung,pulmão,preferred\n"},
        {"csv": 'source,target\n"mask","máscara"\n"lung","pulmão"\n'},
        {"csv": "mask;máscara\nlung;pulmão\n"},
        {"csv": "en,es,pt\nmask,mascarilla,máscara\nlung,pulmón,pulmão\n"},
        {"csv": "mask,máscara,EN,PT\nlung,pulmão,en,pt-BR\n", "plain": True},
        {"csv": '"mask","máscara"\nlung,pulmão,\n', "plain": True},
        {"tsv": "mask\tmáscara\nlung\tpulmão\n", "plain": True},
    ],
)
def test_one_glossary_however_it_comes(shelf: Shelf, given: dict[str, Any]) -> None:
    kept = shelf.create("ann", "Terms", EN_PT, **given)
    assert shelf.entries("ann", kept.id) == (("mask", "máscara"), ("lung", "pulmão"))


def test_a_plain_text_has_no_header(shelf: Shelf) -> None:
    kept = make(shelf, "de\ten\nsource\ttarget\n", pair=Pair("nl", "pt"), plain=True)
    assert shelf.entries("ann", kept.id) == (("de", "en"), ("source", "target"))


FORMULAS = [
    "=1+1",
    '=HYPERLINK("http://x","y")',
    "+1",
    "-1",
    "@SUM(A1)",
    "=cmd|' /C calc'!A0",
    "'",
    '"',
    "#x",
    "%s",
]


@pytest.mark.parametrize("plain", [True, False])
def test_formulas_and_signs_are_terms_like_any_other(shelf: Shelf, plain: bool) -> None:
    kept = make(shelf, "".join(f"{term}\t{term}\n" for term in FORMULAS), plain=plain)
    assert shelf.entries("ann", kept.id) == tuple((term, term) for term in FORMULAS)
    assert shelf.as_tsv("ann", kept.id) == "".join(f"{term}\t{term}\n" for term in FORMULAS)


SIDES = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"], exclude_characters="\ufffe\uffff")
)
TERMS = SIDES.map(lambda text: " ".join(text.split())).filter(bool).filter(lambda text: len(text.encode()) <= 1024)


@given(st.lists(st.tuples(TERMS, TERMS), min_size=1, max_size=8, unique_by=lambda sides: sides[0]))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_terms_come_back_as_they_were(shelf: Shelf, entries: list[tuple[str, str]]) -> None:
    first = shelf.create("ann", "Terms", EN_PT, entries=entries)
    assert shelf.entries("ann", first.id) == tuple(entries)
    tsv = shelf.as_tsv("ann", first.id)
    second = shelf.create("ann", "Terms", EN_PT, tsv=tsv.removeprefix("\ufeff"), plain=True)
    assert shelf.as_tsv("ann", second.id) == tsv.removeprefix("\ufeff")
    for kept in (first, second):
        shelf.delete("ann", kept.id)


@given(st.text(max_size=60) | st.text('a,;"\t\n\r=é', max_size=60), st.booleans(), st.booleans())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_kept_or_refused(shelf: Shelf, text: str, is_tsv: bool, plain: bool) -> None:
    try:
        kept = shelf.create(
            "ann", "Terms", EN_PT, tsv=text if is_tsv else None, csv=None if is_tsv else text, plain=plain
        )
    except (InvalidRequest, TooLarge):
        return
    assert len(shelf.terms("ann", kept.id)) == kept.entries > 0
    shelf.delete("ann", kept.id)


# What is refused


@pytest.mark.parametrize(
    ("tsv", "told"),
    [
        ("", "The glossary holds no terms"),
        (" \n\t\n", "holds no terms"),
        ("a\tb\nmask\n", "line 2: 1 fields, expected a source and a target. Separate them by a tab."),
        ("a\tb\tc\n", "line 1: 3 fields, expected"),
        ("a\tb\n\tc\n", "line 2: the source is empty. Fill it in"),
        ("a\tb\n\nc\t \td\n", "line 3: 3 fields"),
        ("a\tb\na\tc\n", "line 2: its source has a translation already, in line 1"),
        ("a\tb\n a \tb\n", "line 2: its source has a translation already, in line 1"),
        ("a\tb\nc\x07\td\n", "line 2: it holds the control character U+0007"),
        ("a\tb\nc\x00\td\n", "line 2: it holds the control character U+0000"),
        ("a\tb\x85c\n", "line 1: it holds the control character U+0085"),
        ("a\tb\u2028c\n", "line 1: it holds the control character U+2028"),
        ("a\t\ud800\n", "line 1: it holds the control character U+D800"),
        ("a\t" + "é" * 513 + "\n", "line 1: a term of 1,026 bytes, expected at most 1,024"),
        ("a\tb\ten\tes\n", "line 1: it is of en to es, and the glossary of en to pt"),
        ("a\tb\ten\txyzzy\n", "line 1: Unknown language 'xyzzy'"),
    ],
)
def test_faults_of_a_plain_text_are_told_by_line(shelf: Shelf, folder: Path, tsv: str, told: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        make(shelf, tsv, plain=True)
    assert told in str(refused.value)
    assert files(folder) == []


@pytest.mark.parametrize(
    ("csv", "plain", "told"),
    [
        ('a,b\n"c,d\n', True, "not CSV"),
        ('a,b\n"c"d,e\n', False, "line 2: not CSV"),
        ('a,b\n"c\nd",e\n', True, "line 2: a term goes on in the next line"),
        ("a,b\nc,d,e,f,g\n", True, "line 2: 5 fields"),
        ("a,b\nc,d,e\n", False, "line 2: 3 fields, expected at most 2"),
        ("a\tb,c\n", True, "line 1: it holds the control character U+0009"),
        ("source,target,status\na,b,nice\n", False, "line 2: the status 'nice' is unknown"),
        ("source,target,status\na,b,\na,c,preferred\n", False, "line 3: its source has a translation already"),
        (
            "source,target,status\na,,keep\na,c,\n",
            False,
            "line 3: its source has a translation already, in line 2",
        ),
        ("de,fr\na,b\n", False, "line 2: it is of de to fr, and the glossary of en to pt"),
        ("sourceLang,targetLang,source,target\nen,pt,a,b\npt,en,c,d\n", False, "line 3: it is of pt to en"),
        ("en,pt\n", False, "holds no terms"),
    ],
)
def test_faults_of_csv_are_told_by_line(shelf: Shelf, csv: str, plain: bool, told: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        shelf.create("ann", "Terms", EN_PT, csv=csv, plain=plain)
    assert told in str(refused.value)
    assert "/" not in str(refused.value)


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ([], "holds no terms"),
        ([("a", "b"), ("", "c")], "entry 2: the source is empty"),
        ([("a", "b"), ("c", " ")], "entry 2: the target is empty"),
        ([("a", "b"), ("a", "c")], "entry 2: its source has a translation already, in entry 1"),
        ([("a", "b\tc")], "entry 1: it holds the control character U+0009"),
        ([("a", "b\nc")], "entry 1: it holds the control character U+000A"),
    ],
)
def test_faults_of_entries_are_told_by_number(shelf: Shelf, entries: list[tuple[str, str]], told: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        shelf.create("ann", "Terms", EN_PT, entries=entries)
    assert told in str(refused.value)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x00", "\u2028x\u2028y", "é" * 513, "x" * 10**6, "\ud800"])
def test_names_that_cannot_be(shelf: Shelf, name: str) -> None:
    with pytest.raises(InvalidRequest, match="wants a name of one line"):
        shelf.create("ann", name, EN_PT, entries=[("a", "b")])


@pytest.mark.parametrize(
    "given", [{}, {"tsv": "a\tb", "csv": "a,b"}, {"tsv": "a\tb", "entries": [("a", "b")]}, {"entries": None}]
)
def test_terms_come_in_one_way(shelf: Shelf, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="in one way"):
        shelf.create("ann", "Terms", EN_PT, **given)


def test_two_languages_are_wanted(shelf: Shelf) -> None:
    with pytest.raises(InvalidRequest, match="Source and target are both en"):
        make(shelf, pair=Pair("en", "en"))


# Limits


def test_ten_thousand_entries_and_no_more(shelf: Shelf) -> None:
    began = time.perf_counter()
    kept = make(shelf, "".join(f"term {number}\ttermo {number}\n" for number in range(MOST_ENTRIES)), plain=True)
    assert time.perf_counter() - began < 5
    assert kept.entries == len(shelf.entries("ann", kept.id)) == MOST_ENTRIES
    more = [(f"{number}", "x") for number in range(MOST_ENTRIES + 1)]
    with pytest.raises(TooLarge, match="more than 10,000 entries"):
        make(shelf, "".join(f"{source}\t{target}\n" for source, target in more))
    with pytest.raises(TooLarge, match="more than 10,000 entries"):
        shelf.create("ann", "Terms", EN_PT, entries=more)


def test_a_mebibyte_and_no_more(shelf: Shelf) -> None:
    line = "{:05d}" + "é" * 400 + "\tx\n"
    count = MOST_BYTES // len(line.format(0).encode())
    text = "".join(line.format(number) for number in range(count))
    make(shelf, text + "a" * (MOST_BYTES - len(text.encode()) - 2) + "\tb")
    for larger in (text + line.format(99999), "x" * (MOST_BYTES + 1), "é" * (MOST_BYTES // 2 + 1)):
        with pytest.raises(TooLarge, match="larger than 1,048,576 bytes"):
            make(shelf, larger)
    with pytest.raises(TooLarge, match="larger than 1,048,576 bytes"):
        shelf.create("ann", "Terms", EN_PT, entries=[(f"{number}" + "é" * 500, "x") for number in range(2000)])


def test_glossaries_of_an_owner_are_limited(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_OF_AN_OWNER", 3)
    with ThreadPoolExecutor(8) as pool:
        done = [pool.submit(make, shelf) for _ in range(20)]
    made = [item.result() for item in done if not item.exception()]
    assert {type(item.exception()) for item in done} == {type(None), QuotaSpent}
    assert len(made) == 3
    make(shelf, owner="bob")
    shelf.delete("ann", made[0].id)
    make(shelf)


# Who sees them


def test_nobody_sees_what_is_somebody_elses(shelf: Shelf, folder: Path) -> None:
    kept = make(shelf)
    assert shelf.list("bob") == shelf.list("Ann") == []
    for owner in ("bob", "Ann", "", "ann/", "../ann"):
        for method in (shelf.get, shelf.path, shelf.terms, shelf.entries, shelf.as_tsv, shelf.delete):
            with pytest.raises(NotFound, match="no glossary of that id"):
                method(owner, kept.id)
    assert shelf.get("ann", kept.id) == kept
    # Not even where the file was put into another's folder.
    other = make(shelf, owner="bob")
    mine, theirs = shelf.path("ann", kept.id), shelf.path("bob", other.id)
    for suffix in (".json", ".tsv"):
        (theirs.parent / mine.name).with_suffix(suffix).write_bytes(mine.with_suffix(suffix).read_bytes())
    with pytest.raises(NotFound):
        shelf.get("bob", kept.id)
    assert shelf.list("bob") == [other]


@pytest.mark.parametrize(
    "number",
    ["", "x", "../x", "..", "*", "\0", "a/b", NOWHERE, "{" + NOWHERE + "}", NOWHERE.replace("-", ""),
     NOWHERE + "\n", "urn:uuid:" + NOWHERE, NOWHERE + "/../" + NOWHERE, "x" * 10**5, "５" + NOWHERE[1:]],
)  # fmt: skip
def test_ids_that_name_nothing(shelf: Shelf, folder: Path, number: str) -> None:
    make(shelf)
    for method in (shelf.get, shelf.path, shelf.terms, shelf.entries, shelf.as_tsv, shelf.delete):
        with pytest.raises(NotFound):
            method("ann", number)
    assert files(folder) == [".json", ".tsv"]


def test_the_list_begins_with_the_oldest(shelf: Shelf) -> None:
    made = []
    for _ in range(5):
        made.append(make(shelf))
        time.sleep(0.002)
    assert shelf.list("ann") == made


def test_what_is_deleted_is_gone(shelf: Shelf, folder: Path) -> None:
    kept, other = make(shelf), make(shelf)
    shelf.delete("ann", kept.id)
    with pytest.raises(NotFound):
        shelf.get("ann", kept.id)
    with pytest.raises(NotFound):
        shelf.delete("ann", kept.id)
    assert shelf.list("ann") == [other]
    assert files(folder) == [".json", ".tsv"]


# Faults of the disk


def test_what_a_killed_server_left_half_done_goes(shelf: Shelf, folder: Path) -> None:
    kept = make(shelf)
    place = shelf.path("ann", kept.id).parent
    (place / f"{NOWHERE}.tsv").write_text("en\tpt\na\tb\n", "utf-8")
    (place / f".{NOWHERE}.json.abc.partial").write_text("{", "utf-8")
    Shelf(folder)
    assert len(files(folder)) == 4  # another server may be at it just now
    for path in place.glob(f"*{NOWHERE}*"):
        os.utime(path, (0, 0))
    again = Shelf(folder)
    assert files(folder) == [".json", ".tsv"]
    assert again.entries("ann", kept.id) == (("mask", "máscara"),)


def test_a_full_disk_leaves_nothing_behind(shelf: Shelf, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    make(shelf)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    for size in (1, 40):  # the second is enough for the terms, and not for what is told of them
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            with pytest.raises(
                Unavailable, match="neither read nor keep glossaries now: File too large"
            ) as refused:
                make(shelf, "a\tb\n")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)
    assert str(folder) not in str(refused.value)
    assert len(caplog.records) == 2
    assert files(folder) == [".json", ".tsv"]


@pytest.mark.parametrize("content", ["", "[]", "{}", "[" * 100_000, '{"id": 1}', None])
def test_a_broken_description_is_passed_over(
    shelf: Shelf, caplog: pytest.LogCaptureFixture, content: str | None
) -> None:
    kept, broken = make(shelf), make(shelf)
    path = shelf.path("ann", broken.id).with_suffix(".json")
    if content is None:
        content = json.dumps({**json.loads(path.read_bytes()), "entries": "2"})
    path.write_text(content, "utf-8")
    assert shelf.list("ann") == [kept]
    with pytest.raises(NotFound):
        shelf.get("ann", broken.id)
    assert "is broken" in caplog.text


def test_terms_that_cannot_be_read_tell_no_path(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    kept = make(shelf)
    path = shelf.path("ann", kept.id)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(Unavailable) as refused:
        shelf.entries("ann", kept.id)
    assert str(path.parent) not in str(refused.value)
    assert str(path) in caplog.text
