"""BLEURT: equal to bleurt-pytorch called directly, and clear about what is missing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from evaluation.metrics.neural_models import NeuralModels
from scalemt.errors import InputError, ModelError
from scalemt.evaluation.metrics import build_metric
from scalemt.evaluation.metrics.bleurt import BLEURT
from scalemt.evaluation.systems import TestSet


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tiny-bleurt", "tiny-bleurt-wordpiece"])
def test_scores_equal_the_library_called_directly(name: str, neural: NeuralModels) -> None:
    finished: list[int] = []
    metric = neural.metric(f"bleurt:{name}")
    no_sources = TestSet("refs", references=neural.test_set.references)
    measured = metric.measure(neural.system, no_sources, finished.append)
    direct = neural.expected[name]
    assert max(direct) - min(direct) > 0.1
    assert (measured.segments / 100.0).tolist() == pytest.approx(direct, abs=1e-4)
    mean = sum(direct) / len(direct)
    assert metric.score(measured.statistics.sum(0)[None])[0] == pytest.approx(100.0 * mean, abs=1e-2)
    assert sum(finished) == len(direct)


@pytest.mark.slow
def test_signature_and_needs(neural: NeuralModels) -> None:
    metric = neural.metric("bleurt:tiny-bleurt")
    assert metric.signature.startswith("model:tiny-bleurt|sha256:")
    assert "|ref:first|scale:100|bleurt-pytorch:0.0.1|transformers:4." in metric.signature
    with pytest.raises(InputError, match="BLEURT needs references"):
        metric.measure(neural.system, TestSet("alone", neural.test_set.sources))


@pytest.mark.slow
def test_the_interpreter_of_bleurt_goes_before_that_of_comet(
    neural: NeuralModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCALEMT_COMET_PYTHON", "/nowhere/python")
    monkeypatch.setenv("SCALEMT_BLEURT_PYTHON", str(neural.python))
    assert "bleurt-pytorch:0.0.1" in BLEURT(str(neural.folder / "tiny-bleurt")).signature


@pytest.mark.slow
def test_broken_weights_are_refused(neural: NeuralModels, tmp_path: Path) -> None:
    shutil.copytree(neural.folder / "tiny-bleurt", tmp_path / "broken")
    (tmp_path / "broken" / "model.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(ModelError, match="bleurt-pytorch failed on"):
        BLEURT(str(tmp_path / "broken")).measure(neural.system, neural.test_set)


def test_without_a_folder_it_says_where_the_weights_are() -> None:
    with pytest.raises(ModelError) as caught:
        build_metric("bleurt")
    assert "hf download lucadiliello/BLEURT-20 --local-dir /models/BLEURT-20" in str(caught.value)
    assert str(caught.value).endswith("--metrics bleurt:/models/BLEURT-20")


def test_an_incomplete_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no model folder"):
        BLEURT(str(tmp_path / "absent"))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(ModelError, match="lacks its weights"):
        BLEURT(str(tmp_path))
    (tmp_path / "pytorch_model.bin").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(ModelError, match="git-lfs pointer"):
        BLEURT(str(tmp_path))
    (tmp_path / "pytorch_model.bin").write_bytes(b"PK")
    with pytest.raises(ModelError, match="is a 'bert' model"):
        BLEURT(str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bleurt"}))
    with pytest.raises(ModelError, match=r"lacks its vocabulary: one of spm\.model"):
        BLEURT(str(tmp_path))
