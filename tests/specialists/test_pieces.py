"""Sub-word tokenizers of model folders."""

from pathlib import Path
from typing import Any

import pytest

from scalemt.errors import ModelError
from scalemt.specialists.pieces import load_pieces, readable

TEXT = "The cat sleeps on the old chair."


@pytest.fixture(scope="module")
def json_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tokenizers: Any = pytest.importorskip("tokenizers")
    folder = tmp_path_factory.mktemp("json")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    tokenizer.decoder = tokenizers.decoders.Metaspace()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=80, special_tokens=["<unk>", "</s>", "eng_Latn"], show_progress=False
    )
    tokenizer.train_from_iterator([TEXT, "The eng_Latn </s> text"], trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(scope="module")
def sentence_folder(tmp_path_factory: pytest.TempPathFactory, pieces_trainer: Any) -> Path:
    folder = tmp_path_factory.mktemp("spm")
    pieces_trainer(folder / "spiece.model", 120)
    return folder


def test_tokenizer_json_cuts_and_joins(json_folder: Path) -> None:
    pieces = load_pieces(json_folder, None, extra="ctranslate2")
    assert pieces.source(TEXT)[0].startswith("▁")
    assert pieces.text(pieces.target(TEXT)) == TEXT


def test_special_tokens_in_a_text_stay_text(json_folder: Path, sentence_folder: Path) -> None:
    for folder in (json_folder, sentence_folder):
        pieces = load_pieces(folder, None, extra="ctranslate2")
        found = pieces.source("The eng_Latn </s> text")
        assert "eng_Latn" not in found
        assert "</s>" not in found


def test_sentencepiece_comes_before_tokenizer_json(
    json_folder: Path, sentence_folder: Path, tmp_path: Path
) -> None:
    for source in (json_folder / "tokenizer.json", sentence_folder / "spiece.model"):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    both = load_pieces(tmp_path, None, extra="ctranslate2")
    assert both.source(TEXT) == load_pieces(sentence_folder, None, extra="ctranslate2").source(TEXT)


def test_the_tokenizer_may_lie_elsewhere(json_folder: Path, sentence_folder: Path, tmp_path: Path) -> None:
    for place in (json_folder, json_folder / "tokenizer.json", sentence_folder / "spiece.model"):
        pieces = load_pieces(tmp_path, place, extra="ctranslate2")
        assert pieces.text(pieces.source(TEXT)) == TEXT


def test_a_text_of_two_lines_becomes_one(sentence_folder: Path) -> None:
    pieces = load_pieces(sentence_folder, None, extra="ctranslate2")
    assert pieces.text(["▁The", "\n", "▁cat"]) == "The cat"


def test_a_folder_without_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match=r"no tokenizer.*source\.spm and target\.spm.*spiece\.model.*tokenizer\.json"
    ):
        load_pieces(tmp_path, None, extra="ctranslate2")
    with pytest.raises(ModelError, match="There is no tokenizer at"):
        load_pieces(tmp_path, tmp_path / "absent", extra="ctranslate2")


def test_half_of_an_opus_tokenizer(tmp_path: Path) -> None:
    (tmp_path / "source.spm").write_bytes(b"")
    with pytest.raises(ModelError, match=r"but not target\.spm"):
        load_pieces(tmp_path, None, extra="ctranslate2")


@pytest.mark.parametrize("name", ["tokenizer.json", "spiece.model"])
def test_a_spoilt_file(tmp_path: Path, name: str) -> None:
    pytest.importorskip("sentencepiece")
    pytest.importorskip("tokenizers")
    (tmp_path / name).write_text("nonsense")
    with pytest.raises(ModelError, match=name):
        load_pieces(tmp_path, None, extra="ctranslate2")


def test_byte_pieces_become_readable_without_changing_their_number() -> None:
    pieces = ["▁cost", "s", "▁", "<0xE2>", "<0x82>", "<0xAC>", "5", "<0xFF>"]
    assert readable(pieces) == ["▁cost", "s", "▁", "€", "", "", "5", "�"]
    assert readable([]) == []
