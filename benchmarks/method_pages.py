"""Run the commands that stand in docs/methods/*.md, and put what they print behind them.

python benchmarks/method_pages.py [NAME …] [--check]

A page marks what is to be run, and what came of it, so:

    <!-- run: scalemt translate "The house is blue." --from en --to pt --method refine -->
    ```text
    A casa é azul.
    ```
    <!-- end of run -->

Lines of a command may be broken with a backslash. Commands run in `benchmarks/method_pages/`, where their input
files are, with an empty cache and no configuration of the user. With `--check` nothing is written, and the exit
code is 1 where a page has a run whose output was never put there.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs/methods"
INPUTS = Path(__file__).with_suffix("")
_RUN = re.compile(
    r"<!-- run: (?P<command>.*?) -->\n(?P<shown>```text\n.*?^```\n)?<!-- end of run -->", re.S | re.M
)
_LONGEST = 6_000  # characters of one output


def shown(command: str, environment: dict[str, str]) -> str:
    """Return what a command prints, as a block of Markdown."""
    words = shlex.split(command.replace("\\\n", " "))
    words[0] = str(Path(sys.executable).with_name(words[0]))
    done = subprocess.run(words, cwd=INPUTS, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"{command}\nended with {done.returncode}:\n{done.stderr}")
    text = done.stdout.rstrip()
    if len(text) > _LONGEST:
        text = text[:_LONGEST].rsplit("\n", 1)[0] + "\n…"
    return f"```text\n{text}\n```\n"


def renewed(page: Path) -> str:
    """Return a page with all of its commands run anew."""
    with tempfile.TemporaryDirectory() as folder:
        own = {"SCALEMT_CACHE_DIR": f"{folder}/cache", "SCALEMT_CONFIG_DIR": f"{folder}/config", "COLUMNS": "110"}
        environment = {**os.environ, **own}

        def run(found: re.Match[str]) -> str:
            print(f"{page.name}: {found['command']}", file=sys.stderr)
            return f"<!-- run: {found['command']} -->\n{shown(found['command'], environment)}<!-- end of run -->"

        return _RUN.sub(run, page.read_text("utf-8"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="pages, without .md; all by default")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    pages = [PAGES / f"{name}.md" for name in options.names] or sorted(PAGES.glob("*.md"))
    if options.check:
        bare = [
            page.name for page in pages for found in _RUN.finditer(page.read_text("utf-8")) if not found["shown"]
        ]
        sys.exit(f"Never run: {', '.join(bare)}" if bare else 0)
    for page in pages:
        page.write_text(renewed(page), "utf-8")


if __name__ == "__main__":
    main()
