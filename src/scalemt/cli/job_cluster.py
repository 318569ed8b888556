"""Options of `scalemt job` that say where a job is worked on: in this process, or on Ray."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from scalemt.errors import UsageError

if TYPE_CHECKING:
    from scalemt.jobs.crew import Crew, Work

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--on", metavar="CLUSTER",
                 help="Work on Ray: ray (this machine's cluster, or its own), auto, or HOST:PORT of the head."),
    click.option("--actors", type=click.IntRange(1), metavar="N",
                 help="With --on: engines, each with a specialist (default: as the CPUs allow)."),
    click.option("--generalist-actors", type=click.IntRange(1), metavar="N",
                 help="With --on: processes that ask the generalist (default: 1)."),
    click.option("--actor-gpus", type=click.FloatRange(0), metavar="N", help="With --on: GPUs of each engine."),
    click.option("--shards", metavar="URI",
                 help="With --on: where chunks are written for the cluster (default: DIR/shards, read here)."),
    click.option("--llm-stage", metavar="MODEL",
                 help="With --on: have Ray's own LLM stage (vLLM, on GPUs) answer all prompts first."),
)  # fmt: skip


def cluster_options(function: F) -> F:
    """Add the options that say where a job is worked on."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def take_crew(options: dict[str, Any]) -> Callable[[Work], Crew] | None:
    """Return who works on a job, None for this process; what belongs to that is taken out of `options`.

    Raises:
        UsageError: an option needs --on.
    """
    names = ("actors", "generalist_actors", "actor_gpus", "shards", "llm_stage")
    address = options.pop("on")
    given = {name: value for name in names if (value := options.pop(name)) is not None}
    if address is None:
        if given:
            raise UsageError(f"--{next(iter(given)).replace('_', '-')} says how a job runs on Ray: add --on.")
        return None
    from scalemt.jobs.ray.cluster import Options
    from scalemt.jobs.ray.crew import on_ray

    return on_ray(Options(address, **given))
