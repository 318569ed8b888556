"""The values that travel through scalemt: segments, drafts, prompts, completions, translations.

All are frozen: a stage never edits what another stage made, it makes a new value.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple


class Pair(NamedTuple):
    """A translation direction, both sides canonical BCP-47 tags (see `scalemt.languages.parse`)."""

    source: str
    target: str

    def __str__(self) -> str:
        return f"{self.source}->{self.target}"

    @property
    def reversed(self) -> Pair:
        """The opposite direction."""
        return Pair(self.target, self.source)


SpanKind = Literal["tag", "placeholder", "address", "code", "formula", "term"]
SpanRole = Literal["open", "close", "alone"]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a text that a translation must hold as it is: `text[start:end]`.

    Spans of a text stand in order, are not empty and do not overlap.

    Args:
        start, end: characters of the text it belongs to.
        kind: "tag" (XML, HTML, Markdown syntax, inline codes), "placeholder" (printf, ICU, mustache …), "address"
            (URL, e-mail), "code", "formula", "term" (not to be translated).
        key: ties a span of a translation to that of its source; unique within a segment.
        role: halves of a pair ("open" and "close") or "alone".
        partner: key of the other half of a pair, -1 for one alone.
    """

    start: int
    end: int
    kind: SpanKind
    key: int
    role: SpanRole = "alone"
    partner: int = -1


@dataclass(frozen=True, slots=True)
class Segment:
    """One unit to translate, and an id that is kept to the output.

    Args:
        text: the text, protected spans included as they stand in the source.
        id: any name; documents give "unit 12", a plain list the position from 1.
        spans: the protected spans of the text, in order.
        breaks: what a line break inside the text is: "hard" (kept, the lines are translated by themselves) or
            "soft" (a space, as in HTML and wrapped Markdown).
        syntax: placeholder languages known to be used ("python", "c", "icu" …, see `scalemt.text.protection`);
            None looks for all that can be told from prose, an empty tuple for none.
        note: what the document says about it (a comment, a context), for people and generalists.
        before: sources of the segments before it in its document, the nearest last; for generalists.
        document: the name of its document, where several are translated in one run: what a method carries through
            one is kept apart by it.
    """

    text: str
    id: str = ""
    spans: tuple[Span, ...] = ()
    breaks: Literal["hard", "soft"] = "hard"
    syntax: tuple[str, ...] | None = None
    note: str = ""
    before: tuple[str, ...] = ()
    document: str = ""


@dataclass(frozen=True, slots=True)
class Word:
    """One white-space word of a draft; `confidence` is a probability in [0, 1], or None if unknown."""

    text: str
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """What a specialist returns for one segment.

    `score` is the natural-log probability of the whole draft where the specialist knows it. `language` is
    the BCP-47 tag of the text: the target language, or the pivot when drafting through one. `alignment` holds
    pairs (white-space word of the source, white-space word of the draft), from 0, where the specialist can tell.
    `spans` are the protected spans of the source where they stand in the draft; `repairs` tells what was done to
    keep them.
    """

    text: str
    words: tuple[Word, ...] = ()
    score: float | None = None
    engine: str = ""
    language: str = ""
    alignment: tuple[tuple[int, int], ...] = ()
    spans: tuple[Span, ...] = ()
    repairs: tuple[str, ...] = ()

    @property
    def confidence(self) -> float | None:
        """Arithmetic mean of the word confidences that are known, or None when none is."""
        known = [word.confidence for word in self.words if word.confidence is not None]
        return sum(known) / len(known) if known else None


@dataclass(frozen=True, slots=True)
class Demonstration:
    """The triplet of SCALE: a source, the specialist's drafts of it, and a target a person would sign.

    `terms` are pairs of source and target term that a prompt lists with it; `likeness` is that of its source to
    the text in percent, where it was found by that, and `origin` the memory that it came from. `notes` stand
    before the target in a prompt in which a base model is to make notes first. `auxiliaries` are pairs of the
    English name of a third language and a translation of the source into it.
    """

    source: str
    target: str
    drafts: tuple[Draft, ...] = ()
    terms: tuple[tuple[str, str], ...] = ()
    likeness: float | None = None
    origin: str = ""
    notes: str = ""
    auxiliaries: tuple[tuple[str, str], ...] = ()


TermStatus = Literal["preferred", "admitted", "deprecated", "forbidden", "keep"]
"""`keep`: the term is not translated. The others as TBX has them (administrativeStatus)."""

TermState = Literal["applied", "inflected", "missed", "overridden"]


@dataclass(frozen=True, slots=True)
class TermUse:
    """What became of one glossary term that a source holds.

    Args:
        source: the term as the glossary has it.
        target: its translation as the glossary wants it.
        state: "applied" (stands there as it is), "inflected" (in another form), "overridden" (another translation
            that the glossary lists stands in its place), "missed" (none of them does).
        found: what stands in the translation for it, "" when missed.
        status: of the entry that `found` belongs to; a deprecated or forbidden one is a fault.
        start, end: characters of the source where the term stands.
        origin: who wants it so: the glossary, or the method of that name.
    """

    source: str
    target: str
    state: TermState
    found: str = ""
    status: TermStatus = "preferred"
    start: int = 0
    end: int = 0
    origin: str = "glossary"


Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat prompt."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is sent to a generalist: chat messages, or one plain text for a base model.

    Exactly one of `messages` and `text` is set. `prefill` opens the answer of a chat model where the
    generalist can do that; `stop` ends the answer. `prediction` is a text that much of the answer may repeat
    (a draft in the target language): a generalist can decode faster by it, and must answer the same without.
    `after_thinking` belongs to a plain prompt that ends where thinking begins: what a model writes is thought, up
    to this text or a string of `stop`, and the answer is what follows. A model that is not to think is given the
    prompt `straight`. `data` are the texts from outside that it shows, for those who judge the answer.
    """

    messages: tuple[Message, ...] = ()
    text: str = ""
    prefill: str = ""
    stop: tuple[str, ...] = ()
    prediction: str = ""
    after_thinking: str = ""
    data: tuple[str, ...] = field(default=(), compare=False)

    @property
    def straight(self) -> Prompt:
        """The prompt without room for notes: the answer comes at once."""
        if not self.after_thinking:
            return self
        return replace(self, text=f"{self.text}{self.after_thinking}", after_thinking="")

    @property
    def content(self) -> str:
        """All that is sent, as one text: for counting."""
        return self.text or "".join(message.content for message in self.messages)

    def as_json(self) -> dict[str, Any]:
        """The prompt as `--dry-run` prints it."""
        if self.text:
            thinking = {"after_thinking": self.after_thinking} if self.after_thinking else {}
            return {"prompt": self.text, "stop": list(self.stop), **thinking}
        messages = [{"role": message.role, "content": message.content} for message in self.messages]
        return {"messages": messages, "prefill": self.prefill, "stop": list(self.stop)}


THINKING_OVERHEAD = 32
"""Tokens that opening and ending a thought, and one "wait", can take beside what is thought."""


@dataclass(frozen=True, slots=True)
class Decoding:
    """How a generalist decodes; temperature 0 is greedy.

    Args:
        max_tokens: bounds each answer, what is thought before it left out.
        temperature, top_p: of the sampler.
        seed: of the sampler.
        thinking: tokens that a model may think before it answers; then it is made to answer. 0 asks it not to
            think, None leaves that to the generalist: those that run in this process do not let it think, a server
            does what it does by default.
        wait: where the model would end its thinking, have it go on by the word "wait", once.
    """

    max_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    thinking: int | None = None
    wait: bool = False

    @property
    def most_tokens(self) -> int:
        """The most tokens that can come of one prompt: thinking, what ends it, and the answer."""
        return self.max_tokens + (self.thinking + THINKING_OVERHEAD if self.thinking else 0)


ThinkingEnd = Literal["natural", "forced", "open", "unknown"]
"""How thinking ended: by itself; made to, at its budget; never, as the answer was cut off; nobody says how."""


@dataclass(frozen=True, slots=True)
class Thought:
    """What a model thought before it answered; no part of the answer.

    `text` is empty where a server does not show it. `tokens` are those of the thought, the tags around it left
    out. `waited` says that it went on, once, by the word "wait".
    """

    text: str = ""
    tokens: int = 0
    end: ThinkingEnd = "natural"
    waited: bool = False


FinishReason = Literal["stop", "length", "filter", "error"]


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer of a generalist; `finish_reason` tells whether it may be used at all.

    "stop": complete. "length": cut off by `max_tokens` or the context. "filter": withheld by the server.
    "error": none was had, and `error` holds why.

    `evaluated_tokens` are those of the prompt that the model had to run through, the others being a prefix it had
    kept; None where the server does not say. `accepted_tokens` are those of the answer that speculation had
    guessed. `cached` says that the answer was read from the cache: nothing was sent, and nothing paid. `thought`
    is what the model thought before, None if it did not; its tokens are among `completion_tokens`.
    """

    text: str
    finish_reason: FinishReason = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    error: Exception | None = None
    evaluated_tokens: int | None = None
    accepted_tokens: int = 0
    cached: bool = False
    thought: Thought | None = None

    @property
    def answer_tokens(self) -> int:
        """Those of `completion_tokens` that were not thought."""
        return max(0, self.completion_tokens - self.thinking_tokens)

    @property
    def thinking_tokens(self) -> int:
        """Those of `completion_tokens` that were thought."""
        return self.thought.tokens if self.thought else 0

    @property
    def usage(self) -> Usage:
        """What this answer cost; one from the cache cost nothing."""
        if self.cached:
            return Usage(cached=1)
        known = self.evaluated_tokens is not None
        return Usage(
            calls=1,
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            cost=self.cost,
            evaluated_tokens=self.evaluated_tokens or 0 if known else self.prompt_tokens,
            accepted_tokens=self.accepted_tokens,
            thinking_tokens=self.thinking_tokens,
        )


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Natural-log probability of a given continuation under a model, and over how many tokens."""

    logprob: float
    tokens: int

    @property
    def per_token(self) -> float:
        """Mean log-probability of a token (0.0 for an empty continuation)."""
        return self.logprob / self.tokens if self.tokens else 0.0


@dataclass(frozen=True, slots=True)
class Check:
    """The verdict of one quality check on one text."""

    name: str
    passed: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """One thing that was decided on the way, and why.

    `step` is who decided ("road", "demonstrations", "deferral", "generalist", "thinking", "gate", "length"),
    `outcome` what.
    """

    step: str
    outcome: str
    reason: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What one translation cost.

    Args:
        calls: answers that the generalist gave.
        prompt_tokens, completion_tokens: tokens sent and answered.
        cost: in the currency of the prices.
        evaluated_tokens: prompt tokens that the model had to run through; all of them where that is not known.
        accepted_tokens: tokens of the answers that speculation had guessed.
        cached: answers that came from the cache, in no other count.
        thinking_tokens: tokens of the answers that were thought before, and are no part of the text.
    """

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    evaluated_tokens: int = 0
    accepted_tokens: int = 0
    cached: int = 0
    thinking_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cost + other.cost,
            self.evaluated_tokens + other.evaluated_tokens,
            self.accepted_tokens + other.accepted_tokens,
            self.cached + other.cached,
            self.thinking_tokens + other.thinking_tokens,
        )


@dataclass(frozen=True, slots=True)
class Candidate:
    """One text that could become the translation, and where it came from.

    `origin` is "draft", "refine", "few-shot" …; `evidence` holds what the gate measured on it; `spans` are the
    protected spans of the source where they stand in the text; `terms` tells what became of the glossary's terms.
    `round` counts the answers of a method that asked several times, from 1; 0 is the only one. `rules` are
    verdicts on rules that hold for the segment, after what a program does for them.
    """

    origin: str
    text: str
    checks: tuple[Check, ...] = ()
    evidence: dict[str, float] = field(default_factory=dict)
    spans: tuple[Span, ...] = ()
    terms: tuple[TermUse, ...] = ()
    round: int = 0
    rules: tuple[Check, ...] = ()

    @property
    def called(self) -> str:
        """The origin, and which of its answers it is where there are several."""
        return f"{self.origin} {self.round}" if self.round else self.origin


@dataclass(frozen=True, slots=True)
class Step:
    """One worker that a router gave a segment to, and what came of it.

    Args:
        worker: its name in the graph.
        router: who chose it: "rules", "learned", "token", "edge" (it follows another worker), "fallback".
        reason: why.
        text: what it made of the segment; "" where it failed.
        kept: whether that went on, to the next step or into the translation.
        usage: what it cost.
        seconds: that its group of segments took, shared evenly.
        signature: of the worker.
        probabilities: pairs of a worker and how probably it is the right one, where the router tells.
        alternatives: other workers that could have been chosen.
    """

    worker: str
    router: str
    reason: str
    text: str = ""
    kept: bool = True
    usage: Usage = Usage()
    seconds: float = 0.0
    signature: str = ""
    probabilities: tuple[tuple[str, float], ...] = ()
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Translation:
    """The result for one segment.

    `text` is empty only when the source is, or when `error` says why there is no translation.
    `decisions` tells in order what was decided and why; `candidates` are all the texts that were weighed. `spans`
    are the protected spans of the source where they stand in the text: every one of them, or `error` is set.
    `terms` tells what became of the glossary's terms that the source holds. `steps` are the workers that a router
    gave it to, in order.
    """

    segment: Segment
    text: str
    method: str
    pair: Pair
    drafts: tuple[Draft, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    checks: tuple[Check, ...] = ()
    decisions: tuple[Decision, ...] = ()
    demonstrations: tuple[Demonstration, ...] = ()
    usage: Usage = Usage()
    signature: str = ""
    seconds: float = 0.0
    error: Exception | None = None
    spans: tuple[Span, ...] = ()
    terms: tuple[TermUse, ...] = ()
    steps: tuple[Step, ...] = ()

    @property
    def draft(self) -> Draft | None:
        """The first draft, or None when the method asks no specialist."""
        return self.drafts[0] if self.drafts else None
