"""The numpy engine against an independent forward pass, on small random models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scalemt.errors import ModelError
from scalemt.specialists.base import DraftOptions
from scalemt.specialists.bergamot import BergamotSpecialist
from scalemt.specialists.bergamot.direction import Direction
from scalemt.specialists.bergamot.marian import read_model
from scalemt.specialists.bergamot.network import Network
from scalemt.types import Pair
from specialists.bergamot.small_models import (
    CONFIG,
    SENTENCES,
    Reference,
    SmallModel,
    Tensors,
    marian_bytes,
    random_tensors,
    shortlist_bytes,
    train_vocabulary,
    vocabulary_size,
)

EN_PT = Pair("en", "pt")


def loaded(folder: Path, *, shortlist: bool = True) -> Direction:
    return BergamotSpecialist(folder, shortlist=shortlist).direction(EN_PT)


def check_forced(direction: Direction, reference: Reference) -> None:
    sources = [direction.encode(text) for text in SENTENCES[:4]]
    targets = [[*direction.target.encode(text), direction.target.end] for text in SENTENCES[3:7]]
    for source, target, found in zip(sources, targets, direction.force(sources, targets), strict=True):
        allowed = direction.candidates(source)
        candidates = None if allowed is None else sorted({*allowed.tolist(), *target})
        np.testing.assert_allclose(found, reference.logprobs(source, target, candidates), atol=1e-4)


@pytest.mark.parametrize("shortlist", [True, False])
def test_forced_log_probabilities_equal_the_reference(small: SmallModel, shortlist: bool) -> None:
    check_forced(loaded(small.folder, shortlist=shortlist), Reference(small.tensors))


def test_int8_weights_compute_as_float_weights(small: SmallModel) -> None:
    (small.folder / "model.enpt.bin").write_bytes(marian_bytes(small.config, small.tensors, int8=True))
    check_forced(loaded(small.folder), Reference(small.tensors))


def test_swish_is_computed(small: SmallModel) -> None:
    small.rewrite(transformer_ffn_activation="swish")
    check_forced(loaded(small.folder), Reference(small.tensors, swish=True))


def test_separate_vocabularies_and_embeddings_are_used(tmp_path: Path) -> None:
    train_vocabulary(tmp_path / "srcvocab.enpt.spm", 80)
    train_vocabulary(tmp_path / "trgvocab.enpt.spm", 95)
    sizes = (vocabulary_size(tmp_path / "srcvocab.enpt.spm"), vocabulary_size(tmp_path / "trgvocab.enpt.spm"))
    tensors = random_tensors(sizes, shared=False)
    config = {**CONFIG, "tied-embeddings-all": False, "tied-embeddings": True}
    (tmp_path / "model.enpt.bin").write_bytes(marian_bytes(config, tensors, int8=True))
    (tmp_path / "lex.enpt.s2t.bin").write_bytes(shortlist_bytes([[70, 71], [72]], first=20))
    check_forced(loaded(tmp_path), Reference(tensors, source="encoder_Wemb", target="decoder_Wemb"))


def test_an_untied_output_matrix_is_used(small: SmallModel) -> None:
    tensors: Tensors = dict(small.tensors)
    tensors["encoder_Wemb"] = tensors["decoder_Wemb"] = tensors.pop("Wemb")
    tensors["decoder_ff_logit_out_W"] = np.ascontiguousarray(tensors["decoder_Wemb"].T)
    small.tensors = tensors
    small.rewrite(tied_embeddings_all=False)
    reference = Reference(tensors, source="encoder_Wemb", target="decoder_Wemb")
    check_forced(loaded(small.folder), reference)


def test_an_output_bias_may_be_left_out_on_purpose(small: SmallModel) -> None:
    bias = small.tensors.pop("decoder_ff_logit_out_b")
    small.rewrite(output_omit_bias=True)
    check_forced(loaded(small.folder), Reference({**small.tensors, "decoder_ff_logit_out_b": 0 * bias}))


def test_greedy_takes_the_most_probable_token_at_every_step(small: SmallModel) -> None:
    direction, reference = loaded(small.folder), Reference(small.tensors)
    sources = [direction.encode(text) for text in SENTENCES]
    found = direction.translate(sources, DraftOptions(max_ratio=0.5), 1)
    for source, (hypothesis,) in zip(sources, found, strict=True):
        allowed = direction.candidates(source)
        assert allowed is not None
        tokens = [*hypothesis.tokens, *([direction.target.end] if hypothesis.finished else [])]
        rows = reference.distributions(source, tokens, allowed.tolist())
        for row, token, logprob in zip(rows, tokens, hypothesis.logprobs, strict=True):
            row[direction.target.unknown] = -np.inf
            assert row[token] == pytest.approx(row.max(), abs=1e-4)
            assert logprob == pytest.approx(row[token], abs=1e-4)
        assert set(hypothesis.tokens) <= set(allowed.tolist())


def test_a_missing_or_misshapen_tensor_is_named(small: SmallModel) -> None:
    path = small.folder / "model.enpt.bin"
    without = {name: value for name, value in small.tensors.items() if name != "decoder_l2_rnn_Wf"}
    path.write_bytes(marian_bytes(small.config, without))
    with pytest.raises(ModelError, match="no tensor decoder_l2_rnn_Wf"):
        Network(read_model(path))
    without = {name: value for name, value in small.tensors.items() if name != "encoder_l2_self_bq"}
    path.write_bytes(marian_bytes(small.config, without))
    with pytest.raises(ModelError, match="encoder_l2_self_bq is missing"):
        Network(read_model(path))
    path.write_bytes(marian_bytes(small.config, {**small.tensors, "encoder_l1_ffn_b1": np.ones(5, np.float32)}))
    with pytest.raises(ModelError, match=r"encoder_l1_ffn_b1 is of the shape \(5,\)"):
        Network(read_model(path))


def test_a_vocabulary_of_another_size_is_refused(small: SmallModel) -> None:
    train_vocabulary(small.folder / "vocab.enpt.spm", 70)
    with pytest.raises(ModelError, match=r"vocab\.enpt\.spm has \d+ pieces but .* embeddings for"):
        loaded(small.folder)


def test_a_vocabulary_that_is_none_is_refused(small: SmallModel) -> None:
    (small.folder / "vocab.enpt.spm").write_bytes(b"no vocabulary")
    with pytest.raises(ModelError, match=r"vocab\.enpt\.spm is not a SentencePiece vocabulary"):
        loaded(small.folder)
