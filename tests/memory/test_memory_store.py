"""The file of a memory: what is kept, what is told of it, and what happens where it is not as it should be."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import pytest

from scalemt.errors import InputError, UsageError
from scalemt.memory import store as store_module
from scalemt.memory.store import Added, MemoryStore
from scalemt.memory.units import HOLE, Unit, skeleton, swap
from scalemt.types import Pair, Segment, Span

EN_PT = Pair("en", "pt")
OLD, MIDDLE, NEW = "2001-01-01T00:00:00Z", "2010-01-01T00:00:00Z", "2020-01-01T00:00:00Z"

FULL = Unit(
    "Click <g1>here</g1>, {name}",
    "Clique <g1>aqui</g1>, {name}",
    EN_PT,
    before="Welcome!",
    after="Thank you.",
    context="menu.welcome",
    origin="welcome.tmx",
    creator="ana",
    created=OLD,
    changed=NEW,
    quality=0.75,
    domain="software",
    note='with "quotes", a 100 % sign and\na second line',
    source_spans=(Span(6, 10, "tag", 0, "open", 1), Span(14, 19, "tag", 1, "close", 0)),
    target_spans=(Span(7, 11, "tag", 0, "open", 1), Span(15, 20, "tag", 1, "close", 0)),
    codes={0: '<a href="x">', 1: "</a>"},
)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[MemoryStore]:
    kept = MemoryStore(tmp_path / "memory.db", create=True)
    yield kept
    kept.close()


def unit(source: str, target: str, changed: str = "", pair: Pair = EN_PT, **about: str) -> Unit:
    return Unit(source, target, pair, changed=changed, **about)  # type: ignore[arg-type]


def exact(memory: MemoryStore, text: str, pair: Pair = EN_PT, *, swapped: bool = False) -> list[str]:
    asked = skeleton(Segment(text))
    return [found.target for found in memory.exact([asked], pair, swapped=swapped).get(asked, [])]


def test_all_that_a_unit_says_is_there_after_the_file_was_closed(memory: MemoryStore) -> None:
    assert memory.add([FULL]) == Added(1, 0, 0)
    memory.close()
    again = MemoryStore(memory.path)
    (found,) = again.units()
    again.close()
    assert all(getattr(FULL, field.name) for field in fields(Unit) if field.name != "id")
    assert found == replace(FULL, id=1)


def test_what_is_not_known_of_a_unit_stays_unknown(memory: MemoryStore) -> None:
    memory.add([unit("The house", "A casa")])
    (found,) = memory.units()
    assert found.quality is None
    assert (found.before, found.context, found.creator, found.codes) == ("", "", "", {})
    assert found.created == found.changed != ""


def test_added_known_and_refused_are_counted(memory: MemoryStore) -> None:
    first = [unit("One", "Um"), unit("Two", "Dois"), unit("  ", "Nada"), unit("Nothing", "\n")]
    assert memory.add(first) == Added(2, 0, 2)
    assert memory.add([unit("One", "Um"), unit("Three", "Três"), unit("Three", "Três")]) == Added(1, 2, 0)
    assert memory.add([]) == Added(0, 0, 0)
    assert memory.stats()[0].units == 3


@pytest.mark.parametrize("held", ["bad \ud800 text", "\udfff"])
def test_a_lone_surrogate_is_refused_wherever_it_stands_and_the_others_are_kept(
    memory: MemoryStore, held: str
) -> None:
    bad = [unit(held, "x"), unit("x", held), unit("a", "b", note=held), unit("a", "b", before=held)]
    bad.append(replace(FULL, codes={0: held}))
    assert memory.add([unit("One", "Um"), *bad]) == Added(1, 0, 5)
    assert [found.source for found in memory.units()] == ["One"]


def test_a_nul_is_a_character_like_any_other(memory: MemoryStore) -> None:
    memory.add([unit("before\0after", "antes\0depois")])
    assert [(found.source, found.target) for found in memory.units()] == [("before\0after", "antes\0depois")]
    assert exact(memory, "before\0after") == ["antes\0depois"]
    assert exact(memory, "before") == []
    assert len(memory.concordance("DEPOIS")) == 1


def test_another_target_of_the_same_source_is_kept_beside_it_the_newest_first(memory: MemoryStore) -> None:
    memory.add([unit("Save", "Guardar", MIDDLE), unit("Save", "Salvar", NEW), unit("Save", "Gravar", OLD)])
    assert exact(memory, "Save") == ["Salvar", "Guardar", "Gravar"]
    assert memory.stats()[0].units == 3
    assert memory.stats()[0].sources == 1
    assert (memory.stats()[0].oldest, memory.stats()[0].newest) == (OLD, NEW)


def test_of_units_of_one_second_the_one_that_came_last_is_first(memory: MemoryStore) -> None:
    memory.add([unit("Save", "Guardar", NEW), unit("Save", "Salvar", NEW)])
    assert exact(memory, "Save") == ["Salvar", "Guardar"]


def test_an_import_of_what_is_older_does_not_touch_a_correction(memory: MemoryStore) -> None:
    memory.add([unit("Save", "Guardar", OLD), replace(unit("Save", "Salvar", NEW), creator="ana", quality=1.0)])
    told = memory.add([unit("Save", "Guardar", MIDDLE), replace(unit("Save", "Salvar", MIDDLE), creator="tool")])
    assert told == Added(0, 2, 0)
    first, second = memory.exact(["Save"], EN_PT, swapped=False)["Save"]
    assert (first.target, first.changed, first.creator, first.quality) == ("Salvar", NEW, "ana", 1.0)
    assert (second.target, second.changed) == ("Guardar", MIDDLE)


def test_what_is_confirmed_again_becomes_the_newest_and_keeps_what_is_not_said_anew(memory: MemoryStore) -> None:
    memory.add([replace(unit("Save", "Guardar", OLD), quality=0.5), unit("Save", "Salvar", MIDDLE)])
    memory.add([unit("Save", "Guardar", NEW, origin="correction")])
    first = memory.exact(["Save"], EN_PT, swapped=False)["Save"][0]
    assert (first.target, first.origin, first.created, first.quality) == ("Guardar", "correction", OLD, 0.5)


def test_the_same_translation_in_another_context_is_another_unit(memory: MemoryStore) -> None:
    held = [
        unit("Open", "Abrir"),
        unit("Open", "Abrir", before="File"),
        unit("Open", "Abrir", after="Close"),
        unit("Open", "Abrir", context="menu.open"),
        unit("Open", "Abrir", context="dialog.open"),
    ]
    assert memory.add(held) == Added(5, 0, 0)
    assert memory.add(held) == Added(0, 5, 0)
    assert {found.context for found in memory.units()} == {"", "menu.open", "dialog.open"}


def test_other_tags_numbers_and_spaces_make_no_other_unit(memory: MemoryStore) -> None:
    first = unit("Open  {0} in <b>Files</b>", "Abrir {0} em <b>Ficheiros</b>", OLD)
    second = unit("Open {name} in <i>Files</i>", "Abrir {name} em <i>Ficheiros</i>", NEW)
    assert memory.add([first, second]) == Added(1, 1, 0)
    (found,) = memory.units()
    assert found.source == second.source
    assert exact(memory, "Open {x} in <u>Files</u>") == []  # asked without its spans it is another text


def test_letters_are_compared_composed_and_spans_by_a_sign() -> None:
    spans = (Span(3, 6, "placeholder", 0), Span(7, 12, "term", 1))
    assert skeleton(Segment(" a\n{0}  Linux", spans=(Span(3, 6, "placeholder", 0),))) == f"a {HOLE} Linux"
    assert skeleton(Segment("is {0} Linux", spans=spans)) == f"is {HOLE} Linux"
    assert skeleton(Segment("caf\u0065\u0301")) == skeleton(Segment("caf\u00e9"))


def test_removed_units_are_gone_and_their_number_is_told(memory: MemoryStore) -> None:
    memory.add([unit("One", "Um"), unit("Two", "Dois"), unit("Dos", "Dois", pair=Pair("es", "pt"))])
    assert memory.remove([1, 3, 99, 1]) == 2
    assert [found.id for found in memory.units()] == [2]
    assert memory.get([1, 2, 3]).keys() == {2}
    assert memory.pairs() == [EN_PT]
    memory.add([unit("Three", "Três")])
    assert [found.id for found in memory.units()] == [2, 4]


def test_every_change_is_counted_and_nothing_else(memory: MemoryStore) -> None:
    counts = [memory.changes()]
    memory.add([unit("One", "Um", OLD)])
    counts.append(memory.changes())
    memory.add([unit("One", "Um", NEW)])
    counts.append(memory.changes())
    memory.remove([1])
    counts.append(memory.changes())
    memory.remove([1])
    memory.add([])
    list(memory.units())
    counts.append(memory.changes())
    assert counts == [0, 1, 2, 3, 3]


def test_many_ids_and_texts_are_asked_for_in_one_call(memory: MemoryStore) -> None:
    memory.add(unit(f"Sentence {number}", f"Frase {number}") for number in range(1203))
    assert len(memory.get(range(1, 2000))) == 1203
    found = memory.exact([f"Sentence {number}" for number in range(1300)], EN_PT, swapped=False)
    assert len(found) == 1203
    assert found["Sentence 1202"][0].target == "Frase 1202"


def test_repeated_units_are_those_of_which_a_newer_one_says_the_same(memory: MemoryStore) -> None:
    memory.add([
        unit("Open", "Abrir", MIDDLE, context="a"),
        unit("Open", "Abrir", OLD),
        unit("Open", "Abrir", NEW, context="b"),
        unit("Open", "Aberto", OLD),
        unit("Open", "Abrir", OLD, pair=Pair("en", "gl")),
    ])  # fmt: skip
    assert sorted(memory.repeated()) == [1, 2]
    memory.remove(memory.repeated())
    assert memory.repeated() == []
    assert len(list(memory.units())) == 3


def test_superseded_units_are_those_whose_source_has_a_newer_target_in_the_same_context(
    memory: MemoryStore,
) -> None:
    memory.add([
        unit("Open", "Abrir", MIDDLE),
        unit("Open", "Aberto", NEW),
        unit("Open", "Aberta", OLD),
        unit("Open", "Abra", OLD, context="menu"),
    ])  # fmt: skip
    assert sorted(memory.superseded()) == [1, 3]


@pytest.mark.parametrize(
    ("kept", "wanted", "serves"),
    [
        ("en->pt", "en->pt-BR", "straight"),
        ("en->pt-BR", "en->pt", "straight"),
        ("en->pt-PT", "en->pt-BR", ""),
        ("en-GB->pt", "en-US->pt", ""),
        ("en-GB->pt-BR", "en->pt", "straight"),
        ("en->zh", "en->zh-Hant", ""),
        ("en->zh-Hant", "en->zh-Hant-HK", "straight"),
        ("en->zh-Hant-TW", "en->zh-Hant-HK", ""),
        ("sr->en", "sr-Latn->en", ""),
        ("pt->en", "en->pt", "swapped"),
        ("pt-BR->en", "en->pt", "swapped"),
        ("pt-BR->en", "en->pt-PT", ""),
        ("en->es", "en->pt", ""),
    ],
)
def test_which_pairs_serve_which(memory: MemoryStore, kept: str, wanted: str, serves: str) -> None:
    pair = Pair(*kept.split("->"))
    memory.add([unit("x", "y", pair=pair)])
    found = memory.fitting(Pair(*wanted.split("->")))
    assert found == ([(pair, serves == "swapped")] if serves else [])


def test_the_opposite_direction_is_given_with_its_sides_swapped(memory: MemoryStore) -> None:
    memory.add([replace(FULL, pair=EN_PT)])
    asked = skeleton(swap(FULL).segment)
    ((found,),) = memory.exact([asked], EN_PT, swapped=True).values()
    assert (found.source, found.target, found.pair) == (FULL.target, FULL.source, EN_PT.reversed)
    assert (found.source_spans, found.target_spans) == (FULL.target_spans, FULL.source_spans)
    assert (found.before, found.after, found.context) == ("", "", FULL.context)
    assert next(memory.sides(EN_PT, 0, swapped=True))[1].source == FULL.target


@pytest.mark.parametrize(
    ("needle", "sources"),
    [
        ("HOUSE", ["The house"]),
        ("casa", ["The house"]),
        ("100 %", ["100 % sure"]),
        ("%", ["100 % sure"]),
        ("_", []),
        ('"quoted"', ['He said "quoted" twice']),
        ("it's", ["It's 'here'"]),
        ("ISTANBUL", ["İstanbul"]),
        ("istanbul", ["İstanbul"]),
        ("ısparta", ["ISPARTA"]),
        ("STRASSE", ["Straße"]),
        ("straße", ["Straße"]),
        ("caf\u0065\u0301", ["Café"]),
        ("σοφος", ["ΣΟΦΟΣ"]),
        ("nowhere", []),
    ],
)
def test_a_concordance_knows_words_whatever_their_case(
    memory: MemoryStore, needle: str, sources: list[str]
) -> None:
    texts = [
        "100 % sure",
        'He said "quoted" twice',
        "It's 'here'",
        "İstanbul",
        "ISPARTA",
        "Straße",
        "Café",
        "ΣΟΦΟΣ",
    ]
    memory.add([unit("The house", "A casa"), *(unit(text, "x") for text in texts)])
    assert [found.source for found in memory.concordance(needle)] == sources


def test_a_concordance_gives_the_newest_first_of_one_pair_and_no_more_than_asked(memory: MemoryStore) -> None:
    memory.add([unit(f"word {place}", "x", f"20{place:02}-01-01T00:00:00Z") for place in range(10, 20)])
    memory.add([unit("word", "y", NEW, pair=Pair("en", "es"))])
    assert [found.source for found in memory.concordance("word", EN_PT, limit=3)] == [
        "word 19",
        "word 18",
        "word 17",
    ]
    assert memory.concordance("word")[0].target == "y"


def test_a_memory_that_is_not_there_is_not_made_by_looking(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no translation memory .*nowhere\.db.*scalemt memory import"):
        MemoryStore(tmp_path / "nowhere.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content", [b"", b"not a database, only text " * 100, b"\0" * 5000, b"SQLite format 3\0rubbish"]
)
def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"notes\.txt cannot be used as a translation memory: .+\.$"):
        MemoryStore(path)
    assert path.read_bytes() == content


def test_a_database_of_something_else_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE units (id INTEGER)")
    other.close()
    before = path.read_bytes()
    for create in (False, True):
        with pytest.raises(InputError, match="a database of something else"):
            MemoryStore(path, create=create)
    assert path.read_bytes() == before


def test_a_memory_of_another_layout_is_refused(memory: MemoryStore) -> None:
    memory.close()
    other = sqlite3.connect(memory.path)
    with other:
        other.execute("UPDATE memory SET value = '99' WHERE key = 'layout'")
    other.close()
    with pytest.raises(InputError, match="its layout is 99, made by another version"):
        MemoryStore(memory.path)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be used as a translation memory"):
        MemoryStore(tmp_path / "missing" / "memory.db", create=True)
    with pytest.raises(InputError):
        MemoryStore(tmp_path, create=True)


@pytest.mark.parametrize("name", ["a b?.db", "100%.db", "naïve#1.db", "c:\\x.db"])
def test_any_name_of_a_file_will_do(tmp_path: Path, name: str) -> None:
    kept = MemoryStore(tmp_path / name, create=True)
    kept.add([unit("One", "Um")])
    kept.close()
    again = MemoryStore(tmp_path / name)
    assert again.stats()[0].units == 1
    again.close()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_an_error_while_units_are_read_leaves_nothing(memory: MemoryStore) -> None:
    memory.add([unit("One", "Um")])

    def broken() -> Iterator[Unit]:
        for number in range(5000):
            yield unit(f"Sentence {number}", "x", pair=Pair("en", "es"))
        raise RuntimeError("the file ends in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        memory.add(broken())
    assert memory.pairs() == [EN_PT]
    assert memory.changes() == 1
    # A pair that was new in what was taken back is made again.
    assert memory.add([unit("Uno", "x", pair=Pair("en", "es"))]) == Added(1, 0, 0)
    assert len(list(memory.units())) == 2


def test_a_closed_memory_says_so(memory: MemoryStore) -> None:
    memory.close()
    with pytest.raises(UsageError, match="cannot be read"):
        memory.pairs()
    with pytest.raises(UsageError, match="cannot be written"):
        memory.add([unit("One", "Um")])


def test_a_memory_that_another_process_is_writing_is_said_and_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_PATIENCE", 0.1)
    kept = MemoryStore(tmp_path / "memory.db", create=True)
    kept.add([unit("One", "Um")])
    script = (
        "import sqlite3, sys\n"
        "file = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "file.execute('BEGIN IMMEDIATE')\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
        "file.execute('ROLLBACK')\n"
        "file.close()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(kept.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(UsageError, match=r"cannot be written: database is locked\. Nothing was changed"):
            kept.add([unit("Two", "Dois")])
        assert [found.source for found in kept.units()] == ["One"]
        second = MemoryStore(kept.path)
        assert second.stats()[0].units == 1
        second.close()
        holder.communicate()
    assert kept.add([unit("Two", "Dois")]) == Added(1, 0, 0)
    kept.close()


def test_a_full_disk_leaves_what_was_there(memory: MemoryStore) -> None:
    memory.add([unit("One", "Um")])
    pages = memory._file.execute("PRAGMA page_count").fetchone()[0]
    memory._file.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(UsageError, match=r"cannot be written: database or disk is full\. Nothing was changed"):
        memory.add(unit(f"Sentence {number} " * 50, "x") for number in range(500))
    assert [found.source for found in memory.units()] == ["One"]
    memory._file.execute("PRAGMA max_page_count = 100000")
    assert memory.add([unit("Two", "Dois")]) == Added(1, 0, 0)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte; skipped where nobody may make one."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], check=False, capture_output=True
    )
    if made.returncode:
        pytest.skip("no disk can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_disk_that_is_really_full(small_disk: Path) -> None:
    kept = MemoryStore(small_disk / "memory.db", create=True)
    kept.add([unit("One", "Um")])
    with pytest.raises(UsageError, match="Nothing was changed"):
        kept.add(unit(f"Sentence {number} " * 50, "x") for number in range(5000))
    assert [found.source for found in kept.units()] == ["One"]
    assert kept.add([unit("Two", "Dois")]) == Added(1, 0, 0)
    kept.close()


def test_a_memory_on_a_disk_that_cannot_be_written_can_be_read(small_disk: Path) -> None:
    kept = MemoryStore(small_disk / "memory.db", create=True)
    kept.add([unit("One", "Um")])
    kept.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    fixed = MemoryStore(small_disk / "memory.db")
    assert exact(fixed, "One") == ["Um"]
    with pytest.raises(UsageError, match="readonly database"):
        fixed.add([unit("Two", "Dois")])
    fixed.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_file_that_is_not_ours_can_be_read(tmp_path: Path) -> None:
    kept = MemoryStore(tmp_path / "memory.db", create=True)
    kept.add([unit("One", "Um")])
    kept.close()
    kept.path.chmod(0o444)
    for folder in (tmp_path, *tmp_path.parents[:-1]):
        folder.chmod(folder.stat().st_mode | 0o055)
    script = (
        "import os, sys\n"
        "from scalemt.errors import UsageError\n"
        "from scalemt.memory import MemoryStore, Unit\n"
        "from scalemt.types import Pair\n"
        "import scalemt.memory.recall\n"
        "os.setuid(65534)\n"
        "kept = MemoryStore(sys.argv[1])\n"
        "print([found.target for found in kept.units()])\n"
        "try:\n"
        "    kept.add([Unit('a', 'b', Pair('en', 'pt'))])\n"
        "except UsageError as fault:\n"
        "    print(fault)\n"
        "kept.close()\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, str(kept.path)], capture_output=True, text=True, check=True
    )
    assert told.stdout.startswith("['Um']\n")
    assert "readonly database" in told.stdout


ADDING = """
import sys
from scalemt.memory import MemoryStore, Unit
from scalemt.types import Pair
kept = MemoryStore(sys.argv[1], create=True)
for number in range(int(sys.argv[3])):
    own = Unit(f"{sys.argv[2]} {number}", f"x {number}", Pair("en", "pt"))
    kept.add([own, Unit("common", "comum", Pair("en", "pt"))])
kept.close()
"""


def test_several_processes_make_one_memory_and_add_to_it_at_once(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    names = ["ana", "rui", "eva"]
    running = [
        subprocess.Popen([sys.executable, "-c", ADDING, str(path), name, "60"], stderr=subprocess.PIPE, text=True)
        for name in names
    ]
    assert [process.communicate()[1] for process in running] == ["", "", ""]
    kept = MemoryStore(path)
    found = sorted(found.source for found in kept.units())
    assert found == sorted([*(f"{name} {number}" for name in names for number in range(60)), "common"])
    assert kept.changes() == 180
    kept.close()


def test_threads_share_one_memory(memory: MemoryStore) -> None:
    faults: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for number in range(40):
                memory.add([unit(f"{name} {number}", "x")])
                assert exact(memory, f"{name} {number}") == ["x"]
                memory.concordance(name, limit=3)
                list(memory.units())
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("ana", "rui", "eva")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert memory.stats()[0].units == 120


def test_units_made_from_those_of_the_same_memory_can_be_added(memory: MemoryStore) -> None:
    memory.add(unit(f"Sentence {number}", f"Frase {number}") for number in range(3000))
    told = memory.add(replace(found, pair=Pair("en", "gl")) for found in memory.units(EN_PT))
    assert told == Added(3000, 0, 0)


def test_pages_of_units_miss_none_and_give_none_twice(memory: MemoryStore) -> None:
    memory.add(
        unit(f"Sentence {number}", "x", pair=Pair("en", "pt" if number % 3 else "es")) for number in range(7000)
    )
    numbers = [number for number, _ in memory.sides(EN_PT, 0, swapped=False)]
    assert len(numbers) == len(set(numbers)) == sum(bool(number % 3) for number in range(7000))
    assert numbers == sorted(numbers)
    assert [number for number, _ in memory.sides(EN_PT, numbers[-2], swapped=False)] == numbers[-1:]
    assert memory.newest_id(EN_PT) == numbers[-1]


def test_the_size_on_disk_counts_the_log(memory: MemoryStore) -> None:
    memory.add([unit("One", "Um")])
    log = memory.path.with_name("memory.db-wal")
    assert log.stat().st_size > 0
    assert memory.size_on_disk() >= memory.path.stat().st_size + log.stat().st_size
