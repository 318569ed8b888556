"""What stands in a text beside prose: code, consoles, data, tables, formulas. See `scalemt.text.selective`.

A finder looks at a line and returns the stretches that begin there, or nothing. Each looks ahead a bounded way, or
takes all that it looked at, so that a hostile text costs no more than its length.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import NamedTuple


class Block(NamedTuple):
    """A stretch `text[start:end]` of whole lines or cells, without the last line break; `why` it is copied.

    An empty `why` is prose (a cell of a table).
    """

    start: int
    end: int
    why: str


_LEAD = r"[ \t]*+(?:>[ \t]*+){0,9}+"  # indentation and the marks of a quotation
_FENCE = re.compile(_LEAD + r"(?:(?:[-*+•]|\d{1,9}[.)])[ \t]+)?(`{3,}|~{3,})([^\n]*)")
_CLOSING = re.compile(_LEAD + r"(`{3,}|~{3,})[ \t\r]*$")
_SHELL = re.compile(
    r"[ \t]*(?:\$ [a-z./~][^\n]*"  # not "$ 5"
    r"|>>> ?\S[^\n]*|In \[\d+\]: [^\n]*|PS [A-Z]:\\[^\n>]{0,200}> ?[^\n]*|[A-Z]:\\[^\n>]{0,200}>[^\n]*"
    r"|\(?[\w.-]{1,40}\)? ?[\w.-]{1,40}@[\w.-]{1,60}:[^\s$#]{0,200}[$#] [^\n]*)"
)
_CONTINUED = re.compile(r"[ \t]*\.\.\.(?: [^\n]*)?\r?$")
_TRACE = re.compile(r"[ \t]*(?:Traceback \(most recent call last\):|Exception in thread \"[^\"\n]{0,200}\")")
_TRACE_END = re.compile(r"[A-Za-z_][\w.]{0,200}(?:: [^\n]*)?\r?$")
_FRAME = re.compile(r"[ \t]+at [\w.$<>/ ]{1,200}\([^()\n]{0,200}\)\r?$|Caused by: [\w.$]{1,200}(?::[^\n]*)?\r?$")

_ENVIRONMENTS = (
    "equation align alignat flalign gather multline eqnarray math displaymath split cases array matrix pmatrix "
    "bmatrix vmatrix Vmatrix Bmatrix smallmatrix tikzpicture verbatim lstlisting minted algorithm algorithmic "
    "tabular"
)
_BEGIN = rf"\\begin\{{((?:{'|'.join(_ENVIRONMENTS.split())})\*?)\}}"
_FORMULA = re.compile(rf"\$\$(?!\$)|\\\[|{_BEGIN}")
_FORMULA_LENGTH = 5000
_BLANK_LINE = re.compile(r"\n[ \t\r]*\n")
_MATH = re.compile(r"[\\^_=+*/<>\d-]|^\s*\w\s*$")

_LONGEST_CODE = 1000  # characters of a line that is looked at as code
_NO_SENTENCE = r"(?![^\n]*[A-Za-z]{2,} [A-Za-z]{2,} [A-Za-z]{2,})"
_STRONG_CODE = re.compile(
    r"[ \t]*+(?:"
    r"from [\w.]+ import [\w*,( ]+|import [\w.]+(?: as \w+)?;?|import \{[^\n]*\} from [^\n]+|#include ?[<\"][^\n]+"
    r"|(?:async )?def \w+\([^\n]*\)[^\n]*:|class \w+(?:\([^\n]*\))?:|@\w[\w.]*(?:\([^\n]*\))?"
    r"|(?:if|while|elif) [^\n]{0,200}(?:[=!<>]=|[<>]|\w\()[^\n]{0,200}:|for \w+(?:, ?\w+)* in [^\n]+:"
    r"|return\b[^\n]*[()\[\]{}+*=<>][^\n]*|return [\w.]+;?|(?:else|try|finally):"
    rf"|{_NO_SENTENCE}[^\n]*[=(<\[][^\n]*;|[^\n]*[)=>] ?\{{|\}}[^\n]{{0,60}}"
    rf"|{_NO_SENTENCE}[\w.\[\]\"']{{1,80}} ?[-+*/|&]?= ?[\w\[({{\"'][^\n]*"
    r"|[\w.]{1,80}\([^\n]*\);?|(?:const|let|var) \w+ ?=[^\n]+|(?:function|fn|func) \w+\([^\n]*"
    r"|(?:SELECT|INSERT INTO|DELETE FROM|CREATE TABLE|UPDATE|WHERE|FROM|ORDER BY|GROUP BY) [^\n]*"
    r")[ \t]*+(?:(?://|#)[^\n]*)?\r?$"
)
_ONE_LINE_SQL = re.compile(
    r"[ \t]*+(?:SELECT [^\n]+ FROM |INSERT INTO [^\n]+ VALUES|DELETE FROM \w|CREATE TABLE \w|UPDATE \w+ SET )"
)
_CODEY = re.compile(
    r"[{};][ \t\r]*$|^[ \t]*(?:def|class|import|return|elif|const|let|var|sudo|pip|npm|git|cd|curl) |#include"
    r"|[=!<>]=|->|=>|::|\w\(| = |//|\$\w|&&|\|\||^[ \t]*<[/\w]"
)

_DELIMITER_ROW = re.compile(r"\|?[ \t]*+:?-++:?[ \t]*+(?:\|[ \t]*+:?-++:?[ \t]*+)*+\|?$")
_NUMBER = re.compile(r"[^\w]*\d[\d.,:/ _'’x×^-]*(?:[eE][+-]?\d+)?[^\w]{0,3}(?:[^\W\d_]{1,3}[^\w]{0,2})?")

_JSON_STEP = re.compile(
    r"[ \t\r\n,:0-9+\-.eEtrufalsn]*+(?:(\"[^\"\\\x00-\x1f]*+(?:\\.[^\"\\\x00-\x1f]*+)*+\")|([\[{])|([\]}]))"
)
_JSON_DEPTH = 100


@dataclass
class Looking:
    """A text under search, and how much more may be spent on JSON in it."""

    text: str
    steps: int = 0

    def __post_init__(self) -> None:
        # Enough to read all of it as JSON twice; brackets that never close must not be followed from each of them.
        self.steps = 2 * len(self.text) + 1000

    def end(self, position: int) -> int:
        """Return where the line of a position ends, before its line break."""
        found = self.text.find("\n", position)
        return len(self.text) if found < 0 else found

    def line(self, position: int) -> str:
        """Return the rest of a line."""
        return self.text[position : self.end(position)]


def fenced(look: Looking, start: int) -> list[Block]:
    """Find code between fences of backticks or tildes; one that is not closed goes on to the end."""
    opened = _FENCE.match(look.text, start)
    if not opened or (opened[1][0] == "`" and "`" in opened[2]):
        return []
    end = look.end(start)
    while end < len(look.text):
        line, after = look.line(end + 1), look.end(end + 1)
        end = after
        closing = _CLOSING.match(line)
        if closing and closing[1][0] == opened[1][0] and len(closing[1]) >= len(opened[1]):
            break
    return [Block(start, end, "code")]


def console(look: Looking, start: int) -> list[Block]:
    """Find a shell or Python prompt with what is typed there, and the trace of an error."""
    if _TRACE.match(look.text, start):
        end = _traced(look, look.end(start))
    elif (line := look.line(start)) and _SHELL.fullmatch(line):
        end = look.end(start)
        while ">>>" in line and end < len(look.text) and _CONTINUED.match(look.line(end + 1)):
            end = look.end(end + 1)
    elif _FRAME.match(line):
        end = look.end(start)
    else:
        return []
    return [Block(start, end, "console")]


def _traced(look: Looking, end: int) -> int:
    while end < len(look.text):
        line = look.line(end + 1)
        after = look.end(end + 1)
        if line[:1] not in (" ", "\t"):
            return after if _TRACE_END.match(line) and ("Error" in line or "Exception" in line) else end
        end = after
    return end


def formula(look: Looking, start: int) -> int:
    """Return the end of the display formula that begins exactly at `start`, or -1."""
    text = look.text
    opened = _FORMULA.match(text, start)
    if not opened:
        return -1
    closer = f"\\end{{{opened[1]}}}" if opened[1] else "$$" if opened[0] == "$$" else "\\]"
    end = text.find(closer, opened.end(), opened.end() + _FORMULA_LENGTH)
    if end < 0:
        return -1
    held = text[opened.end() : end]
    if not opened[1] and (not _MATH.search(held) or _BLANK_LINE.search(held)):
        return -1
    return end + len(closer)


def data(look: Looking, start: int) -> int:
    """Return the end of the JSON object or list that begins exactly at `start`, or -1; it may span lines."""
    text, position, due = look.text, start, list[str]()
    while look.steps > 0:
        look.steps -= 1
        found = _JSON_STEP.match(text, position)
        if not found:
            return -1
        position = found.end()
        if found[2]:
            due.append("}" if found[2] == "{" else "]")
            if len(due) > _JSON_DEPTH:
                return -1
        elif found[3]:
            if not due or due.pop() != found[3]:
                return -1
            if not due:
                return position if _is_json(text[start:position]) else -1
        elif not due:
            return -1
    return -1


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def table(look: Looking, start: int) -> list[Block]:
    """Find a table: of Markdown, or of two lines and more with the same number of tabs, or of commas.

    One that holds mostly numbers is one stretch of data; of another the cells are given, numbers left out.
    """
    line = look.line(start)
    for mark, least in (("|", 1), ("\t", 1), (",", 2)):
        if line.strip().count(mark) >= least:
            rows = _rows(look, start, mark)
            if blocks := _cells(look, rows, mark):
                return blocks
    return []


_SAMPLE = 20  # lines that say whether lines with commas are data


def _rows(look: Looking, start: int, mark: str) -> list[tuple[int, int]]:
    """Return the lines that follow one another with as many marks (bars may differ), if they may be a table."""
    rows: list[tuple[int, int]] = []
    columns = look.line(start).strip().count(mark)
    position = start
    while position <= len(look.text):
        end = look.end(position)
        line = look.text[position:end].strip()
        same = line.count(mark) == columns if mark != "|" else "|" in line
        if not same or (len(rows) == 2 and mark == "|" and not _is_barred(look, rows)):
            break
        rows.append((position, end))
        if len(rows) in (3, _SAMPLE) and mark == "," and not _is_data(look, rows, mark):
            return []
        position = end + 1
    return rows


def _is_barred(look: Looking, rows: list[tuple[int, int]]) -> bool:
    """Whether two lines begin a table of Markdown: the second is a rule, or all have bars at both ends."""
    lines = [look.text[start:end].strip() for start, end in rows[:2]]
    if len(lines) < 2:
        return False
    ruled = bool(_DELIMITER_ROW.match(lines[1]))
    return ruled or all(len(line) > 1 and line[0] == line[-1] == "|" for line in lines)


def _split(look: Looking, row: tuple[int, int], mark: str) -> list[tuple[int, str]]:
    """Return the cells of a line, and where each begins, without the white space around."""
    cells = []
    at = row[0]
    for piece in re.split(r"(?<!\\)\|" if mark == "|" else mark, look.text[row[0] : row[1]]):
        cells.append((at + len(piece) - len(piece.lstrip()), piece.strip()))
        at += len(piece) + 1
    return cells


def _is_data(look: Looking, rows: list[tuple[int, int]], mark: str) -> bool:
    """Whether more cells are numbers than words; the first row may be names."""
    numbers = words = 0
    for row in rows[1:]:
        for _, held in _split(look, row, mark):
            if _NUMBER.fullmatch(held):
                numbers += 1
            elif any(character.isalpha() for character in held):
                words += 1
    return numbers > words


def _cells(look: Looking, rows: list[tuple[int, int]], mark: str) -> list[Block]:
    enough = _is_barred(look, rows) if mark == "|" else len(rows) >= (2 if mark == "\t" else 3)
    if not enough:
        return []
    first, last = rows[0][0], rows[-1][1]
    if _is_data(look, rows[:_SAMPLE] if mark == "," else rows, mark):
        return [Block(first, last, "data")]
    if mark == ",":  # a sentence has commas too
        return []
    cells = [
        Block(start, start + len(held), "")
        for row in rows
        for start, held in _split(look, row, mark)
        if any(character.isalpha() for character in held)
    ]
    return [*cells, Block(last, last, "table")]


def code(look: Looking, start: int, indented: bool) -> list[Block]:
    """Find code without fences: two lines and more that can be nothing else, or an indented block that looks so.

    Args:
        look: the text.
        start: of a line.
        indented: an indented block may begin here: after a blank line, and not in a list.
    """
    line = look.line(start)
    if len(line) > _LONGEST_CODE:
        return []
    if indented and line.startswith(("    ", "\t")):
        return _indented(look, start)
    if not _STRONG_CODE.match(line):
        return []
    if _ONE_LINE_SQL.match(line):
        return [Block(start, look.end(start), "code")]
    end = last = look.end(start)
    strong, blank = 1, 0
    while end < len(look.text) and blank < 3:
        line = look.line(end + 1)
        end = look.end(end + 1)
        if not line.strip():
            blank += 1
            continue
        sure = len(line) <= _LONGEST_CODE and bool(_STRONG_CODE.match(line))
        if not sure and not (line.startswith((" ", "\t", "#", "//")) and blank < 2):
            break
        blank = 0
        strong += sure
        last = end
    return [Block(start, last, "code")] if strong > 1 else []


def _indented(look: Looking, start: int) -> list[Block]:
    end = last = look.end(start)
    lines, codey = 1, bool(_CODEY.search(look.line(start)))
    seen = int(codey)
    while end < len(look.text):
        line = look.line(end + 1)
        end = look.end(end + 1)
        if line.strip():
            if not line.startswith(("    ", "\t")):
                break
            lines += 1
            seen += bool(_CODEY.search(line[:_LONGEST_CODE]))
            last = end
    return [Block(start, last, "code")] if 2 * seen >= lines else []
