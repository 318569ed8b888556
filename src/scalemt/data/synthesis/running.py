"""A synthesis from beginning to end: asked, translated, filtered, written, with a card; a kill loses no answer.

What has been asked and made stands in `OUTPUT.synthesis`, the ledger of a job: each answer is a transaction of its
own before anything is made of it (`jobs.journal`), and the limits of a job hold. Filters come last, and read what
lies there: another chain costs no call.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from scalemt.data.card import DataCard, write_card
from scalemt.data.cleaning import Silent, Watcher, clean
from scalemt.data.configuration import Cleaning
from scalemt.data.reading import Source
from scalemt.data.synthesis.back_translation import BackTranslation
from scalemt.data.synthesis.base import Made, Request, Setting
from scalemt.data.synthesis.configuration import Synthesis
from scalemt.data.synthesis.contrast import Contrast, item_of, records_of
from scalemt.data.synthesis.store import Store
from scalemt.data.synthesis.translating import fill
from scalemt.data.workfiles import held
from scalemt.engine.backends import build_generalist
from scalemt.errors import ConfigurationError, InputError, PausedError, UsageError
from scalemt.generalists import Generalist
from scalemt.jobs.answers import Deadline, LedgerJournal, Limits
from scalemt.jobs.journal import JournaledGeneralist, write_down
from scalemt.memory.exchange import format_of, read_units, write_units
from scalemt.memory.exchange.base import placed
from scalemt.types import Decoding, Prompt

_TOGETHER = 16  # requests that are put together and written down together
_MOST_IN_A_ROW = 12  # requests without an answer one after the other: then it is not the requests


@dataclass(frozen=True)
class Ended:
    """What came of a synthesis: the card, and requests that got no answer in this run."""

    card: DataCard
    failed: int


def prompts_of(synthesis: Synthesis, generalist: Generalist | None = None) -> Iterator[tuple[Request, Prompt]]:
    """Yield what would be asked; nobody is asked."""
    if not synthesis.kind.asks:
        return
    asked = generalist or build_generalist(synthesis.teller, synthesis.configuration, synthesis.profile)
    setting = Setting(synthesis.pair, synthesis.seed, asked.signature, asked.kind)
    for request in synthesis.kind.requests(setting):
        if request.prompt:
            yield request, request.prompt


def synthesise(
    synthesis: Synthesis,
    output: str | Path,
    *,
    limits: Limits | None = None,
    workers: int = 2,
    fresh: bool = False,
    watcher: Watcher | None = None,
    generalist: Generalist | None = None,
    stopped: Callable[[], str] = lambda: "",
) -> Ended:
    """Make a corpus, write it with its data card beside it, and return the card.

    Killed at any moment, the same call goes on where it was; answers that came are not asked for again.

    Args:
        synthesis: what is made.
        output: TSV, CSV, TMX or JSON Lines by its suffix; of contrasts JSON Lines alone.
        limits: what may be spent.
        workers: processes for the filters.
        fresh: begin anew where another synthesis lies; answers that came are kept all the same.
        watcher: is told how far it is.
        generalist: takes the place of the one that the synthesis names.
        stopped: asked before each request: a reason to stop, or "".

    Raises:
        UsageError, InputError: wrong configuration, files that cannot be read, nothing left at the end.
        PausedError: a limit is reached, somebody stopped it, the generalist refuses everything, the disk is full;
            what was done is kept.
    """
    _check_output(synthesis, Path(output))
    synthesis.check()
    folder = Path(f"{output}.synthesis")
    with held(folder, beside="output"):
        run = _Run(synthesis, Path(output), folder, limits or Limits(), watcher or Silent(), generalist, stopped)
        try:
            return run.run(workers, fresh=fresh)
        except OSError as fault:
            raise PausedError(
                f"{fault.filename or folder}: {fault.strerror or fault}. What was done is kept in {folder}: make "
                "room, and run the same command again."
            ) from None
        finally:
            run.close()


def _check_output(synthesis: Synthesis, output: Path) -> None:
    if isinstance(synthesis.kind, Contrast):
        if output.suffix.lower() != ".jsonl":
            raise UsageError(
                f"{output}: contrasts are JSON Lines, with more than two texts a line. Name a .jsonl."
            )
    else:
        format_of(output, writing=True)
    if output.resolve() in {Path(file).resolve() for file in synthesis.kind.files}:
        raise UsageError(f"{output} is an input too, and would be written over. Name another file for the result.")


class _Run:
    """One run, new or gone on with."""

    def __init__(
        self,
        synthesis: Synthesis,
        output: Path,
        folder: Path,
        limits: Limits,
        watcher: Watcher,
        generalist: Generalist | None,
        stopped: Callable[[], str],
    ) -> None:
        self._synthesis = synthesis
        self._kind = synthesis.kind
        self._output = output
        self._folder = folder
        self._limits = limits
        self._watcher = watcher
        self._given = generalist
        deadline = Deadline(limits.max_seconds)
        self._stopped, self._deadline = stopped, deadline
        self._store: Store | None = None
        self._failed = 0
        self._engine = ""

    def _why(self) -> str:
        """Why no more is begun, or ""."""
        return self._stopped() or self._deadline.reached

    def close(self) -> None:
        """Close what was opened."""
        if self._store:
            self._store.close()

    def run(self, workers: int, *, fresh: bool) -> Ended:
        """Do all that is still to do."""
        synthesis = self._synthesis
        store = self._store = Store(self._folder, synthesis.settings(), synthesis.identity(), fresh=fresh)
        store.ledger.turn("running")
        try:
            kind = self._kind
            if isinstance(kind, Contrast):
                card = self._contrasts(kind, store, workers)
            else:
                card = self._pairs(store, workers, fresh=fresh)
        except (PausedError, KeyboardInterrupt) as fault:
            with suppress(PausedError):
                store.ledger.turn("paused", str(fault) or "Interrupted.")
            raise
        store.ledger.turn("done")
        return Ended(card, self._failed)

    def _pairs(self, store: Store, workers: int, *, fresh: bool) -> DataCard:
        setting, generalist = self._setting(store)
        self._ask(store, setting, generalist)
        if self._kind.fills:
            self._engine = fill(store, self._synthesis, self._journal(store), self._watcher, self._why)
        made = self._told(store, setting)
        raw = self._folder / "made.jsonl"
        if not write_units(store.units(), raw):
            raise InputError(_nothing(store, self._failed))
        source = Source((str(raw),), *self._synthesis.pair, name=self._kind.name)
        steps, left_out = self._synthesis.steps, self._synthesis.left_out
        cleaning = Cleaning((source,), steps, self._synthesis.seed, left_out, made)
        # What filters had begun is begun anew, should what they read be another.
        fresh = fresh or _changed(self._output, made)
        card = clean(cleaning, self._output, workers=workers, fresh=fresh, watcher=self._watcher)
        if isinstance(self._kind, BackTranslation) and self._kind.tag:
            _tag(self._output, self._kind.tag)
        return card

    def _contrasts(self, kind: Contrast, store: Store, workers: int) -> DataCard:
        """Filter the pairs, have versions of what is left made, and write both forms."""
        good = self._folder / "good.jsonl"
        sources = tuple(kind.inputs(self._synthesis.pair))
        cleaning = Cleaning(sources, self._synthesis.steps, self._synthesis.seed, self._synthesis.left_out)
        card = clean(cleaning, good, workers=workers, watcher=self._watcher)
        self._kind = kind.model_copy(update={"corpus": (str(good),)})
        setting, generalist = self._setting(store)
        self._ask(store, setting, generalist)
        pairs, both = self._write(store)
        card.made = self._told(store, setting) | {"with_both_versions": both}
        counts = {"pairs": pairs, "by_pair": {str(self._synthesis.pair): pairs}}
        card.output |= {"file": self._output.name, **counts}
        write_card(card, self._output)
        return card

    def _write(self, store: Store) -> tuple[int, int]:
        """Write the contrasts, and those with both versions as instructions; return how many there are of each."""
        pairs = both = 0
        with placed(self._output) as out, placed(items_path(self._output)) as items:
            for record in records_of(store.units()):
                out.write(_line(record))
                pairs += 1
                if item := item_of(record):
                    items.write(_line(item))
                    both += 1
            if not pairs:
                raise InputError(_nothing(store, self._failed))
        return pairs, both

    # Asking

    def _journal(self, store: Store) -> Callable[[tuple[float, float]], LedgerJournal]:
        def journal(prices: tuple[float, float]) -> LedgerJournal:
            if self._limits.max_cost is not None and not any(prices):
                raise ConfigurationError(
                    "A limit of cost needs prices: give the generalist price_prompt and price_completion in "
                    "scalemt.toml, or limit its tokens with --max-tokens."
                )
            return LedgerJournal(store.ledger, self._limits, prices, self._why)

        return journal

    def _setting(self, store: Store) -> tuple[Setting, JournaledGeneralist | None]:
        synthesis = self._synthesis
        if not self._kind.asks:
            return Setting(synthesis.pair, synthesis.seed), None
        inner = self._given or build_generalist(synthesis.teller, synthesis.configuration, synthesis.profile)
        generalist = write_down(inner, self._journal(store)(getattr(inner, "prices", (0.0, 0.0))))
        return Setting(synthesis.pair, synthesis.seed, inner.signature, inner.kind), generalist

    def _ask(self, store: Store, setting: Setting, generalist: JournaledGeneralist | None) -> None:
        done = store.done()
        # Without prompts nobody waits: to count would be to read twice.
        total = sum(1 for _ in self._kind.requests(setting)) if generalist else None
        store.ledger.put("requests", total)
        self._watcher.phase("asking" if generalist else "reading", total)
        finished = in_a_row = 0
        left = (request for request in self._kind.requests(setting) if request.number not in done)
        for batch in _batches(left):
            if why := self._why():
                raise PausedError(why)
            rows = self._answered(batch, setting, generalist)
            store.add(rows, filled=not self._kind.fills)
            self._failed += len(batch) - len(rows)
            in_a_row = 0 if rows else in_a_row + len(batch)
            if in_a_row >= _MOST_IN_A_ROW:
                raise PausedError(f"{in_a_row} requests in a row got no answer, the last one thus: {self._last}")
            finished += len(batch)
            self._watcher.move(len(done) + finished, 0)

    def _answered(
        self, batch: Sequence[Request], setting: Setting, generalist: JournaledGeneralist | None
    ) -> list[tuple[int, Made]]:
        """Return what came of those requests that got an answer."""
        if generalist is None:
            return [(request.number, self._kind.read(request, None, setting)) for request in batch]
        synthesis = self._synthesis
        decoding = Decoding(synthesis.max_tokens, synthesis.temperature, synthesis.top_p, batch[0].seed)
        answers = generalist.complete([request.prompt for request in batch if request.prompt], decoding)
        rows = []
        for request, answer in zip(batch, answers, strict=True):
            if answer.finish_reason == "error":
                self._last = str(answer.error)
            else:
                rows.append((request.number, self._kind.read(request, answer, setting)))
        return rows

    _last = ""

    # Telling

    def _told(self, store: Store, setting: Setting) -> dict[str, Any]:
        """Return how the pairs were made, for the card."""
        synthesis, counts = self._synthesis, store.ledger.tallies()
        checked = [test for step in synthesis.steps for test in step.model_dump().get("tests", ())]
        told: dict[str, Any] = {
            "kind": synthesis.kind.name,
            "settings": {name: value for name, value in synthesis.kind.model_dump(mode="json").items() if value},
            "generalist": setting.maker,
            "engine": self._engine,
            "seed": synthesis.seed,
            "requests": len(store.done()),
            "without_an_answer": self._failed,
            "pairs": store.count("done"),
            "faults": dict(store.faults().most_common()),
            "checked_against": checked or "no test set",
        }
        if synthesis.kind.asks:
            told |= {"temperature": synthesis.temperature, "top_p": synthesis.top_p}
            told |= {name: int(counts.get(name, 0)) for name in ("calls", "prompt_tokens", "completion_tokens")}
            told["cost"] = round(counts.get("cost", 0.0), 6) or None
        return told


def _batches(requests: Iterator[Request]) -> Iterator[list[Request]]:
    """Yield requests that are put together: few, and of one seed."""
    for _, same in groupby(requests, key=lambda request: request.seed):
        batch: list[Request] = []
        for request in same:
            batch.append(request)
            if len(batch) == _TOGETHER:
                yield batch
                batch = []
        if batch:
            yield batch


def items_path(output: Path) -> Path:
    """Return where the instruction items of contrasts lie: beside them."""
    return output.with_name(f"{output.stem}.items{output.suffix}")


def _line(told: dict[str, Any]) -> bytes:
    return (json.dumps(told, ensure_ascii=False) + "\n").encode()


def _changed(output: Path, made: dict[str, Any]) -> bool:
    """Whether unfinished work of the filters is on something else, so that it cannot be gone on with."""
    try:
        told = json.loads(Path(f"{output}.work/state.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return bool(told.get("card", {}).get("made") != json.loads(json.dumps(made)))


def _tag(output: Path, tag: str) -> None:
    """Write a tag before each source, after the filters: to them it would be a word that the target lacks."""
    units = read_units(output)
    write_units((replace(unit, source=f"{tag} {unit.source}") for unit in units), output)


def _nothing(store: Store, failed: int) -> str:
    why = "; ".join(f"{count:,} {fault}" for fault, count in store.faults().most_common()) or "no request"
    told = f" {failed:,} requests got no answer." if failed else ""
    return (
        f"Nothing was made: {why}.{told} Look at what is asked with --dry-run; a model that cannot write this at "
        'all may write the source alone (targets = "engine").'
    )
