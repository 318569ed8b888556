"""The bodies of the native API."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from scalemt.serve.asking import AUTO, Ask, Wish
from scalemt.serve.surfaces.base import documented
from scalemt.types import Segment

Code = Annotated[str, Field(min_length=1, max_length=60, description="A language code of any standard.")]


class Strict(BaseModel):
    """A body in which nothing unknown is passed over."""

    model_config = ConfigDict(extra="forbid")


class Fault(BaseModel):
    """What is told of a refusal."""

    type: str
    message: str
    request_id: str


class FaultBody(BaseModel):
    """The body of a refusal."""

    error: Fault


class TranslateBody(Strict):
    """What is to be translated, and how; what is left out, the profile says."""

    text: str | list[str] = Field(description="One text or several; each is a segment, line breaks are kept.")
    source: Code = Field(AUTO, description='Its language; "auto" finds it out, for each text by itself.')
    target: Code
    profile: str | None = Field(None, description="One of those that are served.")
    method: str | None = None
    formality: Literal["formal", "informal"] | None = None
    variety: str | None = Field(None, description="Regional variety of the target, such as pt-PT.")
    glossary: str | None = Field(None, description="The id of a glossary that is kept at the server.")
    context: list[str] = Field([], description="What stands before the text, the nearest last.", max_length=32)
    explain: bool = Field(False, description="Tell draft, confidences, decisions, candidates, terms, matches.")
    stream: bool = Field(False, description="Answer with server-sent events: drafts first.")

    @property
    def texts(self) -> list[str]:
        """The texts, one or several."""
        return [self.text] if isinstance(self.text, str) else self.text

    @property
    def ask(self) -> Ask:
        """What is asked of the service layer."""
        before = tuple(self.context)
        segments = [Segment(text, str(number), before=before) for number, text in enumerate(self.texts, 1)]
        wish = Wish(self.profile, self.method, self.formality, self.variety, self.glossary)
        return Ask(segments, self.source, self.target, wish)


class Translated(BaseModel):
    """One translation; with `explain` it has all the fields that `scalemt translate --json` prints."""

    model_config = ConfigDict(extra="allow")

    id: str
    source: str
    translation: str
    method: str
    error: str | None


class Language(BaseModel):
    """A language, and the probability that a text is in it."""

    language: str
    confidence: float


class TranslateReply(BaseModel):
    """All translations, in the order of the texts."""

    translations: list[Translated]
    source: str
    target: str
    detected: Language | None
    seconds: float


class DetectBody(Strict):
    """A text of an unknown language."""

    text: str


class Detections(BaseModel):
    """The likeliest languages, the best first."""

    languages: list[Language]


class LanguageEntry(BaseModel):
    """One language that can be translated from."""

    code: str
    name: str
    rtl: bool
    targets: list[str]


class LanguageList(BaseModel):
    """All languages that can be translated from; of targets, those whose formality can be chosen."""

    languages: list[LanguageEntry]
    names: dict[str, str]
    rtl: list[str]
    formality: list[str]


class ProfileEntry(BaseModel):
    """One way of translating that is served."""

    name: str
    method: str
    asks: bool
    memory: bool
    glossary: bool


class ProfileList(BaseModel):
    """What is served, and how much one request may hold; 0 is no limit, `upload` are bytes of a document."""

    profiles: list[ProfileEntry]
    default: str
    characters: int
    texts: int
    upload: int


class UnitEntry(BaseModel):
    """One confirmed translation; `score` and `kind` are those of a match."""

    source: str
    target: str
    score: float | None = None
    kind: str | None = None
    memory: str | None = None
    origin: str
    changed: str


class Matches(BaseModel):
    """What is like a text, the best first."""

    matches: list[UnitEntry]


class Units(BaseModel):
    """What holds a text, the newest first."""

    units: list[UnitEntry]


class CorrectionBody(Strict):
    """A translation that somebody confirmed."""

    source_text: str = Field(min_length=1)
    translation: str = Field(min_length=1)
    source: Code
    target: Code
    profile: str | None = None
    before: str = Field("", description="The text before it.")
    note: str = ""


class MatchBody(Strict):
    """A text that something like it is wanted of."""

    text: str = Field(min_length=1, max_length=10_000)
    source: Code
    target: Code
    profile: str | None = None
    limit: int = Field(5, ge=1, le=100)
    floor: float = Field(50.0, ge=0, le=100, description="The least likeness in percent.")


class Kept(BaseModel):
    """It is kept."""

    kept: Literal[True] = True


class PairCount(BaseModel):
    """The numbers of one pair of a memory."""

    source: str
    target: str
    units: int
    sources: int
    oldest: str
    newest: str


class MemoryStats(BaseModel):
    """The numbers of each memory, by the name of its file."""

    memories: dict[str, list[PairCount]]


class EvaluateBody(Strict):
    """Translations, and what they are compared with."""

    hypotheses: list[str] = Field(min_length=1)
    references: list[str] = Field(min_length=1)
    sources: list[str] | None = None
    metrics: list[str] = Field(["chrf++", "bleu"], min_length=1, max_length=10)
    target: str = Field("", max_length=60, description="The language: decides how BLEU cuts words.")


class Score(BaseModel):
    """One score, with the bounds of its central 95 % over bootstrap samples."""

    metric: str
    score: float | None
    low: float | None
    high: float | None
    segments: list[float | None]
    signature: str


class Scores(BaseModel):
    """One score a metric."""

    scores: list[Score]
    segments: int


class Term(Strict):
    """A term and its translation."""

    source: str
    target: str


class GlossaryBody(Strict):
    """A glossary: its entries one by one, or as the text of a TSV or CSV file."""

    name: str = Field(min_length=1, max_length=200)
    source: Code
    target: Code
    entries: list[Term] | None = None
    tsv: str | None = None
    csv: str | None = None


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


class TermList(BaseModel):
    """The entries of a glossary."""

    entries: list[Term]


class JobEntry(BaseModel):
    """A document on its way."""

    id: str
    name: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    source: str
    target: str
    format: str
    segments: int | None
    done: int
    failed: int
    characters: int
    error: str | None
    created: str


class JobList(BaseModel):
    """All documents of the caller, the newest first."""

    jobs: list[JobEntry]


REFUSED = documented(FaultBody, 400, 401, 403, 404, 405, 408, 409, 413, 429, 456, 500, 502, 503, 504)
