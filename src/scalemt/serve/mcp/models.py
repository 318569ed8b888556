"""What the tools take and give; the descriptions are read by language models."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from scalemt.serve.asking import AUTO


class Arguments(BaseModel):
    """Arguments of a tool, in which nothing unknown is passed over."""

    model_config = ConfigDict(extra="forbid")


def _listed(value: Any) -> Any:
    """Take one text for a list of one: language models forget the brackets."""
    return [value] if isinstance(value, str) else value


Texts = Annotated[list[str], BeforeValidator(_listed)]
Code = Annotated[str, Field(min_length=1, max_length=60, description="BCP-47 tag, or any usual language code.")]
Source = Annotated[
    str, Field(min_length=1, max_length=60, description='Language of the text; "auto" finds it out.')
]
Target = Annotated[
    str, Field(min_length=1, max_length=60, description="Language to translate into, as pt or pt-BR.")
]
Profile = Annotated[str | None, Field(description="A way of translating that is served; left out: the default.")]
Formality = Annotated[
    Literal["formal", "informal"] | None, Field(description="How the translation addresses people.")
]
Glossary = Annotated[str | None, Field(description="The id of a glossary, from list_glossaries.")]
Context = Annotated[Texts, Field(max_length=32, description="What stands before the texts, the nearest last.")]


class TranslateArguments(Arguments):
    """Of `translate`."""

    texts: Annotated[Texts, Field(min_length=1, description="Texts to translate; line breaks are kept.")]
    target: Target
    source: Source = AUTO
    profile: Profile = None
    formality: Formality = None
    glossary: Glossary = None
    context: Context = []


class ExplainArguments(Arguments):
    """Of `explain`."""

    text: Annotated[str, Field(min_length=1, description="One text to translate.")]
    target: Target
    source: Source = AUTO
    profile: Profile = None
    formality: Formality = None
    glossary: Glossary = None
    context: Context = []


class DetectArguments(Arguments):
    """Of `detect_language`."""

    text: Annotated[str, Field(min_length=1, description="A text of an unknown language.")]


class LanguagesArguments(Arguments):
    """Of `list_languages`."""

    profile: Profile = None


class SearchArguments(Arguments):
    """Of `search_memory`."""

    text: Annotated[str, Field(min_length=1, max_length=10_000, description="What to look for.")]
    source: Annotated[
        str | None, Field(max_length=60, description="Language of the source side; needed for similar ones.")
    ] = None
    target: Annotated[
        str | None, Field(max_length=60, description="Language of the target side; needed for similar ones.")
    ] = None
    mode: Annotated[
        Literal["similar", "containing"],
        Field(description="similar: sources that are like the text; containing: units with it on either side."),
    ] = "similar"
    limit: Annotated[int, Field(ge=1, le=100, description="The most that are returned.")] = 5
    profile: Profile = None


class AddArguments(Arguments):
    """Of `add_to_memory`."""

    source_text: Annotated[str, Field(min_length=1, description="The text in the source language.")]
    translation: Annotated[str, Field(min_length=1, description="Its translation, as a person confirmed it.")]
    source: Code
    target: Code
    note: Annotated[str, Field(description="Anything to be kept with it.")] = ""
    profile: Profile = None


class NoArguments(Arguments):
    """Of a tool that takes none."""


class Term(Arguments):
    """A term and its translation."""

    source: Annotated[str, Field(min_length=1)]
    target: Annotated[str, Field(min_length=1)]


class CreateArguments(Arguments):
    """Of `create_glossary`."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    source: Code
    target: Code
    entries: Annotated[list[Term], Field(min_length=1, description="Terms that translations are to use.")]


class EntriesArguments(Arguments):
    """Of `glossary_entries`."""

    glossary: Annotated[str, Field(min_length=1, max_length=60, description="The id of a glossary.")]


class EvaluateArguments(Arguments):
    """Of `evaluate`."""

    hypotheses: Annotated[Texts, Field(min_length=1, description="Translations to score.")]
    references: Annotated[
        Texts, Field(min_length=1, description="What they should be: as many, in the same order.")
    ]
    sources: Annotated[Texts | None, Field(description="What was translated; only some metrics read it.")] = None
    metrics: Annotated[
        list[Literal["bleu", "chrf", "chrf++", "ter", "copy", "length", "empty"]],
        Field(min_length=1, max_length=7, description="chrf++ and bleu: higher is better; ter: lower is."),
    ] = ["chrf++", "bleu"]
    target: Annotated[
        str, Field(max_length=60, description="Language of the translations: how BLEU cuts words.")
    ] = ""


class Language(BaseModel):
    """A language, and the probability that a text is in it."""

    language: str
    name: str
    confidence: float


class Translated(BaseModel):
    """One translation, or why there is none."""

    source: str
    translation: str
    method: str
    error: str | None


class Translations(BaseModel):
    """All translations, in the order of the texts."""

    translations: list[Translated]
    source: str
    target: str
    detected: Language | None


class Open(BaseModel):
    """What may hold more than is described."""

    model_config = ConfigDict(extra="allow")


class ShownWord(Open):
    """A word of a draft, and the probability that it is right."""

    text: str
    confidence: float | None = None


class ShownDraft(Open):
    """What the specialist drafted."""

    text: str
    engine: str = ""
    words: list[ShownWord] = []


class ShownCandidate(Open):
    """A text that could have become the translation: which checks it failed, and what was measured on it."""

    origin: str
    text: str
    failed: list[str] = []
    evidence: dict[str, float] = {}


class ShownDecision(Open):
    """One thing that was decided, and why."""

    step: str
    outcome: str
    reason: str


class ShownTerm(Open):
    """What became of a term of the glossary."""

    source: str
    target: str
    state: str
    found: str = ""


class ShownMatch(Open):
    """A unit of a memory that was shown to the generalist."""

    source: str
    target: str
    score: float | None = None
    memory: str = ""


class Explanation(Open):
    """A translation with all that led to it."""

    source: str
    translation: str
    method: str
    pair: list[str] = Field(description="Source and target language.")
    detected: Language | None
    draft: ShownDraft | None = None
    candidates: list[ShownCandidate] = []
    decisions: list[ShownDecision] = []
    terms: list[ShownTerm] = []
    matches: list[ShownMatch] = []
    signature: str = ""
    seconds: float = 0.0


class Detections(BaseModel):
    """The likeliest languages, the best first."""

    languages: list[Language]


class Spoken(BaseModel):
    """A language, and those it can be translated into."""

    code: str
    name: str
    targets: list[str]


class Languages(BaseModel):
    """What can be translated; no languages where the specialist cannot tell."""

    languages: list[Spoken]
    profiles: list[str]


class UnitFound(BaseModel):
    """A unit of a memory; `score` is likeness in percent."""

    source: str
    target: str
    source_language: str
    target_language: str
    score: float | None = None
    kind: str | None = None
    memory: str | None = None
    changed: str


class UnitsFound(BaseModel):
    """Units of a memory, the best or newest first."""

    units: list[UnitFound]


class Added(BaseModel):
    """It is kept."""

    kept: bool


class GlossaryEntry(BaseModel):
    """A glossary that is kept."""

    id: str
    name: str
    source: str
    target: str
    entries: int
    created: str


class GlossaryList(BaseModel):
    """All glossaries of the caller."""

    glossaries: list[GlossaryEntry]


class TermEntry(BaseModel):
    """A term and its translation."""

    source: str
    target: str


class TermList(BaseModel):
    """The terms of a glossary."""

    entries: list[TermEntry]


class Score(BaseModel):
    """One score, with the bounds of its central 95 % over bootstrap samples; null where it is undefined."""

    metric: str
    score: float | None
    low: float | None
    high: float | None
    signature: str


class Scores(BaseModel):
    """One score a metric."""

    scores: list[Score]
    segments: int
