"""Time refining through the engine against a bare loop that sends the same prompts to the same llama.cpp.

    python benchmarks/overhead.py [--data ../shared/data] [--lines 80] [--rounds 5] [--shots 5] [--batch 32]
                                    [--json OUT]

Refined are Bergamot's drafts of FLORES devtest, eng->por, template `plain`, no gate, cache off. Two sides, each
with a server of its own, of the same settings (`LlamaCppGeneralist` by default, four slots, one thread):

- *engine*: the whole path, `Engine.stream`, from lines to translations: windows, demonstrations, rendering,
  tokens, slots, cleaning, checks, decisions.
- *bare loop*: four threads and one `httpx` client post prompts that were rendered beforehand to `/completion`,
  with `cache_prompt` and the same bounds; which slot gets which prompt is left to the server.

Drafting is on neither side: every draft is made beforehand, and the engine's specialist only hands it out. Both
servers first answer the same four lines of FLORES dev, so that the slots hold the demonstrations before the clock
starts: neither side evaluates them within it. A round is one part of the lines; the sides take turns, and the
other one begins each time. A round of no more than `--batch` lines is one window of the engine; with 200 lines,
or a smaller batch, windows overlap. Texts are compared after the engine's own cleaning of both.

With its defaults it takes about three minutes on two free cores (a second a line and side), with 200 lines seven.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from claims import at_most, finish, flores, parser, spread
from scalemt.config import Profile
from scalemt.engine import Engine
from scalemt.generalists.llamacpp import LlamaCppGeneralist
from scalemt.quality.cleaning import clean
from scalemt.specialists.base import BaseSpecialist
from scalemt.specialists.bergamot import BergamotSpecialist
from scalemt.types import Draft, Pair, Prompt, Translation
from scalemt.workers import in_order

SLOTS = 4
MAX_TOKENS = 300
LANGUAGES = ("en", "pt")


class Remembering(BaseSpecialist):
    """Bergamot, which is asked for each text once; from then on its draft is only looked up."""

    name = "remembering"

    def __init__(self) -> None:
        self._asked = BergamotSpecialist(threads=1)
        self._known: dict[str, Draft] = {}

    @property
    def signature(self) -> str:
        """Bergamot's."""
        return self._asked.signature

    def pairs(self) -> list[Pair]:
        """Return Bergamot's."""
        return self._asked.pairs()

    def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            rows = self._asked.draft(new, pair)
            self._known |= {text: row[0] for text, row in zip(new, rows, strict=True)}
        return [[self._known[text]] * n for text in texts]


@dataclass
class Side:
    """One way to answer: what it is called, what runs it on the lines from..to, and what it gave so far."""

    name: str
    run: Callable[[int, int], Sequence[Any]]
    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)

    def ask(self, start: int, end: int) -> None:
        """Answer a part of the lines, and take the time; that of the processor is of the whole process."""
        wall, processor = time.perf_counter(), time.process_time()
        self.answers.extend(self.run(start, end))
        self.seconds.append(time.perf_counter() - wall)
        self.processor.append(time.process_time() - processor)


class Bare:
    """The loop that a person would write."""

    def __init__(self, generalist: LlamaCppGeneralist) -> None:
        server = generalist.server()
        self._http = httpx.Client(
            base_url=server.address,
            headers={"Authorization": f"Bearer {server.key}"},
            timeout=None,
            trust_env=False,
        )

    def warm_up(self, prompts: Sequence[Prompt]) -> None:
        """Answer one prompt in each slot."""
        for slot, prompt in enumerate(prompts):
            self._post(prompt, id_slot=slot)

    def answer(self, prompts: Sequence[Prompt]) -> list[str]:
        """Answer all prompts, four at a time."""
        return in_order(self._post, prompts, SLOTS)

    def _post(self, prompt: Prompt, **more: int) -> str:
        body = {"prompt": prompt.text, "stop": list(prompt.stop), "n_predict": MAX_TOKENS, "cache_prompt": True}
        greedy = {"temperature": 0.0, "top_p": 1.0, "top_k": 0, "min_p": 0.0}
        response = self._http.post("/completion", json=body | greedy | more)
        response.raise_for_status()
        text: str = response.json()["content"]
        return text


def make_engine(
    specialist: BaseSpecialist, shots: int, batch: int, generalist: LlamaCppGeneralist | None = None
) -> Engine:
    profile = Profile(
        method="refine",
        shots=shots,
        batch=batch,
        template="plain",
        gate="off",
        cache=False,
        threads=1,
        max_tokens=MAX_TOKENS,  # else the bound would follow the longest line of each window
    )
    return Engine(profile, specialists=[specialist], generalist=generalist)


def make_sides(lines: Sequence[str], warm: Sequence[str], shots: int, batch: int) -> tuple[Engine, list[Side]]:
    """Draft everything, start both servers, and fill their slots."""
    specialist = Remembering()
    rendering = make_engine(specialist, shots, batch)
    prompts = [prompt for _, prompt in rendering.prompts([*warm, *lines], *LANGUAGES)]
    first, prompts = prompts[: len(warm)], prompts[len(warm) :]
    engine = make_engine(specialist, shots, batch, LlamaCppGeneralist(threads=1, slots=SLOTS))
    engine.translate(warm, *LANGUAGES)
    # Kept alive by the closure below: a generalist that goes takes its server along.
    other = LlamaCppGeneralist(threads=1, slots=SLOTS)
    bare = Bare(other)
    bare.warm_up(first)

    def loop(start: int, end: int, _: LlamaCppGeneralist = other) -> list[str]:
        return bare.answer(prompts[start:end])

    def whole(start: int, end: int) -> list[Translation]:
        return list(engine.stream(lines[start:end], *LANGUAGES))

    return engine, [Side("engine", whole), Side("bare loop", loop)]


def differing(engine: Engine, ours: Sequence[Translation], theirs: Sequence[str]) -> list[int]:
    """Return the numbers of the lines whose answers differ, counted from 1."""
    plan = engine.plan(*LANGUAGES)
    labels = plan.kit.template.answer_labels(plan.pair)
    found = []
    for number, (item, answer) in enumerate(zip(ours, theirs, strict=True), 1):
        if item.error:
            raise item.error
        refined = next(candidate.text for candidate in item.candidates if candidate.origin == "refine")
        if refined != clean(answer, item.segment.text, labels):
            found.append(number)
    return found


def table(sides: Sequence[Side], ratios: Sequence[float]) -> None:
    print("| side | seconds a round: median (range) | processor seconds a round: median (range) |")
    print("|---|---|---|")
    for side in sides:
        print(f"| {side.name} | {spread(side.seconds, 2)} | {spread(side.processor, 2)} |")
    print(f"| engine / bare loop | {spread(ratios, 3)} | |")


def main() -> None:
    options = parser(__doc__, rounds=5, lines=80)
    options.add_argument("--shots", type=int, default=5, help="demonstrations")
    options.add_argument("--batch", type=int, default=32, help="lines in a window of the engine")
    arguments = options.parse_args()
    lines = flores(arguments.data, "eng_Latn", arguments.lines)
    warm = flores(arguments.data, "eng_Latn", SLOTS, "dev")
    engine, sides = make_sides(lines, warm, arguments.shots, arguments.batch)
    ours, theirs = sides
    part = -(-len(lines) // arguments.rounds)
    for turn in range(arguments.rounds):
        for side in sides if turn % 2 == 0 else reversed(sides):
            side.ask(turn * part, (turn + 1) * part)
    ratios = [a / b for a, b in zip(ours.seconds, theirs.seconds, strict=True)]
    table(sides, ratios)
    other = differing(engine, ours.answers, theirs.answers)
    print(f"\nsame text: {len(lines) - len(other)} / {len(lines)}")
    kind = f"refine, {arguments.shots} demonstrations, {len(lines)} lines"
    claims = [at_most(f"{kind}: time of the engine / of a bare loop over the same prompts", ratios, 1.05)]
    result = {
        "lines": len(lines),
        "shots": arguments.shots,
        "batch": arguments.batch,
        "sides": {side.name: {"seconds": side.seconds, "processor": side.processor} for side in sides},
        "differing_lines": other,
    }
    finish(arguments.json, claims, result)


if __name__ == "__main__":
    main()
