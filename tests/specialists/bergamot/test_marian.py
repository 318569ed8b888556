from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from scalemt.errors import ModelError
from scalemt.specialists.bergamot.architecture import architecture_of
from scalemt.specialists.bergamot.marian import parse_config, read_model
from specialists.bergamot.small_models import CONFIG, marian_bytes, random_tensors, raw_bytes, yaml


@pytest.mark.parametrize("int8", [False, True])
def test_weights_come_back_as_they_were_written(tmp_path: Path, int8: bool) -> None:
    tensors = random_tensors((40, 40))
    path = tmp_path / "model.enpt.bin"
    path.write_bytes(marian_bytes(CONFIG, tensors, int8=int8))
    model = read_model(path)
    assert model.tensors.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert model.tensors[name].dtype == np.float32
        np.testing.assert_array_equal(model.tensors[name], tensor)
    assert model.config == CONFIG


def test_every_truncation_is_refused_by_name(tmp_path: Path) -> None:
    whole = marian_bytes(CONFIG, random_tensors((40, 40)))
    path = tmp_path / "model.enpt.bin"
    for length in [0, 7, 16, 40, 1000, len(whole) // 2, len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(ModelError, match=r"model\.enpt\.bin .*is not a complete Marian model file"):
            read_model(path)


@pytest.mark.parametrize(
    "garbage",
    [b"garbage" * 300, bytes(5000), b"\xff" * 5000, struct.pack("<QQ", 1, 3) + b"\xff" * 5000],
)
def test_garbage_is_refused_by_name(tmp_path: Path, garbage: bytes) -> None:
    path = tmp_path / "model.enpt.bin"
    path.write_bytes(garbage)
    with pytest.raises(ModelError, match=r"model\.enpt\.bin"):
        read_model(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"absent\.bin cannot be read: No such file"):
        read_model(tmp_path / "absent.bin")


def test_a_file_without_configuration_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(marian_bytes(None, random_tensors((40, 40))))
    with pytest.raises(ModelError, match=r"no item 'special:model\.yml'"):
        read_model(path)


@pytest.mark.parametrize(("kind", "name"), [(0x4102, "intgemm16"), (0x0402, "float16"), (0x7777, "0x7777")])
def test_a_type_that_is_not_covered_is_named(tmp_path: Path, kind: int, name: str) -> None:
    text = yaml(CONFIG).encode()
    path = tmp_path / "model.bin"
    path.write_bytes(
        raw_bytes(
            [
                ("special:model.yml", 0x0101, (len(text),), text),
                ("Wemb", kind, (4, 4), bytes(256)),
            ]
        )
    )
    with pytest.raises(ModelError, match=f"stores Wemb as {name}"):
        read_model(path)


def test_a_tensor_with_too_little_data_is_refused(tmp_path: Path) -> None:
    text = yaml(CONFIG).encode()
    path = tmp_path / "model.bin"
    path.write_bytes(
        raw_bytes([("special:model.yml", 0x0101, (len(text),), text), ("Wemb", 0x0404, (4, 4), bytes(8))])
    )
    with pytest.raises(ModelError, match=r"Wemb has the shape \(4, 4\) but 8 bytes"):
        read_model(path)


def test_configuration_is_read_as_marian_writes_it() -> None:
    text = (
        'type: transformer\ndim-vocabs:\n  - 32000\n  - 32001\ntransformer-postprocess-top: ""\n'
        "skip: false\ninput-types: []\nlabel-smoothing: 0.1\nversion: v1.9.56 94aeaa46 2021-04-28 00:28:35\n"
    )
    assert parse_config(text) == {
        "type": "transformer",
        "dim-vocabs": [32000, 32001],
        "transformer-postprocess-top": "",
        "skip": False,
        "input-types": [],
        "label-smoothing": 0.1,
        "version": "v1.9.56 94aeaa46 2021-04-28 00:28:35",
    }


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("transformer-decoder-autoreg", "self-attention"),
        ("dec-cell", "gru"),
        ("type", "amun"),
        ("transformer-preprocess", "n"),
        ("transformer-train-position-embeddings", True),
        ("transformer-tied-layers", [1, 1]),
        ("transformer-ffn-activation", "gelu"),
    ],
)
def test_an_architecture_that_is_not_covered_is_named(tmp_path: Path, key: str, value: object) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(marian_bytes({**CONFIG, key: value}, random_tensors((40, 40))))
    with pytest.raises(ModelError) as caught:
        architecture_of(read_model(path))
    assert f"{key}: {value!r}" in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_configuration_without_depth_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    config = {key: value for key, value in CONFIG.items() if key != "dec-depth"}
    path.write_bytes(marian_bytes(config, random_tensors((40, 40))))
    with pytest.raises(ModelError, match="does not say dec-depth"):
        architecture_of(read_model(path))
