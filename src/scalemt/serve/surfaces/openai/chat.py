"""Chat completions: the last message of the user is translated, line by line."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from scalemt.errors import ScalemtError
from scalemt.serve.asking import AUTO, Wish
from scalemt.serve.directions import FORMS, Direction, of_code, of_sentence
from scalemt.serve.keys import Caller
from scalemt.serve.linewise import Piece, translate_lines
from scalemt.serve.refusals import TooLarge
from scalemt.serve.service import Service
from scalemt.serve.surfaces.base import authenticated, refusal_of, routes_of, service_of
from scalemt.serve.surfaces.events import EventStream, Opened
from scalemt.serve.surfaces.openai.faults import NoDirection, NoText, TooLong, UnknownModel, fault_body
from scalemt.serve.surfaces.openai.models import (
    REFUSED,
    STREAMED,
    ChatBody,
    ChatMessage,
    Choice,
    Completion,
    Model,
    ModelList,
    Spoken,
    TokenCount,
)
from scalemt.serve.texts import Order
from scalemt.serve.tongues import Tongues
from scalemt.types import Usage

router = APIRouter(route_class=routes_of("openai"), prefix="/v1", tags=["openai"])

logger = logging.getLogger("scalemt.serve")

_CREATED = int(time.time())


def _caller(request: Request) -> Caller:
    caller = authenticated(request)
    caller.require("translate")
    return caller


@router.get("/models", responses=REFUSED)
async def list_models(request: Request) -> ModelList:
    """List the profiles that are served."""
    _caller(request)
    names = service_of(request).settings.profiles
    return ModelList(data=[Model(id=name, created=_CREATED) for name in names])


@router.get("/models/{model:path}", responses=REFUSED)
async def get_model(model: str, request: Request) -> Model:
    """Tell that a profile is served, also of one with a direction."""
    _caller(request)
    await _chosen(service_of(request), model)
    return Model(id=model, created=_CREATED)


@router.post("/chat/completions", response_model=Completion, responses={**REFUSED, 200: STREAMED})
async def complete(body: ChatBody, request: Request) -> Response:
    """Translate the last message of the user."""
    caller = _caller(request)
    service = service_of(request)
    order = await _order(service, body)
    pieces = translate_lines(service, _text(body.messages), order, caller)
    answer = _Answer(f"chatcmpl-{request.state.request_id}", int(time.time()), body.model)
    try:
        if body.stream:
            usage = bool(body.stream_options and body.stream_options.include_usage)
            source = await Opened.of(pieces)
            return EventStream(source, _events(source, answer, usage=usage))
        content = "".join([answer.counted(piece).text async for piece in pieces])
    except TooLarge as fault:
        raise TooLong(str(fault)) from None
    return JSONResponse(answer.completion(content).model_dump())


async def _chosen(service: Service, model: str) -> tuple[str, Direction]:
    """Return the profile that the name of a model means, and the direction behind it."""
    profiles = service.settings.profiles
    name, _, code = (model, "", "") if model in profiles else model.partition(":")
    if name not in profiles:
        raise UnknownModel(f"There is no model {model[:100]!r}. Valid choices: {', '.join(sorted(profiles))}.")
    direction = of_code(code, await service.tongues(name)) if code else Direction()
    if direction is None:
        raise UnknownModel(
            f"{code[:100]!r}, behind the profile {name}, is no direction. Write it as in {name}:en-pt, "
            f"{name}:en>pt-BR or {name}:pt."
        )
    return name, direction


async def _order(service: Service, body: ChatBody) -> Order:
    """Return how a text is to be translated: as fields of the body say, else the model, else a system message."""
    name, direction = await _chosen(service, body.model)
    direction = Direction(body.source, body.target).or_else(direction)
    if direction.target is None:
        direction = direction.or_else(_told(body.messages, await service.tongues(name)))
    if direction.target is None:
        raise NoDirection(
            "Nothing says into which language. Say it in one of three ways: the fields source and target of the "
            f"body (extra_body of the SDK), the name of the model ({name}:en-pt, or {name}:pt), or a system "
            f"message such as {' or '.join(FORMS)}."
        )
    wish = Wish(name, None, body.formality, body.variety or None, body.glossary or None)
    return Order(direction.source or AUTO, direction.target, wish)


def _told(messages: Sequence[ChatMessage], tongues: Tongues) -> Direction:
    """Return what the last system message that tells a target says; all else in it is passed over."""
    for message in reversed(messages):
        if message.role in ("system", "developer") and (found := of_sentence(_content(message), tongues)):
            return found
    return Direction()


def _text(messages: Sequence[ChatMessage]) -> str:
    message = next((item for item in reversed(messages) if item.role == "user"), None)
    if message is None:
        raise NoText("There is no message of the role user. Send the text to translate in one.")
    return _content(message)


def _content(message: ChatMessage) -> str:
    if message.content is None or isinstance(message.content, str):
        return message.content or ""
    for part in message.content:
        if part.type != "text" or part.text is None:
            raise NoText(f"A part of a message is of the type {part.type[:40]!r}. Only text can be translated.")
    return "".join(part.text or "" for part in message.content)


class _Answer:
    """An answer in the making: what all its chunks share, and what it has cost.

    Args:
        number: its id.
        created: seconds since 1970.
        model: as it was asked for.
    """

    def __init__(self, number: str, created: int, model: str) -> None:
        self._head: dict[str, Any] = {"id": number, "created": created, "model": model}
        self._usage = Usage()

    def counted(self, piece: Piece) -> Piece:
        """Return a piece whose cost is counted: what a generalist read and wrote; words, where none was asked."""
        if piece.translation:
            item = piece.translation
            words = Usage(prompt_tokens=len(item.segment.text.split()), completion_tokens=len(item.text.split()))
            self._usage += item.usage if item.usage.calls else words
        return piece

    @property
    def usage(self) -> TokenCount:
        """What all pieces have cost."""
        read, written = self._usage.prompt_tokens, self._usage.completion_tokens
        return TokenCount(prompt_tokens=read, completion_tokens=written, total_tokens=read + written)

    def completion(self, content: str) -> Completion:
        """Return the whole answer in one."""
        return Completion(**self._head, choices=[Choice(message=Spoken(content=content))], usage=self.usage)

    def chunk(self, delta: dict[str, str], finish_reason: str | None = None) -> dict[str, Any]:
        """Return a part of the answer."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return {**self._head, "object": "chat.completion.chunk", "choices": [choice]}

    def bill(self) -> dict[str, Any]:
        """Return the last chunk of a stream that is to tell what it cost."""
        return {**self.chunk({}), "choices": [], "usage": self.usage.model_dump()}


async def _events(pieces: AsyncIterator[Piece], answer: _Answer, *, usage: bool) -> AsyncIterator[str]:
    # With a bill at the end, all chunks before it say that it is to come.
    more = {"usage": None} if usage else {}
    yield _sent(answer.chunk({"role": "assistant", "content": ""}) | more)
    try:
        async for piece in pieces:
            if answer.counted(piece).text:
                yield _sent(answer.chunk({"content": piece.text}) | more)
    except Exception as fault:
        if not isinstance(fault, ScalemtError):
            logger.exception("a stream failed")
        yield _sent(fault_body(refusal_of(fault)))
        return
    yield _sent(answer.chunk({}, "stop") | more)
    if usage:
        yield _sent(answer.bill())
    yield "data: [DONE]\n\n"


def _sent(value: dict[str, Any]) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"
