"""USW and NM: values worked out by hand on hand-made alignments, and one aligner shared by both."""

from __future__ import annotations

import math
import random
from pathlib import Path

import numpy as np
import pytest

from scalemt.errors import InputError
from scalemt.evaluation.alignment import AlignmentCache, build_aligner
from scalemt.evaluation.characteristics import NonMonotonicity, UnalignedSourceWords
from scalemt.evaluation.metrics import MetricContext, build_metric
from scalemt.evaluation.systems import Output, System, TestSet
from scalemt.types import Pair

SOURCES = ("a b c d", "e f", "g h i", "k", "")
OUTPUTS = ("w x", "y z", "", "u v", "t")
LINKS = "0-0 1-0 3-1\n0-1 1-0\n\n0-1 0-0\n\n"


def system(*texts: str, name: str = "one") -> System:
    return System(name, tuple(Output(text) for text in texts))


@pytest.fixture
def spec(tmp_path: Path) -> str:
    path = tmp_path / "links"
    path.write_text(LINKS)
    return f"pharaoh:{path}"


TEST_SET = TestSet("hand", SOURCES)


class TestByHand:
    def test_usw(self, spec: str) -> None:
        metric = UnalignedSourceWords(aligner=spec)
        measured = metric.measure(system(*OUTPUTS), TEST_SET)
        # Unaligned: c of four words; none of two; all of three; none of one; and no words at all.
        assert measured.statistics.tolist() == [[1, 4], [0, 2], [3, 3], [0, 1], [0, 0]]
        assert measured.segments[:4].tolist() == [25.0, 0.0, 100.0, 0.0]
        assert math.isnan(measured.segments[4])
        # A ratio of sums: 4 of 10 words. The mean of the segments would be 31.25.
        assert metric.score(measured.statistics.sum(axis=0)[None]).tolist() == [40.0]

    def test_nm(self, spec: str) -> None:
        metric = NonMonotonicity(aligner=spec)
        measured = metric.measure(system(*OUTPUTS), TEST_SET)
        # Segment 1: |1/4 - 1/2| = .25, |2/4 - 1/2| = 0, |4/4 - 2/2| = 0: mean 1/12.
        # Segment 2: |1/2 - 2/2| = .5, |2/2 - 1/2| = .5: mean 1/2.
        # Segments 3 and 5: no links, left out.
        # Segment 4: |1/1 - 2/2| = 0, |1/1 - 1/2| = .5: mean 1/4.
        expected = [100 / 12, 50.0, math.nan, 25.0, math.nan]
        np.testing.assert_allclose(measured.segments, expected)
        # The mean over the three segments with links: (1/12 + 6/12 + 3/12) / 3 = 10/36.
        assert metric.score(measured.statistics.sum(axis=0)[None])[0] == pytest.approx(1000 / 36)

    def test_a_monotone_word_for_word_translation_is_wholly_literal(self, tmp_path: Path) -> None:
        (tmp_path / "links").write_text("0-0 1-1 2-2\n")
        test_set, output = TestSet("hand", ("a b c",)), system("x y z")
        for kind in (UnalignedSourceWords, NonMonotonicity):
            measured = kind(aligner=f"pharaoh:{tmp_path / 'links'}").measure(output, test_set)
            assert measured.segments.tolist() == [0.0]

    def test_without_any_link_nm_is_undefined(self, tmp_path: Path) -> None:
        (tmp_path / "links").write_text("\n")
        metric = NonMonotonicity(aligner=f"pharaoh:{tmp_path / 'links'}")
        measured = metric.measure(system("x"), TestSet("hand", ("a",)))
        assert math.isnan(metric.score(measured.statistics)[0])

    def test_equals_the_published_code_on_random_links(self, tmp_path: Path) -> None:
        """`reference` follows compute_scores.py of Raunak et al. (vyraun/literalness) step by step."""
        draw = random.Random(5)
        sources = [" ".join("s" * draw.randint(1, 3) for _ in range(draw.randint(1, 9))) for _ in range(50)]
        targets = [" ".join("t" * draw.randint(1, 3) for _ in range(draw.randint(1, 9))) for _ in range(50)]
        links = [
            sorted(
                {
                    (draw.randrange(len(a.split())), draw.randrange(len(b.split())))
                    for _ in range(draw.randint(0, 9))
                }
            )
            for a, b in zip(sources, targets, strict=True)
        ]
        (tmp_path / "links").write_text("".join(" ".join(f"{i}-{j}" for i, j in row) + "\n" for row in links))
        test_set, outputs = TestSet("random", tuple(sources)), system(*targets)
        usw, nm = reference(sources, targets, links)
        for kind, expected in ((UnalignedSourceWords, usw), (NonMonotonicity, nm)):
            metric = kind(aligner=f"pharaoh:{tmp_path / 'links'}")
            sums = metric.measure(outputs, test_set).statistics.sum(axis=0)[None]
            assert metric.score(sums)[0] == pytest.approx(expected, abs=1e-10)


def reference(sources: list[str], targets: list[str], links: list[list[tuple[int, int]]]) -> tuple[float, float]:
    unaligned = total = 0
    scores = []
    for source, target, row in zip(sources, targets, links, strict=True):
        width, height = len(source.split()), len(target.split())
        total += width
        unaligned += len([i for i in range(width) if i not in [a for a, _ in row]])
        if row:
            positions = [((a + 1) / width, (b + 1) / height) for a, b in row]
            scores.append(sum(abs(x - y) for x, y in positions) / len(positions) * 100)
    return unaligned / total * 100, sum(scores) / len(scores)


class TestSharing:
    def test_both_metrics_read_one_alignment(self, spec: str) -> None:
        cache = AlignmentCache(build_aligner(spec))
        cache.fit(TEST_SET, [system(*OUTPUTS)])
        context = MetricContext(alignments=cache)
        usw, nm = build_metric("usw", context), build_metric("nm", context)
        first = cache.align(system(*OUTPUTS), TEST_SET)
        assert usw.measure(system(*OUTPUTS), TEST_SET).statistics.sum(axis=0).tolist() == [4, 10]
        nm.measure(system(*OUTPUTS), TEST_SET)
        assert cache.align(system(*OUTPUTS), TEST_SET) is first
        assert usw.signature == f"usw|{cache.signature}"
        assert nm.signature == f"nm|{cache.signature}"
        assert "pharaoh[links," in usw.signature

    def test_a_shared_fit_is_told_from_one_a_system(self) -> None:
        pytest.importorskip("systran_align", reason="the extra `evaluation` is not installed")
        test_set = TestSet("toy", ("the house", "the garden", "a house"))
        one, two = system("das haus", "der garten", "ein haus"), system("haus", "garten", "haus", name="two")
        cache = AlignmentCache(build_aligner())
        cache.fit(test_set, [one, two])
        shared, alone = UnalignedSourceWords(alignments=cache), UnalignedSourceWords()
        shared.measure(one, test_set)
        alone.measure(one, test_set)
        first = alone.signature
        assert "fit:6." in shared.signature
        assert first.endswith("|fit:each-system-alone")
        assert "fit:3." in first
        # Without sharing, what was measured before leaves no trace.
        before = alone.measure(one, test_set).statistics.tolist()
        alone.measure(two, test_set)
        assert alone.signature != first
        assert alone.measure(one, test_set).statistics.tolist() == before

    def test_characters_where_words_have_no_spaces(self, tmp_path: Path) -> None:
        (tmp_path / "links").write_text("0-0\n")
        spec = f"pharaoh:{tmp_path / 'links'}"
        output = system("we went")
        by_context = build_metric("usw", MetricContext(aligner=spec, pair=Pair("zh", "en")))
        by_test_set = UnalignedSourceWords(aligner=spec)
        assert by_context.measure(output, TestSet("zh", ("我們走。",))).statistics.tolist() == [[3, 4]]
        test_set = TestSet("zh", ("我們走。",), pair=Pair("zh", "en"))
        assert by_test_set.measure(output, test_set).statistics.tolist() == [[3, 4]]
        assert by_context.signature == by_test_set.signature
        assert "|unit:char-word" in by_context.signature

    def test_sources_are_needed(self, spec: str) -> None:
        with pytest.raises(InputError, match="usw needs sources"):
            UnalignedSourceWords(aligner=spec).measure(system("x"), TestSet("none", references=(("x",),)))

    def test_progress_counts_every_segment(self, spec: str) -> None:
        told: list[int] = []
        NonMonotonicity(aligner=spec).measure(system(*OUTPUTS), TEST_SET, told.append)
        assert sum(told) == len(SOURCES)

    def test_neither_way_is_better(self) -> None:
        assert UnalignedSourceWords.higher_is_better is None
        assert NonMonotonicity.higher_is_better is None


class TestRealAligner:
    def test_reordering_raises_nm_and_omission_raises_usw(self) -> None:
        """A language of one-to-one words: the truth is known, and fast_align must find it well enough."""
        pytest.importorskip("systran_align", reason="the extra `evaluation` is not installed")
        draw = random.Random(3)
        rows = [[draw.randrange(40) for _ in range(8)] for _ in range(150)]

        def text(row: list[int], sign: str) -> str:
            return " ".join(f"{sign}{number}" for number in row)

        test_set = TestSet("toy", tuple(text(row, "s") for row in rows))
        literal = system(*(text(row, "t") for row in rows), name="literal")
        reordered = system(*(text(row[4:] + row[:4], "t") for row in rows), name="reordered")
        short = system(*(text(row[:5], "t") for row in rows), name="short")
        cache = AlignmentCache(build_aligner())
        cache.fit(test_set, [literal, reordered, short])
        values = {}
        for output in (literal, reordered, short):
            for metric in (UnalignedSourceWords(alignments=cache), NonMonotonicity(alignments=cache)):
                sums = metric.measure(output, test_set).statistics.sum(axis=0)[None]
                values[output.name, metric.name] = float(metric.score(sums)[0])
        # Exactly: literal 0 and 0, reordered NM 50 (every word moves by half the sentence), short USW 3/8.
        assert values["literal", "usw"] < 2
        assert values["literal", "nm"] < 2
        assert values["reordered", "nm"] > 20
        assert values["short", "usw"] > 20
