"""The method `agents` on paragraphs of TICO-19: terms, where they come from, how they are kept, what it costs.

    python benchmarks/agents.py --data ../shared/data --json benchmarks/results/agents.json

English to Portuguese, three paragraphs of the dev set (articles on COVID-19, each a document of its own) by
evidence without a generalist (`specialist`) and with the generalist of the profile (`auto`), each without and
with the TICO-19 term list as glossary. FreeDict (Debian's dict-freedict-eng-por) must be installed. Then many
paragraphs without a generalist, those that the gate's limits for terms were chosen on, and others.

Consistency is the share of the uses of settled terms that hold what was settled, in the drafts and in what was
kept. The results hold counts alone and no text of the set; `--pictures` writes the graphs as pages, drawings
and JSON, outside of the repository.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sacrebleu.metrics.chrf import CHRF

from scalemt.config import load_configuration
from scalemt.engine import Engine
from scalemt.glossary import FoundTerm, TermEntry, verify
from scalemt.lines import read_lines
from scalemt.types import Segment, TermUse, Translation
from scalemt.version import __version__

PARAGRAPHS = {"prevention": (381, 395), "hosts": (640, 657), "etiology": (189, 200)}
"""First and last line of the dev set, from 1."""

MANY = {"chosen on": (141, 440), "held out": (441, 740)}
LINES = 15  # of one of many paragraphs


@dataclass(frozen=True)
class Row:
    """What one way of translating made of one document, or of many."""

    document: str
    way: str
    segments: int
    chrf: float
    draft_chrf: float
    changed: int
    terms: int
    verified: int
    refused: int
    none_fit: int
    witnesses: dict[str, int]
    uses: int
    held: int
    drafts_held: int
    questions: dict[str, int]
    calls: int
    tokens: int
    seconds: float

    def line(self) -> str:
        """The row of the table."""
        asked = ", ".join(f"{agent} {count}" for agent, count in self.questions.items()) or "0"
        known = ", ".join(f"{kind} {count}" for kind, count in sorted(self.witnesses.items())) or "none"
        return (
            f"| {self.document} | {self.way} | {self.draft_chrf:.2f} → {self.chrf:.2f} | {self.changed} of "
            f"{self.segments} | {self.terms} / {self.verified} / {self.none_fit} | {self.refused} | {known} | "
            f"{self.drafts_held} → {self.held} of {self.uses} | {asked} | {self.calls} | {self.tokens} | "
            f"{self.seconds:.1f} |"
        )


HEADER = (
    "| document | way | chrF++: draft → kept | changed | terms: found / verified / none fits | refused "
    "| witnesses | uses that hold what was settled: drafts → kept | questions | calls | tokens | s |\n"
    "|---|---|---|---|---|---:|---|---|---|---:|---:|---:|"
)


def measure(
    name: str, way: str, documents: Sequence[tuple[list[str], list[str]]], fields: dict[str, Any], out: Path | None
) -> Row:
    """Translate documents in one way, each as a run of its own, and count."""
    configuration = load_configuration()
    done: list[Translation] = []
    graphs: list[dict[str, Any]] = []
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.json"
        options = {"graph": str(path)} | fields.get("options", {})
        given = fields if fields["method"] == "draft" else fields | {"options": options}
        engine = Engine(configuration.profile(None, **given), configuration)
        for sources, _ in documents:
            done += engine.translate([Segment(text, str(at)) for at, text in enumerate(sources, 1)], "en", "pt")
            if path.exists():
                graphs += json.loads(path.read_text("utf-8"))["documents"]
    seconds = time.perf_counter() - began
    if out and len(documents) == 1 and graphs:
        _draw(out / f"{name}-{way}".replace(" ", "-"), documents[0][0], fields)
    references = [text for _, texts in documents for text in texts]
    return _row(name, way, done, references, graphs, seconds)


def _draw(stem: Path, sources: Sequence[str], fields: dict[str, Any]) -> None:
    """Translate once more, from the cache, for the page; the graph in JSON goes beside it."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    configuration = load_configuration()
    for suffix in (".html", ".svg", ".json"):
        options = fields.get("options", {}) | {"graph": str(stem.with_suffix(suffix))}
        profile = configuration.profile(None, **fields | {"options": options, "cache": True})
        texts = [Segment(text, str(at)) for at, text in enumerate(sources, 1)]
        Engine(profile, configuration).translate(texts, "en", "pt")


def _row(
    name: str,
    way: str,
    done: Sequence[Translation],
    references: Sequence[str],
    graphs: Sequence[dict[str, Any]],
    seconds: float,
) -> Row:
    drafts = [item.draft.text if item.draft else "" for item in done]
    texts = [item.text for item in done]
    nodes = [node for graph in graphs for node in graph["nodes"]]
    terms = [node for node in nodes if node["kind"] == "term"]
    states = Counter(node["state"] for node in nodes if node["kind"] == "translation")
    edges = [edge for graph in graphs for edge in graph["edges"] if edge["relation"] == "is translated as"]
    questions: Counter[str] = Counter()
    for graph in graphs:
        questions.update(graph["calls"])
    uses = [use for item in done for use in item.terms]
    return Row(
        document=name,
        way=way,
        segments=len(done),
        chrf=_chrf(texts, references),
        draft_chrf=_chrf(drafts, references),
        changed=sum(one != other for one, other in zip(texts, drafts, strict=True)),
        terms=len(terms),
        verified=states["verified"],
        refused=states["refused"],
        none_fit=sum(node["verdict"] == "none fits" for node in terms),
        witnesses=dict(Counter(edge["provenance"]["kind"] for edge in edges)),
        uses=len(uses),
        held=sum(use.state in ("applied", "inflected") for use in uses),
        drafts_held=sum(use.state in ("applied", "inflected") for use in _of_drafts(done)),
        questions=dict(questions),
        calls=sum(item.usage.calls + item.usage.cached for item in done),
        tokens=sum(item.usage.prompt_tokens + item.usage.completion_tokens for item in done),
        seconds=round(seconds, 1),
    )


def _of_drafts(done: Sequence[Translation]) -> Iterator[TermUse]:
    """Tell what became of the terms in what the specialist said of its own, before it was made consistent."""
    for item in done:
        found = [
            FoundTerm(use.start, use.end, use.source, (TermEntry(use.source, use.target),)) for use in item.terms
        ]
        yield from verify(found, item.draft.text if item.draft else "", item.pair)


def _chrf(texts: Sequence[str], references: Sequence[str]) -> float:
    return round(float(CHRF(word_order=2).corpus_score(list(texts), [list(references)]).score), 2)


def main() -> None:
    """Read the command line, measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--generalist", help="another one, such as openai:http://127.0.0.1:8000/v1#MODEL")
    parser.add_argument("--skip-generalist", action="store_true", help="only what needs none")
    parser.add_argument("--skip-many", action="store_true", help="only the three paragraphs")
    parser.add_argument("--pictures", type=Path, help="a folder for the graphs")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    folder = options.data / "tico19/dev"
    english, portuguese = (read_lines(folder / f"{name}.txt") for name in ("eng_Latn", "por_Latn"))
    chosen = {"cache": False} | ({"generalist": options.generalist} if options.generalist else {})
    agents = chosen | {"method": "agents"}
    glossary = str(options.data / "tico19/terminologies/f_en-pt_XX.csv")
    alone = agents | {"options": {"by": "specialist"}}
    ways: dict[str, dict[str, Any]] = {
        "specialist": alone,
        "specialist, glossary": alone | {"glossary": glossary},
    }
    if not options.skip_generalist:
        ways |= {"auto": agents, "auto, glossary": agents | {"glossary": glossary}}
    rows = []
    print(HEADER)
    for name, (first, last) in PARAGRAPHS.items():
        document = (english[first - 1 : last], portuguese[first - 1 : last])
        for way, fields in ways.items():
            rows.append(measure(name, way, [document], fields, options.pictures))
            print(rows[-1].line(), flush=True)
    for name, (first, last) in {} if options.skip_many else MANY.items():
        starts = range(first - 1, last, LINES)
        documents = [
            (english[at : min(at + LINES, last)], portuguese[at : min(at + LINES, last)]) for at in starts
        ]
        rows.append(
            measure(f"{len(documents)} paragraphs, {name}", "specialist", documents, ways["specialist"], None)
        )
        print(rows[-1].line(), flush=True)
    if options.json:
        told = {"version": __version__, "pair": "en-pt", "rows": [asdict(row) for row in rows]}
        options.json.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
