"""A specialist that does what its texts say: kills its process, hangs, raises."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from helpers import EN_PT
from scalemt.errors import SpecialistError, UsageError
from scalemt.specialists.base import BaseSpecialist
from scalemt.types import Draft, Pair

TESTS = Path(__file__).resolve().parents[2]


class Brittle(BaseSpecialist):
    """Writes texts in capitals, but for those with an order in them.

    KILL ends the process, HANG never ends, BREAK is a fault of its own that quotes the text, FAIL one that a
    backend tells of, HOLD waits for the file that `BRITTLE_HOLD` in the environment names, SLOW takes half a
    second. `BRITTLE_START` says how a start goes: "misfit" raises what a wrong configuration raises, "die" ends
    the process.

    Args:
        seconds: that each batch takes.
    """

    name = "brittle"

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds
        start = os.environ.get("BRITTLE_START")
        if start == "misfit":
            raise UsageError("The brittle specialist lacks its glue. Buy some.")
        if start == "die":
            os.kill(os.getpid(), signal.SIGKILL)

    @property
    def signature(self) -> str:
        return "brittle[test]"

    def cache_key(self, pair: Pair) -> str:
        return ""  # nothing is kept

    def pairs(self) -> list[Pair]:
        return [EN_PT]

    def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
        time.sleep(self._seconds)
        return [[Draft(self._one(text), engine=self.name, language="pt")] * n for text in texts]

    def _one(self, text: str) -> str:
        if "KILL" in text:
            os.kill(os.getpid(), signal.SIGKILL)
        if "HANG" in text:
            time.sleep(3600)
        if "BREAK" in text:
            raise ValueError(f"cannot cope with {text!r}")
        if "FAIL" in text:
            raise SpecialistError("The brittle specialist has a crack.")
        if "HOLD" in text:
            while not Path(os.environ["BRITTLE_HOLD"]).exists():
                time.sleep(0.02)
        if "SLOW" in text:
            time.sleep(0.5)
        return text.upper()


def installed(folder: Path) -> Mapping[str, str]:
    """Install it as a plug-in in a folder; return the environment in which it is found."""
    place = folder / "brittle-1.0.dist-info"
    place.mkdir(parents=True, exist_ok=True)
    (place / "METADATA").write_text("Metadata-Version: 2.1\nName: brittle\nVersion: 1.0\n")
    (place / "entry_points.txt").write_text("[scalemt.specialists]\nbrittle = serve.operations.brittle:Brittle\n")
    return {"PYTHONPATH": os.pathsep.join([str(TESTS), str(folder)])}
