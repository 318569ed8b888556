"""Makes tiny COMET and BLEURT models with random weights, in the interpreter that has their libraries.

Run as `PYTHON make_neural_models.py FOLDER`; reads {"sentences", "samples"} as JSON from standard input, and
writes FOLDER/expected.json: what each model gives for the samples when its library is called directly.
"""

from __future__ import annotations

import io
import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

ENCODER = "tiny-xlm-roberta"
COMMON = {
    "nr_frozen_epochs": 0.3,
    "keep_embeddings_frozen": True,
    "encoder_model": "XLM-RoBERTa",
    "layer_transformation": "sparsemax",
    "layer_norm": False,
    "dropout": 0.1,
    "batch_size": 4,
    "hidden_sizes": [24, 12],
    "activations": "Tanh",
}
REGRESSION = {**COMMON, "layer": "mix", "pool": "avg"}
UNIFIED = {**COMMON, "sent_layer": "mix", "word_layer": 2, "input_segments": ["mt", "src"]}


def pieces(path: Path, sentences: list[str], **options: Any) -> None:
    import sentencepiece

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences * 2),
        model_writer=written,
        vocab_size=160,
        hard_vocab_limit=False,
        num_threads=1,
        minloglevel=2,
        **options,
    )
    path.write_bytes(written.getvalue())


def spread(model: Any) -> None:
    """Give wide random weights, so that different inputs get clearly different scores."""
    import torch

    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() > 1:
                weight.normal_(0.0, 2.0 / weight.shape[-1] ** 0.5, generator=generator)
            elif "scalar_parameters" in name:
                weight.normal_(0.0, 0.5, generator=generator)


def make_encoder(folder: Path, sentences: list[str]) -> None:
    hf: Any = import_module("transformers")  # the names differ between versions

    folder.mkdir()
    pieces(folder / "sentencepiece.bpe.model", sentences, unk_id=0, bos_id=1, eos_id=2)
    tokenizer = hf.XLMRobertaTokenizerFast(str(folder / "sentencepiece.bpe.model"))
    tokenizer.save_pretrained(folder)
    config = hf.XLMRobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=66,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        pad_token_id=1,
    )
    hf.XLMRobertaModel(config).save_pretrained(folder)


def make_comet(root: Path, name: str, kind: str, settings: dict[str, Any], samples: list[dict[str, str]]) -> Any:
    """Save a model as the hub has it: hparams.yaml, and a Lightning checkpoint in checkpoints/."""
    import pytorch_lightning
    import yaml
    from comet.models import str2model

    folder = root / name
    model = str2model[kind](pretrained_model=str(root / ENCODER), **settings)
    spread(model)
    trainer = pytorch_lightning.Trainer(logger=False, accelerator="cpu", enable_progress_bar=False)
    trainer.strategy.connect(model)
    checkpoint = folder / "checkpoints" / "model.ckpt"
    # The name and not the path is what a checkpoint of the hub holds.
    model.hparams.pretrained_model = ENCODER
    trainer.save_checkpoint(checkpoint, weights_only=True)
    hparams = {**settings, "class_identifier": kind, "pretrained_model": ENCODER}
    (folder / "hparams.yaml").write_text(yaml.safe_dump(hparams))
    return predict(folder, samples)


def predict(folder: Path, samples: list[dict[str, str]]) -> Any:
    """What the library gives when it is called as its README says."""
    from comet import load_from_checkpoint

    model = load_from_checkpoint(str(folder / "checkpoints" / "model.ckpt"), local_files_only=True)
    return model.predict(samples, batch_size=3, gpus=0, progress_bar=False)["scores"]


def bleurt_pieces(folder: Path, sentences: list[str]) -> Any:
    """The sentencepiece tokenizer of BLEURT-20, whose special tokens are pieces of its own."""
    from bleurt_pytorch.bleurt.tokenization_bleurt_sp import BleurtSPTokenizer

    ids = {"pad_id": 0, "unk_id": 1, "bos_id": 2, "eos_id": 3}
    names = {"pad_piece": "[PAD]", "unk_piece": "[UNK]", "bos_piece": "[CLS]", "eos_piece": "[SEP]"}
    pieces(folder / "spm.model", sentences, control_symbols=["[MASK]"], **ids, **names)
    return BleurtSPTokenizer(str(folder / "spm.model"))


def bleurt_words(folder: Path, sentences: list[str]) -> Any:
    """The WordPiece tokenizer of the English models before BLEURT-20."""
    from bleurt_pytorch.bleurt.tokenization_bleurt_fast import BleurtTokenizerFast

    words = {word.lower().strip(".") for sentence in sentences[::2] for word in sentence.split()}
    letters = {letter for sentence in sentences for letter in sentence.lower()} - {" "}
    tokens = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *sorted(words | letters | {"##" + one for one in letters}),
    ]
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n")
    return BleurtTokenizerFast(str(folder / "vocab.txt"))


def make_bleurt(folder: Path, tokenizer: Any, samples: list[dict[str, str]]) -> list[float]:
    import torch
    from bleurt_pytorch import BleurtConfig, BleurtForSequenceClassification

    tokenizer.save_pretrained(folder)
    config = BleurtConfig(
        vocab_size=len(tokenizer),
        embedding_size=8,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        architectures=["BleurtForSequenceClassification"],
    )
    model = BleurtForSequenceClassification(config).eval()
    spread(model)
    model.save_pretrained(folder)
    scores = []
    for sample in samples:
        # Lists, as its README has it: of a bare pair, transformers drops an empty second text.
        inputs = tokenizer([sample["ref"]], [sample["mt"]], truncation=True, max_length=64, return_tensors="pt")
        with torch.no_grad():
            scores.append(float(model(**inputs).logits))
    return scores


def main() -> None:
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(3)
    root = Path(sys.argv[1])
    given = json.load(sys.stdin)
    sentences, samples = given["sentences"], given["samples"]
    make_encoder(root / ENCODER, sentences)
    os.chdir(root)  # where the bare name of the encoder is a folder
    alone = [{"src": sample["src"], "mt": sample["mt"]} for sample in samples]
    three = {**UNIFIED, "input_segments": ["mt", "src", "ref"]}
    for name in ("tiny-bleurt", "tiny-bleurt-wordpiece"):
        (root / name).mkdir()
    expected = {
        "comet": make_comet(root, "tiny-comet-da", "regression_metric", REGRESSION, samples),
        "kiwi": make_comet(root, "tiny-cometkiwi-da", "unified_metric", UNIFIED, alone),
        "unified": make_comet(root, "tiny-unified", "unified_metric", three, samples),
        "unified-alone": predict(root / "tiny-unified", alone),
        "tiny-bleurt": make_bleurt(root / "tiny-bleurt", bleurt_pieces(root / "tiny-bleurt", sentences), samples),
        "tiny-bleurt-wordpiece": make_bleurt(
            root / "tiny-bleurt-wordpiece", bleurt_words(root / "tiny-bleurt-wordpiece", sentences), samples
        ),
    }
    (root / "expected.json").write_text(json.dumps(expected))


if __name__ == "__main__":
    main()
