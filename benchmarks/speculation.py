"""Time refining with prefix reuse and speculation against refining without, side by side on llama.cpp.

    python benchmarks/speculation.py [--lines 200] [--rounds 5] [--shots 5] [--rounding steady] [--json OUT]

The same prompts (Bergamot's drafts of FLORES devtest, eng->por, template `plain`) go to servers of their own:
with neither, with prefix reuse, with both, and with `--all` with speculation alone; four slots each. A round is
one part of the lines; the sides take turns in rotating order. Without reuse, prompts go with `cache_prompt`
off. The seconds that drafting took are measured once and added to every side. Texts are compared with those of the
side that has neither.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from claims import at_least, at_most, finish, flores, parser, spread
from scalemt.config import Profile
from scalemt.engine import Engine
from scalemt.generalists.llamacpp import LlamaCppGeneralist
from scalemt.generalists.llamacpp_server import Rounding
from scalemt.types import Completion, Decoding, Prompt
from scalemt.workers import in_order

SLOTS = 4
DECODING = Decoding(max_tokens=300)


@dataclass
class Side:
    """One server, and what it gave so far."""

    name: str
    reuse: bool
    generalist: LlamaCppGeneralist
    seconds: list[float] = field(default_factory=list)
    answers: list[Completion] = field(default_factory=list)

    def ask(self, prompts: Sequence[Prompt]) -> None:
        """Answer the prompts, and take the time."""
        began = time.perf_counter()
        answers = self.generalist.complete(prompts, DECODING) if self.reuse else self._anew(prompts)
        self.seconds.append(time.perf_counter() - began)
        self.answers.extend(answers)

    def _anew(self, prompts: Sequence[Prompt]) -> list[Completion]:
        server = self.generalist.server()

        def one(prompt: Prompt) -> Completion:
            body = {"prompt": prompt.text, "stop": list(prompt.stop), "n_predict": DECODING.max_tokens}
            greedy = {"temperature": 0.0, "top_k": 0, "min_p": 0.0, "top_p": 1.0, "cache_prompt": False}
            answer = server.post("/completion", body | greedy)
            timings = answer["timings"]
            return Completion(
                answer["content"],
                prompt_tokens=answer["tokens_evaluated"],
                completion_tokens=answer["tokens_predicted"],
                evaluated_tokens=timings["prompt_n"],
                accepted_tokens=timings.get("draft_n_accepted", 0),
            )

        return in_order(one, prompts, SLOTS)

    def total(self, name: str) -> int:
        """Sum one of the counts of tokens over all answers."""
        return sum(getattr(answer, name) or 0 for answer in self.answers)

    def facts(self) -> dict[str, Any]:
        """Return what the JSON holds of it."""
        names = ("prompt_tokens", "evaluated_tokens", "completion_tokens", "accepted_tokens")
        return {"seconds": self.seconds, **{name: self.total(name) for name in names}}


def make_sides(rounding: Rounding, every: bool) -> list[Side]:
    """Start the servers, warmed up by one short prompt."""
    sides = []
    for name, reuse, guess in (
        ("neither", False, False),
        ("speculation", False, True),
        ("prefix reuse", True, False),
        ("both", True, True),
    ):
        if guess and not reuse and not every:
            continue
        generalist = LlamaCppGeneralist(threads=1, slots=SLOTS, speculation=guess, rounding=rounding)
        side = Side(name, reuse, generalist)
        side.generalist.complete([Prompt(text="one two")], Decoding(max_tokens=2))
        sides.append(side)
    return sides


def make_prompts(lines: list[str], shots: int) -> tuple[list[Prompt], float]:
    """Return the prompts and the seconds it took to draft the lines and to render them."""
    profile = Profile(method="refine", shots=shots, template="plain", gate="off", cache=False, threads=1)
    engine = Engine(profile)
    next(engine.prompts(lines[:1], "en", "pt"))  # loads the specialist and drafts the demonstrations
    began = time.perf_counter()
    prompts = [prompt for _, prompt in engine.prompts(lines, "en", "pt")]
    return prompts, time.perf_counter() - began


def table(sides: list[Side], base: Side) -> None:
    """Print one line a side."""
    print(
        "| side | seconds a round: median (range) | prompt tokens evaluated / sent | answer tokens guessed "
        "| same text |"
    )
    print("|---|---|---|---|---|")
    for side in sides:
        evaluated = f"{side.total('evaluated_tokens')} / {side.total('prompt_tokens')}"
        guessed = f"{side.total('accepted_tokens')} / {side.total('completion_tokens')}"
        same = sum(a.text == b.text for a, b in zip(side.answers, base.answers, strict=True))
        print(
            f"| {side.name} | {spread(side.seconds, 1)} | {evaluated} | {guessed} | {same} / {len(side.answers)} |"
        )


def differences(prompts: list[Prompt], side: Side, base: Side) -> list[dict[str, Any]]:
    """List the answers that differ."""
    rows = enumerate(zip(prompts, side.answers, base.answers, strict=True))
    return [
        {"line": number + 1, "draft": prompt.prediction, "neither": b.text, side.name: a.text}
        for number, (prompt, a, b) in rows
        if a.text != b.text
    ]


def main() -> None:
    options = parser(__doc__, rounds=5, lines=200)
    options.add_argument("--shots", type=int, default=5, help="demonstrations")
    options.add_argument("--rounding", choices=get_args(Rounding), default="steady", help="that of llamacpp")
    options.add_argument("--all", action="store_true", help="measure speculation without prefix reuse too")
    arguments = options.parse_args()
    lines = flores(arguments.data, "eng_Latn", arguments.lines)
    prompts, drafting = make_prompts(lines, arguments.shots)
    sides = make_sides(arguments.rounding, arguments.all)
    base, both = sides[0], sides[-1]
    part = -(-len(prompts) // arguments.rounds)
    for turn in range(arguments.rounds):
        for side in sides[turn % len(sides) :] + sides[: turn % len(sides)]:
            side.ask(prompts[turn * part : (turn + 1) * part])
    table(sides, base)
    share = drafting / arguments.rounds
    ratios = [(a + share) / (b + share) for a, b in zip(both.seconds, base.seconds, strict=True)]
    differing = {side.name: differences(prompts, side, base) for side in sides[1:]}
    same = 1 - len(differing["both"]) / len(prompts)
    kind = f"refine with speculation and prefix reuse, {arguments.shots} demonstrations, {len(prompts)} lines"
    kind += "" if arguments.rounding == "steady" else f", rounding {arguments.rounding}"
    evaluated = both.total("evaluated_tokens") / both.total("prompt_tokens")
    claims = [
        at_most(f"{kind}: time against neither", ratios, 0.40),
        at_least(f"{kind}: share of texts that are the same", [same], 0.98),
        at_most(f"{kind}: prompt tokens evaluated of those sent", [evaluated], 0.25),
    ]
    result = {
        "lines": len(prompts),
        "shots": arguments.shots,
        "rounding": arguments.rounding,
        "drafting": drafting,
        "sides": {side.name: side.facts() for side in sides},
        # Answers only: the drafts stand on a test set, whose text is kept out of the repository.
        "differing_lines": {name: [row["line"] for row in rows] for name, rows in differing.items()},
    }
    for name, rows in differing.items():
        for row in rows:
            print(f"\n{name}, line {row['line']}:\n  neither: {row['neither']}\n  {name}: {row[name]}")
    finish(arguments.json, claims, result)


if __name__ == "__main__":
    main()
