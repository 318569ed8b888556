"""Tiny COMET and BLEURT models, made by their own libraries in an environment that has them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from evaluation.metrics.neural_models import SOURCES, TARGETS, NeuralModels, rows


@pytest.fixture(scope="session")
def neural_python() -> Path:
    """An interpreter with unbabel-comet and bleurt-pytorch; what asks for it is skipped where there is none."""
    own = Path(__file__).resolve().parents[3] / ".venv-comet" / "bin" / "python"
    path = Path(os.environ.get("SCALEMT_COMET_PYTHON") or own)
    if not path.exists():
        pytest.skip(f"no interpreter with unbabel-comet: {path} is not there. Mend: make .venv-comet/.done")
    return path


@pytest.fixture(scope="session")
def neural_models(neural_python: Path, tmp_path_factory: pytest.TempPathFactory) -> NeuralModels:
    """The models, made once a session in some ten seconds."""
    folder = tmp_path_factory.mktemp("neural")
    samples = rows()
    maker = Path(__file__).with_name("make_neural_models.py")
    done = subprocess.run(
        [neural_python, maker, folder],
        input=json.dumps({"sentences": [*SOURCES, *TARGETS], "samples": samples}),
        env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    expected = json.loads((folder / "expected.json").read_text())
    return NeuralModels(folder, neural_python, samples, expected)


@pytest.fixture
def neural(neural_models: NeuralModels, monkeypatch: pytest.MonkeyPatch) -> NeuralModels:
    """The models, with the environment variable that leads to their libraries."""
    monkeypatch.setenv("SCALEMT_COMET_PYTHON", str(neural_models.python))
    monkeypatch.delenv("SCALEMT_BLEURT_PYTHON", raising=False)
    return neural_models
