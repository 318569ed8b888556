"""Cache keys of local model folders: every file that can change a draft, and no weights loaded for a hit."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from helpers import EN_PT
from scalemt.caching import FILE_NAME, CacheStore, keep_specialist
from scalemt.errors import ModelError
from scalemt.huggingface import model_files
from scalemt.specialists import BaseSpecialist
from scalemt.specialists.base import DraftOptions
from scalemt.specialists.ctranslate2 import CTranslate2Specialist
from scalemt.specialists.transformers import TransformersSpecialist

pytestmark = pytest.mark.slow

KINDS: list[tuple[Callable[..., BaseSpecialist], str]] = [
    (CTranslate2Specialist, "nllb-ct2"),
    (TransformersSpecialist, "nllb"),
]


@pytest.mark.parametrize(("kind", "name"), KINDS, ids=["ctranslate2", "transformers"])
def test_every_file_counts_but_notes_do_not(
    tiny_models: Path, tmp_path: Path, kind: Callable[..., BaseSpecialist], name: str
) -> None:
    folder = Path(shutil.copytree(tiny_models / name, tmp_path / name))
    specialist = kind(folder)
    key = specialist.cache_key(EN_PT)
    (folder / "README.md").write_text("notes")
    (folder / "logs").mkdir()
    assert specialist.cache_key(EN_PT) == key
    names = {path.name for path in model_files(folder)}
    assert {"config.json"} < names
    for path in model_files(folder):
        before = path.read_bytes()
        path.write_bytes(before + b"\n")
        assert specialist.cache_key(EN_PT) != key, path.name
        path.write_bytes(before)
    assert specialist.cache_key(EN_PT) == key


@pytest.mark.parametrize(("kind", "name"), KINDS, ids=["ctranslate2", "transformers"])
def test_options_count_where_they_can_change_a_draft(
    tiny_models: Path, tmp_path: Path, kind: Callable[..., BaseSpecialist], name: str
) -> None:
    folder = tiny_models / name
    key = kind(folder).cache_key(EN_PT)
    assert kind(folder, threads=1, batch_tokens=10).cache_key(EN_PT) == key
    others: list[dict[str, Any]] = [
        {"options": DraftOptions(beam=2)},
        {"options": DraftOptions(max_ratio=3.0000001)},
        {"pairing": "shifted"},
        {"tokenizer": shutil.copy(folder / "sentencepiece.bpe.model", tmp_path / "other.model")},
    ]
    keys = {kind(folder, **options).cache_key(EN_PT) for options in others}
    assert len(keys | {key}) == 5


@pytest.mark.parametrize(("kind", "name"), KINDS, ids=["ctranslate2", "transformers"])
def test_a_hit_loads_no_weights(
    tiny_models: Path,
    monkeypatch: pytest.MonkeyPatch,
    cache_folder: Path,
    kind: Callable[..., BaseSpecialist],
    name: str,
) -> None:
    texts = ["The cat sleeps.", "Rain fell."]
    store = CacheStore(cache_folder / FILE_NAME)
    made = keep_specialist(kind(tiny_models / name), store).draft(texts, EN_PT)

    def refuse(*_: object, **__: object) -> None:
        raise ModelError("weights are being loaded")

    monkeypatch.setattr(CTranslate2Specialist, "_load", refuse)
    monkeypatch.setattr(TransformersSpecialist, "_load", refuse)
    again = keep_specialist(kind(tiny_models / name), store)
    assert again.draft(texts, EN_PT) == made
    with pytest.raises(ModelError, match="being loaded"):
        again.draft(["A new text."], EN_PT)
    store.close()
