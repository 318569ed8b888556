"""Text into Apertium's stream format and back, and what its marks say about each word.

The format: https://wiki.apertium.org/wiki/Apertium_stream_format. Marks stand before a word: `*word` is not
in the source dictionary, `@lemma` has no translation, `#lemma` could not be inflected.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from scalemt.types import Word

MARKS = "*@#"

LONGEST = 2000
"""Characters of the longest word that is analysed; time grows with the square of it."""

_RESERVED = re.compile(r"[\[\]{}$@\\/<>]")
_ESCAPED = re.compile(r"\\(.)|[\[\]]", re.DOTALL)
_LONG = re.compile(rf"\S{{{LONGEST + 1},}}")
_WITHOUT_MARKS = str.maketrans("", "", MARKS)

# An empty blank at the end of each text. Without one lt-proc loses the last full stop, and the perceptron
# tagger (apertium-tagger -x) holds a text that ends in a word back until the next one comes.
_END = "[]"


def escape(text: str) -> bytes:
    """Return a text as Apertium reads it: reserved characters escaped, UTF-8.

    NUL and line breaks end a text in the pipeline and become spaces; half a surrogate pair, which UTF-8
    cannot hold, becomes a question mark. Words longer than `LONGEST` go through untouched, as blanks.
    """
    flat = text.replace("\0", " ").replace("\n", " ").translate(_stand_ins(text))
    escaped, at = [], 0
    for long in _LONG.finditer(flat):
        escaped += [_escape(flat[at : long.start()]), "[", _escape(long.group()), "]"]
        at = long.end()
    return "".join([*escaped, _escape(flat[at:]), _END]).encode("utf-8", errors="replace")


def _escape(text: str) -> str:
    return _RESERVED.sub(r"\\\g<0>", text)


def _stand_ins(text: str) -> dict[int, str]:
    """Return what takes the place of characters that the pipeline cannot carry, escaped or not.

    lrx-proc (lex-tools 0.4) waits for ever on an escaped "^", and the post-generator swallows "~". A private
    character that the text does not have is, as they are, part of no word.
    """
    free = (chr(code) for code in range(0xE000, 0xF8FF) if chr(code) not in text)
    return {ord(character): next(free) for character in "^~"}


def unescape(answer: bytes, text: str) -> str:
    """Return an answer of the pipeline as text; `text` is what was asked."""
    plain = _ESCAPED.sub(lambda found: found[1] or "", answer.decode("utf-8", errors="replace"))
    return plain.translate({ord(stand_in): code for code, stand_in in _stand_ins(text).items()})


def words(clean: str, marked: str) -> tuple[Word, ...]:
    """Split a translation into words; marked ones have confidence 0.0, all others an unknown one.

    The marked text alone cannot tell a mark from a character of the source ("5*3", "C#"). So the same
    sentence is generated twice, and only what the marked text has more than the clean one is a mark.

    Args:
        clean: generated without marks.
        marked: generated with marks.
    """
    positions = _align(clean, marked)
    if positions is None:
        return _by_words(clean.split(), marked.split())
    spans = re.finditer(r"\S+", clean)
    hit = sorted(positions, reverse=True)
    result = []
    for span in spans:
        found = False
        while hit and hit[-1] < span.end():
            found = hit.pop() >= span.start() or found
        result.append(Word(span.group(), 0.0 if found or len(span.group()) > LONGEST else None))
    return tuple(result)


def _align(clean: str, marked: str) -> list[int] | None:
    """Return where in `clean` a mark stands in `marked`, or None if they differ in more than marks."""
    positions, at = [], 0
    for character in marked:
        if at < len(clean) and clean[at] == character:
            at += 1
        elif character in MARKS:
            positions.append(at)
        else:
            return None
    return positions if at == len(clean) else None


def _by_words(clean: list[str], marked: list[str]) -> tuple[Word, ...]:
    """Mark the words of `clean` where the two texts differ in more than marks.

    The generator contracts and elides across a word without mark but not across one with it: "el *startup"
    stands against "l'startup", "Em #o" against "No".
    """
    bare = [word.translate(_WITHOUT_MARKS) for word in marked]
    confidences: list[float | None] = [None] * len(clean)
    matcher = SequenceMatcher(None, [word.translate(_WITHOUT_MARKS) for word in clean], bare)
    for operation, start, end, low, high in matcher.get_opcodes():
        if operation == "equal":
            flags = (len(marked[low + i]) > len(clean[start + i]) for i in range(end - start))
        else:
            known = [bare[j] for j in range(low, high) if len(marked[j]) > len(bare[j])]
            flags = (any(word.lower() in clean[i].lower() for word in known) for i in range(start, end))
        for index, flag in zip(range(start, end), flags, strict=True):
            confidences[index] = 0.0 if flag else None
    return tuple(Word(text, confidence) for text, confidence in zip(clean, confidences, strict=True))
