"""Metrics whose libraries cannot live beside ours: run in an interpreter of their own, over a pipe of JSON lines.

unbabel-comet wants numpy 1 and transformers 4, bleurt-pytorch transformers 4; both would break what the rest of
scalemt runs on. `neural_worker.py` is what runs in the other interpreter.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from scalemt.errors import BackendError, ConfigurationError, ModelError
from scalemt.evaluation.metrics.base import Progress

SCRIPT = Path(__file__).with_name("neural_worker.py")
_LONGEST = 2**28  # bytes of one answer: the scores of some ten million segments
_TAIL = 2000  # bytes of a dead worker's standard error that are shown
_OLDEST_PYTHON = (3, 10)


@dataclass(frozen=True)
class Library:
    """A package that a worker runs.

    Args:
        key: what `neural_worker.py` calls it.
        package: its name on PyPI.
        oldest: the lowest version that works.
        variables: environment variables that may name the interpreter, first to last.
        install: what is to be installed, as arguments of pip.
    """

    key: str
    package: str
    oldest: tuple[int, ...]
    variables: tuple[str, ...]
    install: str

    def interpreter(self) -> tuple[str, str]:
        """Return the interpreter to use and the variable that names it: this one, and "", where none is set."""
        for variable in self.variables:
            if value := os.environ.get(variable, "").strip():
                return str(Path(value).expanduser()), variable
        return sys.executable, ""

    @property
    def advice(self) -> str:
        """How to make an environment for it."""
        return (
            f"It needs an environment of its own: python3 -m venv ~/{self.key}-env && "
            f"~/{self.key}-env/bin/pip install {self.install} ; then "
            f"export {self.variables[0]}=~/{self.key}-env/bin/python"
        )


# torchmetrics 0.10 imports pkg_resources, which setuptools dropped; sentencepiece 0.2.3 wants another protobuf.
COMET_LIBRARY = Library(
    "comet",
    "unbabel-comet",
    (2, 2, 4),
    ("SCALEMT_COMET_PYTHON",),
    "'unbabel-comet>=2.2.4' 'setuptools<81' 'sentencepiece<0.2.3'",
)
BLEURT_LIBRARY = Library(
    "bleurt",
    "bleurt-pytorch",
    (0, 0, 1),
    ("SCALEMT_BLEURT_PYTHON", "SCALEMT_COMET_PYTHON"),
    "bleurt-pytorch 'transformers<5' 'numpy<2'",
)


class Worker:
    """One process that scores samples with one model; it ends with this object, or with the program.

    Args:
        library: what to run.
        path: the checkpoint or folder; nothing is loaded before the first samples.
        threads: CPU threads of torch.

    Raises:
        ConfigurationError: no such interpreter, or it lacks the library in a version that works.
        ModelError: the model's configuration cannot be read.
        BackendError: the process ended, or answered something that is not its protocol.
    """

    def __init__(self, library: Library, path: Path, threads: int) -> None:
        self._library = library
        self._python, self._variable = library.interpreter()
        self._path = path
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = self._start(threads)
        self._requests = cast("IO[bytes]", self._process.stdin)
        self._answers = cast("IO[bytes]", self._process.stdout)
        self._finalizer = weakref.finalize(self, _stop, self._process, self._errors)
        try:
            self.versions = self._versions()
            facts = self._ask({"op": "open", "library": library.key, "path": str(path), "threads": threads})
            self.facts: Mapping[str, Any] = facts["facts"]
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def close(self) -> None:
        """End the process; a second call does nothing."""
        self._finalizer()

    def score(self, samples: Sequence[Mapping[str, str]], progress: Progress) -> list[float]:
        """Return the scores of samples with "src", "mt" and "ref", in their order.

        Raises:
            ConfigurationError, ModelError, BackendError: as for the class; the model is loaded now.
        """
        if not samples:
            return []
        answer = self._ask({"op": "score", "samples": list(samples)}, progress)
        scores = answer.get("scores")
        if not isinstance(scores, list) or len(scores) != len(samples):
            raise self._nonsense(answer)
        return [float(score) for score in scores]

    def _start(self, threads: int) -> subprocess.Popen[bytes]:
        environment = dict(os.environ)
        if self._python != sys.executable:
            for name in ("PYTHONPATH", "PYTHONHOME"):  # they are about this interpreter
                environment.pop(name, None)
        quiet = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
        environment |= quiet | {"OMP_NUM_THREADS": str(threads), "PYTHONIOENCODING": "utf-8"}
        pipe = subprocess.PIPE
        try:
            return subprocess.Popen(
                [self._python, str(SCRIPT)], stdin=pipe, stdout=pipe, stderr=self._errors, env=environment
            )
        except OSError as error:
            self._errors.close()
            raise ConfigurationError(
                f"{self._variable or 'The interpreter'} is {self._python}, which cannot be run: {error.strerror}. "
                f"{self._library.advice}."
            ) from error

    def _versions(self) -> dict[str, str]:
        hello = self._read()
        versions = hello.get("hello")
        if not isinstance(versions, dict):
            raise self._nonsense(hello)
        if _numbers(versions.get("python", "")) < _OLDEST_PYTHON:
            raise self._unfit(f"is Python {versions.get('python')}, which is too old")
        package = self._library.package
        if package not in versions:
            raise self._unfit(f"does not have {package}")
        if _numbers(versions[package]) < self._library.oldest:
            least = ".".join(map(str, self._library.oldest))
            raise self._unfit(f"has {package} {versions[package]}, and {least} or later is needed")
        return versions

    def _unfit(self, fault: str) -> ConfigurationError:
        named = f" (named by {self._variable})" if self._variable else ""
        return ConfigurationError(f"The interpreter {self._python}{named} {fault}. {self._library.advice}.")

    def _ask(self, request: Mapping[str, Any], progress: Progress | None = None) -> dict[str, Any]:
        try:
            self._requests.write(json.dumps(request).encode() + b"\n")
            self._requests.flush()
        except (OSError, ValueError) as error:
            raise self._died() from error
        while True:
            answer = self._read()
            if "error" in answer:
                raise self._failed(answer)
            if "progress" not in answer:
                return answer
            if progress:
                progress(int(answer["progress"]))

    def _read(self) -> dict[str, Any]:
        line = self._answers.readline(_LONGEST)
        if not line:
            raise self._died()
        try:
            answer = json.loads(line)
        except ValueError:
            answer = line[:200].decode("utf-8", "replace")
        if not isinstance(answer, dict):
            raise self._nonsense(answer)
        return answer

    def _died(self) -> BackendError:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        code = self._process.poll()
        told = self._complaints()
        self.close()
        how = "by SIGKILL, as the kernel does when memory runs out" if code == -9 else f"with status {code}"
        return BackendError(
            f"The process that runs {self._library.package} ({self._python}) ended {how}. "
            + (f"The last it wrote: {told}" if told else "It wrote nothing about why.")
        )

    def _complaints(self) -> str:
        if self._errors.closed:
            return ""
        self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - _TAIL))
        return self._errors.read().decode("utf-8", "replace").strip()

    def _nonsense(self, answer: object) -> BackendError:
        self.close()
        return BackendError(
            f"{self._python} should have run {SCRIPT.name}, but answered {str(answer)[:200]!r}. "
            f"{self._variable or 'The interpreter'} must be a Python that has {self._library.package}."
        )

    def _failed(self, answer: Mapping[str, Any]) -> Exception:
        """Return the exception that an error of the worker stands for."""
        told, kind, package = str(answer["error"]), answer.get("kind"), self._library.package
        if kind == "library":
            return self._unfit(f"cannot import {package} ({told})")
        if kind == "memory":
            return BackendError(f"{package} ran out of memory on {self._path}: {told}. Take a smaller model.")
        if kind == "encoder":
            return ModelError(self._encoder_advice(told.partition(": ")[2]))
        return ModelError(f"{package} failed on {self._path}: {told}")

    def _encoder_advice(self, name: str) -> str:
        place = self._path.parents[2] / name
        return (
            f"The checkpoint {self._path} is built on the encoder {name}, whose tokenizer and configuration are "
            f"neither in {place} nor in the Hugging Face cache. On a connected machine: hf download {name} "
            f"--include '*.json' --local-dir {place} , and once more with '*.model'."
        )


def _stop(process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):  # what was not yet written can go nowhere any more
                stream.close()
    process.kill()
    process.wait()
    errors.close()


def _numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: (2, 2, 7) for "2.2.7.post1"."""
    parts: list[int] = []
    for part in str(version).split("."):
        if not part.isdecimal():
            break
        parts.append(int(part))
    return tuple(parts)
