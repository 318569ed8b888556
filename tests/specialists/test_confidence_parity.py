"""`ctranslate2`, `transformers` and a direct computation with torch must agree on every word's confidence.

The direct computation uses the tokenizer and the model of `transformers` alone: it takes the most probable
token step by step from plain forward passes, and pairs and merges as SCALE's released code does.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from scalemt.huggingface import quiet
from scalemt.specialists.base import DraftOptions
from scalemt.specialists.confidence import Pairing
from scalemt.specialists.ctranslate2 import CTranslate2Specialist
from scalemt.specialists.transformers import TransformersSpecialist
from scalemt.types import Draft, Pair

pytestmark = pytest.mark.slow

EN_PT = Pair("en", "pt")
OPTIONS = DraftOptions(max_ratio=1.0)
NAMES = ["opus-mt-en-pt", "nllb", "m2m100", "madlad"]


class Direct(NamedTuple):
    """A greedy translation: tokens after the language token, and the probability of each, the end included."""

    tokens: list[str]
    probabilities: list[float]
    ended: bool

    def words(self, released: bool = False) -> list[tuple[str, float]]:
        """Words with mean probability; `released` pairs as the released code does, one step late."""
        probabilities = self.probabilities[1:] if released else self.probabilities
        words: list[tuple[str, list[float]]] = []
        for token, probability in zip(self.tokens, probabilities, strict=False):
            if token in ("<pad>", "<unk>", "</s>") or token.startswith("__"):
                continue
            if token.startswith("▁") or not words:
                words.append((token.removeprefix("▁"), [probability]))
            else:
                words[-1] = (words[-1][0] + token, [*words[-1][1], probability])
        return [(text, sum(known) / len(known)) for text, known in words if text]


@cache
def loaded(folder: Path) -> tuple[Any, Any]:
    hf: Any = import_module("transformers")
    with quiet():
        return hf.AutoTokenizer.from_pretrained(folder), hf.AutoModelForSeq2SeqLM.from_pretrained(folder).eval()


def source_ids(folder: Path, text: str) -> tuple[list[int], list[int]]:
    """Encoder ids by the tokenizer's own rules, and the ids the decoder starts from."""
    tokenizer, model = loaded(folder)
    start = [model.config.decoder_start_token_id]
    if folder.name == "nllb":
        tokenizer.src_lang = "eng_Latn"
        start.append(tokenizer.convert_tokens_to_ids("por_Latn"))
    elif folder.name == "m2m100":
        tokenizer.src_lang = "en"
        start.append(tokenizer.get_lang_id("pt"))
    elif folder.name == "madlad":
        import sentencepiece

        # As in Google's training, and the slow tokenizer of transformers 4: the token goes through sentencepiece.
        model_file = str(folder / "spiece.model")
        pieces = sentencepiece.SentencePieceProcessor(model_file=model_file).encode("<2pt> " + text)
        return [*pieces, 1], start
    return list(tokenizer(text).input_ids), start


@cache
def direct(folder: Path, text: str) -> Direct:
    import torch

    tokenizer, model = loaded(folder)
    source, ids = source_ids(folder, text)
    end = model.config.eos_token_id
    limit = len(source) + 8
    tokens: list[str] = []
    probabilities: list[float] = []
    with torch.no_grad():
        encoded = model.get_encoder()(input_ids=torch.tensor([source]))
    while len(tokens) <= limit:
        with torch.no_grad():
            logits = model(encoder_outputs=encoded, decoder_input_ids=torch.tensor([ids])).logits[0, -1]
        if folder.name.startswith("opus"):
            logits[model.config.pad_token_id] = float("-inf")  # Marian itself has no padding token
        distribution = logits.softmax(-1)
        if len(tokens) == limit:
            return Direct(tokens, [*probabilities, float(distribution[end])], ended=False)
        ids = [*ids, int(distribution.argmax())]
        probabilities.append(float(distribution[ids[-1]]))
        if ids[-1] == end:
            return Direct(tokens, probabilities, ended=True)
        tokens.append(str(tokenizer.convert_ids_to_tokens(ids[-1])))
    raise AssertionError("unreachable")


def by_backend(
    models: Path, name: str, texts: list[str], pairing: Pairing = "aligned"
) -> tuple[list[Draft], list[Draft]]:
    native = TransformersSpecialist(models / name, options=OPTIONS, pairing=pairing)
    converted = CTranslate2Specialist(models / f"{name}-ct2", options=OPTIONS, pairing=pairing)
    return (
        [draft for (draft,) in native.draft(texts, EN_PT)],
        [draft for (draft,) in converted.draft(texts, EN_PT)],
    )


def assert_same_words(drafts: list[Draft], expected: list[list[tuple[str, float]]]) -> None:
    for draft, words in zip(drafts, expected, strict=True):
        assert [word.text for word in draft.words] == [text for text, _ in words]
        assert [word.confidence for word in draft.words] == pytest.approx([p for _, p in words], abs=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_every_word_has_the_same_confidence_everywhere(tiny_models: Path, sentences: list[str], name: str) -> None:
    texts = sentences[:12]
    expected = [direct(tiny_models / name, text) for text in texts]
    words = [word for one in expected for word in one.words()]
    assert len(words) > 60  # several words a sentence, of more than one kind, sure and unsure
    assert len({text for text, _ in words}) > 20
    assert min(p for _, p in words) < 0.3
    assert max(p for _, p in words) > 0.5

    for drafts in by_backend(tiny_models, name, texts):
        assert_same_words(drafts, [one.words() for one in expected])


@pytest.mark.parametrize("name", NAMES)
def test_the_score_is_that_of_all_tokens_and_the_end(tiny_models: Path, sentences: list[str], name: str) -> None:
    from math import fsum, log

    expected = [fsum(map(log, direct(tiny_models / name, text).probabilities)) for text in sentences[:4]]
    for drafts in by_backend(tiny_models, name, sentences[:4]):
        assert [draft.score for draft in drafts] == pytest.approx(expected, abs=1e-2)


@pytest.mark.parametrize("name", NAMES)
def test_the_shifted_pairing_is_that_of_the_released_code(
    tiny_models: Path, sentences: list[str], name: str
) -> None:
    every = {text: direct(tiny_models / name, text) for text in sentences[:12]}
    texts = [text for text, one in every.items() if one.tokens]
    expected = [every[text].words(released=True) for text in texts]
    assert expected != [every[text].words() for text in texts]
    for drafts in by_backend(tiny_models, name, texts, "shifted"):
        assert_same_words(drafts, expected)


def test_the_released_loop_itself_gives_the_shifted_pairing(tiny_models: Path, sentences: list[str]) -> None:
    """`compute_transition_scores` over `generate`, zipped as translate_flores200_nllb.py zips it."""
    import torch

    folder = tiny_models / "nllb"
    tokenizer, model = loaded(folder)
    shifted = TransformersSpecialist(folder, options=OPTIONS, pairing="shifted")
    compared = 0
    for text in sentences[:12]:
        source, (_, language) = source_ids(folder, text)
        with torch.no_grad():
            output = model.generate(
                torch.tensor([source]),
                forced_bos_token_id=language,
                max_new_tokens=len(source),
                return_dict_in_generate=True,
                output_scores=True,
            )
        scores = model.compute_transition_scores(output.sequences, output.scores, normalize_logits=True)
        late = [float(p) for p in scores[0][2:].exp()]
        tokens = tokenizer.convert_ids_to_tokens(output.sequences[0][2 : 2 + len(late)])
        known = {index: p for index, p in enumerate(late) if tokens[index] != "</s>"}
        words = Direct(tokens[: len(known)], [0.0, *known.values()], ended=True).words(released=True)
        found = [(word.text, word.confidence) for word in shifted.draft([text], EN_PT)[0][0].words]
        whole = len(words) - 1  # the last word may be cut by the limit
        assert [w for w, _ in found[:whole]] == [w for w, _ in words[:whole]]
        assert [p for _, p in found[:whole]] == pytest.approx([p for _, p in words[:whole]], abs=1e-3)
        compared += whole
    assert compared > 40


def test_greedy_confidences_are_the_transition_scores_of_generate(tiny_models: Path, sentences: list[str]) -> None:
    import torch

    folder = tiny_models / "opus-mt-en-pt"
    _, model = loaded(folder)
    source, _ = source_ids(folder, sentences[0])
    with torch.no_grad():
        output = model.generate(
            torch.tensor([source]),
            max_new_tokens=10,
            suppress_tokens=[model.config.pad_token_id],
            return_dict_in_generate=True,
            output_scores=True,
        )
    scores = model.compute_transition_scores(output.sequences, output.scores, normalize_logits=True)[0].exp()
    expected = direct(folder, sentences[0]).probabilities[:9]  # the tenth is forced to be the end
    assert scores[:9].tolist() == pytest.approx(expected, abs=1e-4)
