"""Local folders trained further: their language tokens, mixed corpora, the backend that runs what comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scalemt.config import Configuration, Profile
from scalemt.engine.backends import build_specialist
from scalemt.errors import ConfigurationError, ModelError
from scalemt.huggingface import quiet
from scalemt.specialists.ctranslate2 import CTranslate2Specialist
from scalemt.specialists.transformers import TransformersSpecialist
from scalemt.trained import TrainedModels
from scalemt.training.specialist.codec import Codec
from scalemt.training.specialist.configuration import Recipe, read_recipe
from scalemt.training.specialist.converting import convert
from scalemt.training.specialist.making import train_specialist
from scalemt.types import Pair
from specialists.conftest import SENTENCES
from specialists.conftest import tiny_models as _tiny_models

tiny_models = _tiny_models

pytest.importorskip("accelerate", reason="the extra 'training' is not installed")
pytestmark = pytest.mark.slow

EN_PT = Pair("en", "pt")
_CODES = {"nllb": ("eng_Latn", "por_Latn"), "m2m100": ("en", "pt")}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    pairs = list(zip(SENTENCES[:12], SENTENCES[12:], strict=True))
    (tmp_path / "help.tsv").write_text("".join(f"{one}\t{other}\n" for one, other in pairs[:6]), "utf-8")
    (tmp_path / "general.tsv").write_text("".join(f"{other}\t{one}\n" for one, other in pairs[6:10]), "utf-8")
    (tmp_path / "dev.tsv").write_text("".join(f"{one}\t{other}\n" for one, other in pairs[10:]), "utf-8")
    return tmp_path


def further(place: Path, base: Path | str, *changes: str) -> Recipe:
    (place / "recipe.toml").write_text(
        f'name = "further"\nfrom = "en"\nto = "pt"\nmodel.base = "{base}"\n'
        'dev.files = ["dev.tsv"]\n'
        '[[corpora]]\nfiles = ["help.tsv"]\nweight = 3\n'
        '[[corpora]]\nfiles = ["general.tsv"]\nfrom = "pt"\nto = "en"\nname = "general"\n'
        "[training]\nsteps = 4\nevery = 2\nbatch_tokens = 100\nwarmup = 1\nrate = 0.001\n",
        "utf-8",
    )
    return read_recipe(place / "recipe.toml", changes=changes)


@pytest.mark.parametrize("family", ["opus-mt-en-pt", "nllb", "m2m100", "madlad"])
def test_a_folder_is_trained_further(
    family: str,
    tiny_models: Path,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SCALEMT_DATA_DIR", str(place / "data"))
    made = train_specialist(further(place, tiny_models / family), work=place / "work")
    card = made.card
    assert card.parent == str(tiny_models / family)
    assert [card.data[f"corpus {number}"]["name"] for number in (1, 2)] == ["help.tsv", "general"]
    assert card.data["corpus 1"]["weight"] == 3
    named: Any = build_specialist("further", Configuration(), Profile())
    assert named.signature == made.signature
    assert named.draft(["The museum is closed."], EN_PT)[0][0].language == "pt"
    told = next(iter(card.scores.values()))
    assert abs(told["int8 - float32, chrf++"]) <= 0.3 or "more than 0.3: this one is run by" in card.notes
    assert card.backend == ("transformers" if card.notes else "ctranslate2")


@pytest.mark.parametrize("family", ["opus-mt-en-pt", "nllb", "m2m100", "madlad"])
def test_converted_it_finds_texts_as_likely(family: str, tiny_models: Path, tmp_path: Path) -> None:
    convert(tiny_models / family, tmp_path / "converted")
    likelihoods = [
        kind(folder, pairs=["en->pt"]).score(SENTENCES[:12], SENTENCES[12:], EN_PT)
        for kind, folder in (
            (CTranslate2Specialist, tmp_path / "converted"),
            (TransformersSpecialist, tiny_models / family),
        )
    ]
    compact, full = (sum(one.logprob for one in found) for found in likelihoods)
    assert compact == pytest.approx(full, rel=0.03)


@pytest.mark.parametrize("family", ["nllb", "m2m100", "opus-mt-en-pt"])
def test_texts_become_the_ids_that_transformers_gives(family: str, tiny_models: Path) -> None:
    from transformers import AutoTokenizer

    with quiet():
        tokenizer = AutoTokenizer.from_pretrained(tiny_models / family)
    if family in _CODES:
        tokenizer.src_lang, tokenizer.tgt_lang = _CODES[family]
    codec = Codec(tiny_models / family, EN_PT)
    source, target = SENTENCES[0], SENTENCES[12]
    theirs = tokenizer(source, text_target=target)
    assert codec.source(source) == theirs["input_ids"]
    assert codec.target(target) == theirs["labels"]
    assert codec.text([codec.start, *codec.target(target)]) == target


def test_what_was_trained_here_is_trained_further_by_name(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEMT_DATA_DIR", str(place / "data"))
    small = ("model.layers=1", "model.decoder_layers=1", "model.width=16", "model.inner=16", "model.heads=2")
    vocabulary = (
        "vocabulary.size=80",
        "vocabulary.byte_fallback=false",
        "vocabulary.shared=false",
        "vocabulary.kind=bpe",
    )
    first = train_specialist(further(place, "", *small, *vocabulary), work=place / "work")
    again = train_specialist(further(place, "further:1"), work=place / "work")
    assert (first.card.shown, again.card.shown, again.card.parent) == ("further:1", "further:2", "further:1")
    assert TrainedModels().current("further") == 1


def test_a_base_that_cannot_be_one_is_told(tiny_models: Path, place: Path) -> None:
    with pytest.raises(ModelError, match=r"model.base is 'nobody', which is no folder. There is no trained model"):
        train_specialist(further(place, "nobody"), work=place / "work")
    with pytest.raises(ConfigurationError, match=r"be trained on en->eu. Its vocabulary has no token for eu"):
        Codec(tiny_models / "m2m100", Pair("en", "eu"))
