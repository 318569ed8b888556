"""The report: one HTML file that needs no network, and its figures as SVG."""

from __future__ import annotations

from scalemt.evaluation.report.page import further_figure, render_report, write_report
from scalemt.evaluation.report.plots import Point, dot_plot, frontier, reliability_diagram, scatter

__all__ = [
    "Point",
    "dot_plot",
    "frontier",
    "further_figure",
    "reliability_diagram",
    "render_report",
    "scatter",
    "write_report",
]
