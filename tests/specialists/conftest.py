"""Tiny translation models with random weights, made once a session in every family's own folder format."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from scalemt.huggingface import quiet

SENTENCES = """
The cat sleeps on the old chair near the window.
We bought fresh bread in the village this morning.
Rain fell all night and the river rose quickly.
She writes letters to her friends every week.
The train to the coast leaves at nine o'clock.
Nobody knew who had opened the garden gate.
Please send the report before the end of the month.
The museum is closed on Mondays and public holidays.
He learned to play the violin when he was seven.
Our neighbours planted lemon trees behind the house.
The new bridge will open to traffic next spring.
I forgot my umbrella on the bus again.
O gato dorme na cadeira velha perto da janela.
Compramos pão fresco na aldeia esta manhã.
Choveu a noite toda e o rio subiu depressa.
Ela escreve cartas aos amigos todas as semanas.
O trem para o litoral parte às nove horas.
Ninguém sabia quem tinha aberto o portão do jardim.
Envie o relatório antes do fim do mês, por favor.
O museu fecha às segundas e nos feriados.
Ele aprendeu a tocar violino aos sete anos.
Nossos vizinhos plantaram limoeiros atrás da casa.
A nova ponte será aberta ao trânsito na primavera.
Esqueci meu guarda-chuva no ônibus outra vez.
""".strip().splitlines()

LAYERS = {
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
}


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of model folders: opus-mt-en-pt, opus-multi, nllb, m2m100, madlad; each also as NAME-ct2."""
    for package in ("torch", "transformers", "sentencepiece", "ctranslate2"):
        pytest.importorskip(package)
    root = tmp_path_factory.mktemp("models")
    builders: dict[str, Callable[[Path], None]] = {
        "opus-mt-en-pt": _opus,
        "opus-multi": lambda folder: _opus(folder, (">>por<<", ">>pob<<", ">>spa_Latn<<")),
        "nllb": _nllb,
        "m2m100": _m2m100,
        "madlad": _madlad,
    }
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch and the converter have some of their own
        for name, build in builders.items():
            (root / name).mkdir()
            build(root / name)
            _convert(root / name)
    return root


@pytest.fixture(scope="session")
def pieces_trainer() -> Callable[..., Any]:
    """Trains a sentencepiece model: path, size, options."""
    pytest.importorskip("sentencepiece")
    return train_pieces


@pytest.fixture(scope="session")
def sentences() -> list[str]:
    """Twelve English sentences, then their Portuguese translations."""
    return SENTENCES


def train_pieces(path: Path, size: int, **options: Any) -> Any:
    """Train a sentencepiece model on the sentences above, write it and return its processor."""
    import sentencepiece

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 2),
        model_writer=written,
        vocab_size=size,
        hard_vocab_limit=False,
        num_threads=1,
        minloglevel=2,
        **options,
    )
    path.write_bytes(written.getvalue())
    return sentencepiece.SentencePieceProcessor(model_file=str(path))


def write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def _save(model: Any, folder: Path, seed: int, rare: list[int]) -> None:
    """Give a model random weights, and save it.

    Wide weights make each output token depend on all before it, so that greedy output does not fall into one
    repeated token. As in trained models `</s>` is likely, and the tokens `rare` hardly ever come.
    """
    import torch

    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(seed)
    config = model.config
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() > 1 and "embed_positions" not in name:
                wide = 1.0 if "embed" in name or "shared" in name or "lm_head" in name else 4.0
                weight.normal_(0.0, wide / weight.shape[-1] ** 0.5, generator=generator)
        _final_norm(model).weight *= 3.0  # spreads the probabilities
        for weight in {id(w): w for w in (model.get_input_embeddings().weight, model.lm_head.weight)}.values():
            weight[rare] *= 0.3
            weight[config.eos_token_id] *= 1.5
            weight[config.pad_token_id] = 0.0  # Marian's decoder starts from a zero embedding
    model.eval().save_pretrained(folder)


def _final_norm(model: Any) -> Any:
    if model.config.model_type == "t5":
        return model.decoder.final_layer_norm
    decoder = model.model.decoder
    return getattr(decoder, "layer_norm", None) or decoder.layers[-1].final_layer_norm


def _opus(folder: Path, marks: tuple[str, ...] = ()) -> None:
    hf: Any = import_module("transformers")

    source = train_pieces(folder / "source.spm", 150, eos_id=0, unk_id=1, bos_id=-1)
    target = train_pieces(folder / "target.spm", 150, eos_id=0, unk_id=1, bos_id=-1, model_type="bpe")
    pieces = [model.id_to_piece(index) for model in (source, target) for index in range(2, len(model))]
    tokens = list(dict.fromkeys(["</s>", "<unk>", *pieces, *marks, "<pad>"]))
    write_json(folder / "vocab.json", {token: index for index, token in enumerate(tokens)})
    languages = {"source_lang": "en", "target_lang": "mul"} if marks else {}
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "MarianTokenizer", **languages})
    pad = len(tokens) - 1
    config = hf.MarianConfig(
        vocab_size=len(tokens),
        pad_token_id=pad,
        decoder_start_token_id=pad,
        eos_token_id=0,
        forced_eos_token_id=0,
        max_position_embeddings=512,
        scale_embedding=True,
        activation_function="swish",
        d_model=32,
        **LAYERS,
    )
    model = hf.MarianMTModel(config)
    model.final_logits_bias[:, :pad] = -5.0  # real ones are low too: an unmasked <pad>, at 0, would take its share
    _save(model, folder, seed=3, rare=[tokens.index(mark) for mark in marks])


def _merges(model: Any) -> list[tuple[str, str]]:
    """The merge list of a sentencepiece BPE model: every way to split a piece, in the order of the pieces."""
    ranks = {model.id_to_piece(index): index for index in range(len(model))}
    found = [
        (ranks[piece], piece[:cut], piece[cut:])
        for piece in ranks
        for cut in range(1, len(piece))
        if piece[:cut] in ranks and piece[cut:] in ranks and not model.is_control(ranks[piece])
    ]
    return [(left, right) for _, left, right in sorted(found)]


def _nllb(folder: Path) -> None:
    hf: Any = import_module("transformers")

    model = train_pieces(folder / "sentencepiece.bpe.model", 200, model_type="bpe", unk_id=0, bos_id=1, eos_id=2)
    pieces = [model.id_to_piece(index) for index in range(3, len(model))]
    vocabulary = {token: index for index, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", *pieces])}
    codes = ["eng_Latn", "por_Latn", "spa_Latn", "xho_Latn"]
    tokenizer = hf.NllbTokenizer(vocab=vocabulary, merges=_merges(model), extra_special_tokens=codes)
    tokenizer.save_pretrained(folder)
    config = hf.M2M100Config(
        vocab_size=len(tokenizer),
        max_position_embeddings=512,
        scale_embedding=True,
        decoder_start_token_id=2,
        d_model=32,
        **LAYERS,
    )
    _save(
        hf.M2M100ForConditionalGeneration(config),
        folder,
        seed=9,
        rare=[0, *tokenizer.convert_tokens_to_ids(["<mask>", *codes])],
    )


def _m2m100(folder: Path) -> None:
    hf: Any = import_module("transformers")

    model = train_pieces(folder / "sentencepiece.bpe.model", 200, model_type="bpe", unk_id=0, bos_id=1, eos_id=2)
    pieces = [model.id_to_piece(index) for index in range(3, len(model))]
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *pieces]
    write_json(folder / "vocab.json", {token: index for index, token in enumerate(tokens)})
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "M2M100Tokenizer"})
    config = hf.M2M100Config(
        vocab_size=len(tokens) + 100 + 8,  # the tokenizer adds 100 languages and 8 made-up words
        max_position_embeddings=512,
        scale_embedding=True,
        decoder_start_token_id=2,
        d_model=32,
        **LAYERS,
    )
    _save(
        hf.M2M100ForConditionalGeneration(config),
        folder,
        seed=13,
        rare=[0, *range(len(tokens), config.vocab_size)],
    )


def _madlad(folder: Path) -> None:
    hf: Any = import_module("transformers")

    marks = ["<2pt>", "<2en>", "<2es>"]
    model = train_pieces(
        folder / "spiece.model",
        450,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        byte_fallback=True,
        user_defined_symbols=marks,
    )
    pieces = [model.id_to_piece(index) for index in range(len(model))]
    scored = [(piece, model.get_score(index)) for index, piece in enumerate(pieces)]
    hf.T5Tokenizer(vocab=scored, extra_ids=0).save_pretrained(folder)
    config = hf.T5Config(
        vocab_size=len(model),
        d_model=32,
        d_kv=8,
        d_ff=64,
        num_layers=2,
        num_heads=4,
        feed_forward_proj="gated-gelu",
        tie_word_embeddings=False,
        decoder_start_token_id=0,
    )
    _save(
        hf.T5ForConditionalGeneration(config),
        folder,
        seed=5,
        rare=[index for index in range(len(model)) if pieces[index].startswith("<")],
    )


def _convert(folder: Path) -> None:
    from ctranslate2.converters import TransformersConverter

    class Converter(TransformersConverter):  # type: ignore[misc]
        def load_model(self, model_class: Any, model_name_or_path: str, **options: Any) -> Any:
            # transformers 5 always says True here and means scale_decoder_outputs, which CTranslate2 4.8 ignores
            model = super().load_model(model_class, model_name_or_path, **options)
            if model.config.model_type == "t5":
                model.config.tie_word_embeddings = model.config.scale_decoder_outputs
            return model

        def load_tokenizer(self, tokenizer_class: Any, model_name_or_path: str, **options: Any) -> Any:
            # CTranslate2 4.8 looks for M2M100's languages where transformers 5 no longer keeps them
            tokenizer = super().load_tokenizer(tokenizer_class, model_name_or_path, **options)
            listed = tokenizer.get_vocab() | getattr(tokenizer, "lang_token_to_id", {})
            tokenizer.get_vocab = lambda: listed
            return tokenizer

    files = [name for name in _TOKENIZER_FILES if (folder / name).exists()]
    Converter(str(folder), copy_files=files).convert(f"{folder}-ct2")


_TOKENIZER_FILES = ("source.spm", "target.spm", "sentencepiece.bpe.model", "spiece.model", "tokenizer_config.json")
