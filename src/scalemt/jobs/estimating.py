"""What a job will take, before it begins: segments are counted, drafts timed on a sample, prompts measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scalemt.engine import Engine
from scalemt.engine.backends import build_generalist, build_method
from scalemt.generalists import Generalist
from scalemt.jobs.journal import BYTES_A_TOKEN
from scalemt.jobs.ledger import Ledger
from scalemt.jobs.reading import read, register
from scalemt.jobs.rows import segment_from_row
from scalemt.jobs.settings import Settings
from scalemt.types import Decoding, Prompt, Segment

_SAMPLE = 256  # segments, spread over all files
_PROBED = 4  # prompts that a generalist on this machine is sent unasked


@dataclass(frozen=True)
class Estimate:
    """What a job will take.

    Args:
        files, segments: how many there are; `different` of the segments are translated.
        characters: of the different ones.
        sampled: segments that were drafted for this.
        draft_seconds: for all drafts, as the sample took; None where the method makes none.
        threads: that this was measured with.
        prompts: that will be sent, about; 0 where nobody is asked.
        prompt_tokens, completion_tokens: of all prompts and answers, about; of what a method has thought before
            an answer, the most that it may be, unless prompts were sent.
        cost: in the currency of the prices; None where there are none.
        probed: prompts that were sent for this.
        generalist_seconds: for all answers, as the probe took; None without one.
    """

    files: int
    segments: int
    different: int
    characters: int
    sampled: int
    draft_seconds: float | None
    threads: int
    prompts: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    probed: int = 0
    generalist_seconds: float | None = None

    @property
    def seconds(self) -> float | None:
        """Of the whole: answers are waited for while the next drafts are made."""
        if self.prompts and self.generalist_seconds is None:
            return None
        return max(self.draft_seconds or 0.0, self.generalist_seconds or 0.0)

    def as_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return {**asdict(self), "seconds": self.seconds}


def estimate(
    settings: Settings, files: dict[str, Path], probe: int | None = None, tick: Callable[[int], None] | None = None
) -> Estimate:
    """Estimate a job.

    Args:
        settings: of the job.
        files: as `find_files` gives them; they are read whole.
        probe: prompts that are sent to measure time and tokens; None sends a few where the generalist has no price
            and runs on this machine.
        tick: told of segments that were read.

    Raises:
        UsageError: a file or something that the profile names cannot be used.
    """
    with TemporaryDirectory(prefix="scalemt-estimate-") as folder:
        ledger = Ledger.create(Path(folder), settings)
        try:
            register(ledger, files)
            read(ledger, tick or (lambda _: None), lambda: False)
            return _estimated(ledger, settings, probe)
        finally:
            ledger.close()


def _estimated(ledger: Ledger, settings: Settings, probe: int | None) -> Estimate:
    count, places = ledger.rows("SELECT COUNT(*), COALESCE(SUM(segments), 0) FROM inputs")[0]
    different, characters = ledger.rows(
        "SELECT COUNT(*), COALESCE(SUM(LENGTH(json_extract(segment, '$[0]'))), 0) FROM segments"
    )[0]
    sample = _sample(ledger, different)
    # Long segments take longer: what was measured grows with the characters, not with the number.
    share = sum(len(item.text) for item in sample) / characters if characters else 1.0
    took = _draft_seconds(settings, sample)
    drafting = None if took is None else took / share
    threads = settings.profile.core_count()
    known = Estimate(count, places, different, characters, len(sample), drafting, threads)
    if not settings.asks or not sample:
        return known
    return _asked(settings, sample, share, known, probe)


def _sample(ledger: Ledger, total: int) -> list[Segment]:
    step = max(1, total // _SAMPLE)
    rows = ledger.rows("SELECT segment FROM segments WHERE id % ? = 0 OR ? = 1 LIMIT ?", (step, step, _SAMPLE))
    return [segment_from_row(row[0]) for row in rows]


def _draft_seconds(settings: Settings, sample: list[Segment]) -> float | None:
    """Draft the sample, the loading of the model not counted; None where the method makes no drafts."""
    profile = settings.profile.model_copy(update={"method": "draft", "options": {}})
    engine = Engine(profile, settings.configuration)
    engine.assembly.calibrated = False
    try:
        engine.translate(sample[:1], settings.source, settings.target)
    except Exception:
        if build_method(settings.profile.method, settings.profile.options).needs_specialist:
            raise
        return None
    began = time.perf_counter()
    engine.translate(sample, settings.source, settings.target)
    return time.perf_counter() - began


def _asked(
    settings: Settings, sample: list[Segment], share: float, known: Estimate, probe: int | None
) -> Estimate:
    generalist = build_generalist(settings.profile.generalist, settings.configuration, settings.profile)
    engine = Engine(settings.profile, settings.configuration, generalist=generalist)
    engine.plan(settings.source, settings.target)
    # Under a budget only those segments have prompts that it chooses.
    pairs = list(engine.prompts(sample, settings.source, settings.target))
    prompts = [prompt for _, prompt in pairs]
    asked = [len(prompt.content.encode()) / BYTES_A_TOKEN for prompt in prompts]
    # What may be thought before an answer is counted whole: how much it will be is not known before.
    thought = build_method(settings.profile.method, settings.profile.options).thinking or 0
    answered = [len(item.text.encode()) / BYTES_A_TOKEN + thought for item, _ in pairs]
    prompt_tokens, completion_tokens = sum(asked) / share, sum(answered) / share
    prices = getattr(generalist, "prices", (0.0, 0.0))
    if probe is None:
        probe = 0 if any(prices) or getattr(generalist, "overlaps", False) else _PROBED
    seconds = None
    if probe and prompts:
        measured = _probe(generalist, prompts, probe, settings, thought or None)
        prompt_tokens *= measured.prompt_tokens / max(1.0, sum(asked[: measured.number]))
        completion_tokens *= measured.completion_tokens / max(1.0, sum(answered[: measured.number]))
        seconds = measured.seconds / measured.number * len(prompts) / share
    cost = (prompt_tokens * prices[0] + completion_tokens * prices[1]) / 1e6
    return Estimate(
        **{
            **asdict(known),
            "prompts": round(known.different * len(prompts) / len(sample)),
            "prompt_tokens": round(prompt_tokens),
            "completion_tokens": round(completion_tokens),
            "cost": cost if any(prices) else None,
            "probed": min(probe, len(prompts)),
            "generalist_seconds": seconds,
        }
    )


@dataclass(frozen=True)
class _Probe:
    number: int
    seconds: float
    prompt_tokens: int
    completion_tokens: int


def _probe(
    generalist: Generalist, prompts: list[Prompt], number: int, settings: Settings, thinking: int | None
) -> _Probe:
    """Send a few prompts, one before to load the model, and measure.

    Raises:
        EndpointError: the generalist cannot be reached.
    """
    profile = settings.profile
    decoding = Decoding(profile.max_tokens, profile.temperature, seed=profile.seed, thinking=thinking)
    sent = prompts[:number]
    generalist.complete(sent[:1], decoding)
    began = time.perf_counter()
    answers = generalist.complete(sent, decoding)
    seconds = time.perf_counter() - began
    return _Probe(
        len(sent),
        seconds,
        sum(answer.prompt_tokens for answer in answers),
        sum(answer.completion_tokens for answer in answers),
    )
