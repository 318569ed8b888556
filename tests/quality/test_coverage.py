"""Omissions and additions: what is found, and what is let through."""

from __future__ import annotations

import pytest

from helpers import EN_PT
from scalemt.quality.checks import Subject, run_checks
from scalemt.quality.coverage import (
    Stretch,
    addition,
    by_back_translation,
    by_links,
    omission,
    unlinked,
    widest_gap,
)
from scalemt.types import Draft

SOURCE = "The old bridge was closed in March, after engineers had found cracks in two of its pillars."
DRAFT = "A velha ponte foi fechada em março, depois de engenheiros terem encontrado fendas em dois dos pilares."
OTHER = "Em março fechou-se a velha ponte, pois os engenheiros acharam rachaduras em dois pilares dela."
SHORT = "A velha ponte foi fechada em março."
LONG = DRAFT[:-1] + ", e os habitantes da cidade protestaram durante semanas contra a demolição."


def test_a_dropped_clause_is_named() -> None:
    found = omission(SOURCE, SHORT, DRAFT)
    assert found.startswith("nothing stands for ")
    assert "engenheiros" in found
    assert not addition(SOURCE, SHORT, DRAFT)


def test_an_added_clause_is_named() -> None:
    found = addition(SOURCE, LONG, DRAFT)
    assert "habitantes" in found
    assert found.endswith("stands for nothing of the source")
    assert not omission(SOURCE, LONG, DRAFT)


def test_another_wording_is_neither() -> None:
    assert not omission(SOURCE, OTHER, DRAFT)
    assert not addition(SOURCE, OTHER, DRAFT)


def test_a_draft_that_left_something_out_or_put_something_in_is_no_yardstick() -> None:
    assert not addition(SOURCE, DRAFT, SHORT)
    assert not omission(SOURCE, DRAFT, LONG)


def test_short_texts_may_differ() -> None:
    assert not omission("Click on Cancel", "Cancelar", "Clique em Cancelar")
    assert not addition("Cancel", "Clique em Cancelar", "Cancelar")


@pytest.mark.parametrize("text", ["", "。", "桥梁因裂缝关闭"])
def test_texts_without_spaces_and_empty_ones_are_passed_over(text: str) -> None:
    draft = "工程师在两根桥柱上发现裂缝之后，这座旧桥于三月关闭，居民们抗议了数周之久，反对拆除。"
    assert not omission(SOURCE, text, draft)
    assert not addition(text, draft * 2, draft)
    assert not omission(text, text, text)


def test_the_checks_compare_with_the_draft_alone() -> None:
    names = ("omission", "addition")
    assert all(check.passed for check in run_checks(Subject(SOURCE, SHORT, EN_PT), names))
    verdicts = run_checks(Subject(SOURCE, SHORT, EN_PT, DRAFT), names)
    assert [check.passed for check in verdicts] == [False, True]
    verdicts = run_checks(Subject(SOURCE, LONG, EN_PT, DRAFT), names)
    assert [check.passed for check in verdicts] == [True, False]


def test_a_gap_is_what_stands_against_nothing() -> None:
    one = "the bridge was closed on Monday by engineers".split()
    other = "the bridge was opened by engineers".split()
    gap = widest_gap(one, other)
    # "opened" stands against "closed", so that "Monday" is left.
    assert gap == Stretch(3, 6, 6)
    assert gap.shown(one) == "'closed on Monday'"
    assert widest_gap(other, one) == Stretch()
    assert widest_gap(one, other, ["Monday", "closed"]) == Stretch()
    assert widest_gap([], other) == Stretch()
    assert widest_gap(one, []).weight == len("bridgeclosedMondayengineers")


def test_what_moved_is_no_gap() -> None:
    one, other = "on Monday engineers closed the bridge".split(), "engineers closed the bridge on Monday".split()
    assert widest_gap(one, other) == widest_gap(other, one) == Stretch()


def test_coverage_by_links() -> None:
    words = "he is a distant cousin of the Velociraptor here".split()
    found = by_links(words, {0, 1, 2, 8})
    assert found.gap == Stretch(3, 8, len("distantcousinVelociraptor"))
    assert found.share == pytest.approx(4 / 29)
    assert by_links(words, range(9)).share == 1.0
    assert by_links([], ()).share == 1.0


def test_coverage_by_translating_back() -> None:
    coverage, support = by_back_translation(SOURCE, "The old bridge was closed in March.")
    assert coverage.share < 0.4
    assert support.share == 1.0
    coverage, support = by_back_translation(SOURCE, SOURCE + " The inhabitants protested for weeks.")
    assert coverage.share == 1.0
    assert support.share < 0.7
    assert [item.share for item in by_back_translation(SOURCE, "")] == [0.0, 1.0]
    assert [item.share for item in by_back_translation("", "")] == [1.0, 1.0]


def test_what_a_draft_was_not_written_for() -> None:
    source = "It is a cousin of the famous Velociraptor."
    links = ((0, 0), (1, 0), (2, 1))
    assert unlinked(source, Draft("É uma.", alignment=links)) == "'cousin of the famous Velociraptor.'"
    assert unlinked(source, Draft("É uma.", alignment=(*links, (3, 1), (6, 1)))) == ""
    assert unlinked(source, Draft("É uma.")) == ""


def test_a_long_stretch_is_shortened_in_messages() -> None:
    assert Stretch(0, 30, 1).shown(["palavra"] * 30).endswith("…'")
