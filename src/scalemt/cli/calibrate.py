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
@click.option("--src", "source_file", type=click.Path(dir_okay=False), help="Development sources, a line each.")
@click.option("--ref", "reference_file", type=click.Path(dir_okay=False), help="Their translations, a line each.")
@click.option("--from", "source", required=True, metavar="LANG", help="Source language.")
@click.option("--to", "target", required=True, metavar="LANG", help="Target language.")
@click.option("--limit", type=click.IntRange(20), default=100, show_default=True, help="Use the first lines only.")
@click.option("--try-shots", default="5", show_default=True, metavar="K,K…", help="Numbers of shots to compare.")
@click.option("--json", "as_json", is_flag=True, help="Print the calibration as JSON.")
@profile_options
def command(source: str, target: str, **options: Any) -> int:
    """Choose method, shots and threshold for a pair, and store them with the profile.

    Use a development set of your own kind of text, never the test set. Without --src and --ref the project's own
    sentences serve, for the languages they hold. Each line costs a draft and two answers of the generalist for
    each number of shots.
    """
    from scalemt.config import load_configuration
    from scalemt.engine.calibrating import DevelopmentSet, calibrate, packaged_development
    from scalemt.folders import config_dir
    from scalemt.languages import parse_pair
    from scalemt.quality.calibration import calibration_path

    lines = _read(options.pop("source_file"), options.pop("reference_file"))
    limit, as_json = options.pop("limit"), options.pop("as_json")
    shots = _numbers(options.pop("try_shots"))
    configuration = load_configuration()
    profile = configuration.profile(options.pop("profile"), **overrides(options))
    pair = parse_pair(source, target)
    whole = DevelopmentSet(*lines, pair) if lines else packaged_development(pair, profile, shots)
    development = DevelopmentSet(whole.sources[:limit], whole.references[:limit], pair)
    with _bar(len(development.sources) * len(shots)) as progress:
        chosen = calibrate(development, profile, configuration, shots=shots, progress=progress, notice=say)
    path = calibration_path(config_dir(), profile.name, pair)
    chosen.save(path)
    _show(chosen, str(path), as_json)
    return 0


def _read(source_file: str | None, reference_file: str | None) -> tuple[list[str], list[str]] | None:
    from scalemt.lines import read_lines

    if not source_file and not reference_file:
        return None
    if not source_file or not reference_file:
        raise click.UsageError("Give --src and --ref together, or neither.")
    sources, references = read_lines(source_file), read_lines(reference_file)
    if len(sources) != len(references):
        raise click.UsageError(f"--src has {len(sources)} lines and --ref {len(references)}; they must pair up.")
    return sources, references


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
    _show_curve(chosen)
    third = " with few-shot as third candidate" if chosen.third == "few-shot" else ""
    click.echo(f"Chosen for {chosen.pair}: {chosen.method}, {chosen.shots} shots{third}.")
    click.echo(f"Stored in {path} (measured on {chosen.segments} segments, chrF++).")


def _show_curve(chosen: Calibration) -> None:
    """Print what deferral would give at each budget, by fits that had not seen the segments."""
    if not chosen.curve:
        return
    columns = ("budget", "asked", "expected", "random", "oracle", "worse")
    heads = ("budget", "asked", "by gain", "random", "oracle", "made worse")
    click.echo("\n" + "  ".join(f"{head:>10}" for head in heads))
    for point in chosen.curve:
        cells = (
            f"{point[name]:.0%}" if name in ("budget", "asked", "worse") else f"{point[name]:.2f}"
            for name in columns
        )
        click.echo("  ".join(f"{cell:>10}" for cell in cells))
    if not any(model.weights for model in chosen.deferral.values()):
        click.echo("Nothing that is known of a draft tells where asking gains more.")
    click.echo("")
