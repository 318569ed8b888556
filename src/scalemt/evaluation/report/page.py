"""The page itself: template, style and scripts put together into one HTML file that asks nothing of a network."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalemt.evaluation.report.numbers import fixed
from scalemt.evaluation.report.payload import embed, payload
from scalemt.evaluation.report.plots import Point, dot_plot, reliability_diagram, scatter
from scalemt.evaluation.report.tables import all_metrics, matrix, summary
from scalemt.evaluation.results import Evaluation, Reliability
from scalemt.evaluation.systems import System
from scalemt.evaluation.tables import Table
from scalemt.lines import write_whole
from scalemt.version import __version__

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

_STYLES = ("base.css", "tables.css", "figures.css", "segments.css", "print.css")
# In this order: each uses what stands before it.
_SCRIPTS = "data state tables charts figures diff filters segments main".split()
_COSTS = {"cost": "mean cost per segment", "seconds": "mean seconds per segment"}


def write_report(
    evaluations: Sequence[Evaluation],
    path: Path,
    title: str = "Translation evaluation",
    further: Mapping[str, Table] | None = None,
    figures: Mapping[str, Sequence[Figure]] | None = None,
) -> None:
    """Write one self-contained HTML file; the same evaluations give the same bytes.

    Args:
        evaluations: one a test set.
        path: of the file.
        title: its heading.
        further: by the name of a test set, a table that is shown below those of its scores.
        figures: by the name of a test set, figures that are shown before its own.

    Raises:
        InputError: there is no evaluation, one does not pair up with its test set, or the file cannot be written.
    """
    write_whole(path, render_report(evaluations, title, further, figures))


def render_report(
    evaluations: Sequence[Evaluation],
    title: str = "Translation evaluation",
    further: Mapping[str, Table] | None = None,
    figures: Mapping[str, Sequence[Figure]] | None = None,
) -> str:
    """Return the report as HTML text; see `write_report`.

    Raises:
        InputError: there is no evaluation, or one does not pair up with its test set.
    """
    from markupsafe import Markup

    data = payload(evaluations)
    style = "\n".join(_read(name) for name in _STYLES)
    theme = _read("theme.js")
    script = '"use strict";\n(() => {\n' + "\n".join(_read(f"{name}.js") for name in _SCRIPTS) + "\n})();"
    page = _template().render(
        title=title,
        version=evaluations[0].scalemt or __version__,
        policy=_policy(style, [theme, script]),
        # Files of this package, and JSON that `embed` has made harmless.
        style=Markup(style),  # noqa: S704
        theme=Markup(theme),  # noqa: S704
        script=Markup(script),  # noqa: S704
        data=Markup(embed(data)),  # noqa: S704
        sets=[
            _set(number, item, (figures or {}).get(item.test_set.name, ()))
            for number, item in enumerate(evaluations)
        ],
        further=further or {},
        matrices=_matrices(evaluations),
    )
    # Half of a surrogate pair is no character, and could not be written.
    return re.sub("[\ud800-\udfff]", "\ufffd", page)


@cache
def _read(name: str) -> str:
    folder = resources.files("scalemt.evaluation.report") / "page"
    return (folder / name).read_text("utf-8").strip("\n")


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.from_string(_read("page.html"))


def _policy(style: str, scripts: Sequence[str]) -> str:
    # Only the scripts and the style of this file may run, named by their hashes; nothing may be fetched or sent.
    allowed = " ".join(_hash(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@dataclass(frozen=True)
class Figure:
    """A drawing with its caption; `metric` where it belongs to one that is chosen on the page."""

    title: str
    caption: str
    svg: Markup
    file: str
    metric: str = ""
    signature: str = ""


def _set(number: int, evaluation: Evaluation, first: Sequence[Figure]) -> dict[str, Any]:
    test_set = evaluation.test_set
    cells = [cell for row in evaluation.cells.values() for cell in row.values()]
    return {
        "name": test_set.name,
        "pair": f"{test_set.pair.source} → {test_set.pair.target}" if test_set.pair else "",
        "size": f"{len(test_set):,}",
        "references": len(test_set.references),
        "baseline": evaluation.baseline,
        "alpha": f"{evaluation.alpha:g}",
        "notes": evaluation.notes,
        "tables": summary(evaluation),
        "several": len(evaluation.systems) > 1,
        "intervals": any(math.isfinite(cell.low) for cell in cells),
        "merits": any(metric.higher_is_better is None for metric in evaluation.metrics),
        "figures": [*first, *_figures(number, evaluation)],
    }


def _matrices(evaluations: Sequence[Evaluation]) -> list[dict[str, Any]]:
    if len(evaluations) < 2:
        return []
    return [{"metric": metric.name, "table": matrix(evaluations, metric)} for metric in all_metrics(evaluations)]


def _figures(number: int, evaluation: Evaluation) -> Iterator[Figure]:
    from markupsafe import Markup

    def drawn(title: str, caption: str, svg: str, file: str, metric: str = "", signature: str = "") -> Figure:
        # The drawing functions escape every text they write.
        return Figure(title, caption, Markup(svg), f"{file}-{number + 1}", metric, signature)  # noqa: S704

    filled = " Filled points differ significantly, the dashed line is the baseline." if evaluation.baseline else ""
    for metric in evaluation.metrics:
        caption = f"System scores with 95 % bootstrap intervals.{filled}"
        # What seldom matters is drawn only for the reader who chooses it.
        chosen = metric.name if metric.group == "behaviour" else ""
        yield drawn(metric.label, caption, dot_plot(evaluation, metric), f"scores-{metric.name}", chosen)
    for name, found in evaluation.reliability.items():
        drawing = reliability_diagram(name, found)
        yield drawn(
            f"Confidence of {name}",
            _reliability_caption(found),
            drawing,
            f"reliability-{name}",
            "",
            found.signature,
        )
    for fact, label in _COSTS.items():
        costs = _means(evaluation.systems, fact)
        for metric in evaluation.metrics if len(costs) > 1 else ():
            if metric.higher_is_better is None:
                continue  # what is no merit has no price
            svg = scatter(
                _points(evaluation, metric.name, costs), title=f"{metric.name} against {label}", x_label=label,
                y_label=metric.label, higher_is_better=metric.higher_is_better,
            )  # fmt: skip
            caption = "Dashed: systems that no other beats at the same cost or less."
            yield drawn(f"{metric.name} against {fact}", caption, svg, f"{metric.name}-{fact}", metric.name)


def _reliability_caption(found: Reliability) -> str:
    names = {"pearson": "Pearson r", "spearman": "Spearman ρ"}
    bounds = f" [{fixed(found.low, 3)}, {fixed(found.high, 3)}]" if math.isfinite(found.low) else ""
    told = ", ".join(f"{names.get(key, key)} = {fixed(value, 2)}" for key, value in found.correlation.items())
    correlation = f" Confidence and sentence chrF: {told}." if told else ""
    return f"ECE {fixed(found.ece, 3)}{bounds}, {found.words:,} words; bars: words a bin.{correlation}"


def _means(systems: Sequence[System], fact: str) -> dict[str, float]:
    """Return the mean of a fact by system, over the segments that have it."""
    found: dict[str, float] = {}
    for system in systems:
        values = [output.facts[fact] for output in system.outputs if fact in output.facts]
        finite = [value for value in values if math.isfinite(value)]
        if finite:
            found[system.name] = math.fsum(finite) / len(finite)
    return found


def _points(evaluation: Evaluation, metric: str, costs: dict[str, float]) -> list[Point]:
    cells = {name: evaluation.cells.get(name, {}).get(metric) for name in costs}
    return [
        Point(name, costs[name], cell.score, cell.low, cell.high, strong=name == evaluation.baseline)
        for name, cell in cells.items()
        if cell
    ]


def further_figure(title: str, caption: str, svg: str, file: str) -> Figure:
    """Return a figure to give to `write_report`; `svg` must come from the drawing functions of this package."""
    from markupsafe import Markup

    return Figure(title, caption, Markup(svg), file)  # noqa: S704  # they escape every text they write
