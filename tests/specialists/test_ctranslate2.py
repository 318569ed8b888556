"""CTranslate2 folders. Confidences are compared with other computations in test_confidence_parity.py."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from scalemt.errors import ConfigurationError, MissingExtraError, ModelError, NoRoadError, SpecialistError
from scalemt.specialists import SPECIALISTS, ScoringSpecialist
from scalemt.specialists.base import DraftOptions
from scalemt.specialists.ctranslate2 import CTranslate2Specialist
from scalemt.types import Pair

EN_PT = Pair("en", "pt")


def texts_of(
    specialist: CTranslate2Specialist, texts: list[str], n: int = 1, pair: Pair = EN_PT
) -> list[list[str]]:
    return [[draft.text for draft in drafts] for drafts in specialist.draft(texts, pair, n)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with what can be checked before any weight is read."""
    pytest.importorskip("ctranslate2")
    (tmp_path / "model.bin").write_bytes(b"not a model")
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "shared_vocabulary.json").write_text(json.dumps(["</s>", "<unk>", "eng_Latn", "por_Latn"]))
    return tmp_path


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no model folder"):
        CTranslate2Specialist(tmp_path / "absent")


@pytest.mark.parametrize(
    ("removed", "named"), [("model.bin", r"lacks model\.bin"), ("shared_vocabulary.json", "lacks its vocabulary")]
)
def test_a_missing_file_is_named(folder: Path, removed: str, named: str) -> None:
    (folder / removed).unlink()
    with pytest.raises(ModelError, match=named) as caught:
        CTranslate2Specialist(folder)
    assert str(folder) in str(caught.value)


def test_a_missing_tokenizer_is_named(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"no tokenizer.*sentencepiece\.bpe\.model"):
        CTranslate2Specialist(folder)


def test_an_unconverted_folder_gets_the_line_that_converts_it(folder: Path) -> None:
    (folder / "model.bin").unlink()
    (folder / "config.json").write_text(json.dumps({"model_type": "m2m_100"}))
    line = rf"ct2-transformers-converter --model {folder} --output_dir {folder}-ct2"
    with pytest.raises(ModelError, match=line):
        CTranslate2Specialist(folder)


def test_a_spoilt_vocabulary(folder: Path) -> None:
    (folder / "shared_vocabulary.json").write_text("[")
    with pytest.raises(ModelError, match=r"shared_vocabulary\.json cannot be read as JSON"):
        CTranslate2Specialist(folder)


@pytest.mark.parametrize("package", ["ctranslate2", "sentencepiece"])
def test_a_missing_package_names_its_extra(folder: Path, monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    (folder / "spiece.model").write_bytes(b"")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'scalemt\[ctranslate2\]'"):
        CTranslate2Specialist(folder)


def test_an_unknown_number_format(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"compute_type is 'int3'.*int8"):
        CTranslate2Specialist(folder, compute_type="int3")


@pytest.mark.slow
def test_spoilt_weights(folder: Path, tiny_models: Path) -> None:
    shutil.copy(tiny_models / "nllb" / "sentencepiece.bpe.model", folder)
    specialist = CTranslate2Specialist(folder)
    with pytest.raises(ModelError, match="cannot load the model in"):
        specialist.draft(["Rain fell."], EN_PT)


@pytest.mark.slow
def test_a_multilingual_model_lists_no_pairs_but_supports_those_of_its_vocabulary(tiny_models: Path) -> None:
    specialist = CTranslate2Specialist(tiny_models / "nllb-ct2")
    assert isinstance(specialist, ScoringSpecialist)
    assert specialist.pairs() == []
    assert specialist.supports(EN_PT)
    assert specialist.supports(Pair("xh", "pt-BR"))
    assert not specialist.supports(Pair("en", "fr"))
    with pytest.raises(NoRoadError, match=r"no token for fr \(French\); tried: fra_Latn"):
        specialist.draft(["Rain fell."], Pair("en", "fr"))


@pytest.mark.slow
def test_configured_pairs_are_a_restriction(tiny_models: Path) -> None:
    specialist = CTranslate2Specialist(tiny_models / "nllb-ct2", pairs=["en-pt"])
    assert specialist.pairs() == [EN_PT]
    assert specialist.supports(Pair("en", "pt-BR"))
    with pytest.raises(NoRoadError, match="Pairs it covers here: en->pt"):
        specialist.draft(["Rain fell."], Pair("en", "es"))
    with pytest.raises(ConfigurationError, match=r"cannot translate en->fr.*fra_Latn"):
        CTranslate2Specialist(tiny_models / "nllb-ct2", pairs=["en-fr"])


@pytest.mark.slow
def test_a_single_pair_model_must_say_its_pair(tiny_models: Path, tmp_path: Path) -> None:
    assert CTranslate2Specialist(tiny_models / "opus-mt-en-pt-ct2").pairs() == [EN_PT]  # by the folder's name
    silent = shutil.copytree(tiny_models / "opus-mt-en-pt-ct2", tmp_path / "model")
    with pytest.raises(ModelError, match=r"does not say.*pairs = \['en->pt'\]"):
        CTranslate2Specialist(silent)
    assert CTranslate2Specialist(silent, pairs=["es-eu"]).pairs() == [Pair("es", "eu")]
    (silent / "tokenizer_config.json").write_text(json.dumps({"source_lang": "fi", "target_lang": "et"}))
    assert CTranslate2Specialist(silent).pairs() == [Pair("fi", "et")]


@pytest.mark.slow
def test_a_multi_target_opus_model(tiny_models: Path, sentences: list[str]) -> None:
    specialist = CTranslate2Specialist(tiny_models / "opus-multi-ct2")
    assert set(specialist.pairs()) == {EN_PT, Pair("en", "pt-BR"), Pair("en", "es")}
    portuguese, brazilian, spanish = (
        texts_of(specialist, sentences[:4], pair=pair) for pair in specialist.pairs()
    )
    assert portuguese != spanish
    assert portuguese != brazilian
    with pytest.raises(NoRoadError, match="does not cover en->fr"):
        specialist.draft(["Rain fell."], Pair("en", "fr"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nllb-ct2", "m2m100-ct2", "madlad-ct2"])
def test_the_target_language_changes_the_draft(tiny_models: Path, sentences: list[str], name: str) -> None:
    specialist = CTranslate2Specialist(tiny_models / name)
    portuguese = texts_of(specialist, sentences[:6])
    assert portuguese != texts_of(specialist, sentences[:6], pair=Pair("en", "es"))


@pytest.mark.slow
def test_order_empty_texts_and_batches(tiny_models: Path, sentences: list[str]) -> None:
    texts = ["", *sentences[:8], "  ", "I."]
    folder = tiny_models / "nllb-ct2"
    drafts = CTranslate2Specialist(folder).draft(texts, EN_PT)
    one_by_one = CTranslate2Specialist(folder, batch_tokens=1).draft(texts, EN_PT)
    assert [draft.text for (draft,) in drafts] == [draft.text for (draft,) in one_by_one]
    assert [draft.score for (draft,) in drafts] == pytest.approx(
        [draft.score for (draft,) in one_by_one], abs=1e-3
    )
    assert drafts[0][0].text == drafts[9][0].text == ""
    assert {draft.language for (draft,) in drafts} == {"pt"}
    assert {draft.engine for (draft,) in drafts} == {"ctranslate2"}


@pytest.mark.slow
def test_sampled_drafts_repeat_with_their_seed(tiny_models: Path, sentences: list[str]) -> None:
    def sampled(seed: int, specialist: CTranslate2Specialist | None = None) -> list[list[str]]:
        options = DraftOptions(seed=seed, top_k=0, max_ratio=1.0)
        used = specialist or CTranslate2Specialist(tiny_models / "nllb-ct2", options=options)
        return texts_of(used, sentences[:3], n=4)

    used = CTranslate2Specialist(tiny_models / "nllb-ct2", options=DraftOptions(seed=3, top_k=0, max_ratio=1.0))
    assert sampled(3, used) == sampled(3, used) == sampled(3)
    assert sampled(3) != sampled(4)
    assert all(len(set(paths)) > 1 for paths in sampled(3))


@pytest.mark.slow
def test_the_sampler_does_not_change_confidences(tiny_models: Path, sentences: list[str]) -> None:
    folder = tiny_models / "nllb-ct2"
    greedy = CTranslate2Specialist(folder).draft(sentences[:4], EN_PT)
    # the sampler would nearly always take the most probable token: its own probability of it is about 1
    options = DraftOptions(top_k=2, temperature=1e-5)
    sampled = CTranslate2Specialist(folder, options=options).draft(sentences[:4], EN_PT, 2)
    for (best,), paths in zip(greedy, sampled, strict=True):
        for path in paths:
            assert path.text == best.text
            assert [word.confidence for word in path.words] == pytest.approx(
                [word.confidence for word in best.words], abs=1e-4
            )


@pytest.mark.slow
def test_a_beam_finds_more_probable_drafts(tiny_models: Path, sentences: list[str]) -> None:
    def mean_score(beam: int) -> float:
        options = DraftOptions(beam=beam, max_ratio=1.0)
        drafts = CTranslate2Specialist(tiny_models / "nllb-ct2", options=options).draft(sentences[:12], EN_PT)
        return sum((draft.score or 0.0) for (draft,) in drafts)

    assert mean_score(6) > mean_score(1)


@pytest.mark.slow
def test_int8_stays_close_to_float32(tiny_models: Path, sentences: list[str]) -> None:
    exact = CTranslate2Specialist(tiny_models / "nllb-ct2", compute_type="float32")
    small = CTranslate2Specialist(tiny_models / "nllb-ct2", compute_type="int8")
    pairs = (sentences[:6], sentences[12:18])
    for one, other in zip(exact.score(*pairs, EN_PT), small.score(*pairs, EN_PT), strict=True):
        assert one.tokens == other.tokens
        assert other.per_token == pytest.approx(one.per_token, rel=0.1)
    assert small.draft(sentences[:2], EN_PT)[0][0].text
    assert ";int8;" in small.signature


@pytest.mark.slow
def test_forced_scores(tiny_models: Path, sentences: list[str]) -> None:
    specialist = CTranslate2Specialist(tiny_models / "opus-mt-en-pt-ct2")
    own, crossed, empty = specialist.score([sentences[0]] * 3, [sentences[12], sentences[13], ""], EN_PT)
    assert own.logprob < 0
    assert own.logprob != crossed.logprob
    assert empty.tokens == 1  # the end of the sentence
    with pytest.raises(SpecialistError, match="2 sources and 1 targets"):
        specialist.score(["a", "b"], ["c"], EN_PT)
    with pytest.raises(NoRoadError):
        specialist.score(["a"], ["b"], Pair("pt", "en"))
    with pytest.raises(SpecialistError, match=r"to score.*at most 509"):
        specialist.score(["a"], ["Rain fell. " * 500], EN_PT)


@pytest.mark.slow
def test_a_long_line_is_cut_and_put_together(tiny_models: Path, sentences: list[str]) -> None:
    specialist = CTranslate2Specialist(tiny_models / "opus-mt-en-pt-ct2", options=DraftOptions(max_ratio=0.1))
    line = " ".join(sentences[:12] * 8)
    (draft,) = specialist.draft([line], EN_PT)[0]
    assert len(draft.words) > len(specialist.draft([line[:400]], EN_PT)[0][0].words)
    assert draft.score is not None
    assert draft.score < 0


@pytest.mark.slow
def test_the_length_limit_ends_endless_output(tiny_models: Path, sentences: list[str]) -> None:
    short = CTranslate2Specialist(tiny_models / "nllb-ct2", options=DraftOptions(max_ratio=0.01))
    likelihoods = [draft.words for (draft,) in short.draft(sentences[:6], EN_PT)]
    assert max(map(len, likelihoods)) <= 9  # one token for the ratio, eight spare


@pytest.mark.slow
def test_the_signature_says_what_can_change_a_draft(tiny_models: Path) -> None:
    def signature(name: str = "nllb-ct2", **options: object) -> str:
        return CTranslate2Specialist(tiny_models / name, **options).signature  # type: ignore[arg-type]

    plain = signature()
    assert " " not in plain
    assert plain == signature()
    others = {
        signature("m2m100-ct2"),
        signature(compute_type="int8"),
        signature(options=DraftOptions(beam=2)),
        signature(options=DraftOptions(seed=1)),
        signature(pairing="shifted"),
        signature(family="nllb-legacy"),
    }
    assert len(others | {plain}) == 7


@pytest.mark.slow
def test_the_registry_knows_it() -> None:
    assert SPECIALISTS.load("ctranslate2") is CTranslate2Specialist


@pytest.mark.slow
def test_sampling_from_one_candidate_gives_the_greedy_draft_each_time(
    tiny_models: Path, sentences: list[str]
) -> None:
    folder = tiny_models / "nllb-ct2"
    greedy = texts_of(CTranslate2Specialist(folder), sentences[:2])
    sampled = texts_of(CTranslate2Specialist(folder, options=DraftOptions(top_k=1)), sentences[:2], n=3)
    assert sampled == [[text] * 3 for (text,) in greedy]
