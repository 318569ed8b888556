"""The process that runs a metric's library: interpreters that are none, too old, dying or talking nonsense."""

from __future__ import annotations

import gc
import json
import os
import sys
from pathlib import Path

import pytest

from scalemt.errors import BackendError, ConfigurationError, ModelError, ScalemtError
from scalemt.evaluation.metrics.worker import BLEURT_LIBRARY, COMET_LIBRARY, Worker

GOOD = {"hello": {"python": "3.11.7", "unbabel-comet": "2.2.7"}}
FACTS = {"facts": {"class_identifier": "regression_metric"}}
SAMPLES = [{"src": "a", "mt": "b", "ref": "c"}, {"src": "d", "mt": "", "ref": "e"}]


def ignore(_: int) -> None:
    return None


def interpreter(folder: Path, *answers: object, then: str = "") -> Path:
    """A program that says its first answer at once, and one more for each line it is sent."""
    lines = [answer if isinstance(answer, str) else json.dumps(answer) for answer in answers]
    program = f"import sys\nlines = {lines!r}\nprint(lines.pop(0), flush=True)\n"
    program += "while lines and sys.stdin.readline():\n    print(lines.pop(0), flush=True)\n"
    path = folder / "python"
    path.write_text(f"#!{sys.executable}\n{program}{then}\n")
    path.chmod(0o755)
    return path


def start(monkeypatch: pytest.MonkeyPatch, path: Path | str) -> Worker:
    monkeypatch.setenv("SCALEMT_COMET_PYTHON", str(path))
    return Worker(COMET_LIBRARY, Path("/models/one/checkpoints/model.ckpt"), 1)


@pytest.mark.parametrize(
    ("hello", "told"),
    [
        ({"python": "3.9.1", "unbabel-comet": "2.2.7"}, "is Python 3.9.1, which is too old"),
        ({"python": "3.11.7", "torch": "2.4.0"}, "does not have unbabel-comet"),
        (
            {"python": "3.11.7", "unbabel-comet": "2.2.3"},
            r"has unbabel-comet 2\.2\.3, and 2\.2\.4 or later is needed",
        ),
        ({"python": "3.11.7", "unbabel-comet": "1.1"}, r"has unbabel-comet 1\.1"),
        ({"python": "x", "unbabel-comet": ""}, "too old"),
    ],
)
def test_an_unfit_interpreter_is_refused(
    hello: dict[str, str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError, match=told) as caught:
        start(monkeypatch, interpreter(tmp_path, {"hello": hello}))
    assert "(named by SCALEMT_COMET_PYTHON)" in str(caught.value)
    assert "python3 -m venv ~/comet-env" in str(caught.value)


def test_this_interpreter_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCALEMT_COMET_PYTHON", raising=False)
    monkeypatch.setenv("SCALEMT_BLEURT_PYTHON", " ")
    assert COMET_LIBRARY.interpreter() == (sys.executable, "")
    assert BLEURT_LIBRARY.interpreter() == (sys.executable, "")
    monkeypatch.setenv("SCALEMT_COMET_PYTHON", "~/one/python")
    assert BLEURT_LIBRARY.interpreter() == (str(Path.home() / "one/python"), "SCALEMT_COMET_PYTHON")
    monkeypatch.setenv("SCALEMT_BLEURT_PYTHON", "/two/python")
    assert BLEURT_LIBRARY.interpreter() == ("/two/python", "SCALEMT_BLEURT_PYTHON")


def test_this_interpreter_lacks_the_library_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The real worker script, in an interpreter without site-packages.
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    bare.chmod(0o755)
    with pytest.raises(ConfigurationError, match="does not have unbabel-comet"):
        start(monkeypatch, bare)


@pytest.mark.parametrize(
    "answer",
    ["Welcome to Python!", "[1, 2]", "{}", '{"hello": "you"}', "\x00\xff", "1e999"],
)
def test_nonsense_is_reported(answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BackendError, match=r"should have run neural_worker\.py, but answered"):
        start(monkeypatch, interpreter(tmp_path, answer))


def test_a_program_that_is_no_python_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BackendError, match=r"/bin/true.* ended with status 0"):
        start(monkeypatch, "/bin/true")
    with pytest.raises(BackendError, match="SCALEMT_COMET_PYTHON must be a Python that has unbabel-comet"):
        start(monkeypatch, "/bin/cat")
    with pytest.raises(ConfigurationError, match="cannot be run: Permission denied"):
        start(monkeypatch, "/tmp")


def test_the_last_words_of_a_dying_process_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    then = "sys.stdin.readline(); sys.exit('x' * 100_000 + ' out of luck')"
    worker = start(monkeypatch, interpreter(tmp_path, GOOD, FACTS, then=then))
    with pytest.raises(BackendError, match=r"ended with status 1\. The last it wrote: x+ out of luck$") as caught:
        worker.score(SAMPLES, ignore)
    assert len(str(caught.value)) < 3000
    with pytest.raises(BackendError, match="ended with status 1"):
        worker.score(SAMPLES, ignore)


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        (
            {"error": "ImportError: no x", "kind": "library"},
            ConfigurationError,
            r"cannot import unbabel-comet \(Import",
        ),
        ({"error": "OutOfMemoryError: 3 GiB", "kind": "memory"}, BackendError, "ran out of memory.*3 GiB"),
        ({"error": "EncoderError: xlm-r", "kind": "encoder"}, ModelError, "the encoder xlm-r, .*/models/xlm-r"),
        ({"error": "KeyError: 'q'", "kind": "other"}, ModelError, "unbabel-comet failed on /models/one"),
        ({"scores": [1.0]}, BackendError, "should have run"),
        ({"scores": "many"}, BackendError, "should have run"),
        ({"facts": {}}, BackendError, "should have run"),
    ],
)
def test_errors_of_the_worker_become_ours(
    answer: object, error: type[ScalemtError], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = start(monkeypatch, interpreter(tmp_path, GOOD, FACTS, answer))
    with pytest.raises(error, match=told):
        worker.score(SAMPLES, ignore)


def test_progress_and_scores_come_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = '{"progress": 1}\n{"progress": 1}\n{"scores": [0.5, -1]}'
    worker = start(monkeypatch, interpreter(tmp_path, GOOD, FACTS, answers))
    finished: list[int] = []
    assert worker.score([], finished.append) == []
    assert worker.score(SAMPLES, finished.append) == [0.5, -1.0]
    assert finished == [1, 1]
    assert worker.versions["unbabel-comet"] == "2.2.7"


def test_the_process_ends_with_its_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = interpreter(tmp_path, GOOD, FACTS, then="import time; time.sleep(600)")
    worker = start(monkeypatch, waiting)
    pid = worker.pid
    os.kill(pid, 0)
    del worker
    gc.collect()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_settings_of_this_interpreter_do_not_reach_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    shown = tmp_path / "shown"
    then = "import os, json; open(" + repr(str(shown)) + ", 'w').write(json.dumps(dict(os.environ)))"
    with pytest.raises(BackendError):
        start(monkeypatch, interpreter(tmp_path, GOOD, then=then))
    environment = json.loads(shown.read_text())
    assert "PYTHONPATH" not in environment
    assert environment["HF_HUB_OFFLINE"] == environment["TRANSFORMERS_OFFLINE"] == "1"
    assert environment["OMP_NUM_THREADS"] == "1"
