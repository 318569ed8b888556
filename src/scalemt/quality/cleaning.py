"""Turn a generalist's raw answer into one line of translation.

What models add, as seen in the released SCALE outputs (echoed scores, "Target sentence:" lines, enumerated
candidates) and in common chat models (thoughts, fences, bold, quotes, "Here is the translation:"). A thought is
never a translation, whatever its language: what is not told from it for sure is taken for it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from scalemt.generalists.thoughts import without_thoughts

# The authors' brackets hold two decimals of a probability, glued to a word: "Dustin(0.62)".
_SCORE = re.compile(r"(?<=\S)\((?:0\.\d\d|1\.00)\)")
_END = re.compile(
    r"</s>|<eos>|<\|im_end\|>|<\|eot_id\|>|<\|endoftext\|>|<end_of_turn>|<\|end\|>|<\|return\|>|<\|end_of_text\|>"
)
_ITEM = re.compile(r"^(?:(\d{1,2})([.)])|([-*•]))\s+")
_CHATTER = re.compile(
    r"^(?:(?:sure|certainly|of course|okay|ok)\b[^:\n]{0,60}[,!.:]\s*)?"
    r"(?:here(?:'s|’s| is| are)[^:\n]{0,80}:|(?:the |my )?(?:final |refined |improved |corrected )?"
    r"(?:translat(?:ion|ed text|ed sentence)|refinement)(?: (?:is|in(?:to)? \w+)){0,2}\s?:"
    # "Translation:" as a model says it in the target language: pt, es, gl, ca, fr, it, de, eu.
    r"|(?:tradução|traducción|tradución|traducció|traduction|traduzione|übersetzung|itzulpena)\s?:)\s*",
    re.IGNORECASE,
)
_FENCE = re.compile(r"^```[\w-]*\s*$")
_INLINE_FENCE = re.compile(r"^```\s*(.+?)\s*```$")
_QUOTES = {'"': '"', "“": "”", "„": "“”", "«": "»", "»": "«", "'": "'", "‘": "’", "`": "`", "「": "」", "『": "』"}
# Control characters other than white space, which may steer a terminal, and lone surrogates, which are no text.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")
# Not the no-break spaces that French and others put before signs and into numbers.
_SPACES = re.compile(r"[ \t\v\f\x1c-\x1f\x85\u2028\u2029]+")


def clean(answer: str, source: str, labels: Sequence[str] = ()) -> str:
    """Return the translation that an answer holds: one line, without what the model put around it.

    Args:
        answer: the raw completion.
        source: decides what is an addition: quotes, enumeration, a colon or a score that the source has stay.
        labels: openings of the template, the one of the target first ("Target sentence:"); the answer may
            repeat them.
    """
    lines = [line for line in map(_one_line, _bare(answer, source)) if line and not _FENCE.match(line)]
    lines = _from_target(lines, labels)
    for position, line in enumerate(lines):
        text = _without_openings(line, lines[position + 1 :], source, labels)
        if text:
            return _without_quotes(text, source)
    return ""


def _bare(answer: str, source: str) -> list[str]:
    """Take off what stands anywhere in an answer, and split it into lines."""
    answer = without_thoughts(answer, source)
    if not _END.search(source):
        answer = _END.split(answer)[0]
    if not _SCORE.search(source):
        answer = _SCORE.sub("", answer)
    answer = _UNPRINTABLE.sub(lambda found: found[0] if found[0] in source else "", answer)
    if "**" not in source:
        answer = answer.replace("**", "")
    return re.split(r"\r\n|\n|\r", answer)


def _one_line(line: str) -> str:
    text = _SPACES.sub(" ", line).strip()
    fenced = _INLINE_FENCE.match(text)
    return fenced[1] if fenced else text


def _from_target(lines: list[str], labels: Sequence[str]) -> list[str]:
    """Begin at the line of the target when the answer repeats the block: source, draft, then target."""
    if lines and any(_starts(lines[0], label) for label in labels[1:]):
        for position, line in enumerate(lines):
            if _starts(line, labels[0]):
                return lines[position:]
    return lines


def _starts(text: str, label: str) -> bool:
    return text.lower().startswith(label.lower())


def _without_openings(text: str, rest: Sequence[str], source: str, labels: Sequence[str]) -> str:
    """Take off labels, chatter and enumeration in any order, until none is left."""
    before = None
    while text != before:
        before = text
        for label in labels:
            if _starts(text, label) and not _starts(source, label) and not _owed(label, text, source):
                text = text[len(label) :].strip()
        chatter = _CHATTER.match(text)
        if chatter and not _CHATTER.match(source) and not _owed(chatter[0], text, source):
            text = text[chatter.end() :].strip()
        text = _without_item(text, rest, source)
    return text


def _owed(opening: str, text: str, source: str) -> bool:
    """Whether the colon of an opening translates one near the start of the source: "Here is the list: …"."""
    early = re.search(r"[:：]", source[: len(opening) + 20])
    return (
        bool(early)
        and len(re.findall(r"[:：]", text)) <= len(re.findall(r"[:：]", source))
        and len(text) > len(opening)
    )


def _without_item(text: str, rest: Sequence[str], source: str) -> str:
    """Take off "1)" or "•", and "1." or "-" where more of a list follows: "3. Mai" and "- Olá" open sentences."""
    item = _ITEM.match(text)
    if not item or _ITEM.match(source):
        return text
    follows = any(_ITEM.match(line) for line in rest)
    certain = item[2] == ")" or item[3] in ("*", "•")
    return text[item.end() :] if certain or follows else text


def _without_quotes(text: str, source: str) -> str:
    """Take off a pair of quotes around the whole text that the source does not have."""
    closing = _QUOTES.get(text[0], "")
    inside = text[1:-1]
    wrapped = len(text) > 2 and text[-1] in closing and not any(sign in inside for sign in closing)
    if wrapped and source.strip()[:1] not in _QUOTES:
        return inside.strip()
    return text
