"""Find what a translation must copy: tags, placeholders, addresses, code, formulas, terms."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from scalemt.text.spans import between
from scalemt.types import Segment, Span, SpanKind

# A quoted value may hold a bracket; where the quotes do not pair, the first bracket ends the tag.
_TAG = (
    r"<!--[^<>]{0,2000}-->"
    r"|</?[A-Za-z][\w:.-]{0,60}(?:\s(?:[^<>\"']|\"[^\"]{0,300}\"|'[^']{0,300}'){0,300})?/?>"
    r"|</?[A-Za-z][\w:.-]{0,60}(?:\s[^<>]{0,2000})?/?>"
)
_ENTITY = r"&(?:[A-Za-z]{2,30}|\#\d{1,7}|\#[xX][0-9A-Fa-f]{1,6});"
_ADDRESS = (
    r"(?:https?|ftp|file)://[^\s<>\"'`{}|\\^\u0080-\U0010ffff]+|(?<![\w.@])www\.[\w-]+\.[^\s<>\"'`{}|\\^\u0080-\U0010ffff]+"
    r"|(?<![\w.+-])[\w.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}"
)
# Flags without the space: in prose "100 % sure" and "5% discount" are no placeholders.
_PRINTF = (
    r"%(?:\d+\$)?[-+\#0]*(?:\d+|\*)?(?:\.(?:\d+|\*))?(?:hh|h|ll|l|L|q|j|z|t)?[diouxXeEfFgGaAcsprn@](?![A-Za-z])"
)
_PRINTF_EXACT = (
    r"%%|%(?:\d+\$)?[-+ \#0']*(?:\d+|\*)?(?:\.(?:\d+|\*))?(?:hh|h|ll|l|L|q|j|z|t)?[diouxXeEfFgGaAcspnCS@]"
)
_PYTHON = r"%\([^()\s]{1,80}\)[-+ \#0]*(?:\d+)?(?:\.\d+)?[diouxXeEfFgGcrsa]"
_BRACE = r"\{[\w.\[\]]{0,80}(?:![rsa])?(?::[^{}]{0,40})?\}"
_MUSTACHE = r"\{\{\{[^{}]{1,200}\}\}\}|\{\{[^{}]{1,200}\}\}|\{%[^%]{1,200}%\}|\$\{[^{}]{1,200}\}"
_SYNTAXES: dict[str, str] = {
    "c": _PRINTF_EXACT,
    "objc": _PRINTF_EXACT,
    "python": rf"{_PYTHON}|{_PRINTF_EXACT}|%[-+ \#0]*(?:\d+)?(?:\.\d+)?[ra]",
    "python-brace": rf"\{{\{{|\}}\}}|{_BRACE}",
    "java": rf"{_PRINTF_EXACT}|%n|\{{\d+(?:,[^{{}}]{{1,80}})?\}}",
    "icu": r"\{[\w.]{1,80}(?:,[^{}]{1,80})?\}|\#",
    "mustache": _MUSTACHE,
    "ruby": r"%\{[\w.]{1,80}\}|\#\{[^{}]{1,80}\}|%<\w{1,40}>[-+ \#0]*\d*(?:\.\d+)?[a-zA-Z]",
    "php": rf"\$[A-Za-z_]\w{{0,60}}|:[a-z_]\w{{1,40}}\b|{_PRINTF_EXACT}",
    "shell": r"\$\{[^{}]{1,80}\}|\$\([^()]{1,80}\)|\$[A-Za-z_]\w{0,60}|%[A-Z_][A-Z0-9_]{1,40}%",
    "qt": r"%(?:L?\d{1,2}|n)",
    "html": rf"{_TAG}|{_ENTITY}",
}
_PROSE = "|".join(
    [
        _MUSTACHE, r"%\{[\w.]{1,80}\}|\#\{[^{}]{1,80}\}", _PYTHON, r"\{\}",
        r"\{[\w.\[\]]{1,80}(?:![rsa])?(?:[:,][^{}]{0,80})?\}",
        _PRINTF, r"%\d{1,2}(?![\d\s%,.]|$)", r"%[A-Z_][A-Z0-9_]{2,40}(?:%|\b)",
        r"\$\([A-Za-z_]\w{0,60}\)", r"\\[nrt](?![A-Za-z])",
    ]
)  # fmt: skip
# No pattern for prose matches a text without one of these; most texts are done with after one look.
_SIGN = re.compile(r"[<&%{`$\\@]|://|www\.")
_CODE = r"```[^`]{1,4000}```|``(?:[^`\n]|`(?!`)){1,1000}``|`[^`\n]{1,1000}`"
# Money ("$5 and $6") has a space inside or a digit behind; a formula touches its signs.
_FORMULA = (
    r"\$\$[^$]{1,2000}\$\$|\\\([^\n]{1,1000}?\\\)|\\\[[^\[\]]{1,2000}?\\\]"
    r"|(?<![\w$\\])\$(?=[^\s$\d]|\d+[^\d\s.,$])[^$\n]{0,300}?(?<![\s$])\$(?![\w$])"
)
_CLOSERS = {")": "(", "]": "["}


def protect(segment: Segment, terms: Sequence[str] = ()) -> Segment:
    """Return a segment with spans added for all that is to be copied, outside of those it has.

    Args:
        segment: its `syntax` says which placeholder languages are looked for; see the module's tables.
        terms: not to be translated; case matters.
    """
    text = segment.text
    if segment.syntax is None and not terms and not _SIGN.search(text):
        return segment
    pattern = _pattern(segment.syntax)
    key = max((span.key for span in segment.spans), default=-1) + 1
    added: list[Span] = []
    position = 0
    for span, plain in zip((*segment.spans, None), between(text, segment.spans), strict=True):
        for start, end, kind in _found(plain, pattern, terms):
            added.append(Span(position + start, position + end, kind, key + len(added)))
        position = span.end if span else position
    if not added:
        return segment
    added = _paired(text, added)
    return replace(segment, spans=tuple(sorted((*segment.spans, *added), key=lambda span: span.start)))


def summary(segments: Iterable[Segment]) -> Counter[str]:
    """Return how many spans of each kind segments hold."""
    return Counter(span.kind for segment in segments for span in segment.spans)


@lru_cache(maxsize=64)
def _pattern(syntax: tuple[str, ...] | None) -> re.Pattern[str]:
    if syntax is None:
        named = [("placeholder", _PROSE)]
        tags = f"{_TAG}|{_ENTITY}"
    else:
        chosen = [_SYNTAXES[name] for name in syntax if name in _SYNTAXES and name != "html"]
        named = [("placeholder", "|".join(chosen))] if chosen else []
        tags = f"{_TAG}|{_ENTITY}"
    parts = [("code", _CODE), ("formula", _FORMULA), ("tag", tags), ("address", _ADDRESS), *named]
    return re.compile("|".join(f"(?P<{name}>{body})" for name, body in parts))


def _found(text: str, pattern: re.Pattern[str], terms: Sequence[str]) -> Iterator[tuple[int, int, SpanKind]]:
    found = [_trimmed(text, match) for match in pattern.finditer(text)]
    found += _terms(text, tuple(terms), found)
    yield from sorted(found)


def _trimmed(text: str, match: re.Match[str]) -> tuple[int, int, SpanKind]:
    kind: SpanKind = match.lastgroup  # type: ignore[assignment]
    start, end = match.span()
    while kind == "address" and end > start + 1:
        last = text[end - 1]
        opener = _CLOSERS.get(last)
        if last in ".,;:!?*_'" or (opener and text.count(last, start, end) > text.count(opener, start, end)):
            end -= 1
        else:
            break
    return start, end, kind


def _terms(
    text: str, terms: tuple[str, ...], taken: Sequence[tuple[int, int, SpanKind]]
) -> Iterator[tuple[int, int, SpanKind]]:
    if not terms:
        return
    for match in _term_pattern(terms).finditer(text):
        if not any(start < match.end() and match.start() < end for start, end, _ in taken):
            yield match.start(), match.end(), "term"


@lru_cache(maxsize=64)
def _term_pattern(terms: tuple[str, ...]) -> re.Pattern[str]:
    """Longest terms first; a boundary only where a script has words."""
    parts = []
    for term in sorted({term for term in terms if term.strip()}, key=len, reverse=True):
        before = r"(?<!\w)" if term[0].isascii() and term[0].isalnum() else ""
        after = r"(?![A-Za-z0-9_\u00c0-\u024f])" if term[-1].isascii() and term[-1].isalnum() else ""
        parts.append(f"{before}{re.escape(term)}{after}")
    return re.compile("|".join(parts) or r"(?!)")


def _paired(text: str, spans: list[Span]) -> list[Span]:
    """Tell the halves of nested pairs of tags from tags alone."""
    waiting: list[tuple[str, int]] = []
    made = list(spans)
    for index, span in enumerate(spans):
        if span.kind != "tag":
            continue
        held = text[span.start : span.end]
        name = re.match(r"</?([\w:.-]+)", held)
        if not name or held.endswith("/>"):
            continue
        if held.startswith("</"):
            for depth in range(len(waiting) - 1, -1, -1):
                if waiting[depth][0] == name[1]:
                    opener = waiting[depth][1]
                    made[opener] = replace(made[opener], role="open", partner=span.key)
                    made[index] = replace(span, role="close", partner=made[opener].key)
                    del waiting[depth:]
                    break
        else:
            waiting.append((name[1], index))
    return made
