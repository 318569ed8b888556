"""Throughput of an OpenAI-compatible server on loopback, asked one by one and four at a time.

    python benchmarks/server_slots.py [--data ../shared/data] [--lines 8] [--rounds 5] [--json OUT]

The server is llama.cpp's own, started inside this process with as many slots as requests are under way; the client
is the generalist `openai`. The work is short: a source of one sentence, no demonstrations, and an answer of
`--tokens` tokens, neither more nor less, so that all sides decode the same. Speculation and the reuse of prompts
are off. Below it stands what the hardware allows: llama.cpp's bare decoding of 1, 2, 4 and 8 sequences in a
batch, without server, sampling and prompts. Sides take turns within a round and begin elsewhere in each.

With its defaults it takes two to three minutes on two free cores.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import secrets
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from claims import Claim, at_least, finish
from scalemt.generalists.llamacpp import default_model
from scalemt.generalists.llamacpp_native import _library
from scalemt.generalists.openai import OpenAIGeneralist
from scalemt.types import Decoding, Prompt

KEY = "SERVER_SLOTS_KEY"
SENTENCE = "The committee will meet again on Thursday to decide whether the old bridge can be repaired."
SEQUENCES = (1, 2, 4, 8)
WANTED = 1.8


class Side(NamedTuple):
    """One way to run the work: `slots` requests at a time, or sequences in a bare batch, on `threads`."""

    kind: str
    slots: int
    threads: int


@dataclass(frozen=True)
class Run:
    """One measurement: answered tokens a second, cores kept busy, and what was answered."""

    tokens_a_second: float
    cores: float
    tokens: int

    @property
    def tokens_a_cpu_second(self) -> float:
        """What a batch saves in work shows here also on a machine that others use."""
        return self.tokens_a_second / self.cores


def main() -> None:
    arguments = parse_arguments()
    os.environ[KEY] = secrets.token_urlsafe(24)
    model = Path(arguments.model or default_model())
    prompts = [Prompt(text=f"English: {line}\nPortuguese:") for line in lines_of(arguments)]
    sides: dict[Side, Callable[[], Run]] = {}
    for threads in arguments.threads:
        for slots in arguments.slots:
            served = Served(model, slots, threads, prompts, arguments.tokens)
            sides[Side("server", slots, threads)] = served.run
        for count in SEQUENCES:
            sides[Side("bare", count, threads)] = Bare(model, count, threads, arguments.tokens).run
    found = measure(sides, arguments.rounds)
    result = {
        "model": model.name,
        "lines": len(prompts),
        "tokens_an_answer": arguments.tokens,
        "rounds": arguments.rounds,
        "cores": os.cpu_count(),
        "sides": [side._asdict() | {"runs": [asdict(run) for run in runs]} for side, runs in found.items()],
    }
    show(found, arguments)
    finish(arguments.json, claims_of(found), result)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="holds flores200/devtest")
    parser.add_argument("--lines", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=24, help="tokens of each answer")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--slots", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--model", help="a GGUF file; default: the embedded Gemma 3 270M")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def lines_of(arguments: argparse.Namespace) -> list[str]:
    """The shortest lines of the first hundred, or made ones where the data is absent."""
    path = arguments.data / "flores200/devtest/eng_Latn.txt"
    if not path.is_file():
        return [f"{number}. {SENTENCE}" for number in range(arguments.lines)]
    lines = path.read_text(encoding="utf-8").split("\n")[: max(100, arguments.lines)]
    return sorted(filter(None, lines), key=len)[: arguments.lines]


class Served:
    """The work through our client and llama.cpp's server."""

    def __init__(self, model: Path, slots: int, threads: int, prompts: Sequence[Prompt], tokens: int) -> None:
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path = str(model)
        params.n_parallel = slots
        params.n_ctx = 512 * slots
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        params.verbosity = -1
        params.hostnames = ["127.0.0.1"]
        params.api_keys = [os.environ[KEY]]
        params.ui = False
        params.cache_ram_mib = 0
        self._server = xllamacpp.Server(params)
        # The same number of tokens on all sides, and no prompt that is kept from the round before.
        extra = {"ignore_eos": True, "cache_prompt": False}
        self._generalist = OpenAIGeneralist(
            f"{self._server.listening_address}/v1",
            "local",
            api_key_env=KEY,
            kind="base",
            concurrency=slots,
            timeout=600.0,
            extra_body=extra,
        )
        self._prompts, self._decoding = prompts, Decoding(tokens)
        self._generalist.complete(prompts[:slots], self._decoding)  # the first use touches all weights

    def run(self) -> Run:
        """Answer all prompts."""
        wall, cpu = time.perf_counter(), time.process_time()
        completions = self._generalist.complete(self._prompts, self._decoding)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        for completion in completions:
            if completion.error:
                raise completion.error
        tokens = sum(completion.completion_tokens for completion in completions)
        return Run(tokens / wall, cpu / wall, tokens)


class Bare:
    """Decoding steps of `count` sequences in one batch, through the C interface, and nothing else."""

    def __init__(self, model: Path, count: int, threads: int, steps: int) -> None:
        library = _library()
        if library is None:
            raise SystemExit("This xllamacpp does not export the C interface as expected.")
        self._c, self._count, self._steps = library, count, steps
        loaded = library["llama_model_load_from_file"](os.fsencode(model), library["llama_model_default_params"]())
        parameters = library["llama_context_default_params"]()
        # n_ctx, n_batch, n_ubatch, n_seq_max, n_threads, n_threads_batch
        for index, value in {0: 512 * count, 1: 64, 2: 64, 3: count, 7: threads, 8: threads}.items():
            parameters.head[index] = value
        self._context = library["llama_init_from_model"](loaded, parameters)
        self._batch = library["llama_batch_init"](count, 0, 1)
        self.run()

    def run(self) -> Run:
        """Decode so many tokens in each sequence; which tokens they are makes no difference to the work."""
        self._c["llama_memory_clear"](self._c["llama_get_memory"](self._context), ctypes.c_bool(True))
        wall, cpu = time.perf_counter(), time.process_time()
        for step in range(self._steps):
            self._step(step)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        tokens = self._count * self._steps
        return Run(tokens / wall, cpu / wall, tokens)

    def _step(self, step: int) -> None:
        batch = self._batch
        batch.n_tokens = self._count
        for index in range(self._count):
            batch.token[index] = 1000 + 7 * step + index
            batch.pos[index] = step
            batch.n_seq_id[index] = 1
            batch.seq_id[index][0] = index
            batch.logits[index] = True
        if self._c["llama_decode"](self._context, batch):
            raise SystemExit("llama_decode failed.")
        self._c["llama_get_logits_ith"](self._context, 0)  # waits until the step is computed


def measure(sides: dict[Side, Callable[[], Run]], rounds: int) -> dict[Side, list[Run]]:
    """Run all sides in each round, beginning with another one each time."""
    found: dict[Side, list[Run]] = {side: [] for side in sides}
    names = list(sides)
    for number in range(rounds):
        start = number % len(names)
        for side in names[start:] + names[:start]:
            found[side].append(sides[side]())
    return found


def show(found: dict[Side, list[Run]], arguments: argparse.Namespace) -> None:
    """Print the table: what is compared is the ratio to one slot, or one sequence, of the same round."""
    print(f"{arguments.lines} prompts, {arguments.tokens} tokens an answer; median (lowest to highest)\n")
    print("| what | at a time | threads | tokens a second | cores busy | ratio to 1 | tokens a CPU second |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for side, runs in found.items():
        one = found.get(side._replace(slots=1))
        ratio = spread(ratios(runs, one)) if one and side.slots > 1 else ""
        name = "openai, llama.cpp's server" if side.kind == "server" else "bare decoding"
        speed, cores = spread([r.tokens_a_second for r in runs]), spread([r.cores for r in runs])
        work = spread([r.tokens_a_cpu_second for r in runs])
        print(f"| {name} | {side.slots} | {side.threads} | {speed} | {cores} | {ratio} | {work} |")
    print()
    for side, runs in found.items():
        one, bare = found.get(side._replace(slots=1)), found.get(side._replace(kind="bare"))
        if side.kind == "server" and side.slots > 1 and one:
            print(f"{side.slots} slots, {side.threads} threads: {verdict(runs, one)}.", end=" ")
            if bare:
                single = found[side._replace(kind="bare", slots=1)]
                saved = spread(
                    [b.tokens_a_cpu_second / s.tokens_a_cpu_second for b, s in zip(bare, single, strict=True)]
                )
                print(f"Bare decoding of {side.slots} does {saved} times the tokens of 1 in a CPU second.", end="")
            print()


def claims_of(found: dict[Side, list[Run]]) -> list[Claim]:
    """Claim what the server gains by its slots, for each number of threads."""
    claims = []
    for side, runs in found.items():
        one = found.get(side._replace(slots=1))
        if side.kind == "server" and side.slots > 1 and one:
            threads = f"{side.threads} thread{'s' if side.threads > 1 else ''}"
            what = f"throughput of an OpenAI-compatible server (llama.cpp's), {side.slots} slots / 1, {threads}"
            claims.append(at_least(what, ratios(runs, one), WANTED))
    return claims


def verdict(runs: Sequence[Run], one: Sequence[Run]) -> str:
    middle = statistics.median(ratios(runs, one))
    return (
        f"{middle:.2f} times the throughput of 1, {WANTED} is {'reached' if middle >= WANTED else 'not reached'}"
    )


def ratios(runs: Sequence[Run], ones: Sequence[Run]) -> list[float]:
    return [run.tokens_a_second / one.tokens_a_second for run, one in zip(runs, ones, strict=True)]


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main()
