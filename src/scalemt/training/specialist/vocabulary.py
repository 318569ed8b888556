"""Sentence pieces trained on a corpus, in the files that Marian's tokenizer of transformers reads.

Unigram (Kudo 2018, arXiv 1804.10959) or BPE (Sennrich et al. 2016); a small vocabulary suits little data (Sennrich
and Zhang 2019, "Revisiting Low-Resource Neural Machine Translation", arXiv 1905.11901).
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from scalemt.errors import ConfigurationError, InputError, MissingExtraError
from scalemt.specialists.families import END, UNKNOWN
from scalemt.training.specialist.configuration import Vocabulary

PAD = "<pad>"
SOURCE, TARGET, IDS = "source.spm", "target.spm", "vocab.json"

_TOO_HIGH = re.compile(r"(?:<=|smaller than or equal to|lower than)\s*(\d+)")
_TOO_LOW = re.compile(r"smaller than required_chars\. \d+ vs (\d+)")
_CONTROL = {"<s>", END, UNKNOWN}


def make_vocabulary(
    sources: Sequence[str], targets: Sequence[str], options: Vocabulary, folder: Path, threads: int = 1
) -> int:
    """Train pieces on a corpus and write them into a folder.

    Args:
        sources, targets: the corpus.
        options: see there.
        folder: gets source.spm, target.spm, vocab.json.
        threads: of the trainer.

    Returns:
        How many ids there are; `</s>` is 0, `<unk>` 1, and `<pad>` the last, as Marian has them.

    Raises:
        ConfigurationError: the size is too small for the characters.
        InputError: the corpus is too small for any vocabulary.
        MissingExtraError: sentencepiece is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if options.shared:
        models = [_trained([*sources, *targets], options, threads)] * 2
    else:
        models = [_trained(texts, options, threads) for texts in (sources, targets)]
    for name, model in zip((SOURCE, TARGET), models, strict=True):
        (folder / name).write_bytes(model)
    pieces = dict.fromkeys(piece for model in dict.fromkeys(models) for piece in _pieces(model))
    tokens = [END, UNKNOWN, *pieces, PAD]
    ids = {token: number for number, token in enumerate(tokens)}
    (folder / IDS).write_text(json.dumps(ids, ensure_ascii=False, indent=0), "utf-8")
    return len(tokens)


def tokenizer_settings(source: str, target: str, longest: int) -> dict[str, object]:
    """Return what tokenizer_config.json says: Marian's tokenizer, the languages, the special tokens."""
    return {
        "tokenizer_class": "MarianTokenizer",
        "source_lang": source,
        "target_lang": target,
        "model_max_length": longest,
        "eos_token": END,
        "unk_token": UNKNOWN,
        "pad_token": PAD,
        "separate_vocabs": False,
    }


def _trained(texts: Iterable[str], options: Vocabulary, threads: int) -> bytes:
    """Train one model; asked for more pieces than the corpus gives, the trainer says how many, and gets that."""
    try:
        import sentencepiece
    except ImportError as error:
        raise MissingExtraError("Training a vocabulary", "training") from error
    held, size = list(texts), options.size
    for _ in range(3):
        made = io.BytesIO()
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(held),
                model_writer=made,
                vocab_size=size,
                model_type=options.kind,
                character_coverage=options.coverage,
                byte_fallback=options.byte_fallback,
                normalization_rule_name="identity",
                input_sentence_size=2_000_000,
                shuffle_input_sentence=False,
                num_threads=threads,
                minloglevel=2,
            )
        except RuntimeError as fault:
            least, found = _TOO_LOW.search(str(fault)), _TOO_HIGH.search(str(fault))
            if least:
                raise ConfigurationError(
                    f"vocabulary.size is {size}, but characters and bytes alone need {least[1]} pieces. Set it "
                    "higher, or byte_fallback = false, which saves 256."
                ) from None
            if not found or int(found[1]) >= size:
                told = f"No vocabulary of {size} pieces can be made of {len(held)} texts: {fault}"
                raise InputError(told) from None
            size = int(found[1])
            continue
        return made.getvalue()
    raise InputError(f"No vocabulary can be made of {len(held)} texts: there are too few of them.")


def _pieces(model: bytes) -> list[str]:
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    pieces = [str(processor.id_to_piece(number)) for number in range(processor.get_piece_size())]
    return [piece for piece in pieces if piece not in _CONTROL]
