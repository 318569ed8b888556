"""Calibrations on disk: a round trip, and damage that names the file and the mend."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scalemt.errors import ConfigurationError
from scalemt.quality.calibration import Calibration, calibration_path, load_calibration
from scalemt.quality.gate import NEVER, Scale
from scalemt.types import Pair

CALIBRATION = Calibration(
    pair="en->pt-BR",
    backends="specialist:x|generalist:y",
    method="refine",
    shots=5,
    third="few-shot",
    threshold=1.5,
    scales={"refine": Scale({"likelihood": 1 / 3, "roundtrip": -2.0}, 0.1, calibrated=True)},
    segments=200,
    scores={"draft": 55.25},
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return calibration_path(tmp_path, "default", Pair("en", "pt-BR"))


@pytest.mark.parametrize("threshold", [1.5, 0.0, NEVER])
def test_round_trip(path: Path, threshold: float) -> None:
    made = Calibration(**{**vars(CALIBRATION), "threshold": threshold})
    made.save(path)
    assert load_calibration(path) == made
    assert path.name == "en-pt-BR.json"
    assert [item.name for item in path.parent.iterdir()] == [path.name]


def test_saving_again_replaces(path: Path) -> None:
    CALIBRATION.save(path)
    newer = Calibration(**{**vars(CALIBRATION), "method": "draft", "scales": {}})
    newer.save(path)
    assert load_calibration(path) == newer


def test_none_there(path: Path) -> None:
    assert load_calibration(path) is None


def damaged(**changes: Any) -> str:
    fields = json.loads(
        json.dumps({**vars(CALIBRATION), "scales": {"refine": {"weights": {"likelihood": 1.0}, "bias": 0.0}}})
    )
    fields.update(changes)
    return json.dumps({key: value for key, value in fields.items() if value is not ...}, default=str)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"", "the file"),
        (b"not json", "the file"),
        (b"\xff\xfe", "the file"),
        (b"[]", "the file"),
        (b"{}", "pair"),
        (damaged(threshold="high").encode(), "threshold"),
        (damaged(shots=None).encode(), "shots"),
        (damaged(scales=[]).encode(), "scales"),
        (
            damaged(scales={"refine": {"weights": {"likelihood": "x"}}}).encode(),
            "scales.refine.weights.likelihood",
        ),
        (damaged()[:-20].encode(), "the file"),
    ],
)
def test_a_damaged_file_names_itself_the_place_and_the_mend(path: Path, content: bytes, place: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"en-pt-BR\.json cannot be read \(.*scalemt calibrate") as caught:
        load_calibration(path)
    assert f"({place}: " in str(caught.value)


def test_an_undamaged_file_of_the_same_making_is_read(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(damaged())
    found = load_calibration(path)
    assert found is not None
    assert found.scales == {"refine": Scale({"likelihood": 1.0})}
