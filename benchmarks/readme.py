"""Put the tables of `benchmarks/results/*.json` between their markers in README.md.

python benchmarks/readme.py [--check]

With `--check` nothing is written; the exit code is 1 when README.md is not up to date.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from scale_quality import HEADER, Row, show

ROOT = Path(__file__).parents[1]


def scale_quality() -> str:
    """Return the Markdown table of the quality benchmark."""
    result = json.loads((ROOT / "benchmarks/results/scale_quality.json").read_text("utf-8"))
    rows = [show(Row(**row)) for row in result["rows"]]
    note = f"`{result['metric']}`, scalemt {result['scalemt']}, {result['machine']}."
    return "\n".join([*HEADER, *rows, "", note])


def filled(text: str) -> str:
    """Return the README with every table replaced by the newest results."""
    for name, table in {"scale_quality": scale_quality()}.items():
        opening, ending = f"<!-- table: {name} -->\n", "<!-- end of table -->"
        before, _, rest = text.partition(opening)
        text = f"{before}{opening}{table}\n{ending}{rest.partition(ending)[2]}"
    return text


def main() -> int:
    """Write README.md, or with `--check` only compare."""
    path = ROOT / "README.md"
    before = path.read_text("utf-8")
    after = filled(before)
    if "--check" in sys.argv:
        return int(before != after)
    path.write_text(after, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
