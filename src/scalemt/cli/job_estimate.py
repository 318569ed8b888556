"""`scalemt job run --estimate`: what a job will take, as a table or as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scalemt.cli.job_progress import duration

if TYPE_CHECKING:
    from scalemt.jobs.estimating import Estimate
    from scalemt.jobs.settings import Settings


def show_estimate(settings: Settings, files: dict[str, Path], probe: int | None, *, as_json: bool) -> int:
    """Estimate a job and print what comes of it."""
    from scalemt.jobs.estimating import estimate

    found = estimate(settings, files, probe)
    if as_json:
        click.echo(json.dumps(found.as_json()))
        return 0
    for label, value in _rows(found):
        click.echo(f"{label:>12}  {value}")
    return 0


def _rows(found: Estimate) -> list[tuple[str, str]]:
    rows = [
        ("files", f"{found.files:,}"),
        ("segments", f"{found.segments:,}, {found.different:,} of them different"),
        ("characters", f"{found.characters:,}"),
    ]
    if found.draft_seconds is not None:
        cores = f"{found.threads} thread{'s' if found.threads > 1 else ''}"
        rows.append(("drafting", f"{duration(found.draft_seconds)} on {cores}, by {found.sampled:,} segments"))
    if not found.prompts:
        return rows
    tokens = f"{found.prompt_tokens:,} tokens sent, {found.completion_tokens:,} answered"
    how = f"by {found.probed} prompts that were sent" if found.probed else "at 4 bytes a token"
    rows.append(("prompts", f"{found.prompts:,}: about {tokens} ({how})"))
    rows.append(
        ("cost", "none is known: the generalist has no prices" if found.cost is None else f"{found.cost:.2f}")
    )
    asking = "not known; --probe 8 sends eight prompts and measures"
    if found.generalist_seconds is not None:
        asking = duration(found.generalist_seconds)
    rows.append(("answering", asking))
    if found.seconds is not None:
        rows.append(("in all", f"about {duration(found.seconds)}"))
    return rows
