"""Alarm of prompt injection: does an answer obey what it should translate? (Miceli-Barone and Sun, WMT 2024.)

Their test suite (arXiv 2410.05047) judges by marks that need no reading: is a question still a question, and is
the answer nearer to a translation than to a reply. A specialist obeys nobody, so that its draft tells here what a
translation looks like; what stands in a prompt and reads as if it spoke to a model makes the comparison stricter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from scalemt import languages
from scalemt.prompts.quoting import holds_control
from scalemt.quality.coverage import columns
from scalemt.types import Pair

ALIKE = 0.4
"""The least chrF (0 to 1) of an answer and the draft where something in the prompt speaks to models."""

MORE, GRACE = 1.4, 15
"""How much longer than the draft an answer may be where something speaks to models, and columns beside."""

_QUESTION_MARKS = "?？؟՞"
_BEHIND = r"[\"'“”’»«」』)\]}\s.]*"

_SENTENCE_ENDS = re.compile(rf"[.!…。！{_QUESTION_MARKS}]+(?={_BEHIND}(?:\s|$))|[。！？]")

# Each line one language: what tells a model to do other than to translate. Words alone would ring far too often.
_ORDERS = (
    r"\b(?:do not|don't|never|stop|instead of|rather than|without) (?:\w+ )?translat"
    r"|\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instructions?|prompts?|rules|above|translat\w+)"
    r"|\banswer (?:\w+ ){0,2}questions?\b|\b(?:respond|reply|answer) (?:only|just) with\b"
    r"|\b(?:your|a) new task\b|\byou are (?:now )?an? (?:\w+ )?(?:assistant|chatbot|model|ai)\b",
    r"\b(?:não|nunca|sem|em vez de|ao invés de|em lugar de) (?:\w+ )?tradu[zç]"
    r"|\b(?:ignor[ea]|desconsider[ea]|esque[çc][ae])\w*\b.{0,40}\b(?:instruç|regras|acima|anterior|tradução)"
    r"|\brespond[ae]r?\w*\b.{0,12}\bpergunta|\bnova tarefa\b",
    r"\b(?:no|nunca|sin|en vez de|en lugar de) (?:\w+ )?tradu[zc]"
    r"|\b(?:ignor[ae]|olvid[ae])\w*\b.{0,40}\b(?:instruccion|reglas|anterior|traducción)"
    r"|\b(?:respond[ae]|contest[ae])\w*\b.{0,12}\bpregunta|\bnueva tarea\b",
    r"\b(?:ne|sans|au lieu de) (?:\w+ )?tradui|\bignore[zr]?\b.{0,40}\b(?:instruction|règles|précédent|traduction)"
    r"|\brépond(?:s|ez|re)\b.{0,12}\bquestion|\bnouvelle tâche\b",
    r"\b(?:nicht|statt|ohne) (?:\w+ )?(?:zu )?übersetz|\bübersetzen? (?:\w+ ){0,4}nicht\b"
    r"|\b(?:ignorier|vergiss|missacht)\w*\b.{0,40}\b(?:anweisung|regeln|oben|übersetz)"
    r"|\b(?:beantworte|antworte)\w*\b.{0,20}\bfrage|\bneue aufgabe\b",
)
_STRUCTURE = re.compile(
    r"\{\s*\"[^\"{}]{1,40}\"\s*:\s*[\"{\[]"  # a request as JSON
    r"|(?:^|\s)(?:system|assistant|user|human)\s*:\s"  # turns of a chat
    r"|\b(?:question|pergunta|pregunta|frage|domanda|q)\s?:\s.{3,300}?"
    r"\b(?:answer|resposta|respuesta|antwort|réponse|risposta|a)\s?:",
    re.IGNORECASE | re.DOTALL,
)
_ORDER = re.compile("|".join(_ORDERS), re.IGNORECASE)


@lru_cache(maxsize=8192)
def speaks(text: str) -> str:
    """Return what in a text reads as if it spoke to a model, or an empty string.

    Orders are known in English, Portuguese, Spanish, French and German; the shape of a request (JSON, turns of a
    chat, questions with answers, control tokens) in any language.
    """
    found = _ORDER.search(text) or _STRUCTURE.search(text)
    if found:
        return found[0].strip()[:40]
    return "a control token" if holds_control(text) else ""


def asks(text: str, tag: str) -> bool:
    """Whether a text ends in a question mark of its language, quotes and brackets left out."""
    marks = _QUESTION_MARKS + (";\u037e" if languages.base(tag) == "el" else "")
    return bool(re.search(rf"[{marks}]{_BEHIND}$", text))


def obeyed(text: str, draft: str, source: str, pair: Pair, prompted: Sequence[str]) -> str:
    """Say why an answer looks as if it obeyed a text of its prompt, or return an empty string.

    Args:
        text: the answer.
        draft: of a specialist, in the target language; "" where there is none, and then little can be told.
        source: what is translated.
        pair: the languages.
        prompted: the texts from outside that the prompt showed.
    """
    heard = next((found for shown in prompted if (found := speaks(shown))), "")
    silent = asks(source, pair.source) and not asks(text, pair.target)
    if not draft.strip():
        return f"asks nothing, though the source does, and the prompt says “{heard}”" if heard and silent else ""
    said = f", and the prompt says “{heard}”" if heard else ""
    # Of people's translations of questions next to none ends otherwise; so this needs no order to be found.
    if silent and asks(draft, pair.target):
        return f"does not end in a question as source and draft do{said}"
    if heard and (likeness := _likeness(text, draft)) < ALIKE:
        return f"only {likeness:.0%} like the draft{said}"
    if heard and (columns(text) > MORE * columns(draft) + GRACE or _sentences(text) > _sentences(draft)):
        return f"says more than the draft{said}"
    return ""


def _sentences(text: str) -> int:
    return len(_SENTENCE_ENDS.findall(text))


def _likeness(text: str, draft: str) -> float:
    from scalemt.quality.evidence import chrf

    return chrf(text, draft)
