"""What DeepL's parameters ask of the service layer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from scalemt import languages
from scalemt.serve.asking import AUTO, Wish
from scalemt.serve.binders import Binders
from scalemt.serve.keys import Caller
from scalemt.serve.refusals import InvalidRequest
from scalemt.serve.service import Service
from scalemt.serve.surfaces.deepl.models import ModelType, Wanted
from scalemt.types import Pair

FAST = "fast"
"""The profile that serves latency_optimized."""

_FORMALITIES = {"more": "formal", "prefer_more": "formal", "less": "informal", "prefer_less": "informal"}
_UNSERVED = ("style_id", "translation_memory_id", "custom_instructions")


@dataclass(frozen=True, slots=True)
class Request:
    """Languages and wish; the source is a tag or "auto"."""

    source: str
    target: str
    wish: Wish


def profile_for(service: Service, model_type: ModelType | None) -> str:
    """Return the name of the profile that a model type stands for."""
    fast = model_type == "latency_optimized" and FAST in service.settings.profiles
    return FAST if fast else service.settings.default


async def understood(service: Service, body: Wanted, caller: Caller, profile: str) -> Request:
    """Return what somebody asks for.

    Raises:
        InvalidRequest: a language, pair or formality that is not served, or something that is not served at all.
        NotFound: no such glossary.
    """
    for name in _UNSERVED:
        if getattr(body, name):
            raise InvalidRequest(f"'{name}' is not served here. Leave it out.")
    tongues = await service.tongues(profile)
    target = tongues.known(body.target_lang, [*tongues.targets, *tongues.sources])
    if target is None:
        raise InvalidRequest(f"Value for 'target_lang' not supported.{_choices(tongues.targets)}")
    source = AUTO
    if body.source_lang is not None:
        tag = tongues.known(body.source_lang, [*tongues.sources, *tongues.targets])
        if tag is None:
            raise InvalidRequest(f"Value for 'source_lang' not supported.{_choices(tongues.sources)}")
        source = tag
        if languages.base(tag) != languages.base(target) and not tongues.serves(Pair(tag, target)):
            raise InvalidRequest(
                f"Value for 'target_lang' not supported. From {languages.name(tag)} there is no way into "
                f"{languages.name(target)} here.{_choices(tongues.targets_of(languages.base(tag)))}"
            )
    formality = _formality(body, tongues.has_formality(source, target, service.profile(profile)))
    glossary = await _glossary(service, body, caller, Pair(source, target))
    return Request(source, target, Wish(profile, formality=formality, glossary=glossary))


def _choices(tags: list[str]) -> str:
    return f" Valid choices: {', '.join(tag.upper() for tag in tags)}." if tags else ""


def _formality(body: Wanted, available: bool) -> str | None:
    wanted = _FORMALITIES.get(body.formality)
    if wanted is None or available:
        return wanted
    if body.formality.startswith("prefer_"):
        return None
    raise InvalidRequest("'formality' is not supported for given 'target_lang'. Leave it out, or use prefer_….")


async def _glossary(service: Service, body: Wanted, caller: Caller, pair: Pair) -> str | None:
    named = [*([body.glossary_id] if body.glossary_id else []), *body.glossary_ids]
    if not named:
        return None
    if len(named) > 1:
        raise InvalidRequest("Several glossaries in one request are not served here. Name one.")
    if pair.source == AUTO:
        raise InvalidRequest("Use of a glossary requires the source_lang parameter to be specified.")
    binder = await asyncio.to_thread(binders_of(service).get, caller.name, named[0])
    kept = binder.parts.get(Pair(languages.base(pair.source), languages.base(pair.target)))
    if kept is None:
        held = ", ".join(map(str, binder.parts)) or "nothing"
        raise InvalidRequest(f"The glossary is of {held}, and the request of {pair}. They must match.")
    return kept.id


def binders_of(service: Service) -> Binders:
    """Return the glossaries of several directions."""
    return Binders(service.settings.state / "binders", service.shelf)
