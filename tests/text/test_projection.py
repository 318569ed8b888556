"""Lost spans put back by the words around them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalemt.text.masking import mask, restore
from scalemt.text.projection import project
from scalemt.text.protection import protect
from scalemt.text.spans import fault
from scalemt.types import Segment
from spanned import PIECES, segments


def projected(source: str, answer: str, alignment: list[tuple[int, int]] | None = None) -> str | None:
    segment = protect(Segment(source))
    found = restore(mask(segment, "literal"), answer)
    made = project(segment, found.text, found.spans, found.lost, alignment or [])
    if made is None:
        return None
    assert fault(segment.text, segment.spans, *made) == ""
    return made[0]


@pytest.mark.parametrize(
    ("source", "answer", "alignment", "expected"),
    [
        ("Click <b>here</b>, now.", "Aqui, agora, clique.", [(0, 2), (1, 0), (2, 1)],
         "<b>Aqui</b>, agora, clique."),
        ("The <i>red car</i> is new", "O carro vermelho é novo", [(0, 0), (1, 2), (2, 1), (3, 3), (4, 4)],
         "O <i>carro vermelho</i> é novo"),
        ("a <b>b <i>c</i></b> d", "D c B A", [(0, 3), (1, 2), (2, 1), (3, 0)], "D <b><i>c</i> B</b> A"),
        ("<b>Note:</b> x", "Nota: x", [(0, 0), (1, 1)], "<b>Nota:</b> x"),
        ("one <br> two", "um dois", [(0, 0), (2, 1)], "um <br> dois"),
        ("Deleted %d files", "Ficheiros apagados", [(0, 1), (2, 0)], "Ficheiros apagados %d"),
        ("find %s here", "encontrar aqui", [(0, 0), (2, 1)], "encontrar %s aqui"),
    ],
)  # fmt: skip
def test_by_the_alignment_of_a_specialist(
    source: str, answer: str, alignment: list[tuple[int, int]], expected: str
) -> None:
    assert projected(source, answer, alignment) == expected


@pytest.mark.parametrize(
    ("source", "answer", "expected"),
    [
        ("Hello <b>World <i>Peace</i></b>!", "Olá Mundo Paz!", "Olá <b>Mundo <i>Paz</i></b>!"),
        ("See the <a href='x'>Django documentation</a>.", "Veja a documentação de Django.",
         "Veja a documentação de <a href='x'>Django</a>."),
        ('Delete "%s"?', 'Eliminar ""?', 'Eliminar "%s"?'),
        ("Name: %s", "Nome:", "Nome: %s"),
        ("<b>%s</b> removed", "removido %s", "removido <b>%s</b>"),
        ("a <b></b> c", "a c", "a <b></b> c"),
        ("<b>x</b> y", "<b>X y", "<b>X</b> y"),
    ],
)  # fmt: skip
def test_by_likeness_and_position(source: str, answer: str, expected: str) -> None:
    assert projected(source, answer) == expected


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("Deleted %d files in Lisbon", "Removidos ficheiros em Lisboa"),
        ("%s", "x"),
        ("Open %s", ""),
        ("a %s b", "字"),
    ],
)
def test_content_is_not_put_at_random(source: str, answer: str) -> None:
    assert projected(source, answer) is None


def test_nothing_lost_changes_nothing() -> None:
    segment = protect(Segment("Click <b>here</b>"))
    assert project(segment, segment.text, segment.spans, (), ()) == (segment.text, segment.spans)


@settings(deadline=None, max_examples=200)
@given(
    segment=segments(),
    answer=st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
    alignment=st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=8),
)
def test_what_is_put_back_has_no_fault(segment: Segment, answer: str, alignment: list[tuple[int, int]]) -> None:
    found = restore(mask(segment, "bracket"), answer)
    made = project(segment, found.text, found.spans, found.lost, alignment)
    if made is not None:
        assert fault(segment.text, segment.spans, *made) == ""
        outside = "".join(found.text.split())
        text, spans = made
        lost = {span.key for span in found.lost}
        for span in sorted(spans, key=lambda span: -span.start):
            if span.key in lost:
                text = text[: span.start] + text[span.end :]
        assert "".join(text.split()) == outside
