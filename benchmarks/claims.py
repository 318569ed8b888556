"""What the benchmarks of `make bench` share: a claim is one line of the README's table of speed."""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Claim:
    """One thing that is claimed, as it was measured.

    Args:
        what: what was compared with what, as a person would say it.
        values: one a round; the median is what is told, the range beside it.
        wanted: what the project has set itself, as text ("at least 0.95").
        met: whether the median keeps to it.
    """

    what: str
    values: Sequence[float]
    wanted: str
    met: bool

    def row(self) -> str:
        """Return the line of a Markdown table."""
        median, low, high = statistics.median(self.values), min(self.values), max(self.values)
        spread = f" ({low:.3g} to {high:.3g})" if len(self.values) > 1 else ""
        return f"| {self.what} | **{median:.3g}**{spread} | {self.wanted} | {'yes' if self.met else 'no'} |"


def spread(values: Sequence[float], digits: int) -> str:
    """Return median and range as text."""
    low, high = min(values), max(values)
    return f"{statistics.median(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


HEADER = ("| claim | measured: median (range) | wanted | met |", "|---|---|---|---|")


def at_least(what: str, values: Sequence[float], least: float) -> Claim:
    """Claim that the median is no smaller."""
    return Claim(what, list(values), f"at least {least:g}", statistics.median(values) >= least)


def at_most(what: str, values: Sequence[float], most: float) -> Claim:
    """Claim that the median is no larger."""
    return Claim(what, list(values), f"at most {most:g}", statistics.median(values) <= most)


def parser(description: str, rounds: int, lines: int | None = None) -> argparse.ArgumentParser:
    """Return the options that every benchmark of speed takes."""
    made = argparse.ArgumentParser(description=description.split("\n", maxsplit=1)[0])
    made.add_argument("--data", type=Path, default=Path("../shared/data"), help="the folder that holds flores200")
    if lines:
        made.add_argument("--lines", type=int, default=lines)
    made.add_argument("--rounds", type=int, default=rounds)
    made.add_argument("--json", type=Path, help="where to write the result")
    return made


def flores(data: Path, code: str, lines: int, part: str = "devtest") -> list[str]:
    """Return the first lines of a language of FLORES-200; for measuring only."""
    found = (data / "flores200" / part / f"{code}.txt").read_text("utf-8").split("\n")
    return [line for line in found if line.strip()][:lines]


def finish(path: Path | None, claims: Sequence[Claim], result: dict[str, Any]) -> None:
    """Print the claims and write the result."""
    print("\n".join(["", *HEADER, *(claim.row() for claim in claims)]))
    if path:
        from scalemt.version import __version__

        whole = {"scalemt": __version__, "claims": [asdict(claim) for claim in claims], **result}
        path.write_text(json.dumps(whole, ensure_ascii=False, indent=2) + "\n", "utf-8")
