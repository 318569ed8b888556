"""`scalemt calibrate`: choose method, shots and threshold for a pair on a development file."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from scalemt.cli.options import overrides, profile_options, say

if TYPE_CHECKING:
    from scalemt.quality.calibration import Calibration


@click.command("calibrate", short_help="Choose method, shots and threshold for a pair.")
@click.option(
    "--src",
    "source_file",
    required=True,
    type=click.Path(dir_okay=False),
    help="Development sources, a line each.",
)
@click.option(
    "--ref",
    "reference_file",
    required=True,
    type=click.Path(dir_okay=False),
    help="Their translations, a line each.",
)
@click.option("--from", "source", required=True, metavar="LANG", help="Source language.")
@click.option("--to", "target", required=True, metavar="LANG", help="Target language.")
@click.option("--limit", type=click.IntRange(20), default=100, show_default=True, help="Use the first lines only.")
@click.option("--try-shots", default="5", show_default=True, metavar="K,K…", help="Numbers of shots to compare.")
@click.option("--json", "as_json", is_flag=True, help="Print the calibration as JSON.")
@profile_options
def command(source: str, target: str, **options: Any) -> int:
    """Choose method, shots and threshold for a pair, and store them with the profile.

    Use a development set, never the test set. Each line costs a draft and two answers of the generalist
    for each number of shots.
    """
    from scalemt.config import config_dir, load_configuration
    from scalemt.engine.calibrating import DevelopmentSet, calibrate
    from scalemt.languages import parse_pair
    from scalemt.lines import read_lines
    from scalemt.quality.calibration import calibration_path

    sources = read_lines(options.pop("source_file"))
    references = read_lines(options.pop("reference_file"))
    if len(sources) != len(references):
        raise click.UsageError(f"--src has {len(sources)} lines and --ref {len(references)}; they must pair up.")
    limit, as_json = options.pop("limit"), options.pop("as_json")
    shots = _numbers(options.pop("try_shots"))
    configuration = load_configuration()
    profile = configuration.profile(options.pop("profile"), **overrides(options))
    pair = parse_pair(source, target)
    with _bar(min(limit, len(sources)) * len(shots)) as progress:
        development = DevelopmentSet(sources[:limit], references[:limit], pair)
        chosen = calibrate(development, profile, configuration, shots=shots, progress=progress, notice=say)
    path = calibration_path(config_dir(), profile.name, pair)
    chosen.save(path)
    _show(chosen, str(path), as_json)
    return 0


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise click.UsageError(f"--try-shots is {text!r}; expected numbers with commas, such as 1,5.") from None


def _bar(total: int) -> Any:
    from contextlib import nullcontext

    if not sys.stderr.isatty():
        return nullcontext()
    from scalemt.cli.translate import progress_bar

    return progress_bar("Calibrating", total)


def _show(chosen: Calibration, path: str, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(asdict(chosen), ensure_ascii=False))
        return
    for name, value in chosen.scores.items():
        click.echo(f"{name:>24}  {value:6.2f}")
    third = " with few-shot as third candidate" if chosen.third == "few-shot" else ""
    click.echo(f"Chosen for {chosen.pair}: {chosen.method}, {chosen.shots} shots{third}.")
    click.echo(f"Stored in {path} (measured on {chosen.segments} segments, chrF++).")
