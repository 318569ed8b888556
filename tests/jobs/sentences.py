"""Real English sentences from what is installed: docstrings of Python, manuals of Perl, licences, documentation.

For runs that need much text and no quality: nothing is measured on it, so no measuring data is used up.
"""

from __future__ import annotations

import ast
import random
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path

PLACES = (
    ("/usr/share/common-licenses", "*"),
    ("/usr/share/perl", "*.pod"),
    ("/usr/share/perl", "*.pm"),
    ("/usr/share/doc", "*.txt"),
    ("/usr/share/doc", "*.rst"),
    ("/usr/share/doc", "*.md"),
)
_LARGEST = 1 << 20  # bytes; a longer file is a table or a log

# A paragraph as it is wrapped in such files: commands, lists and code are indented or hold other signs.
_MARKS = re.compile(r"[A-Z]<+ ?([^<>]*?) ?>+")  # Perl's C<code>, I<emphasis>
_END = re.compile(r"(?<=[a-z]{2}[.?!])\s+(?=[A-Z])")
_SENTENCE = re.compile(r"[A-Z][A-Za-z0-9 ,;:'()-]+[.?!]")
_COMMON = re.compile(r"\b(?:the|a|an|is|are|of|to|and|in|that|this|for|be|with|not|or|it|you|if|can|by)\b")
# A word with a capital, a digit or a sign inside is a name of a program's, and no English.
_NAME = re.compile(r"[a-z][A-Z]|[A-Za-z]\d|\d[A-Za-z]|[A-Z]{5}|::|\(\)|--")


def sentences(count: int, seed: int = 1, longest: int = 120) -> list[str]:
    """Return different sentences, in an order drawn by the seed; on one machine always the same ones.

    Args:
        count: how many.
        seed: of the order.
        longest: characters; short sentences make short runs.

    Raises:
        LookupError: so many are not to be found here.
    """
    found: set[str] = set()
    for text in _texts():
        found.update(_cut(text, longest))
        if len(found) >= 2 * count:  # enough to draw from: reading all that there is takes seconds
            break
    if len(found) < count:
        raise LookupError(f"{count} sentences are wanted, and {len(found)} are on this machine.")
    return random.Random(seed).sample(sorted(found), count)


def _cut(text: str, longest: int) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", text):
        whole = _MARKS.sub(r"\1", " ".join(paragraph.split()))
        for sentence in _END.split(whole):
            if 30 <= len(sentence) <= longest and _is_english(sentence):
                yield sentence


def _is_english(sentence: str) -> bool:
    words = len(sentence.split())
    plain = _SENTENCE.fullmatch(sentence) and not _NAME.search(sentence) and "  " not in sentence
    return bool(plain) and words >= 6 and len(_COMMON.findall(sentence)) >= max(2, words // 5)


def _texts() -> Iterator[str]:
    yield from _docstrings(Path(sysconfig.get_paths()["stdlib"]))
    for folder, pattern in PLACES:
        for path in sorted(Path(folder).rglob(pattern)):
            if path.is_file() and path.stat().st_size <= _LARGEST:
                yield path.read_text("utf-8", errors="ignore")


def _docstrings(folder: Path) -> Iterator[str]:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for path in sorted(folder.rglob("*.py")):
        if {"site-packages", "test", "tests", "idlelib"} & set(path.parts):
            continue
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, kinds):
                yield ast.get_docstring(node) or ""
