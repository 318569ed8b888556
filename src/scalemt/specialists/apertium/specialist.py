"""`ApertiumSpecialist`: every installed Apertium mode, as one specialist."""

from __future__ import annotations

import shutil
import subprocess
import weakref
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import TracebackType

from scalemt.errors import ConfigurationError, SpecialistError, UnknownNameError
from scalemt.specialists.apertium.marks import words
from scalemt.specialists.apertium.modes import Mode, content_digest, find_modes, fingerprint
from scalemt.specialists.apertium.packages import install_hint
from scalemt.specialists.apertium.pipeline import Pipeline
from scalemt.specialists.base import BaseSpecialist
from scalemt.types import Draft, Pair

MODES_DIR = "/usr/share/apertium/modes"


class ApertiumSpecialist(BaseSpecialist):
    """Drafts with Debian's Apertium (Forcada et al. 2011, "Apertium: a free/open-source platform").

    Every text gets what a fresh run of Apertium on it alone gives, whatever came before it; `stages` says how.
    A word that Apertium could not translate (`*`), not find in its bilingual dictionary (`@`) or not inflect
    (`#`) comes out without that mark and with confidence 0.0, all others with None: Apertium knows no
    probabilities. Of a multi-word unit the first word carries the mark. One pipeline per mode is started when
    first needed and lives until `close`, the end of the `with` block, or exit.

    Args:
        mode: the only mode to use, as "eng-cat_valencia_uni". By default each pair gets its plainest one.
        modes_dir: the folder with `*.mode` files.
        timeout: seconds without any progress before a pipeline counts as hung.

    Raises:
        ConfigurationError: `modes_dir` is given and no folder.
        UnknownNameError: `mode` is not installed.
    """

    name = "apertium"
    mask = "bracket"
    second_mask = "brace"

    def __init__(
        self, mode: str | None = None, *, modes_dir: str | Path = MODES_DIR, timeout: float = 120.0
    ) -> None:
        self._timeout = timeout
        if str(modes_dir) != MODES_DIR and not Path(modes_dir).is_dir():
            raise ConfigurationError(f"{modes_dir} is no folder of Apertium modes.")
        found = find_modes(Path(modes_dir)) if _installed() else []
        if mode is not None:
            names = [known.name for known in found]
            found = [known for known in found if known.name == mode]
            if not found:
                raise UnknownNameError("Apertium mode", mode, names)
        self._modes = found
        self._by_pair: dict[Pair, Mode] = {}
        for known in found:  # plainest first
            for pair in known.pairs:
                self._by_pair.setdefault(pair, known)
        self._pipelines: dict[str, Pipeline] = {}
        self._finalizer = weakref.finalize(self, _close_all, self._pipelines)

    @property
    def signature(self) -> str:
        """The engine's version and a hash over the modes in reach; `signature_for` is closer."""
        label = self._modes[0].name if len(self._modes) == 1 else f"{len(self._modes)}-modes"
        return _signature(label, self._modes)

    def signature_for(self, pair: Pair) -> str:
        """Return what can change the drafts of one pair: "apertium[3.8.3;eu-en;sha256:0123456789ab]".

        The hash is over the mode file and the sizes and times of the data files that it names.
        """
        served = self.resolve(pair)
        if served is None:
            return self.signature
        mode = self._by_pair[served]
        return _signature(mode.name, [mode])

    def cache_key(self, pair: Pair) -> str:
        """The signature of the pair, and the content of the data files and programs that its mode names."""
        served = self.resolve(pair)
        if served is None:
            return ""
        return f"{self.signature_for(pair)}|{content_digest(self._by_pair[served])}"

    def pairs(self) -> list[Pair]:
        """The directions of the installed modes; empty without Apertium or without modes."""
        return sorted(self._by_pair)

    def mode_for(self, pair: Pair) -> str | None:
        """Return the name of the mode that drafts a pair, or None."""
        served = self.resolve(pair)
        return self._by_pair[served].name if served else None

    def pids(self) -> list[int]:
        """The ids of the processes that run now."""
        return [pid for pipeline in self._pipelines.values() for pid in pipeline.pids]

    def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
        if n > 1:
            raise SpecialistError(
                f"Apertium has one draft a text and was asked for {n}: its rules leave nothing to sample. "
                "For several paths, name several specialists."
            )
        served = self.resolve(pair)
        if served is None:
            raise SpecialistError(self._no_road(pair))
        mode = self._by_pair[served]
        pipeline = self._pipelines.setdefault(mode.name, Pipeline(mode, self._timeout))
        engine = f"apertium:{mode.name}"
        return [
            [Draft(clean, words(clean, marked), engine=engine, language=pair.target)]
            for clean, marked in pipeline.translate(texts)
        ]

    def _no_road(self, pair: Pair) -> str:
        hint = install_hint(pair)
        if hint:
            mend = f"Install it with: {hint}"
        elif self._modes:
            mend = "No Debian package for it is known; see apt-cache search '^apertium-'."
        else:
            mend = "No mode is installed; for a first pair: apt-get install apertium apertium-eng-spa"
        return f"{super()._no_road(pair)} {mend}"

    def close(self) -> None:
        """End all processes; a later draft starts them again."""
        _close_all(self._pipelines)

    def __enter__(self) -> ApertiumSpecialist:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _installed() -> bool:
    return all(shutil.which(program) for program in ("apertium", "apertium-wblank-mode", "lt-proc"))


def _close_all(pipelines: dict[str, Pipeline]) -> None:
    for pipeline in pipelines.values():
        pipeline.close()


@cache
def _version() -> str:
    done = subprocess.run(["apertium", "-V"], capture_output=True, text=True, check=False)
    return (done.stdout.split() or ["unknown"])[-1]


def _signature(label: str, modes: Sequence[Mode]) -> str:
    from hashlib import sha256

    if not modes:
        return "apertium[none]"
    hashes = [fingerprint(mode) for mode in modes]
    digest = hashes[0] if len(hashes) == 1 else sha256("".join(hashes).encode()).hexdigest()[:12]
    return f"apertium[{_version()};{label};sha256:{digest}]"
