"""`scalemt job export`: the files of a job, and data sets with scores, side by side, and filtered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scalemt.cli.options import say

if TYPE_CHECKING:
    from scalemt.jobs.filtering import Report
    from scalemt.jobs.ledger import Ledger

_RECORDS = ("least", "checked", "keep", "drop", "both", "scores", "segments", "dropped")


@click.command("export", short_help="Write the files of a job, or what there is of them.")
@click.argument("folder", type=click.Path(file_okay=False), metavar="DIR")
@click.option(
    "-o", "--output", type=click.Path(file_okay=False), metavar="OUT", help="Another folder to write to."
)
@click.option("--partial", is_flag=True, help="Also when the job is not done: the rest keeps its source.")
@click.option(
    "--least",
    multiple=True,
    metavar="NAME=VALUE",
    help="Leave out records with a segment below: confidence=0.6, faith=3.5. Not known is below.",
)
@click.option("--checked", is_flag=True, help="Leave out records with a segment that fails a check.")
@click.option(
    "--dropped",
    type=click.Path(file_okay=False),
    metavar="OUT",
    help="A folder for the records that are left out.",
)
@click.option("--keep", multiple=True, metavar="COLUMN", help="A column that stays; all others go.")
@click.option("--drop", multiple=True, metavar="COLUMN", help="A column that goes.")
@click.option("--both", is_flag=True, help="What was translated also as it was before, in NAME_source.")
@click.option("--scores", is_flag=True, help="Columns with scores, failed checks and whether a record passes.")
@click.option("--segments", is_flag=True, help="A column with each segment, its translation and scores.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file.")
def export(folder: str, output: str | None, partial: bool, as_json: bool, **options: Any) -> int:  # fmt: skip
    """Write the translations of the job in DIR.

    With any of the options from --least to --segments, data sets (JSONL, CSV, TSV, Parquet) are written record by
    record: filtered, with other columns, with scores.
    """
    from scalemt.jobs.ledger import Ledger
    from scalemt.jobs.reading import require_unchanged
    from scalemt.jobs.writing import export as write

    ledger = Ledger.of_files(Path(folder))
    require_unchanged(ledger)
    place = Path(output) if output else None
    if any(options[name] for name in _RECORDS):
        return _records(ledger, place, options, partial=partial, as_json=as_json)
    for path in write(ledger, place, partial=partial):
        _tell(path, {}, f"Written: {path}", as_json=as_json)
    return 0


def _records(ledger: Ledger, place: Path | None, options: dict[str, Any], *, partial: bool, as_json: bool) -> int:
    from scalemt.jobs.exporting import export_data_sets
    from scalemt.jobs.filtering import Shape, Thresholds

    shape = Shape(options["keep"], options["drop"], options["both"], options["scores"], options["segments"])
    thresholds = Thresholds(
        _numbers(options["least"]), options["checked"], bool(options["least"] or options["checked"])
    )
    dropped = Path(options["dropped"]) if options["dropped"] else None
    reports = export_data_sets(ledger, shape, thresholds, place, dropped=dropped, partial=partial)
    for path, report in reports.items():
        fields = {"read": report.read, "kept": report.kept, "reasons": dict(report.reasons)}
        _tell(path, fields, f"Written: {path}, {report.kept:,} of {report.read:,} records.", as_json=as_json)
        if not as_json and report.dropped:
            say(f"{report.dropped:,} records are left out: {_reasons(report)}.")
    return 0


def _numbers(given: tuple[str, ...]) -> dict[str, float]:
    found = {}
    for item in given:
        name, sign, value = item.partition("=")
        try:
            found[name.strip()] = float(value) if sign else float("nan")
        except ValueError:
            sign = ""
        if not sign:
            raise click.BadParameter(f"{item!r} is no threshold. Write NAME=VALUE, such as confidence=0.6.")
    return found


def _reasons(report: Report) -> str:
    return ", ".join(f"{name} ({count:,})" for name, count in report.reasons.most_common())


def _tell(path: Path, fields: dict[str, Any], line: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"event": "written", "file": str(path), **fields}))
    else:
        click.echo(line, err=True)
