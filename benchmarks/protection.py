"""What `protect` finds in real interface strings, against what the programs themselves take for placeholders.

    python benchmarks/protection.py --po FILE.po [--po …] [--json FILE]

Of messages that gettext marks as python-format the oracle is Python's own formatting: which conversions and names
`%` asks for; of python-brace-format `string.Formatter`; of tags the HTML parser of Python's library; of addresses
a plain search for "http". The strings are read twice: with the syntax that the file tells, as scalemt does with PO
files, and without it, as it does with texts of which nothing is known. "found" is the share of what the oracle saw
that lies inside a protected span; "extra" counts spans that hold nothing of it, of all spans of that kind.
"""

from __future__ import annotations

import argparse
import json
import re
import string
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

from scalemt.formats import FormatOptions, format_for
from scalemt.text.protection import protect
from scalemt.text.spans import literal
from scalemt.types import Segment

_CONVERSION = re.compile(
    r"%(?:\((?P<name>[^)]*)\))?[#0\- +]*(?:\*|\d+)?(?:\.(?:\*|\d+))?[hlL]?[diouxXeEfFgGcrsa%]"
)


class _Tags(HTMLParser):
    """Notes where tags stand."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """Note a start tag as it stands."""
        self.found.append(self.get_starttag_text() or "")

    handle_startendtag = handle_starttag

    def handle_endtag(self, tag: str) -> None:
        """Note an end tag."""
        self.found.append(f"</{tag}>")


def seen(segment: Segment) -> Iterator[tuple[str, str]]:
    """Yield what the oracles see in a text, with its kind."""
    text, syntax = segment.text, segment.syntax or ()
    if "python" in syntax:
        for found in _CONVERSION.finditer(text):
            yield "python-format", found[0]
    if "python-brace" in syntax:
        try:
            fields = list(string.Formatter().parse(text))
        except ValueError:
            fields = []
        for _, name, spec, conversion in fields:
            if name is not None:
                inner = name + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
                yield "python-brace-format", f"{{{inner}}}"
    for tag in _Tags(text).found:
        if tag in text:
            yield "tag", tag
    for address in re.findall(r"https?://[\w./-]*\w", text):
        yield "address", address


class Tally:
    """What was due, found, missed and found beyond, over all texts."""

    def __init__(self) -> None:
        self.texts = 0
        self.due: Counter[str] = Counter()
        self.found: dict[str, Counter[str]] = {"told": Counter(), "not told": Counter()}
        self.beyond: dict[str, Counter[str]] = {"told": Counter(), "not told": Counter()}
        self.missed: list[str] = []
        self.more: list[str] = []

    def add(self, segment: Segment) -> None:
        """Read one text with its syntax and without."""
        self.texts += 1
        oracle = list(seen(segment))
        self.due.update(kind for kind, _ in oracle)
        self._read("told", segment, oracle)
        self._read("not told", replace(segment, syntax=None), oracle)

    def _read(self, how: str, segment: Segment, oracle: list[tuple[str, str]]) -> None:
        made = protect(segment)
        held = [literal(made.text, span) for span in made.spans]
        for kind, item in oracle:
            inside = any(item in span for span in held)
            self.found[how][kind] += inside
            if not inside:
                self.missed.append(f"{how:8}  {kind:19}  {item!r} in {segment.text[:80]!r}")
        for span, text in zip(made.spans, held, strict=True):
            if not any(item in text or text in item for _, item in oracle):
                self.beyond[how][span.kind] += 1
                self.more.append(f"{how:8}  {span.kind:11}  {text!r} in {segment.text[:80]!r}")


def main() -> None:
    """Print the table and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--po", action="append", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--show", type=int, default=0, help="print so many that were missed, or found beyond")
    given = parser.parse_args()
    tally = Tally()
    for path in given.po:
        for segment in format_for(path).read(path, FormatOptions(overwrite=True)):
            tally.add(segment)
    print(f"{tally.texts:,} strings\n\n| kind | in the texts | found, syntax told | found, not told |")
    print("|---|---:|---:|---:|")
    for kind, count in tally.due.most_common():
        shares = " | ".join(f"{100 * tally.found[how][kind] / count:.2f} %" for how in tally.found)
        print(f"| {kind} | {count:,} | {shares} |")
    for how, counts in tally.beyond.items():
        print(f"beyond the oracles, syntax {how}: {', '.join(f'{n} {kind}' for kind, n in counts.most_common())}")
    for line in [*tally.missed[: given.show], *tally.more[: given.show]]:
        print(line)
    if given.json:
        result = {name: value for name, value in vars(tally).items() if name not in ("missed", "more")}
        given.json.write_text(json.dumps({**result, "missed": len(tally.missed)}, indent=1) + "\n")


if __name__ == "__main__":
    main()
