"""The bodies of DeepL's API."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field

from scalemt.serve.surfaces.base import documented


class MessageBody(BaseModel):
    """What is told of a refusal."""

    message: str


REFUSED = documented(MessageBody, 400, 403, 404, 405, 408, 413, 415, 429, 456, 500, 503, 504)


def _listed(value: Any) -> Any:
    """Take tags as JSON lists them, as forms repeat them, and parted by commas."""
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in items):
        return value
    return [tag.strip() for item in items for tag in item.split(",") if tag.strip()]


def _one_or_more(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _as_text(value: Any) -> Any:
    """Take 1 and true, which clients send too, for "1"."""
    return str(int(value)) if isinstance(value, int) else value


Code = Annotated[str, Field(min_length=1, max_length=60)]
Tags = Annotated[list[str], BeforeValidator(_listed)]
Formality = Literal["default", "more", "less", "prefer_more", "prefer_less"]
ModelType = Literal["latency_optimized", "quality_optimized", "prefer_quality_optimized"]


class Wanted(BaseModel):
    """What texts and documents have in common; what is left out, the profile says."""

    source_lang: Code | None = Field(None, description="Left out, the language is detected.")
    target_lang: Code
    formality: Formality = Field("default", description="What a target cannot have is refused, but for prefer_….")
    glossary_id: str | None = None
    glossary_ids: Tags = Field([], description="One of them at most, here.")
    style_id: str | None = Field(None, description="Not served.")
    translation_memory_id: str | None = Field(None, description="Not served: memories belong to profiles.")
    custom_instructions: list[str] = Field([], description="Not served.")
    auth_key: str | None = Field(None, description="The key, where it does not stand in the head.")


class TranslateBody(Wanted):
    """What is to be translated, and how."""

    text: Annotated[list[str], BeforeValidator(_one_or_more), Field(min_length=1, max_length=50)]
    context: str | None = Field(None, description="What stands around the texts; it is not translated.")
    split_sentences: Annotated[Literal["0", "1", "nonewlines"] | None, BeforeValidator(_as_text)] = None
    preserve_formatting: bool = Field(False, description="Formatting is never changed here.")
    tag_handling: Literal["xml", "html"] | None = None
    tag_handling_version: Literal["v1", "v2"] = Field("v1", description="v2 refuses what is no well-formed XML.")
    outline_detection: bool = True
    splitting_tags: Tags = []
    non_splitting_tags: Tags = []
    ignore_tags: Tags = []
    show_billed_characters: bool = False
    model_type: ModelType | None = Field(
        None, description="latency_optimized takes the profile `fast`, if served."
    )


class Translated(BaseModel):
    """One translation."""

    detected_source_language: str
    text: str
    billed_characters: int | None = None
    model_type_used: str | None = None


class TranslateReply(BaseModel):
    """All translations, in the order of the texts."""

    translations: list[Translated]


class LanguageEntry(BaseModel):
    """A language by DeepL's code."""

    language: str
    name: str
    supports_formality: bool


class LanguagesBody(BaseModel):
    """Which languages are wanted."""

    type: Literal["source", "target"] = "source"
    auth_key: str | None = None


class Usage(BaseModel):
    """Characters of this month, and how many there may be."""

    character_count: int
    character_limit: int


class DocumentBody(Wanted):
    """How a document is translated."""

    filename: str | None = Field(None, description="Its name, where the part does not say it.")
    output_format: str | None = Field(None, description="Only that of the document itself.")


class DocumentHandle(BaseModel):
    """By what a document is known: both are wanted to ask for it."""

    document_id: str
    document_key: str


class DocumentKey(BaseModel):
    """The second half of the handle."""

    document_key: str
    auth_key: str | None = None


class DocumentStatus(BaseModel):
    """How far a document is."""

    document_id: str
    status: Literal["queued", "translating", "done", "error"]
    seconds_remaining: int | None = None
    billed_characters: int | None = None
    error_message: str | None = None


class GlossaryBody(BaseModel):
    """A glossary to keep."""

    name: Annotated[str, Field(min_length=1)]
    source_lang: Code
    target_lang: Code
    entries: str
    entries_format: Literal["tsv", "csv"] = "tsv"
    auth_key: str | None = None


class Glossary(BaseModel):
    """A glossary that is kept, without its entries."""

    glossary_id: str
    name: str
    ready: bool
    source_lang: str
    target_lang: str
    creation_time: str
    entry_count: int


class GlossaryList(BaseModel):
    """The glossaries of a caller."""

    glossaries: list[Glossary]


class GlossaryPair(BaseModel):
    """A direction that a glossary can have."""

    source_lang: str
    target_lang: str


class GlossaryPairs(BaseModel):
    """All directions that a glossary can have."""

    supported_languages: list[GlossaryPair]


class Dictionary(BaseModel):
    """The terms of one direction."""

    source_lang: Code
    target_lang: Code
    entries: str
    entries_format: Literal["tsv", "csv"] = "tsv"


class DictionaryBody(Dictionary):
    """Terms that take the place of those of their direction."""

    auth_key: str | None = None


class BinderBody(BaseModel):
    """A glossary of several directions to keep."""

    name: Annotated[str, Field(min_length=1)]
    dictionaries: Annotated[list[Dictionary], Field(min_length=1)]
    auth_key: str | None = None


class BinderChange(BaseModel):
    """What is to be changed of a glossary: its name, or terms of a direction, to which new ones are added."""

    name: Annotated[str, Field(min_length=1)] | None = None
    dictionaries: Annotated[list[Dictionary], Field(max_length=1)] = []
    auth_key: str | None = None


class DictionaryInfo(BaseModel):
    """A direction, and how many terms it has."""

    source_lang: str
    target_lang: str
    entry_count: int


class Binder(BaseModel):
    """A glossary of several directions, without its entries."""

    glossary_id: str
    name: str
    dictionaries: list[DictionaryInfo]
    creation_time: str


class BinderList(BaseModel):
    """The glossaries of a caller."""

    glossaries: list[Binder]


class DictionaryEntries(BaseModel):
    """The terms of a direction, one a line, source and target parted by a tab."""

    source_lang: str
    target_lang: str
    entries: str
    entries_format: Literal["tsv"] = "tsv"


class DictionaryList(BaseModel):
    """The terms of the direction that was asked for."""

    dictionaries: list[DictionaryEntries]
