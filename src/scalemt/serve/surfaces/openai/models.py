"""The bodies of the chat API, as far as they mean anything to a translator."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from scalemt.serve.surfaces.base import documented

Code = Annotated[str, Field(min_length=1, max_length=60, description="A language code of any standard.")]


class Open(BaseModel):
    """A body in which more may stand than is read: sampling, tools, whatever clients send."""

    model_config = ConfigDict(extra="allow")


class Fault(BaseModel):
    """What is told of a refusal."""

    message: str
    type: str
    param: str | None
    code: str | None


class FaultBody(BaseModel):
    """The body of a refusal."""

    error: Fault


class Part(Open):
    """A part of a message; only text can be translated."""

    type: str
    text: str | None = None


class ChatMessage(Open):
    """One message: the last one of the user is translated."""

    role: Literal["developer", "system", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None


class StreamOptions(Open):
    """How a stream is sent."""

    include_usage: bool | None = None


class ChatBody(Open):
    """A request for a chat completion. `temperature`, `n` and the like are accepted, and mean nothing here."""

    model: str = Field(
        min_length=1,
        max_length=200,
        description='A profile, or one with a direction: "fast", "fast:en-pt", "fast:en>pt-BR", "fast:pt".',
    )
    messages: list[ChatMessage] = Field(min_length=1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    source: Code | None = Field(None, description='Not of OpenAI: the source language, or "auto".')
    target: Code | None = Field(None, description="Not of OpenAI: the target language.")
    formality: Literal["formal", "informal"] | None = Field(None, description="Not of OpenAI.")
    variety: str | None = Field(None, description="Not of OpenAI: regional variety of the target.")
    glossary: str | None = Field(None, description="Not of OpenAI: the id of a glossary kept at the server.")


class Spoken(BaseModel):
    """The message of an answer."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class Choice(BaseModel):
    """The one answer."""

    index: int = 0
    message: Spoken
    logprobs: None = None
    finish_reason: Literal["stop"] = "stop"


class TokenCount(BaseModel):
    """Tokens that a generalist read and wrote; words, where none was asked."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Completion(BaseModel):
    """A translation."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: TokenCount


class Model(BaseModel):
    """A profile."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: Literal["scalemt"] = "scalemt"


class ModelList(BaseModel):
    """All profiles that are served."""

    object: Literal["list"] = "list"
    data: list[Model]


REFUSED = documented(FaultBody, 400, 401, 403, 404, 405, 408, 413, 429, 500, 502, 503, 504)

STREAMED: dict[str, Any] = {
    "description": "A translation; with `stream` as server-sent events.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}
