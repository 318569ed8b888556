"""What choosing a worker for each segment is worth: rules, a learned router, each alone, chance, an oracle.

    python benchmarks/routing.py --data ../shared/data                      # five to ten minutes on two cores
    python benchmarks/routing.py --data ../shared/data --lines 300 --two    # without refine: three minutes
    python benchmarks/routing.py --data ../shared/data --token              # the router by token, too

English to Portuguese, three workers that really are different: `news`, Bergamot's draft; `software`, the draft of
a phrase-based model (thot) that this script trains on LibreOffice's help; `refine`, Bergamot refined by the
packaged Gemma 3 270M under the quality gate. Lines of FLORES-200 dev (news) and of the help's own dev part
(software), half and half. Lines of TICO-19 dev (medicine), a domain that no worker is for and no line of which is
fitted on, are looked at by the router that was fitted on the others.

Nothing of the data is kept but the model under benchmarks/results/local/routing, where the answers' ledgers stand:
interrupted, the same command goes on. Prints Markdown, writes JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from scalemt.config import Configuration
from scalemt.evaluation.bench import routing
from scalemt.evaluation.bench.arms import Choice, read_set
from scalemt.evaluation.bench.backends import Backends
from scalemt.evaluation.bench.progress import Log
from scalemt.evaluation.bench.results import markdown
from scalemt.evaluation.bench.running import Bench
from scalemt.evaluation.metrics import build_metric
from scalemt.evaluation.systems import TestSet
from scalemt.languages import parse_pair
from scalemt.lines import read_lines
from scalemt.methods.route.learned import LearnedRouter
from scalemt.specialists.thot import train
from scalemt.text.protection import protect
from scalemt.types import Segment
from scalemt.version import __version__

ROOT = Path(__file__).parents[1]
LOCAL = ROOT / "benchmarks/results/local/routing"
GRAPH = """
general = "news"

[workers.news]
description = "News, encyclopaedias, medicine: running text of any kind."
examples = ["The minister resigned on Tuesday.", "The river rises in the northern hills."]
method = "draft"
specialists = ["bergamot"]
cost = 0
neighbours = ["refine"]

[workers.software]
description = "Help pages of office software: menus, dialogs, options, formulas."
examples = ["Opens the Print dialog.", "Choose Insert - Table, and click OK."]
method = "draft"
specialists = ["thot:{model}"]
domains = ["software"]
cost = 0

[workers.refine]
description = "Hard or ambiguous sentences, of which a machine translation is doubtful."
examples = ["He let the cat out of the bag before anyone had twigged."]
method = "refine"
specialists = ["bergamot"]
cost = 1

[domains.software]
words = [
  "click*", "dialog*", "cell*", "spreadsheet*", "document*", "menu*", "toolbar*", "cursor", "option*", "file*",
  "format*", "column*", "button*", "select*", "field*", "table*", "default", "macro*", "paragraph*", "formula*",
]
"""


def pairs_of(path: Path) -> list[tuple[str, str]]:
    """Return the pairs of a TSV file that are sentences."""
    rows = [line.split("\t") for line in path.read_text("utf-8").splitlines()]
    return [(row[0], row[1]) for row in rows if len(row) == 2 and len(row[0].split()) >= 5]


def trained(data: Path, count: int) -> Path:
    """Train the software specialist, once."""
    folder = LOCAL / f"thot-{count}"
    if not (folder / "smt.cfg").is_file() and not any(folder.glob("*")):
        pairs = pairs_of(data / "corpora/libreoffice-help.en-pt-BR.train.tsv")
        random.Random(0).shuffle(pairs)
        began = time.perf_counter()
        train(pairs[:count], parse_pair("en", "pt"), folder, aligner="fast-align")
        print(f"Trained on {count} pairs in {time.perf_counter() - began:.0f} s.")
    return folder


def sets_of(data: Path, lines: int) -> tuple[list[TestSet], list[str]]:
    """Return news and software as test sets, and the sources of medicine."""
    folder = LOCAL / "sets"
    folder.mkdir(parents=True, exist_ok=True)
    pairs = pairs_of(data / "corpora/libreoffice-help.en-pt-BR.dev.tsv")
    random.Random(1).shuffle(pairs)
    flores = data / "flores200/dev"
    news = list(zip(read_lines(flores / "eng_Latn.txt"), read_lines(flores / "por_Latn.txt"), strict=True))
    found = []
    for name, rows in (("news", news[:lines]), ("software", pairs[:lines])):
        for side, suffix in enumerate(("en", "pt")):
            (folder / f"{name}.{suffix}").write_text("".join(f"{row[side]}\n" for row in rows), "utf-8")
        found.append(read_set(name, folder / f"{name}.en", [folder / f"{name}.pt"], ("en", "pt")))
    return found, read_lines(data / "tico19/dev/eng_Latn.txt")[:lines]


def graph_of(model: Path, two: bool) -> str:
    """Return the graph, with or without the worker that asks a generalist."""
    text = GRAPH.replace("{model}", str(model))
    if not two:
        return text
    before, _, rest = text.partition("[workers.refine]")
    return before.replace('neighbours = ["refine"]\n', "") + rest[rest.index("[domains") :]


def measured(data: Path, lines: int, model: Path, routers: Sequence[str], two: bool) -> dict[str, object]:
    """Run what is still to be run, print the table, and return it all."""
    graph = LOCAL / ("two.toml" if two else "three.toml")
    graph.write_text(graph_of(model, two), "utf-8")
    sets, medicine = sets_of(data, lines)
    fields = {"options": {"graph": str(graph)}, "threads": 1}
    configuration = Configuration()
    arm = routing.route_profile(Choice(configuration, None, fields))
    bench = Bench(LOCAL, Backends(configuration, print))
    (field,) = routing.prepare(bench, arm, sets, routers)
    bench.run(field.tasks, Log(print))
    metric = build_metric("chrf++")
    found = routing.studied(field, metric)
    notes = routing.notes(found, field.plan)
    requests = field.run.requests([protect(Segment(text)) for text in medicine])
    choices = LearnedRouter(found.fit.model).route(requests, field.plan.workers, field.plan.general)
    strange = sum("another kind" in item.reason for item in choices) / len(choices)
    general = sum(item.worker == field.plan.general for item in choices) / len(choices)
    notes.append(f"Of {len(choices)} lines of medicine {strange:.0%} are taken for another kind of text; "
                 f"{general:.0%} go to the general worker.")  # fmt: skip
    print(markdown([routing.table(found)], notes))
    fitted = asdict(found.fit.model) | {"known": "", "weights": ""}
    return routing.as_json(found) | {
        "notes": notes,
        "medicine": {"strange": strange, "general": general},
        "model": fitted,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--lines", type=int, default=60, help="of each set")
    parser.add_argument("--pairs", type=int, default=6000, help="that the software specialist is trained on")
    parser.add_argument("--two", action="store_true", help="leave out refine, which is nearly all of the time")
    parser.add_argument("--token", action="store_true", help="run the router by token, too")
    parser.add_argument("--json", type=Path, default=ROOT / "benchmarks/results/routing.json")
    options = parser.parse_args()
    routers = ["rules", *(["token"] if options.token else [])]
    LOCAL.mkdir(parents=True, exist_ok=True)
    found = measured(options.data, options.lines, trained(options.data, options.pairs), routers, options.two)
    name = "two workers" if options.two else "three workers"
    # What was measured of the other graph stays.
    content = json.loads(options.json.read_text("utf-8")) if options.json.exists() else {}
    content[name] = {"scalemt": __version__, "lines": options.lines, "pairs": options.pairs, **found}
    options.json.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
