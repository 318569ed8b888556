"""How far a synthesis is, from its folder: cheap enough to be asked every second, from any process."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from scalemt.data.workfiles import is_held
from scalemt.jobs.ledger import Ledger


@dataclass(frozen=True)
class SynthesisStatus:
    """One look at a synthesis.

    Args:
        state: that of the ledger, or "interrupted" where it should be worked on and no process does.
        reason: why it is in that state.
        requests: how many there are; None before they are counted, or where nobody is asked.
        answered: of them, those whose answers were read; more may have been kept: `calls`.
        pairs: that have both sides, before filters; `open` lack one, `refused` were translated and left out.
        calls, tokens: of the generalist.
    """

    state: str
    reason: str
    requests: int | None
    answered: int
    pairs: int
    open: int
    refused: int
    calls: int
    tokens: int

    def as_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return asdict(self)

    @property
    def line(self) -> str:
        """One line for people."""
        of = "" if self.requests is None else f" of {self.requests:,}"
        share = f" ({self.answered / self.requests:.1%})" if self.requests else ""
        lacking = f", {self.open:,} lack a side" if self.open else ""
        refused = f", {self.refused:,} left out" if self.refused else ""
        read = f"{self.answered:,}{of} requests read{share}"
        return f"{self.state}: {self.calls:,} answers; {read}; {self.pairs:,} pairs made{lacking}{refused}"


def status_of_synthesis(ledger: Ledger) -> SynthesisStatus:
    """Return how far the synthesis is whose ledger this is.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    state: str = ledger.state
    if state == "running" and not is_held(ledger.folder):
        state = "interrupted"
    counts, pairs = ledger.tallies(), dict(ledger.rows("SELECT state, COUNT(*) FROM pairs GROUP BY state"))
    return SynthesisStatus(
        state,
        ledger.get("reason", ""),
        ledger.get("requests"),
        ledger.rows("SELECT COUNT(*) FROM made")[0][0],
        pairs.get("done", 0),
        pairs.get("open", 0),
        pairs.get("refused", 0),
        calls=int(counts.get("calls", 0)),
        tokens=sum(int(counts.get(name, 0)) for name in ("prompt_tokens", "completion_tokens")),
    )
