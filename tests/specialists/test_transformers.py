"""Local `transformers` folders. Confidences are compared with other computations in test_confidence_parity.py."""

from __future__ import annotations

import json
import shutil
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from scalemt.errors import ConfigurationError, MissingExtraError, ModelError, NoRoadError, SpecialistError
from scalemt.specialists import SPECIALISTS, ScoringSpecialist
from scalemt.specialists.base import DraftOptions
from scalemt.specialists.ctranslate2 import CTranslate2Specialist
from scalemt.specialists.families import FAMILIES, Convention
from scalemt.specialists.pieces import load_pieces
from scalemt.specialists.transformers import TransformersSpecialist
from scalemt.types import Pair

EN_PT = Pair("en", "pt")


def texts_of(specialist: TransformersSpecialist, texts: list[str], n: int = 1) -> list[list[str]]:
    return [[draft.text for draft in drafts] for drafts in specialist.draft(texts, EN_PT, n)]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no model folder"):
        TransformersSpecialist(tmp_path / "absent")
    with pytest.raises(ModelError, match=r"lacks config\.json"):
        TransformersSpecialist(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match=r"lacks its weights: model\.safetensors"):
        TransformersSpecialist(tmp_path)
    (tmp_path / "model.bin").write_bytes(b"")
    with pytest.raises(ModelError, match="use the ctranslate2 specialist"):
        TransformersSpecialist(tmp_path)


def test_a_missing_package_names_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'scalemt\[transformers\]'"):
        TransformersSpecialist(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("legacy", [False, True])
def test_nllb_source_tokens_are_those_of_its_tokenizer(
    tiny_models: Path, sentences: list[str], legacy: bool
) -> None:
    hf: Any = import_module("transformers")
    tokenizer = hf.NllbTokenizer.from_pretrained(tiny_models / "nllb", legacy_behaviour=legacy)
    tokenizer.src_lang = "eng_Latn"
    convention = Convention(FAMILIES["nllb-legacy" if legacy else "nllb"], tokenizer.get_vocab())
    pieces = load_pieces(tiny_models / "nllb", None, extra="transformers")
    for text in sentences:
        expected = tokenizer.convert_ids_to_tokens(tokenizer(text).input_ids)
        assert convention.source(text, EN_PT, pieces.source) == expected
    assert (expected[-1] if legacy else expected[0]) == "eng_Latn"
    assert convention.prefix(EN_PT) == ["por_Latn"]


@pytest.mark.slow
def test_m2m100_source_tokens_are_those_of_its_tokenizer(tiny_models: Path, sentences: list[str]) -> None:
    hf: Any = import_module("transformers")
    tokenizer = hf.AutoTokenizer.from_pretrained(tiny_models / "m2m100")
    tokenizer.src_lang = "en"
    specialist = TransformersSpecialist(tiny_models / "m2m100")
    for text in sentences:
        ids = specialist._to_ids(specialist._row(text, EN_PT).source)
        assert ids == tokenizer(text).input_ids
    assert specialist._to_ids(specialist._row("a", EN_PT).prefix) == [tokenizer.get_lang_id("pt")]


@pytest.mark.slow
def test_madlad_tokens_are_cut_as_in_training(tiny_models: Path) -> None:
    source = TransformersSpecialist(tiny_models / "madlad")._row("The cat", EN_PT).source
    assert source[:2] == ["▁", "<2pt>"]
    assert source[-1] == "</s>"


@pytest.mark.slow
def test_a_source_text_cannot_choose_the_language(tiny_models: Path) -> None:
    specialist = TransformersSpecialist(tiny_models / "madlad")
    assert specialist._row("<2es> The cat", EN_PT).source.count("<2es>") == 0
    assert specialist.draft(["<2es> The cat"], EN_PT)[0][0].text


@pytest.mark.slow
def test_both_backends_find_the_same_pairs(tiny_models: Path) -> None:
    for name in ("opus-mt-en-pt", "opus-multi", "nllb", "m2m100", "madlad"):
        native = TransformersSpecialist(tiny_models / name)
        converted = CTranslate2Specialist(tiny_models / f"{name}-ct2")
        assert native.pairs() == converted.pairs()
        for pair in (EN_PT, Pair("en", "es"), Pair("en", "nl"), Pair("pt", "en")):
            assert native.supports(pair) == converted.supports(pair)
    assert isinstance(native, ScoringSpecialist)
    with pytest.raises(NoRoadError, match=r"no token for nl \(Dutch\); tried: <2nl"):
        native.draft(["a"], Pair("en", "nl"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["opus-mt-en-pt", "nllb", "m2m100", "madlad"])
def test_both_backends_score_alike(tiny_models: Path, sentences: list[str], name: str) -> None:
    pairs = (sentences[:12], sentences[12:])
    native = TransformersSpecialist(tiny_models / name).score(*pairs, EN_PT)
    converted = CTranslate2Specialist(tiny_models / f"{name}-ct2").score(*pairs, EN_PT)
    assert [one.tokens for one in native] == [one.tokens for one in converted]
    assert [one.logprob for one in native] == pytest.approx([one.logprob for one in converted], abs=5e-3)


@pytest.mark.slow
def test_batches_do_not_change_drafts(tiny_models: Path, sentences: list[str]) -> None:
    for name in ("nllb", "opus-mt-en-pt"):
        together = TransformersSpecialist(tiny_models / name).draft(["", *sentences[:8]], EN_PT)
        alone = TransformersSpecialist(tiny_models / name, batch_tokens=1).draft(["", *sentences[:8]], EN_PT)
        assert [draft.text for (draft,) in together] == [draft.text for (draft,) in alone]
        assert [draft.score for (draft,) in together] == pytest.approx(
            [draft.score for (draft,) in alone], abs=1e-3
        )
        assert together[0][0].text == ""


@pytest.mark.slow
def test_sampled_drafts_repeat_with_their_seed(tiny_models: Path, sentences: list[str]) -> None:
    import torch

    def sampled(seed: int) -> list[list[str]]:
        options = DraftOptions(seed=seed, top_k=0, max_ratio=1.0)
        return texts_of(TransformersSpecialist(tiny_models / "nllb", options=options), sentences[:3], n=4)

    state = torch.get_rng_state()
    first = sampled(3)
    assert torch.equal(torch.get_rng_state(), state)  # the caller's generator is left alone
    assert first == sampled(3)
    assert first != sampled(4)
    assert all(len(set(paths)) > 1 for paths in first)


@pytest.mark.slow
def test_the_sampler_does_not_change_confidences(tiny_models: Path, sentences: list[str]) -> None:
    folder = tiny_models / "nllb"
    greedy = TransformersSpecialist(folder).draft(sentences[:4], EN_PT)
    # the most probable token is all that is left to sample from: the sampler's own probability of it is 1
    options = DraftOptions(top_k=1, temperature=5.0)
    sampled = TransformersSpecialist(folder, options=options).draft(sentences[:4], EN_PT, 2)
    for (best,), paths in zip(greedy, sampled, strict=True):
        for path in paths:
            assert path.text == best.text
            assert [word.confidence for word in path.words] == pytest.approx(
                [word.confidence for word in best.words], abs=1e-4
            )


@pytest.mark.slow
def test_the_decoding_defaults_of_a_folder_are_set_aside(
    tiny_models: Path, sentences: list[str], tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_models / "nllb", tmp_path / "nllb")
    before = texts_of(TransformersSpecialist(folder), sentences[:4])
    path = folder / "generation_config.json"
    defaults = json.loads(path.read_text()) | {"num_beams": 5, "max_length": 4, "no_repeat_ngram_size": 1}
    path.write_text(json.dumps(defaults))
    assert texts_of(TransformersSpecialist(folder), sentences[:4]) == before


@pytest.mark.slow
def test_a_beam_finds_more_probable_drafts(tiny_models: Path, sentences: list[str]) -> None:
    def score(beam: int) -> float:
        options = DraftOptions(beam=beam, max_ratio=1.0)
        drafts = TransformersSpecialist(tiny_models / "nllb", options=options).draft(sentences[:12], EN_PT)
        return sum((draft.score or 0.0) for (draft,) in drafts)

    assert score(6) > score(1)


@pytest.mark.slow
def test_nothing_is_printed(tiny_models: Path, sentences: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    hf: Any = import_module("transformers")
    level = hf.utils.logging.get_verbosity()
    specialist = TransformersSpecialist(tiny_models / "opus-mt-en-pt")
    specialist.draft(sentences[:2], EN_PT)
    specialist.draft(sentences[:2], EN_PT, 2)
    assert capfd.readouterr() == ("", "")
    assert hf.utils.logging.get_verbosity() == level


@pytest.mark.slow
def test_an_instruction_for_plain_t5_models(tiny_models: Path, sentences: list[str]) -> None:
    specialist = TransformersSpecialist(tiny_models / "madlad", family="t5", pairs=["en-pt"])
    text = specialist._pieces.text(specialist._row("The cat", EN_PT).source[:-1])
    assert text == "translate English to Portuguese: The cat"
    assert specialist.draft(sentences[:1], EN_PT)[0][0].text
    assert not specialist.supports(Pair("en", "es"))


@pytest.mark.slow
def test_options_that_cannot_be(tiny_models: Path) -> None:
    with pytest.raises(ConfigurationError, match="dtype is 'int3'"):
        TransformersSpecialist(tiny_models / "nllb", dtype="int3")
    with pytest.raises(ConfigurationError, match="no model family 'mbart'"):
        TransformersSpecialist(tiny_models / "nllb", family="mbart")
    with pytest.raises(ModelError, match="cannot be loaded"):
        TransformersSpecialist(tiny_models / "nllb", device="no-such-device").draft(["a"], EN_PT)


@pytest.mark.slow
def test_spoilt_weights(tiny_models: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_models / "nllb", tmp_path / "nllb")
    (folder / "model.safetensors").write_bytes(b"nonsense")
    with pytest.raises(ModelError, match=r"The model in .* cannot be loaded"):
        TransformersSpecialist(folder).draft(["a"], EN_PT)
    (folder / "tokenizer.json").write_text("nonsense")
    with pytest.raises(ModelError, match=r"The tokenizer in .* cannot be loaded"):
        TransformersSpecialist(folder)


@pytest.mark.slow
def test_scoring_checks_its_counts(tiny_models: Path) -> None:
    with pytest.raises(SpecialistError, match="1 sources and 2 targets"):
        TransformersSpecialist(tiny_models / "nllb").score(["a"], ["b", "c"], EN_PT)


@pytest.mark.slow
def test_the_registry_knows_it() -> None:
    assert SPECIALISTS.load("transformers") is TransformersSpecialist
