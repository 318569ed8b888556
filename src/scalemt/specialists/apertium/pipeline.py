"""One mode as a long-lived pipeline: started when first needed, restarted when it dies."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import TypeVar

from scalemt.errors import SpecialistError
from scalemt.specialists.apertium.marks import escape, unescape
from scalemt.specialists.apertium.modes import Mode
from scalemt.specialists.apertium.processes import ChainError, ChainTimeoutError
from scalemt.specialists.apertium.stages import FreshForEach, Stage, Stateless, WatchedTagger

T = TypeVar("T")

_SHELL = frozenset(";&<>()`$")
_AHEAD = 2  # fresh processes that load their data while another is in use


class Pipeline:
    """Translates texts with one mode; texts neither see nor change each other.

    The `apertium` command itself is not used: its gawk wrapper waits for ever on a pipe that stays open
    (Apertium 3.8.3). `apertium-wblank-mode -z` gives the stages with their switches for NUL-separated texts.

    Args:
        mode: the mode to run.
        timeout: seconds without any progress before the pipeline counts as hung.
    """

    def __init__(self, mode: Mode, timeout: float) -> None:
        self._mode = mode
        self._timeout = timeout
        self._lock = Lock()
        self._stages: list[Stage] = []  # up to the generator
        self._generators: list[Stage] = []  # without marks, with marks

    @property
    def pids(self) -> list[int]:
        """The ids of the processes that run now."""
        return [pid for stage in (*self._stages, *self._generators) for pid in stage.pids]

    def translate(self, texts: Sequence[str]) -> list[tuple[str, str]]:
        """Return for each text its translation without marks and with marks.

        Raises:
            SpecialistError: the pipeline died twice on these texts, or hung.
        """
        with self._lock:
            try:
                return self._run(texts)
            except ChainError:
                self._end()
            except ChainTimeoutError as fault:
                raise self._failure(f"hung: {fault}") from None
            try:
                return self._run(texts)
            except (ChainError, ChainTimeoutError) as fault:
                raise self._failure(f"was started again and failed again: {fault}") from None

    def _run(self, texts: Sequence[str]) -> list[tuple[str, str]]:
        if not self._generators:
            self._start()
        items = [escape(text) for text in texts]
        for stage in self._stages:
            items = stage.run(items)
        clean, marked = (stage.run(items) for stage in self._generators)
        return [
            (unescape(left, text), unescape(right, text))
            for left, right, text in zip(clean, marked, texts, strict=True)
        ]

    def _failure(self, what: str) -> SpecialistError:
        tail = b"".join(stage.complaints() for stage in (*self._stages, *self._generators))
        said = tail.decode("utf-8", errors="replace").strip()[-500:] or "(nothing)"
        self._end()
        return SpecialistError(
            f"Apertium mode {self._mode.name} {what}. Its standard error ends with: {said} "
            f"Try the mode by hand: echo test | apertium {self._mode.name}"
        )

    def _start(self) -> None:
        commands = stage_commands(self._mode.path)
        generator = next(i for i, command in enumerate(commands) if "$1" in command)
        try:
            for build in _plan(commands[:generator], self._timeout):
                self._stages.append(build())
            for switch in ("-n", "-g"):
                self._generators.append(Stateless(_fill(commands[generator:], switch), self._timeout))
        except OSError as fault:
            raise self._failure(f"could not be started ({fault})") from None

    def _end(self) -> None:
        for stage in (*self._stages, *self._generators):
            stage.close()
        self._stages, self._generators = [], []

    def close(self) -> None:
        """End all processes; the next `translate` starts them again."""
        with self._lock:
            self._end()


def stage_commands(path: Path) -> list[str]:
    """Return the stages of a mode file as shell text, with their switches for NUL-separated input.

    Raises:
        SpecialistError: `apertium-wblank-mode` cannot read the mode.
    """
    done = subprocess.run(["apertium-wblank-mode", "-z", str(path)], capture_output=True, text=True, check=False)
    commands = [stage.strip() for stage in done.stdout.strip().split(" | ")]
    if done.returncode or not any("$1" in command for command in commands):
        raise SpecialistError(
            f"apertium-wblank-mode cannot read {path} (exit {done.returncode}): {done.stderr.strip()[-300:]} "
            "Reinstall the Debian package that holds the mode."
        )
    return commands


def _plan(commands: Sequence[str], timeout: float) -> list[Callable[[], Stage]]:
    """Group neighbours without memory into one chain, and give each stage with one its keeper."""
    plan: list[Callable[[], Stage]] = []
    plain: list[str] = []
    for command in commands:
        keeper = _keeper(command)
        if keeper is None:
            plain.append(command)
            continue
        if plain:
            plan.append(_stateless(plain, timeout))
        plan.append(_keeping(keeper, command, timeout))
        plain = []
    if plain:
        plan.append(_stateless(plain, timeout))
    return plan


def _keeper(command: str) -> type[WatchedTagger | FreshForEach] | None:
    words = shlex.split(command)
    program = Path(words[0]).name
    if program in {"cg-proc", "vislcg3"}:
        return FreshForEach
    if program != "apertium-tagger":
        return None
    switches = "".join(word for word in words[1:] if word.startswith("-") and not word.startswith("--"))
    if "x" in switches:  # the perceptron
        return None
    # Light sliding window and unigram taggers are rare and not measured: take no chances.
    return FreshForEach if set("wu") & set(switches) else WatchedTagger


def _stateless(commands: Sequence[str], timeout: float) -> Callable[[], Stage]:
    filled = _fill(commands, "-n")
    return lambda: Stateless(filled, timeout)


def _keeping(keeper: type[WatchedTagger | FreshForEach], command: str, timeout: float) -> Callable[[], Stage]:
    filled = _fill([command], "-n")[0]
    return lambda: keeper(filled, timeout, _AHEAD)


def _fill(commands: Sequence[str], switch: str) -> list[list[str]]:
    """Return argument lists: `$1` is the generator's switch for marks, `$2` the tagger's, left empty."""
    return [_argv(command.replace("$1", switch).replace("$2", "")) for command in commands]


def _argv(command: str) -> list[str]:
    if _SHELL & set(command):
        return ["bash", "-c", f"exec {command}"]
    return shlex.split(command)
