"""Model files with other weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scalemt.errors import ModelError
from scalemt.specialists.bergamot import BergamotSpecialist
from scalemt.specialists.bergamot.marian import read_model
from scalemt.specialists.bergamot.marian_writing import write_model
from scalemt.specialists.bergamot.shortlist import read_shortlist, write_shortlist
from specialists.bergamot.small_models import SmallModel, marian_bytes


@pytest.fixture
def eight_bits(small: SmallModel) -> SmallModel:
    (small.folder / "model.enpt.bin").write_bytes(marian_bytes(small.config, small.tensors, int8=True))
    return small


def test_float32_holds_every_weight_exactly(eight_bits: SmallModel) -> None:
    base = eight_bits.folder / "model.enpt.bin"
    tensors = {name: tensor + np.float32(0.001) for name, tensor in read_model(base).tensors.items()}
    write_model(eight_bits.folder / "other.bin", base, tensors, "float32")
    found = read_model(eight_bits.folder / "other.bin")
    assert found.config == read_model(base).config
    assert found.tensors.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert (found.tensors[name] == tensor).all(), name


def test_int8_is_half_a_step_off_at_most(eight_bits: SmallModel) -> None:
    base = eight_bits.folder / "model.enpt.bin"
    tensors = {name: tensor * np.float32(1.3) for name, tensor in read_model(base).tensors.items()}
    write_model(eight_bits.folder / "other.bin", base, tensors, "int8")
    found = read_model(eight_bits.folder / "other.bin").tensors
    for name, tensor in tensors.items():
        off = np.abs(found[name] - tensor).max()
        assert off <= (np.abs(tensor).max() / 254 * 1.001 if tensor.ndim == 2 else 0), name


def test_the_packaged_weights_in_int8_are_the_packaged_model(packaged: BergamotSpecialist, tmp_path: Path) -> None:
    base = next(iter(packaged._files.values())).model
    before = read_model(base)
    write_model(tmp_path / "other.bin", base, before.tensors, "int8")
    for name, tensor in read_model(tmp_path / "other.bin").tensors.items():
        np.testing.assert_allclose(tensor, before.tensors[name], atol=1e-6)


def test_what_does_not_fit_is_refused(eight_bits: SmallModel) -> None:
    base, target = eight_bits.folder / "model.enpt.bin", eight_bits.folder / "other.bin"
    tensors = read_model(base).tensors
    with pytest.raises(ModelError, match="has no tensor nothing"):
        write_model(target, base, {"nothing": tensors["Wemb"]}, "int8")
    with pytest.raises(ModelError, match=r"Wemb has the shape \(3, 3\)"):
        write_model(target, base, {"Wemb": np.zeros((3, 3), np.float32)}, "int8")
    with pytest.raises(ModelError, match="no finite number"):
        write_model(target, base, {"Wemb": tensors["Wemb"] * np.float32("nan")}, "int8")
    with pytest.raises(ModelError, match="are missing"):
        write_model(target, base, {}, "float32")
    assert not target.exists()


def test_a_shortlist_is_written_as_it_was_read(small: SmallModel) -> None:
    path = small.folder / "lex.enpt.s2t.bin"
    found = read_shortlist(path, small.size, shared=True)
    write_shortlist(small.folder / "other.bin", found)
    again = read_shortlist(small.folder / "other.bin", small.size, shared=True)
    assert again.first == found.first
    assert (again.offsets == found.offsets).all()
    assert (again.targets == found.targets).all()


def test_the_packaged_shortlist_is_written_byte_for_byte(packaged: BergamotSpecialist, small: SmallModel) -> None:
    for files in packaged._files.values():
        assert files.shortlist
        write_shortlist(small.folder / "lex.bin", read_shortlist(files.shortlist, 32_000, shared=True))
        assert (small.folder / "lex.bin").read_bytes() == files.shortlist.read_bytes()
