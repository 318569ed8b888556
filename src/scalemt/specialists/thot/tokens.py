"""Texts as tokens and back, without loss: a token says by a joiner on which side it touches its neighbour.

Phrase-based models see tokens between spaces. With the joiner, where punctuation touches its word is learnt from the
target side like everything else, and an unknown path or tag that is copied keeps its spacing. (machine.tokenization's
LatinWordTokenizer forgets all spacing, and its detokenizer guesses: "50 %", "and/or" and quotes come back otherwise.)
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise

JOINER = "\uffed"  # "￭", as OpenNMT's tokenizer has it
_NARROW = {"\u00a0": "\u237d", "\u202f": "\u2423"}  # spaces that are kept: tokens cannot hold them
_WIDE = {shown: space for space, shown in _NARROW.items()}
_OPENING = frozenset("([{¿¡«“„") | {"&#123;", "&lt;"}

# The library writes tokens into text files with "|||", "({", "# 1" and "<s>" of their own.
_ESCAPES = {"&": "&amp;", "|": "&#124;", "<": "&lt;", ">": "&gt;", "#": "&#35;", "{": "&#123;", "}": "&#125;"}
_UNESCAPES = {escaped: plain for plain, escaped in _ESCAPES.items()}
_TO_ESCAPE, _TO_UNESCAPE = re.compile(r"[&|<>#{}]"), re.compile("|".join(map(re.escape, _UNESCAPES)))

_TOKEN = re.compile(
    r"""
      \w[\w+.-]*://[^\s<>"“”«»]*[\w/]          # an address
    | (?:[\w.+-]+@)(?:[\w-]+\.)+\w+            # of a person
    | </?[^\W\d][\w:.-]*/?>                    # a tag without attributes, <x1/>
    | \[\d+\] | \{\w*\} | __\d+__ | \#\d+\#    # what masks and placeholders look like
    | %\(\w+\)[a-zA-Z] | %(?:\d+\$)?[-+.\d]*[sdiufFxXgGcr@]\b | \$\w+ | \$\{\w+\} | \$\[\w+\]
    | ~?\.{0,2}(?:/[\w.-]+){2,}/?              # a path
    | [A-Za-z]:\\[\w\\.-]+
    | \w+(?:[._\\]\w+)+                        # 1.5, file.txt, com.sun.star
    | \d+(?:[,:]\d+)+
    | [^\W\d_]{1,4}['’](?=[^\W\d_]{2})         # l'eau
    | n['’]t\b | ['’]\w{1,2}\b                 # user's
    | \w+(?:['’]\w\b)?                         # don't
    | .
    """,
    re.VERBOSE,
)


def tokenise(text: str) -> list[str]:
    """Cut a text into tokens; each but a word of its own carries the joiner where no space stood."""
    tokens: list[str] = []
    for word in clean(text).split(" "):
        pieces = [escaped(piece) for piece in _TOKEN.findall(word)]
        tokens += _joined(pieces)
    return tokens


def clean(text: str) -> str:
    """Return a text in NFC with simple spaces, without control characters, joiners and halves of surrogates."""
    text = unicodedata.normalize("NFC", text)
    kept = "".join(_NARROW.get(character, " " if character.isspace() else character) for character in text)
    kept = "".join(
        "" if character == JOINER or unicodedata.category(character) in ("Cc", "Cs", "Cn") else character
        for character in kept
    )
    return " ".join(kept.split())


def _joined(pieces: Sequence[str]) -> list[str]:
    """Put joiners on the pieces of one word: on signs rather than on words, so that words stay what they are."""
    marked = list(pieces)
    for index, (one, other) in enumerate(pairwise(pieces)):
        if _is_word(other) if not _is_word(one) else one.endswith(("'", "’")):
            marked[index] += JOINER
        elif not _is_word(one) and (one in _OPENING or other in _OPENING):
            marked[index] += JOINER
        else:
            marked[index + 1] = JOINER + marked[index + 1]
    return marked


def _is_word(piece: str) -> bool:
    return piece[0].isalnum() or piece[-1].isalnum()


def escaped(piece: str) -> str:
    """Return a piece of text as it may stand in the files of the library."""
    return _TO_ESCAPE.sub(lambda found: _ESCAPES[found[0]], piece)


def surface(token: str) -> str:
    """Return what a token stands for, without joiners."""
    plain = _TO_UNESCAPE.sub(lambda found: _UNESCAPES[found[0]], token.strip(JOINER))
    return "".join(_WIDE.get(character, character) for character in plain)


def detokenise(tokens: Iterable[str]) -> tuple[str, list[int]]:
    """Put tokens together again.

    Args:
        tokens: as `tokenise` or a model made them.

    Returns:
        the text, and for each token the number of the white-space word that it is part of.
    """
    text, starts = "", list[int]()
    glued = True
    for token in tokens:
        if not (glued or token.startswith(JOINER)):
            text += " "
        starts.append(len(text))
        text += surface(token)
        glued = token.endswith(JOINER)
    ends = [found.end() for found in re.finditer(r"\S+", text)]
    last = max(len(ends) - 1, 0)
    return text.strip(), [min(bisect_right(ends, start), last) for start in starts]
