"""Scores for the translations of a job, after they are made: by a judge (FAITH), or by meaning."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from scalemt.engine.backends import build_generalist
from scalemt.errors import PausedError
from scalemt.jobs.answers import Deadline, LedgerJournal, Limits
from scalemt.jobs.journal import write_down
from scalemt.jobs.ledger import Ledger
from scalemt.quality.faith import Fault, Judge
from scalemt.quality.meaning import MeaningEstimator
from scalemt.types import Pair

_TOGETHER = 64  # translations that are scored and written down together
_MOST_IN_A_ROW = 12  # prompts that failed one after the other: then it is not the prompts

Scores = dict[str, float] | None
"""Of one translation; None: there is an answer, but no clear judgement in it."""


class Scorer(Protocol):
    """Something that scores translations; `signature` tells it from others."""

    @property
    def signature(self) -> str:
        """One line that says what scores."""
        ...

    def score(self, items: Sequence[tuple[str, str]], pair: Pair) -> list[Scores | Exception]:
        """Return the scores of each (source, translation); an exception where none could be had now."""
        ...


class ByJudge:
    """FAITH and its five dimensions, from 1 to 5, by a generalist.

    Args:
        judge: asks it.
    """

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    @property
    def signature(self) -> str:
        """That of the judge."""
        return self._judge.signature

    def score(self, items: Sequence[tuple[str, str]], pair: Pair) -> list[Scores | Exception]:
        """See `Scorer.score`."""
        verdicts = self._judge.judge(items, pair)
        return [
            item.error if isinstance(item, Fault) else item.as_scores() if item is not None else None
            for item in verdicts
        ]


class ByMeaning:
    """How near the sentence vectors of source and translation are, from 0 to 1.

    Args:
        estimator: compares them.
    """

    def __init__(self, estimator: MeaningEstimator) -> None:
        self._estimator = estimator

    @property
    def signature(self) -> str:
        """That of the estimator."""
        return self._estimator.signature

    def score(self, items: Sequence[tuple[str, str]], pair: Pair) -> list[Scores | Exception]:
        """See `Scorer.score`."""
        return [{"meaning": round(value, 4)} for value in self._estimator.estimate(items, pair)]


@dataclass(frozen=True)
class Scored:
    """What came of scoring: translations that have scores now, that have none, and that are left for another run.

    Args:
        scored: translations with scores, those of earlier runs with them.
        unclear: judged, but there was no clear judgement in the answer: they pass no threshold.
        failed: no answer was had; another run asks again.
    """

    scored: int
    unclear: int
    failed: int


def judge(ledger: Ledger, spec: str | None, limits: Limits) -> ByJudge:
    """Return the scorer that asks a generalist, its answers written down and limited as all of the job.

    Args:
        ledger: of the job.
        spec: of the generalist; None is that of the job.
        limits: of the job.

    Raises:
        UsageError: there is no such generalist.
    """
    settings, deadline = ledger.settings, Deadline(limits.max_seconds)
    inner = build_generalist(spec or settings.profile.generalist, settings.configuration, settings.profile)
    prices: tuple[float, float] = getattr(inner, "prices", (0.0, 0.0))
    journal = LedgerJournal(ledger, limits, prices, lambda: deadline.reached)
    return ByJudge(Judge(write_down(inner, journal), batch=_TOGETHER))


def score(
    ledger: Ledger,
    scorer: Scorer,
    tick: Callable[[int], None] | None = None,
    stopped: Callable[[], str] = lambda: "",
) -> Scored:
    """Score all translations of a job that this scorer has not scored yet.

    Args:
        ledger: of the job.
        scorer: scores.
        tick: told of translations that are through.
        stopped: asked before each batch: a reason to stop, or "".

    Raises:
        PausedError: it was stopped, a limit of the job is reached, or the generalist refuses everything; what was
            scored until then is kept.
    """
    settings = ledger.settings
    pair = Pair(settings.source, settings.target)
    failed = in_a_row = position = 0
    while rows := _unscored(ledger, scorer.signature, position):
        if why := stopped():
            raise PausedError(why)
        found = scorer.score([(source, text) for _, source, text in rows], pair)
        _write(ledger, scorer.signature, rows, found)
        for one in found:
            failed += isinstance(one, Exception)
            in_a_row = in_a_row + 1 if isinstance(one, Exception) else 0
            if in_a_row >= _MOST_IN_A_ROW:
                raise PausedError(f"{in_a_row} judgements failed one after the other, the last one thus: {one}")
        position = rows[-1][0]
        (tick or (lambda _: None))(len(rows))
    clear, unclear = ledger.rows(
        "SELECT COUNT(scores), COUNT(*) - COUNT(scores) FROM judgements WHERE scorer = ?", (scorer.signature,)
    )[0]
    return Scored(clear, unclear, failed)


def to_score(ledger: Ledger, scorer: Scorer) -> int:
    """Return how many translations a scorer has not scored."""
    found = ledger.rows(
        "SELECT COUNT(*) FROM segments WHERE state = 'done' AND id NOT IN "
        "(SELECT segment FROM judgements WHERE scorer = ?)",
        (scorer.signature,),
    )
    return int(found[0][0])


def _unscored(ledger: Ledger, scorer: str, position: int) -> list[tuple[int, str, str]]:
    return ledger.rows(
        "SELECT id, json_extract(segment, '$[0]'), text FROM segments WHERE id > ? AND state = 'done' AND id "
        "NOT IN (SELECT segment FROM judgements WHERE scorer = ?) ORDER BY id LIMIT ?",
        (position, scorer, _TOGETHER),
    )


def _write(
    ledger: Ledger, scorer: str, rows: Sequence[tuple[int, str, str]], found: Sequence[Scores | Exception]
) -> None:
    """Keep the scores, and put those that are clear to the others of their segments."""
    with ledger.writing() as file:
        for (number, _, _), scores in zip(rows, found, strict=True):
            if isinstance(scores, Exception):
                continue
            told = None if scores is None else json.dumps(scores)
            file.execute("INSERT OR REPLACE INTO judgements VALUES (?, ?, ?)", (number, scorer, told))
            if told:
                file.execute(
                    "UPDATE segments SET scores = json_patch(COALESCE(scores, '{}'), ?) WHERE id = ?",
                    (told, number),
                )
        ledger.tally({"judged": sum(isinstance(one, dict) for one in found)})
