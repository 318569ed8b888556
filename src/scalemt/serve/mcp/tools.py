"""The tools, each a form of what the service layer does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from scalemt import languages
from scalemt.evaluation.results import without_nan
from scalemt.memory import Unit
from scalemt.serve.asking import Ask, Reply, Wish
from scalemt.serve.detection import Detected
from scalemt.serve.glossaries import Kept
from scalemt.serve.keys import Caller
from scalemt.serve.mcp import models, readable
from scalemt.serve.refusals import BackendFailed, InvalidRequest, as_refusal
from scalemt.serve.service import Service
from scalemt.translations import as_json
from scalemt.types import Segment, Translation

Told = Callable[[int, int], Awaitable[None]]
"""Tells the client how many segments are done, of how many."""

_BETWEEN = 0.25  # seconds from one word of progress to the next


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a tool: who calls, and who is told how far it is."""

    service: Service
    caller: Caller
    told: Told


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool gives: texts for people and language models, and the same as data."""

    texts: Sequence[str]
    data: BaseModel


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool.

    Args:
        name: as it is called.
        title: for people.
        description: tells a language model what it is good for.
        scope: what a key must allow.
        arguments, result: what it takes and gives.
        run: does it.
        reads: it changes nothing.
        repeats: to do it twice changes no more than to do it once.
    """

    name: str
    title: str
    description: str
    scope: str
    arguments: type[models.Arguments]
    result: type[BaseModel]
    run: Callable[[Call, Any], Awaitable[Answer]]
    reads: bool = True
    repeats: bool = True


async def translate(call: Call, asked: models.TranslateArguments) -> Answer:
    """Translate texts."""
    reply = await _translated(call, asked.texts, asked)
    failed = [item for item in reply.translations if item.error]
    if len(failed) == len(reply.translations):
        raise BackendFailed(str(as_refusal(failed[0].error or Exception())))
    texts = [
        f"[not translated: {as_refusal(item.error)}]" if item.error else item.text for item in reply.translations
    ]
    return Answer(
        texts,
        models.Translations(
            translations=[_translation(item) for item in reply.translations],
            source=reply.pair.source,
            target=reply.pair.target,
            detected=_detected(reply),
        ),
    )


async def explain(call: Call, asked: models.ExplainArguments) -> Answer:
    """Translate one text, and tell how."""
    reply = await _translated(call, [asked.text], asked)
    (item,) = reply.translations
    if item.error:
        raise BackendFailed(str(as_refusal(item.error)))
    told = {**as_json(item), "pair": list(item.pair), "detected": _detected(reply)}
    return Answer([readable.explanation(item)], models.Explanation.model_validate(told))


async def _translated(
    call: Call, texts: Sequence[str], asked: models.TranslateArguments | models.ExplainArguments
) -> Reply:
    """Translate, and tell meanwhile how far it is."""
    before = tuple(asked.context)
    segments = [Segment(text, str(number), before=before) for number, text in enumerate(texts, 1)]
    wish = Wish(asked.profile, None, asked.formality, None, asked.glossary)
    done: set[int] = set()
    reporting = asyncio.create_task(_report(call.told, done, len(segments)))
    try:
        ask = Ask(segments, asked.source, asked.target, wish)
        return await call.service.translate(ask, call.caller, lambda index, _: done.add(index))
    finally:
        reporting.cancel()


async def _report(told: Told, done: set[int], total: int) -> None:
    """Tell how far it is, each time that it is farther."""
    before = 0
    while before < total:
        await asyncio.sleep(_BETWEEN)
        if len(done) > before:
            before = len(done)
            await told(before, total)


def _translation(item: Translation) -> models.Translated:
    return models.Translated(
        source=item.segment.text,
        translation=item.text,
        method=item.method,
        error=str(as_refusal(item.error)) if item.error else None,
    )


def _detected(reply: Reply) -> models.Language | None:
    return _language(reply.detected[0]) if reply.detected else None


def _language(item: Detected) -> models.Language:
    return models.Language(
        language=item.language, name=languages.name(item.language), confidence=round(item.confidence, 4)
    )


async def detect_language(call: Call, asked: models.DetectArguments) -> Answer:
    """Tell the language of a text."""
    found = await call.service.detect(asked.text)
    data = models.Detections(languages=[_language(item) for item in found])
    return Answer([readable.detections(data)], data)


async def list_languages(call: Call, asked: models.LanguagesArguments) -> Answer:
    """List what can be translated."""
    speeches = await call.service.speeches(asked.profile)
    data = models.Languages(
        languages=[
            models.Spoken(code=item.code, name=languages.name(item.code), targets=list(item.targets))
            for item in speeches
        ],
        profiles=list(call.service.settings.profiles),
    )
    return Answer([readable.spoken(data)], data)


async def search_memory(call: Call, asked: models.SearchArguments) -> Answer:
    """Look into the memories of a profile."""
    if bool(asked.source) != bool(asked.target) or (asked.mode == "similar" and not asked.source):
        raise InvalidRequest(
            "Give both source and target; to search for a text on either side, neither will do too."
        )
    pair = languages.parse_pair(asked.source, asked.target) if asked.source and asked.target else None
    if asked.mode == "similar" and pair:
        matches = await call.service.matches(asked.text, pair, asked.profile, limit=asked.limit)
        units = [
            _unit(item.unit).model_copy(
                update={"score": round(item.score, 2), "kind": item.kind, "memory": item.memory}
            )
            for item in matches
        ]
    else:
        found = await call.service.concordance(asked.text, pair, asked.profile, limit=asked.limit)
        units = [_unit(item) for item in found]
    data = models.UnitsFound(units=units)
    return Answer([readable.units(data)], data)


def _unit(item: Unit) -> models.UnitFound:
    return models.UnitFound(
        source=item.source,
        target=item.target,
        source_language=item.pair.source,
        target_language=item.pair.target,
        changed=item.changed,
    )


async def add_to_memory(call: Call, asked: models.AddArguments) -> Answer:
    """Keep a translation."""
    pair = languages.parse_pair(asked.source, asked.target)
    about = {"creator": call.caller.name, **({"note": asked.note} if asked.note else {})}
    await call.service.remember(asked.source_text, asked.translation, pair, Wish(asked.profile), about)
    return Answer(["It is kept. Translations of this text use it from now on."], models.Added(kept=True))


async def list_glossaries(call: Call, _: models.NoArguments) -> Answer:
    """List the glossaries of the caller."""
    kept = call.service.shelf.list(call.caller.name)
    data = models.GlossaryList(glossaries=[_glossary(item) for item in kept])
    lines = [_glossary_line(item) for item in data.glossaries]
    return Answer([readable.listed(lines, "There are no glossaries. create_glossary makes one.")], data)


async def create_glossary(call: Call, asked: models.CreateArguments) -> Answer:
    """Keep a glossary."""
    pair = languages.parse_pair(asked.source, asked.target)
    entries = [(item.source, item.target) for item in asked.entries]
    data = _glossary(call.service.shelf.create(call.caller.name, asked.name, pair, entries=entries))
    return Answer([f"It is kept: {_glossary_line(data)}"], data)


async def glossary_entries(call: Call, asked: models.EntriesArguments) -> Answer:
    """List the terms of a glossary."""
    entries = call.service.shelf.entries(call.caller.name, asked.glossary)
    data = models.TermList(entries=[models.TermEntry(source=source, target=target) for source, target in entries])
    return Answer(["\n".join(f"{source} = {target}" for source, target in entries)], data)


def _glossary(item: Kept) -> models.GlossaryEntry:
    return models.GlossaryEntry(
        id=item.id,
        name=item.name,
        source=item.pair.source,
        target=item.pair.target,
        entries=item.entries,
        created=item.created,
    )


def _glossary_line(item: models.GlossaryEntry) -> str:
    return f"{item.id}: {item.name}, {item.source} -> {item.target}, {item.entries} entries"


async def evaluate(call: Call, asked: models.EvaluateArguments) -> Answer:
    """Score translations."""
    found = await call.service.evaluate(
        asked.hypotheses,
        asked.references,
        call.caller,
        sources=asked.sources,
        metrics=asked.metrics,
        target=asked.target,
    )
    (row,) = found.cells.values()
    scores = []
    for info in found.metrics:
        cell = row[info.name]
        told = without_nan({"score": cell.score, "low": cell.low, "high": cell.high})
        scores.append(models.Score(metric=info.name, signature=info.signature, **told))
    data = models.Scores(scores=scores, segments=len(found.test_set))
    return Answer([readable.scores(data)], data)


TOOLS = (
    Tool(
        "translate",
        "Translate",
        "Translate texts into another language. Keeps line breaks, tags, placeholders and addresses as they are. "
        "Returns one text for each text, in order.",
        "translate",
        models.TranslateArguments,
        models.Translations,
        translate,
    ),
    Tool(
        "explain",
        "Explain a translation",
        "Translate one text and tell how it came about: the draft with the confidence of its words, candidates "
        "and what was measured on them, terms of the glossary, matches of the memory, and why one was kept.",
        "translate",
        models.ExplainArguments,
        models.Explanation,
        explain,
    ),
    Tool(
        "detect_language",
        "Detect a language",
        "Tell in which language a text is, among those that can be translated from.",
        "translate",
        models.DetectArguments,
        models.Detections,
        detect_language,
    ),
    Tool(
        "list_languages",
        "List languages",
        "List the languages that can be translated from, each with those it can be translated into; and profiles.",
        "translate",
        models.LanguagesArguments,
        models.Languages,
        list_languages,
    ),
    Tool(
        "search_memory",
        "Search the translation memory",
        "Find confirmed translations: of sources that are like a text, or that hold it on either side.",
        "memory",
        models.SearchArguments,
        models.UnitsFound,
        search_memory,
    ),
    Tool(
        "add_to_memory",
        "Add to the translation memory",
        "Keep a translation that a person has confirmed or corrected. Everybody's translations use it from then "
        "on, so do not add what nobody has looked at.",
        "memory:write",
        models.AddArguments,
        models.Added,
        add_to_memory,
        reads=False,
    ),
    Tool(
        "list_glossaries",
        "List glossaries",
        "List the glossaries that translations can be told to use, with their ids.",
        "glossaries",
        models.NoArguments,
        models.GlossaryList,
        list_glossaries,
    ),
    Tool(
        "create_glossary",
        "Create a glossary",
        "Keep a glossary: terms, and how they are to be translated. Its id goes into translate and explain.",
        "glossaries",
        models.CreateArguments,
        models.GlossaryEntry,
        create_glossary,
        reads=False,
        repeats=False,
    ),
    Tool(
        "glossary_entries",
        "Show a glossary",
        "List the terms of a glossary and their translations.",
        "glossaries",
        models.EntriesArguments,
        models.TermList,
        glossary_entries,
    ),
    Tool(
        "evaluate",
        "Evaluate translations",
        "Score translations against references: chrF++, BLEU, TER, with confidence intervals and signatures.",
        "evaluate",
        models.EvaluateArguments,
        models.Scores,
        evaluate,
    ),
)
"""All tools, in the order in which they are listed."""
