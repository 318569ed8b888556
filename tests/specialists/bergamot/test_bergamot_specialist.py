"""The specialist on a small random model: options, confidences, long and odd texts."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from scalemt.errors import ConfigurationError, NoRoadError, SpecialistError
from scalemt.specialists import SPECIALISTS, DraftOptions, ScoringSpecialist
from scalemt.specialists.bergamot import BergamotSpecialist
from scalemt.specialists.bergamot.cutting import MAX_PIECES, cut_source
from scalemt.specialists.bergamot.direction import batches
from scalemt.specialists.bergamot.marian import F32
from scalemt.specialists.bergamot.search import Beam, Hypothesis, search
from scalemt.specialists.confidence import words_from_pieces
from scalemt.types import Pair
from specialists.bergamot.small_models import (
    SENTENCES,
    SmallModel,
    marian_bytes,
    random_tensors,
    train_vocabulary,
    vocabulary_size,
)

EN_PT = Pair("en", "pt")
SHORT = DraftOptions(max_ratio=0.5)


def test_it_is_registered_and_scores(small: SmallModel) -> None:
    assert SPECIALISTS.load("bergamot") is BergamotSpecialist
    assert isinstance(BergamotSpecialist(small.folder), ScoringSpecialist)


def test_pairs_need_no_weights_and_territories_resolve(small: SmallModel) -> None:
    (small.folder / "model.enpt.bin").write_bytes(b"not read")
    specialist = BergamotSpecialist(small.folder)
    assert specialist.pairs() == [EN_PT]
    assert specialist.supports(Pair("en", "pt-BR"))
    assert not specialist.supports(Pair("pt", "en"))
    with pytest.raises(NoRoadError, match="does not cover pt->en"):
        specialist.draft(["Olá"], Pair("pt", "en"))
    with pytest.raises(NoRoadError):
        specialist.score(["Olá"], ["Hello"], Pair("pt", "en"))


def test_drafts_carry_engine_language_and_score(small: SmallModel) -> None:
    specialist = BergamotSpecialist(small.folder, options=SHORT)
    ((draft,),) = specialist.draft([SENTENCES[0]], Pair("en", "pt-BR"))
    assert (draft.engine, draft.language) == ("bergamot", "pt-BR")
    assert draft.score is not None
    assert draft.score < 0.0
    assert " ".join(word.text for word in draft.words) == draft.text


@pytest.mark.parametrize("pairing", ["aligned", "shifted"])
def test_confidences_are_means_of_token_probabilities(small: SmallModel, pairing: Any) -> None:
    specialist = BergamotSpecialist(small.folder, options=SHORT, pairing=pairing)
    direction = specialist.direction(EN_PT)
    drafts = [one for (one,) in specialist.draft(SENTENCES, EN_PT)]
    sources = [direction.encode(text) for text in SENTENCES]
    for draft, (hypothesis,) in zip(drafts, direction.translate(sources, SHORT, 1), strict=True):
        probabilities = [math.exp(logprob) for logprob in hypothesis.logprobs]
        if pairing == "shifted":
            probabilities = [*probabilities[1:], probabilities[-1]]
        words = words_from_pieces(direction.target.pieces(hypothesis.tokens), probabilities)
        assert [word.text for word in words] == [word.text for word in draft.words]
        for word, expected in zip(draft.words, words, strict=True):
            assert word.confidence == pytest.approx(expected.confidence, abs=1e-6)
            assert 0.0 <= (word.confidence or 0.0) <= 1.0


@pytest.mark.parametrize("options", [SHORT, DraftOptions(beam=3, max_ratio=0.5)])
@pytest.mark.parametrize("n", [1, 3])
def test_drafts_do_not_depend_on_the_batch(small: SmallModel, options: DraftOptions, n: int) -> None:
    texts = [*SENTENCES, *(" ".join(SENTENCES[: count + 1]) for count in range(5)), "The", "O"] * 2
    alone = BergamotSpecialist(small.folder, options=options, batch_size=1).draft(texts, EN_PT, n)
    together = BergamotSpecialist(small.folder, options=options, batch_size=32)
    backwards = together.draft(texts[::-1], EN_PT, n)[::-1]
    for one, two, three in zip(alone, together.draft(texts, EN_PT, n), backwards, strict=True):
        assert [draft.text for draft in one] == [draft.text for draft in two] == [draft.text for draft in three]
        for first, second in zip(one, two, strict=True):
            assert first.score == pytest.approx(second.score, abs=1e-3)


def test_a_beam_as_wide_as_the_vocabulary_is_exhaustive(small: SmallModel) -> None:
    direction = BergamotSpecialist(small.folder).direction(EN_PT)
    source, end, unknown = direction.encode("The"), direction.target.end, direction.target.unknown
    allowed = direction.candidates(source)
    assert allowed is not None
    every = [token for token in allowed.tolist() if token != unknown]
    targets = [[end], *([first, second] for first in every for second in every if first != end)]
    best = max(map(sum, direction.force([source] * len(targets), targets)))

    output = direction.network.output_layer([allowed])
    memory = direction.network.encode([source])
    beam = Beam(len(every), 1)
    ((found, *others),) = search(direction.network, memory, output, np.asarray([2]), beam, end, unknown)
    assert found.score == pytest.approx(best, abs=1e-4)
    assert [one.score for one in others] == sorted([one.score for one in others], reverse=True)


def test_samples_are_repeatable_and_differ(small: SmallModel) -> None:
    def sample(seed: int, **options: Any) -> list[str]:
        specialist = BergamotSpecialist(small.folder, options=DraftOptions(seed=seed, max_ratio=0.5, **options))
        (drafts,) = specialist.draft([SENTENCES[0]], EN_PT, 4)
        return [draft.text for draft in drafts]

    assert sample(1) == sample(1)
    assert sample(1) != sample(2)
    assert len(set(sample(1))) == 4
    assert sample(1, top_k=0) != sample(1, top_k=3)
    greedy = BergamotSpecialist(small.folder, options=SHORT).draft([SENTENCES[0]], EN_PT)[0][0].text
    assert set(sample(1, top_k=1)) == {greedy}
    assert set(sample(1, temperature=1e-4)) == {greedy}


def test_samples_follow_the_distribution(small: SmallModel) -> None:
    """The share of each first token among many samples is its probability (chi-square, 1 in 10,000)."""
    specialist = BergamotSpecialist(small.folder, shortlist=False)
    direction = specialist.direction(EN_PT)
    source = direction.encode("The")
    drawn = direction.translate([source], DraftOptions(top_k=0, max_ratio=1e-9), 4000)[0]
    firsts = [one.tokens[0] if one.tokens else direction.target.end for one in drawn]
    every = [token for token in range(direction.target.size) if token != direction.target.unknown]
    chances = np.exp([scores[0] for scores in direction.force([source] * len(every), [[t] for t in every])])
    expected = chances / chances.sum() * len(firsts)
    counts = np.asarray([firsts.count(token) for token in every])
    distance = ((counts - expected) ** 2 / expected).sum()
    freedom = len(every) - 1
    assert distance < freedom + 3.8 * math.sqrt(2 * freedom) + 10


def test_scoring_a_draft_gives_its_score(small: SmallModel) -> None:
    direction = BergamotSpecialist(small.folder).direction(EN_PT)
    sources = [direction.encode(text) for text in SENTENCES]
    found = [one for (one,) in direction.translate(sources, SHORT, 1)]
    targets = [[*one.tokens, *([direction.target.end] if one.finished else [])] for one in found]
    for one, logprobs in zip(found, direction.force(sources, targets), strict=True):
        np.testing.assert_allclose(logprobs, one.logprobs, atol=1e-4)
        assert one.score == pytest.approx(sum(logprobs), abs=1e-3)


def test_scores_count_tokens_with_the_end(small: SmallModel) -> None:
    specialist = BergamotSpecialist(small.folder)
    direction = specialist.direction(EN_PT)
    likelihood, empty = specialist.score(SENTENCES[:2], [SENTENCES[3], ""], EN_PT)
    assert likelihood.tokens == len(direction.target.encode(SENTENCES[3])) + 1
    assert empty.tokens == 1
    assert all(math.isfinite(one.logprob) and one.logprob < 0 for one in (likelihood, empty))
    assert specialist.score([], [], EN_PT) == []
    with pytest.raises(SpecialistError, match="2 sources and 1 targets"):
        specialist.score(SENTENCES[:2], SENTENCES[:1], EN_PT)
    with pytest.raises(SpecialistError, match="source text 1 has"):
        specialist.score(["The", "The " * 2000], ["O", "O"], EN_PT)


def test_a_long_line_is_cut_translated_and_joined(small: SmallModel) -> None:
    specialist = BergamotSpecialist(small.folder, options=DraftOptions(max_ratio=0.1))
    text = " ".join(SENTENCES * 60)
    direction = specialist.direction(EN_PT)
    parts = cut_source(text, direction.encode)
    assert [direction.source.decode(ids[:-1]) for ids in parts] == SENTENCES * 60
    ((draft,),) = specialist.draft([text], EN_PT)
    assert " ".join(word.text for word in draft.words) == draft.text
    assert draft.score is not None
    assert draft.score < 0.0


@pytest.mark.parametrize("text", ["x" * 5000, "ﷺ" * 700, "\N{GRINNING FACE}" * 1200, "字。" * 900])
def test_a_long_line_without_spaces_is_cut_inside(small: SmallModel, text: str) -> None:
    specialist = BergamotSpecialist(small.folder, options=DraftOptions(max_ratio=0.01))
    direction = specialist.direction(EN_PT)
    parts = cut_source(text, direction.encode)
    assert len(parts) > 1 or direction.source.unknown in parts[0]  # a run of unknown characters is one piece
    assert max(map(len, parts)) <= MAX_PIECES + 1
    ((draft,),) = specialist.draft([text], EN_PT)
    assert draft.score is not None


def test_empty_and_odd_texts_keep_their_place(small: SmallModel) -> None:
    specialist = BergamotSpecialist(small.folder, options=SHORT)
    odd = [
        "",
        "   ",
        "\u200b",
        "\ud800 lone",
        "\x00\x01",
        "\N{GRINNING FACE}",
        "e\u0301" * 5,
        "שלום",
        "</s> <unk> ▁",
        "The",
    ]
    drafts = specialist.draft(odd, EN_PT)
    assert [len(one) for one in drafts] == [1] * len(odd)
    assert [drafts[0][0].text, drafts[1][0].text] == ["", ""]
    assert drafts[-1][0].text == specialist.draft(["The"], EN_PT)[0][0].text
    for (draft,) in drafts:
        assert all(0.0 <= (word.confidence or 0.0) <= 1.0 for word in draft.words)


def test_byte_pieces_are_read_as_characters(small: SmallModel) -> None:
    train_vocabulary(small.folder / "vocab.enpt.spm", 350, byte_fallback=True)
    size = vocabulary_size(small.folder / "vocab.enpt.spm")
    (small.folder / "model.enpt.bin").write_bytes(marian_bytes(small.config, random_tensors((size, size))))
    specialist = BergamotSpecialist(small.folder, shortlist=False)
    direction = specialist.direction(EN_PT)
    ids = direction.target.encode("O 字!")
    hypothesis = Hypothesis(tuple(ids), tuple([math.log(0.5)] * len(ids) + [0.0]), finished=True)
    draft = specialist._joined(direction, "O 字!", [[0]], [hypothesis], EN_PT)
    assert draft.alignment == ()
    assert draft.text == "O 字!"
    assert [(word.text, word.confidence) for word in draft.words] == [("O", 0.5), ("字!", 0.5)]


def test_many_threads_load_once_and_agree(small: SmallModel) -> None:
    specialist = BergamotSpecialist(small.folder, options=SHORT)
    expected = [one.text for (one,) in BergamotSpecialist(small.folder, options=SHORT).draft(SENTENCES, EN_PT)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: specialist.draft(SENTENCES, EN_PT), range(8)))
        assert len({id(one) for one in pool.map(lambda _: specialist.direction(EN_PT), range(8))}) == 1
    assert all([one.text for (one,) in drafts] == expected for drafts in found)


def test_the_thread_limit_ends_with_the_draft(small: SmallModel) -> None:
    from threadpoolctl import threadpool_info

    def blas() -> list[int]:
        return [int(info["num_threads"]) for info in threadpool_info() if info["user_api"] == "blas"]

    before = blas()
    BergamotSpecialist(small.folder, options=SHORT).draft(SENTENCES[:1], EN_PT)
    assert blas() == before


@pytest.mark.parametrize(
    "arguments",
    [
        {"threads": 0},
        {"batch_size": 0},
        {"pairing": "crossed"},
        {"options": DraftOptions(beam=0)},
        {"options": DraftOptions(temperature=0.0)},
        {"options": DraftOptions(top_k=-1)},
        {"options": DraftOptions(max_ratio=float("nan"))},
    ],
)
def test_options_out_of_range_are_refused(small: SmallModel, arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="bergamot: "):
        BergamotSpecialist(small.folder, **arguments)


def test_batches_hold_all_once_and_stay_bounded() -> None:
    lengths = [5, 500, 7, 9, 4000, 7, 12, 6000]
    found = list(batches(lengths, 3, 2))
    assert sorted(number for batch in found for number in batch) == list(range(len(lengths)))
    assert found[:4] == [[7], [4], [1, 6, 3], [2, 5, 0]]


@pytest.mark.parametrize(("options", "n"), [(SHORT, 1), (replace(SHORT, beam=3), 1), (SHORT, 4)])
def test_attention_is_that_of_the_path_that_was_chosen(small: SmallModel, options: DraftOptions, n: int) -> None:
    direction = BergamotSpecialist(small.folder).direction(EN_PT)
    sources = [direction.encode(text) for text in SENTENCES[:5]]
    for source, hypotheses in zip(sources, direction.translate(sources, options, n), strict=True):
        memory = direction.network.encode([source])
        for hypothesis in hypotheses:
            cells, seen = direction.network.start(1), list[F32]()
            for position in range(len(hypothesis.tokens)):
                last = np.asarray([hypothesis.tokens[position - 1]]) if position else None
                direction.network.step(last, position, cells, memory, seen.append)
            looks = tuple(int(weights[0].sum(axis=0).argmax()) for weights in seen)
            assert hypothesis.attended == looks
            assert len(looks) == len(hypothesis.tokens)


def test_alignment_links_words_of_source_and_draft(small: SmallModel) -> None:
    specialist = BergamotSpecialist(small.folder, options=SHORT)
    long = " ".join(SENTENCES * 12)
    for text in (*SENTENCES, long):
        ((draft,),) = specialist.draft([text], EN_PT)
        if draft.alignment:
            assert max(one for one, _ in draft.alignment) < len(text.split())
            assert max(other for _, other in draft.alignment) < len(draft.text.split())
        assert list(draft.alignment) == sorted(set(draft.alignment))
    assert any(one.alignment for (one,) in specialist.draft(SENTENCES, EN_PT))


def test_pieces_that_are_other_words_than_white_space_says_have_no_alignment(small: SmallModel) -> None:
    direction = BergamotSpecialist(small.folder).direction(EN_PT)
    ids = direction.encode("the house")
    found = Hypothesis(
        tuple(ids[:-1]), tuple([0.0] * len(ids)), finished=True, attended=tuple(range(len(ids) - 1))
    )
    text = direction.target.decode(found.tokens)
    assert direction.alignment("the house", [ids], text, [found]) == ((0, 0), (1, 1))
    assert direction.alignment("the house is", [ids], text, [found]) == ()
    assert direction.alignment("the house", [ids], f"{text} x", [found]) == ()
