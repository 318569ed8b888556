"""The knowledge graph as a file: JSON, a drawing (SVG), or a page that holds both the drawing and its evidence.

The drawing reads from left to right: terms, their senses, translations of these, and who says so. Colours follow
the reader's light or dark scheme; what a translation's state is can be told without them, by sign and stroke.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from scalemt import languages
from scalemt.methods.agents.graph import Graph, Rendering, Term, Trial

if TYPE_CHECKING:
    from jinja2 import Template

SUFFIXES = (".json", ".svg", ".html")

MOST_SHOWN = 6  # translations of a term; the file in JSON has all of them
_ROW, _GAP, _TOP = 26, 16, 58
_TERM, _SENSE, _TRANSLATION, _TESTS, _SAYS, _WIDTH = 16, 236, 446, 668, 936, 1320
_SIGNS = {"verified": "\u2713", "admitted": "\u25cb", "refused": "\u2717", "unproven": "?", "open": "\u00b7"}
_POLICY = "base-uri 'none'; form-action 'none'"
_STYLE = """
.g { --ink:#1b1f24; --soft:#59616b; --paper:#ffffff; --box:#f1f3f5; --line:#b9c0c8; --verified:#0069a5;
 --admitted:#3f7d9e; --refused:#b84a00; --unproven:#6d757e; --open:#6d757e;
 font:13px system-ui,'Segoe UI',Roboto,'Helvetica Neue','Noto Sans',Arial,sans-serif }
@media (prefers-color-scheme: dark) { .g { --ink:#e8ebef; --soft:#a3abb5; --paper:#15181c; --box:#22272d;
 --line:#59626c; --verified:#6cc0f5; --admitted:#9ccbe4; --refused:#ff9a5c; --unproven:#a3abb5; --open:#a3abb5 } }
.paper { fill:var(--paper) } .box { fill:var(--box); stroke:var(--line) } text { fill:var(--ink) }
.soft { fill:var(--soft) } .small { font-size:11px } .head { font-weight:600 } path { fill:none; stroke-width:1.4 }
.verified { fill:var(--verified) } .admitted { fill:var(--admitted) } .refused { fill:var(--refused) }
.unproven { fill:var(--unproven) } .open { fill:var(--open) } .bold { font-weight:600 }
.e-verified { stroke:var(--verified); stroke-width:2.4 } .e-admitted { stroke:var(--admitted) }
.e-refused { stroke:var(--refused); stroke-dasharray:5 3 }
.e-unproven, .e-open { stroke:var(--unproven); stroke-dasharray:2 3 }
.e-sense { stroke:var(--line) }
"""


def written(graphs: Sequence[Graph], suffix: str) -> str:
    """Return the graphs of a run as the text of a file; one document is mostly all there is.

    Args:
        graphs: one a document.
        suffix: one of `SUFFIXES`.
    """
    if suffix == ".json":
        data = {"documents": [graph.as_json() for graph in graphs]}
        return json.dumps(data, ensure_ascii=False, indent=1) + "\n"
    return page(graphs) if suffix == ".html" else drawing(graphs)


def drawing(graphs: Sequence[Graph]) -> str:
    """Return the graphs as one SVG that stands by itself."""
    sheet = _Sheet()
    for graph in graphs:
        sheet.title(_title(graph))
        for term in graph.terms.values():
            sheet.block(_Block(term))
    return sheet.svg(" and ".join(map(_title, graphs)))


def page(graphs: Sequence[Graph]) -> str:
    """Return the graphs as one HTML page that asks nothing of a network."""
    from markupsafe import Markup

    style = _read("page.css")
    # The drawing escapes every text that it writes, and its style comes from this file.
    figures = [(_title(graph), graph, Markup(drawing([graph]))) for graph in graphs]  # noqa: S704
    return _template().render(
        figures=figures,
        style=Markup(style),  # noqa: S704  # a file of this package
        policy=f"default-src 'none'; style-src {_hashed(style)} {_hashed(_STYLE)}; {_POLICY}",
        rows=_rows,
        tests=_tests,
        signs=_SIGNS,
    )


def _title(graph: Graph) -> str:
    held, uses = graph.consistency()
    pair = f"{languages.name(graph.pair.source)} to {languages.name(graph.pair.target)}"
    named = f"{graph.document}, " if graph.document else ""
    return f"{named}{pair}: {len(graph.terms)} terms, {held} of {uses} uses as settled"


def _rows(term: Term) -> list[Rendering]:
    """Return the translations of a term, those that count first."""
    order = list(_SIGNS)
    return sorted(term.renderings.values(), key=lambda item: (order.index(item.state), -(item.score or 0.0)))


def _tests(item: Rendering) -> list[Trial]:
    """Return the tests of a translation that decided something, each once."""
    return list({trial.name: trial for trial in item.trials if trial.passed is not None}.values())


@dataclass
class _Block:
    """One term with its senses and translations; each sense and each translation takes a row."""

    term: Term
    rows: list[Rendering] = field(default_factory=list)
    senses: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rows = _rows(self.term)[:MOST_SHOWN]
        senses = (witness.sense for item in self.rows for witness in item.witnesses)
        self.senses = list(dict.fromkeys(sense for sense in senses if sense))

    @property
    def left_out(self) -> int:
        return len(self.term.renderings) - len(self.rows)

    @property
    def height(self) -> int:
        return max(len(self.rows) + bool(self.left_out), len(self.senses), 1 + len(self.told)) * _ROW

    @property
    def told(self) -> list[str]:
        """What is written under the term: what it is, as far as two lines hold it."""
        facts = [f"{fact.relation}: {fact.object}" for fact in self.term.facts]
        return [item for item in facts if not item.startswith(("stands in", "is left out"))][:2]


class _Sheet:
    """A drawing that grows downwards."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._y = 8

    def title(self, text: str) -> None:
        self._text(_TERM, self._y + 18, text, "head")
        heads = (
            (_TERM, "term"),
            (_SENSE, "sense"),
            (_TRANSLATION, "translation"),
            (_TESTS, "tests"),
            (_SAYS, "from"),
        )
        for x, head in heads:
            self._text(x, self._y + 42, head, "soft small")
        self._y += _TOP

    def block(self, block: _Block) -> None:
        top, height, term = self._y, block.height, block.term
        middle = top + height / 2
        self._parts.append(
            f'<rect class="box" x="8" y="{top - 4}" width="{_WIDTH - 16}" height="{height + 8}" rx="6"/>'
        )
        lines = block.told
        start = middle - 7 * len(lines)
        why = "; ".join(f"{by}: {reason}" for by, reason in term.reasons)
        self._text(_TERM + 4, start + 4, _cut(term.text, 27), "bold", f"{term.text} ({why})" if why else term.text)
        for number, line in enumerate(lines, 1):
            self._text(_TERM + 4, start + 4 + 15 * number, _cut(line, 34), "soft small", line)
        rows = _spread(top, height, len(block.rows) + bool(block.left_out))
        senses = dict(zip(block.senses, _spread(top, height, len(block.senses)), strict=True))
        self._edges(block, middle, rows, senses)
        for sense, y in senses.items():
            self._text(_SENSE, y + 4, _cut(sense, 28), "soft", sense)
        for item, y in zip(block.rows, rows, strict=False):
            self._row(item, y)
        if block.left_out:
            self._text(_TRANSLATION, rows[-1] + 4, f"and {block.left_out} more", "soft small")
        if not block.rows:
            self._text(_TRANSLATION, middle + 4, "no translation was proposed", "soft")
        self._y += height + _GAP

    def _edges(self, block: _Block, middle: float, rows: Sequence[float], senses: dict[str, float]) -> None:
        begin = _TERM + 8 + 7.4 * len(_cut(block.term.text, 27))
        for y in senses.values():
            self._curve(begin, middle, _SENSE - 6, y, "sense")
        for item, y in zip(block.rows, rows, strict=False):
            named = dict.fromkeys(witness.sense for witness in item.witnesses)
            for sense in named:
                if sense:
                    x = _SENSE + 6 + 6.6 * len(_cut(sense, 28))
                    self._curve(x, senses[sense], _TRANSLATION - 6, y, item.state)
                else:
                    self._curve(begin, middle, _TRANSLATION - 6, y, item.state)

    def _row(self, item: Rendering, y: float) -> None:
        score = "" if item.score is None else f"  {item.score:.2f}"
        strong = " bold" if item.state == "verified" else ""
        shown = f"{_SIGNS[item.state]} {_cut(item.text, 24)}"
        self._text(_TRANSLATION, y + 4, shown, f"{item.state}{strong}", f"{item.text}: {item.state}{score}")
        tests = [f"{'+' if trial.passed else '-'} {trial.name}" for trial in _tests(item)]
        full = "; ".join(f"{trial.name}: {trial.detail}" for trial in item.trials)
        self._text(_TESTS, y + 4, _cut((score.strip() + "  " + ", ".join(tests)).strip(), 44), "small", full)
        said = "; ".join(dict.fromkeys(str(witness.provenance) for witness in item.witnesses))
        self._text(_SAYS, y + 4, _cut(said, 62), "soft small", said)

    def _text(self, x: float, y: float, text: str, kind: str, tip: str = "") -> None:
        told = f"<title>{_clean(tip)}</title>" if tip and tip != text else ""
        self._parts.append(f'<text class="{kind}" x="{x:.0f}" y="{y:.0f}">{_clean(text)}{told}</text>')

    def _curve(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        bend = (x2 - x1) / 2
        path = f"M{x1:.0f} {y1:.0f}C{x1 + bend:.0f} {y1:.0f} {x2 - bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"
        self._parts.append(f'<path class="e-{kind}" d="{path}"/>')

    def svg(self, title: str) -> str:
        """Return the drawing."""
        height = self._y + 26
        states = "   ".join(f"{sign} {state}" for state, sign in _SIGNS.items() if state != "open")
        self._text(_TERM, height - 12, states, "soft small")
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="g" role="img" viewBox="0 0 {_WIDTH} {height}" '
            f'width="{_WIDTH}" height="{height}"><title>{_clean(title)}</title><style>{_STYLE}</style>'
            f'<rect class="paper" width="{_WIDTH}" height="{height}"/>{"".join(self._parts)}</svg>\n'
        )


def _spread(top: float, height: float, count: int) -> list[float]:
    """Return the middles of rows, evenly over a height."""
    return [top + height * (number + 0.5) / count for number in range(count)]


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else f"{text[: characters - 1]}\u2026"


def _clean(text: str) -> str:
    """Return a text as XML can hold it."""
    return escape("".join(sign if _allowed(ord(sign)) else "\ufffd" for sign in text))


def _allowed(code: int) -> bool:
    return code in (9, 10, 13) or 32 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or code > 0xFFFF


@cache
def _read(name: str) -> str:
    return (files("scalemt.methods.agents") / name).read_text("utf-8").strip("\n")


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(
        _read("page.html")
    )


def _hashed(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
