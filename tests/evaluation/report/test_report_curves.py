"""Line plots: valid SVG with every number said, whatever the numbers are."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest

from scalemt.evaluation.report import further_figure
from scalemt.evaluation.report.curves import Line, line_plot

SVG = "{http://www.w3.org/2000/svg}"


def drawn(*lines: Line, title: str = "quality") -> ElementTree.Element:
    return ElementTree.fromstring(line_plot(lines, title=title, x_label="budget", y_label="chrF++"))


def test_a_line_has_its_points_its_band_and_its_name() -> None:
    root = drawn(
        Line("random", [(0, 50), (0.5, 52), (1, 53)], spread=[0, 0.5, 0]), Line("best", [(0, 50), (1, 55)])
    )
    assert len(root.findall(f"{SVG}polyline")) == 4
    texts = [item.text for item in root.findall(f"{SVG}text")]
    assert {"random", "best", "budget", "chrF++"} <= set(texts)
    told = root.findtext(f"{SVG}desc") or ""
    assert "random: 0 50.00, 0.5 52.00, 1 53.00" in told


def test_higher_values_stand_higher() -> None:
    line = drawn(Line("a", [(0, 1), (1, 2)])).find(f"{SVG}polyline")
    assert line is not None
    (left, low), (right, high) = (map(float, pair.split(",")) for pair in line.attrib["points"].split(" "))
    assert left < right
    assert low > high


def test_marked_points_tell_their_numbers() -> None:
    root = drawn(Line("a", [(0, 1.234), (1, 2)], marked=True))
    tips = [item.findtext(f"{SVG}title") for item in root.findall(f"{SVG}circle")]
    assert tips == ["a at 0: 1.23", "a at 1: 2.00"]


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [Line("none", [])],
        [Line("one", [(0.5, 3.0)])],
        [Line("flat", [(0, 3.0), (1, 3.0)])],
        [Line("holes", [(0, math.nan), (0.5, math.inf), (1, 2.0)])],
        [Line("<script>alert(1)</script> & \x00", [(0, 1), (1, 2)])],
    ],
)
def test_any_lines_make_valid_svg(lines: list[Line]) -> None:
    root = drawn(*lines, title="<b>&")
    assert root.findtext(f"{SVG}title") == "<b>&"
    assert "nan" not in ElementTree.tostring(root, encoding="unicode").replace("nothing", "")


def test_a_further_figure_holds_the_drawing_as_it_is() -> None:
    drawing = line_plot([Line("a", [(0, 1), (1, 2)])], title="t", x_label="x", y_label="y")
    found = further_figure("Title", "Caption", drawing, "file")
    assert str(found.svg) == drawing
