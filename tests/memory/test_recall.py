"""What memories know of a segment: which unit comes first, and what becomes of its tags and spaces."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from scalemt.errors import ConfigurationError, InputError, UsageError
from scalemt.memory import recall as recall_module
from scalemt.memory.matching import MemorySelector, demonstration
from scalemt.memory.recall import Match, Memories, MemoryUse, carried, read_use
from scalemt.memory.selection import FixedSelector
from scalemt.memory.store import MemoryStore
from scalemt.memory.units import Unit
from scalemt.text.protection import protect
from scalemt.text.spans import literal
from scalemt.types import Demonstration, Pair, Segment, Span

EN_PT = Pair("en", "pt")
OLD, MIDDLE, NEW = "2001-01-01T00:00:00Z", "2010-01-01T00:00:00Z", "2020-01-01T00:00:00Z"

Opening = Callable[..., Memories]


def unit(source: str, target: str, changed: str = OLD, pair: Pair = EN_PT, **about: str) -> Unit:
    return Unit(source, target, pair, changed=changed, **about)  # type: ignore[arg-type]


@pytest.fixture
def opening(tmp_path: Path) -> Iterator[Opening]:
    """Open memories that hold the given units, each with the given penalty."""
    made: list[Memories] = []

    def open_all(*held: list[Unit], penalties: tuple[float, ...] = ()) -> Memories:
        uses = []
        for place, units in enumerate(held):
            path = tmp_path / f"{len(made)}-{place}.db"
            store = MemoryStore(path, create=True)
            store.add(units)
            store.close()
            uses.append(MemoryUse(path, penalties[place] if penalties else 0.0))
        made.append(Memories(uses))
        return made[-1]

    yield open_all
    for memories in made:
        for store in memories.stores:
            store.close()


def told(matches: list[Match]) -> list[tuple[str, str]]:
    return [(match.kind, match.unit.target) for match in matches]


def search(memories: Memories, text: str | Segment, limit: int = 5, floor: float = 50.0) -> list[Match]:
    segment = Segment(text) if isinstance(text, str) else text
    (row,) = memories.search([segment], EN_PT, limit, floor)
    return row


def exact(memories: Memories, text: str | Segment) -> Match | None:
    (found,) = memories.exact([Segment(text) if isinstance(text, str) else text], EN_PT)
    return found


def test_context_comes_before_exact_and_exact_before_fuzzy(opening: Opening) -> None:
    memories = opening([
        unit("Open the door", "Abre a porta", OLD, before="Hello"),
        unit("Open the door", "Abra a porta", NEW),
        unit("Open the doors", "Abra as portas", NEW),
        unit("Something else", "Outra coisa", NEW),
    ])  # fmt: skip
    said = Segment("Open the door", before=("First", "Hello"))
    assert told(search(memories, said)) == [
        ("context", "Abre a porta"),
        ("exact", "Abra a porta"),
        ("fuzzy", "Abra as portas"),
    ]
    assert told(search(memories, "Open the door"))[0] == ("exact", "Abra a porta")
    # What stands further back is no context.
    assert told(search(memories, replace(said, before=("Hello", "Goodbye"))))[0] == ("exact", "Abra a porta")
    found = exact(memories, said)
    assert found is not None
    assert (found.kind, found.unit.target, found.shown, found.memory) == (
        "context",
        "Abre a porta",
        "101 %",
        "0-0.db",
    )


def test_a_key_of_the_document_is_a_context_too(opening: Opening) -> None:
    memories = opening([unit("Open", "Aberto", OLD, context="state.open"), unit("Open", "Abrir", NEW)])
    assert told(search(memories, Segment("Open", "state.open")))[0] == ("context", "Aberto")
    assert told(search(memories, Segment("Open", "menu.open")))[0] == ("exact", "Abrir")
    assert told(search(memories, Segment("Open")))[0] == ("exact", "Abrir")


def test_a_context_match_is_found_among_any_number_of_others(opening: Opening) -> None:
    many = [unit("Yes", f"Sim {number}", NEW, context=f"key.{number}") for number in range(60)]
    memories = opening([unit("Yes", "Pois", OLD, context="mine"), *many])
    assert told(search(memories, Segment("Yes", "mine"), limit=3))[0] == ("context", "Pois")


def test_the_memory_named_first_comes_first_of_equals_and_a_penalty_comes_before_that(opening: Opening) -> None:
    one, other = [unit("Save", "Guardar", OLD)], [unit("Save", "Salvar", NEW)]
    assert told(search(opening(one, other), "Save")) == [("exact", "Guardar"), ("exact", "Salvar")]
    penalised = search(opening(one, other, penalties=(3, 0)), "Save")
    assert [(match.unit.target, match.score) for match in penalised] == [("Salvar", 100.0), ("Guardar", 97.0)]
    found = exact(opening(one, other, penalties=(5, 10)), "Save")
    assert found is not None
    assert (found.unit.target, found.score) == ("Guardar", 95.0)


def test_a_penalty_counts_before_the_floor(opening: Opening) -> None:
    memories = opening([unit("abcdefghij", "x"), unit("abcdefghiX", "y")], penalties=(15,))
    assert [match.score for match in search(memories, "abcdefghij", floor=70)] == [85.0, 75.0]
    assert [match.score for match in search(memories, "abcdefghij", floor=80)] == [85.0]
    assert search(memories, "abcdefghij", floor=90) == []
    assert search(opening([unit("Save", "Guardar")], penalties=(60,)), "Save") == []


def test_what_says_the_same_is_given_once(opening: Opening) -> None:
    memories = opening(
        [unit("Save", "Guardar", OLD, context="a"), unit("Save", "Guardar", NEW), unit("Save", "Salvar", OLD)],
        [unit("Save", "Guardar", NEW), unit("Guardar", "Save", NEW, Pair("pt", "en"))],
    )
    rows = search(memories, "Save")
    assert [match.unit.target for match in rows] == ["Guardar", "Salvar"]
    assert rows[0].unit.changed == NEW


def test_neither_repetitions_nor_removed_units_crowd_out_what_is_left(opening: Opening) -> None:
    repeated = [unit("The red door", "A porta vermelha", NEW, context=f"key.{number}") for number in range(40)]
    removed = [unit("The red door", f"Nada {number}", NEW) for number in range(40)]
    other = unit("The red doors", "As portas vermelhas", OLD)
    memories = opening([other, *repeated, *removed])
    store = memories.stores[0]
    store.remove([found.id for found in store.units() if found.target.startswith("Nada")])
    for _ in range(2):
        assert [match.unit.target for match in search(memories, "The red door", 2)] == [
            "A porta vermelha",
            "As portas vermelhas",
        ]
        assert [match.unit.target for match in search(memories, "The red dooor", 2)] == [
            "A porta vermelha",
            "As portas vermelhas",
        ]
    store.remove([found.id for found in store.units() if found.context])
    assert [match.unit.target for match in search(memories, "The red door", 2)] == ["As portas vermelhas"]


def test_limit_floor_and_many_segments_at_once(opening: Opening) -> None:
    memories = opening([unit(f"The door number {number}", f"Porta {number}") for number in range(9)])
    assert len(search(memories, "The door number 3", limit=4)) == 4
    assert search(memories, "The door number 3", limit=0) == []
    texts = ["The door number 3", "", "zzz", "The door number 5", "The door number 3"]
    rows = memories.search([Segment(text) for text in texts], EN_PT, 1, 80)
    assert [[match.unit.target for match in row] for row in rows] == [
        ["Porta 3"],
        [],
        [],
        ["Porta 5"],
        ["Porta 3"],
    ]
    found = memories.exact([Segment(text) for text in texts], EN_PT)
    assert [match and match.unit.target for match in found] == ["Porta 3", None, None, "Porta 5", "Porta 3"]
    assert memories.search([], EN_PT) == []
    assert memories.exact([], EN_PT) == []


def test_other_directions_and_territories(opening: Opening) -> None:
    memories = opening([
        unit("Guardar", "Save", NEW, Pair("pt-PT", "en-GB")),
        unit("Save", "Salvar", OLD, Pair("en", "pt-BR")),
        unit("Save", "Gravar", MIDDLE),
        unit("Save", "Gardar", NEW, Pair("en", "gl")),
    ])  # fmt: skip

    def targets(pair: Pair) -> list[str]:
        return [match.unit.target for match in memories.search([Segment("Save")], pair)[0]]

    assert targets(EN_PT) == ["Guardar", "Gravar", "Salvar"]
    assert targets(Pair("en-US", "pt-BR")) == ["Gravar", "Salvar"]
    assert targets(Pair("en", "gl")) == ["Gardar"]
    assert targets(Pair("pt", "gl")) == []
    (found,) = memories.exact([Segment("Gravar")], Pair("pt", "en"))
    assert found is not None
    assert (found.unit.target, found.unit.pair) == ("Save", EN_PT.reversed)


def test_only_the_same_text_is_called_100_percent() -> None:
    assert Match(unit("a", "b"), 99.8, "fuzzy", "m").shown == "99 %"
    assert Match(unit("a", "b"), 100.0, "exact", "m").shown == "100 %"
    assert Match(unit("a", "b"), 95.0, "context", "m").shown == "95 %"


def test_a_term_that_is_kept_is_a_word_like_any_other(opening: Opening) -> None:
    memories = opening([unit("Install Linux now", "Instale o Linux agora"), unit("Use Windows", "Use as janelas")])
    kept = protect(Segment("Install Linux now"), ["Linux"])
    found = exact(memories, kept)
    assert found is not None
    put = carried(found, kept)
    assert put is not None
    assert put.text == "Instale o Linux agora"
    assert [(literal(put.text, span), span.kind) for span in put.spans] == [("Linux", "term")]
    # A unit that translates what is to be kept is no translation of the segment.
    other = protect(Segment("Use Windows"), ["Windows"])
    translated = exact(memories, other)
    assert translated is not None
    assert carried(translated, other) is None


def match(source: str, target: str, **about: object) -> Match:
    return Match(replace(unit(source, target), **about), 100.0, "exact", "m.db")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("source", "target", "segment", "expected"),
    [
        ("Open {0}", "Abrir {0}", "Open {name}", "Abrir {name}"),
        ("{0} of {1}", "{1}: {0}", "{a} of {b}", "{b}: {a}"),
        ("%s and %s", "%s e %s", "{x} and {y}", "{x} e {y}"),
        ("A <b>big</b> cat", "Um gato <b>grande</b>", "A <i>big</i> cat", "Um gato <i>grande</i>"),
        ("See https://a.org.", "Veja https://a.org.", "See https://b.org/c.", "Veja https://b.org/c."),
        ("No tags", "Sem etiquetas", "No tags", "Sem etiquetas"),
        ("<b>All</b>", "<b>Tudo</b>", "<em>All</em>", "<em>Tudo</em>"),
        ("One  two", "Um dois", "One two", "Um dois"),
    ],
)
def test_spans_of_the_segment_take_the_places_of_those_of_the_unit(
    source: str, target: str, segment: str, expected: str
) -> None:
    mine = protect(Segment(segment))
    put = carried(match(source, target), Segment(segment))
    assert put is not None
    assert put.text == expected
    assert {literal(put.text, span) for span in put.spans} == {literal(mine.text, span) for span in mine.spans}
    assert sorted(span.key for span in put.spans) == [span.key for span in mine.spans]


@pytest.mark.parametrize(
    ("source", "target", "segment"),
    [
        ("Open {0}", "Abrir", "Open {0}"),
        ("Open {0}", "Abrir {0} {0}", "Open {0}"),
        ("Open {0} and {1}", "Abrir {0}", "Open {0} and {1}"),
        ("A <b>big</b> cat", "Um gato </b>grande<b>", "A <b>big</b> cat"),
        ("Open {0}", "Abrir {0}", "Open {0} {1}"),
        ("Open {0}", "Abrir {0}", "Open it"),
    ],
)
def test_a_unit_whose_spans_cannot_be_told_is_not_carried(source: str, target: str, segment: str) -> None:
    assert carried(match(source, target), Segment(segment)) is None


def test_inline_codes_of_a_format_and_placeholders_together() -> None:
    held = match(
        "Click <g1>here</g1>, {name}",
        "{name}, clique <g1>aqui</g1>",
        source_spans=(Span(6, 10, "tag", 0, "open", 1), Span(14, 19, "tag", 1, "close", 0)),
        target_spans=(Span(15, 19, "tag", 0, "open", 1), Span(23, 28, "tag", 1, "close", 0)),
    )
    mine = Segment(
        "Click <g7>here</g7>, {user}",
        spans=(Span(6, 10, "tag", 4, "open", 5), Span(14, 19, "tag", 5, "close", 4)),
    )
    put = carried(held, mine)
    assert put is not None
    assert put.text == "{user}, clique <g7>aqui</g7>"
    assert [(literal(put.text, span), span.key, span.partner) for span in put.spans] == [
        ("{user}", 6, -1),
        ("<g7>", 4, 5),
        ("</g7>", 5, 4),
    ]
    assert demonstration(held) == Demonstration(
        "Click <g1>here</g1>, {name}", "{name}, clique <g1>aqui</g1>", likeness=100.0, origin="m.db"
    )


@pytest.mark.parametrize(
    ("segment", "expected"),
    [
        ("  Hello\n", "  Olá\n"),
        ("\tHello ", "\tOlá "),
        ("\u00a0Hello", "\u00a0Olá"),
        ("Hello", "Olá"),
    ],
)
def test_white_space_at_the_edges_is_that_of_the_segment(segment: str, expected: str) -> None:
    for source, target in (("Hello", "Olá"), (" Hello ", " Olá\n")):
        put = carried(match(source, target), Segment(segment))
        assert put is not None
        assert put.text == expected


@pytest.mark.parametrize(
    ("text", "syntax"),
    [
        ("Hello $name, :user", ("php",)),
        ("Use $HOME", ("shell",)),
        ("{0} files", ()),
        ("Copied %d, 100 % done", ("c",)),
        ("# files of {n, number}", ("icu",)),
        ("%1 of <b>all</b>", ("qt",)),
        ("{{x}} {y}", ("python-brace",)),
    ],
)
def test_what_a_file_calls_a_placeholder_hides_no_text_that_is_the_same(
    opening: Opening, text: str, syntax: tuple[str, ...]
) -> None:
    memories = opening([unit(text, f"pt {text}")])
    segment = protect(Segment(text, syntax=syntax))
    found = exact(memories, segment)
    assert found is not None
    put = carried(found, segment)
    assert put is not None
    assert put.text == f"pt {text}"
    assert [literal(put.text, span) for span in put.spans] == [literal(text, span) for span in segment.spans]
    assert [span.key for span in put.spans] == [span.key for span in segment.spans]
    assert [row[0].kind for row in memories.search([segment], EN_PT)] == ["exact"]


def test_a_placeholder_of_a_file_that_a_unit_lacks_is_not_lost(opening: Opening) -> None:
    memories = opening([unit("Hello $name", "Olá")])
    segment = Segment("Hello $name", syntax=("php",))
    found = exact(memories, segment)
    assert found is not None
    assert carried(found, segment) is None


def test_white_space_around_tags_is_that_of_the_segment_and_offsets_are_right() -> None:
    put = carried(match("<b>Hello</b> you", "<b>Olá</b> tu "), Segment("   <i>Hello</i> you\n"))
    assert put is not None
    assert put.text == "   <i>Olá</i> tu\n"
    assert [literal(put.text, span) for span in put.spans] == ["<i>", "</i>"]


def test_lines_are_not_made_one() -> None:
    two = match("One\nTwo", "Um\nDois")
    assert carried(two, Segment("One Two")) is None
    assert carried(match("One Two", "Um Dois"), Segment("One\nTwo")) is None
    put = carried(two, Segment("One\nTwo\n"))
    assert put is not None
    assert put.text == "Um\nDois\n"
    soft = carried(match("One Two", "Um Dois"), Segment("One\nTwo", breaks="soft"))
    assert soft is not None
    assert soft.text == "Um Dois"


def test_any_order_of_spans_is_carried_whole() -> None:
    dice = random.Random(1)
    for _ in range(200):
        count = dice.randint(1, 5)
        names = [f"{{p{number}}}" for number in range(count)]
        mine = [f"{{q{dice.randint(0, 3)}{number}}}" for number in range(count)]
        order = dice.sample(range(count), count)
        source, segment = (" and ".join(held) for held in (names, mine))
        put = carried(match(source, " e ".join(names[place] for place in order)), Segment(segment))
        assert put is not None
        assert put.text == " e ".join(mine[place] for place in order)
        assert [literal(put.text, span) for span in put.spans] == re.findall(r"\{\w+\}", put.text)
        assert [span.key for span in put.spans] == order


def test_a_correction_is_first_at_once(opening: Opening) -> None:
    memories = opening([unit("Save", "Guardar", NEW)], [unit("Save", "Gravar", NEW)])
    assert search(memories, "Save")[0].unit.target == "Guardar"
    for target in ("Salvar", "Guardar", "Salvar", "Conservar", "Guardar"):
        before = memories.signature
        memories.correct("Save", target, EN_PT)
        assert search(memories, "Save")[0].unit.target == target
        found = exact(memories, "Save")
        assert found is not None
        assert (found.unit.target, found.unit.origin, found.memory) == (target, "correction", "0-0.db")
        assert memories.signature != before


def test_a_correction_is_first_among_any_number_and_before_units_of_a_wrong_clock(opening: Opening) -> None:
    future = [unit("Save", f"Salvar {number}", "2999-12-31T23:59:59Z") for number in range(50)]
    swapped = [unit("Guardar já", "Save", "2999-12-31T23:59:59Z", Pair("pt", "en"))]
    memories = opening([*future, *swapped])
    memories.correct("Save", "Guardar", EN_PT, creator="ana", note="said so")
    best = search(memories, "Save", limit=1)[0].unit
    assert (best.target, best.creator, best.note) == ("Guardar", "ana", "said so")
    found = exact(memories, "Save")
    assert found is not None
    assert found.unit.target == "Guardar"


def test_a_correction_of_a_time_that_cannot_be_read_is_kept_all_the_same(opening: Opening) -> None:
    memories = opening([unit("Save", "Salvar", "in the spring of 2031")])
    memories.correct("Save", "Guardar", EN_PT)
    assert sorted(match.unit.target for match in search(memories, "Save")) == ["Guardar", "Salvar"]


def test_a_correction_steers_texts_that_are_like_it(opening: Opening) -> None:
    memories = opening([unit("Close the door", "Feche a porta")])
    memories.correct("Open {0} now", "Abra {0} já", EN_PT)
    (first, *_) = search(memories, "Open {file} today")
    assert first.unit.target == "Abra {0} já"
    assert first.kind == "fuzzy"


@pytest.mark.parametrize(("source", "target"), [(" ", "x"), ("x", ""), ("x\ud800", "y")])
def test_a_correction_that_cannot_be_kept_is_never_dropped_silently(
    opening: Opening, source: str, target: str
) -> None:
    memories = opening([])
    with pytest.raises(UsageError, match="A correction needs a source and a translation"):
        memories.correct(source, target, EN_PT)


def test_the_first_memory_can_be_made_and_the_others_must_be_there(tmp_path: Path) -> None:
    uses = [MemoryUse(tmp_path / "mine.db"), MemoryUse(tmp_path / "theirs.db")]
    with pytest.raises(InputError, match=r"mine\.db"):
        Memories(uses)
    with pytest.raises(InputError, match=r"theirs\.db"):
        Memories(uses, create=True)
    made = Memories(uses[:1], create=True)
    assert made.name == "mine.db"
    assert search(made, "Anything") == []
    made.stores[0].close()


@pytest.mark.parametrize(
    ("spec", "path", "penalty"),
    [
        ("old.db", "old.db", 0.0),
        ("old.db:5", "old.db", 5.0),
        ("old.db:2.5", "old.db", 2.5),
        ("C:\\old.db", "C:\\old.db", 0.0),
        ("a:b.db:7", "a:b.db", 7.0),
        (":5", ":5", 0.0),
        ("old.db:", "old.db:", 0.0),
        ("old.db:²", "old.db:²", 0.0),
    ],
)
def test_a_penalty_stands_behind_a_colon(spec: str, path: str, penalty: float) -> None:
    assert read_use(spec) == MemoryUse(Path(path), penalty)


def test_a_penalty_of_more_than_all_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"penalty of old\.db:101 must lie between 0 and 100"):
        read_use("old.db:101")


def test_the_signature_tells_memories_penalties_and_every_change(opening: Opening) -> None:
    memories = opening([unit("Save", "Guardar")], [unit("Open", "Abrir")], penalties=(0, 5))
    assert re.fullmatch(r"memory:[0-9a-f]{8}@1\+[0-9a-f]{8}@1-5", memories.signature)
    seen = {memories.signature}
    other = MemoryStore(memories.uses[1].path)
    for change in (
        lambda: other.add([unit("Close", "Fechar")]),
        lambda: other.remove([1]),
        lambda: other.add([unit("Close", "Fechar", NEW)]),
    ):
        change()
        seen.add(memories.signature)
    other.close()
    assert len(seen) == 4


def test_a_batch_is_looked_up_with_a_few_queries_and_not_one_a_segment(
    opening: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    memories = opening([unit(f"The door number {number}", f"Porta {number}") for number in range(300)])
    segments = [Segment(f"The door numbered {number}") for number in range(100)]
    memories.search(segments, EN_PT)
    asked: list[str] = []
    memories.stores[0]._file.set_trace_callback(asked.append)
    memories.search(segments, EN_PT)
    memories.exact(segments, EN_PT)
    memories.stores[0]._file.set_trace_callback(None)
    assert len(asked) < 15


def test_the_selector_shows_the_best_last_and_falls_back_where_nothing_is_like_the_text(opening: Opening) -> None:
    memories = opening([unit("The red door", "A porta vermelha"), unit("The red doors", "As portas vermelhas")])
    spare = FixedSelector([Demonstration("Good day", "Bom dia")], 3)
    selector = MemorySelector(memories, EN_PT, 4, 60, spare)
    rows = selector.choose([Segment("The red door"), Segment("xyz"), Segment("The red doors")])
    assert [[item.target for item in row] for row in rows] == [
        ["As portas vermelhas", "A porta vermelha"],
        ["Bom dia"],
        ["A porta vermelha", "As portas vermelhas"],
    ]
    assert rows[0][-1].likeness == 100.0
    assert rows[0][-1].origin == "0-0.db"
    assert MemorySelector(memories, EN_PT, 4, 60).choose([Segment("xyz")]) == [[]]
    assert MemorySelector(memories, EN_PT, 4, 99.5).choose([Segment("The red dooor")]) == [[]]


def test_long_addresses_are_shown_alike_on_both_sides_of_a_demonstration() -> None:
    address = f"https://example.org/{'a' * 200}"
    held = match(
        f"<g1>See</g1> {address}",
        f"<g1>Veja</g1> {address}",
        source_spans=(Span(0, 4, "tag", 0, "open", 1), Span(7, 12, "tag", 1, "close", 0)),
        target_spans=(Span(0, 4, "tag", 0, "open", 1), Span(8, 13, "tag", 1, "close", 0)),
    )
    shown = demonstration(held)
    assert address not in shown.source
    assert shown.target == shown.source.replace("See", "Veja")


def test_spare_hits_are_asked_for_only_where_they_are_needed(
    opening: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However few hits are asked for at once, no match is missing."""
    monkeypatch.setattr(recall_module, "_SPARE", 0)
    monkeypatch.setattr(recall_module, "_MORE", 2)
    memories = opening([unit("The red door", "A porta", OLD, context=f"{number}") for number in range(9)])
    memories.stores[0].add([unit("The red doors", "As portas", OLD)])
    assert [found.unit.target for found in search(memories, "The red dooor", 2)] == ["A porta", "As portas"]
