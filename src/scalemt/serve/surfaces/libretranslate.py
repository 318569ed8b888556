"""The API of LibreTranslate 1.9: its paths, parameters, spellings, messages and status codes.

Source: the OpenAPI document and the behaviour of LibreTranslate 1.9.6 (https://docs.libretranslate.com).
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.datastructures import UploadFile
from starlette.responses import FileResponse, JSONResponse, Response

from scalemt import languages
from scalemt.errors import UsageError
from scalemt.formats import format_for, suffixes
from scalemt.serve import markup
from scalemt.serve.asking import AUTO, Wish
from scalemt.serve.documents import Job
from scalemt.serve.keys import Caller
from scalemt.serve.refusals import (
    Busy,
    Forbidden,
    InvalidRequest,
    QuotaSpent,
    RateLimited,
    Refusal,
    Unauthorized,
)
from scalemt.serve.service import Service
from scalemt.serve.surfaces.base import Surface, caller_of, documented, routes_of, service_of
from scalemt.serve.surfaces.bodies import Fields, either_body, read_fields, upload_body, validated
from scalemt.serve.texts import Done, Order, translate_texts
from scalemt.types import Pair

# What LibreTranslate writes for tags of ours; it reads its own old codes (pb, zh, zt) too.
_SPELT = {"zh": "zh-Hans"}

_Model = TypeVar("_Model", bound=BaseModel)
Text = Annotated[str, Field(min_length=1)]
Code = Annotated[str, Field(min_length=1, max_length=60)]
ApiKey = Annotated[str | None, Field(description="The key, where the server wants one.")]


class ErrorBody(BaseModel):
    """What is told of a refusal."""

    error: str


class TranslateBody(BaseModel):
    """What is to be translated."""

    q: Text | Annotated[list[str], Field(min_length=1)] = Field(description="One text or several.")
    source: Code = Field(description='Language code, or "auto".')
    target: Code = Field(description="Language code.")
    format: Literal["text", "html"] = "text"
    alternatives: int = Field(0, description="How many other translations are wanted, if there are any.")
    api_key: ApiKey = None


class Detection(BaseModel):
    """A language, and how sure it is, in percent."""

    confidence: float = Field(ge=0, le=100)
    language: str


class TranslateReply(BaseModel):
    """Translations: one of each where one text was sent, lists where several were."""

    translatedText: str | list[str]  # noqa: N815  # LibreTranslate's name
    detectedLanguage: Detection | list[Detection] | None = None  # noqa: N815
    alternatives: list[str] | list[list[str]] | None = None


class DetectBody(BaseModel):
    """A text of an unknown language."""

    q: Text | Annotated[list[str], Field(min_length=1)]
    api_key: ApiKey = None


class LanguageEntry(BaseModel):
    """A language, and those that it can be translated into."""

    code: str
    name: str
    targets: list[str]


class SuggestBody(BaseModel):
    """A better translation, for the memory."""

    q: Text = Field(description="The original text.")
    s: Text = Field(description="Its translation.")
    source: Code
    target: Code
    api_key: ApiKey = None


class SuggestReply(BaseModel):
    """The suggestion was taken."""

    success: bool


class FileBody(BaseModel):
    """How a document is translated."""

    source: Code
    target: Code
    api_key: ApiKey = None


class FileReply(BaseModel):
    """Where the translated document is."""

    translatedFileUrl: str  # noqa: N815


class NamedLanguage(BaseModel):
    """A language by code and name."""

    code: str
    name: str


class Chosen(BaseModel):
    """The languages that a page shows first."""

    source: NamedLanguage
    target: NamedLanguage


class Settings(BaseModel):
    """What a page has to know of the server."""

    charLimit: int  # noqa: N815
    frontendTimeout: int  # noqa: N815
    apiKeys: bool  # noqa: N815
    keyRequired: bool  # noqa: N815
    suggestions: bool
    filesTranslation: bool  # noqa: N815
    supportedFilesFormat: list[str]  # noqa: N815
    language: Chosen


router = APIRouter(route_class=routes_of("libretranslate"), tags=["libretranslate"])
_OPEN = documented(ErrorBody, 400, 403, 405, 408, 413, 415, 429, 500, 502, 503, 504)
_REFUSED = {**_OPEN, **documented(ErrorBody, 404)}


def _as_code(tag: str) -> str:
    return _SPELT.get(tag, tag)


async def _fields(request: Request, scope: str) -> tuple[Fields, Caller]:
    """Return what a request says, and who sent it: the key may stand among the parameters."""
    fields = await read_fields(request)
    return fields, caller_of(request, scope, fields.first("api_key"))


def _checked(model: type[_Model], fields: Fields, several: tuple[str, ...] = ()) -> _Model:
    """Return the parameters; what is wrong with them is said as LibreTranslate does."""
    try:
        return validated(model, fields.data(several))
    except RequestValidationError as fault:
        raise InvalidRequest(_sentence(fault.errors()[0])) from None


def _sentence(fault: dict[str, Any]) -> str:
    name = str(fault["loc"][0])
    if fault["type"] == "missing" or fault["input"] in ("", [], None):
        return f"Invalid request: missing {name} parameter"
    if name == "alternatives":
        return "Invalid request: alternatives parameter is not a number"
    if name == "format":
        return f"{str(fault['input'])[:60]} format is not supported"
    return f"Invalid request: {name} parameter: {fault['msg']}"


@router.post(
    "/translate",
    response_model=TranslateReply,
    response_model_exclude_none=True,
    responses=_REFUSED,
    openapi_extra=either_body(TranslateBody),
)
async def translate(request: Request) -> Response:
    """Translate one text or several."""
    fields, caller = await _fields(request, "translate")
    body = _checked(TranslateBody, _singled(fields), ("q",))
    texts = body.q if isinstance(body.q, list) else [body.q]
    _require_short(texts, caller)
    service = service_of(request)
    source, target = await _languages(service, body.source, body.target)
    cut = markup.html if body.format == "html" else markup.plain
    cuts = [await asyncio.to_thread(cut, text) for text in texts]
    done = await translate_texts(service, cuts, Order(source, target), caller)
    return JSONResponse(_reply(body, done))


def _singled(fields: Fields) -> Fields:
    """Take a text that stands once in a form for one text, not for a list of one."""
    q = fields.values.get("q")
    if fields.form and q and len(q) == 1:
        return Fields({**fields.values, "q": q[0]}, form=True)
    return fields


def _require_short(texts: list[str], caller: Caller) -> None:
    """Refuse a long text in LibreTranslate's way; what the request holds as a whole is counted elsewhere."""
    most = caller.limits.characters
    length = max(map(len, texts))
    if most and length > most:
        raise InvalidRequest(f"Invalid request: request ({length}) exceeds text limit ({most})")


async def _languages(service: Service, source: str, target: str) -> tuple[str, str]:
    """Return the tags of two codes; the source may be "auto".

    Raises:
        InvalidRequest: one of them is unknown here, or there is no such pair.
    """
    tongues = await service.tongues()
    known = [*tongues.sources, *tongues.targets]
    from_tag = AUTO if source.lower() == AUTO else _tag(tongues.known(source, known), source)
    into_tag = _tag(tongues.known(target, known), target)
    same = from_tag != AUTO and languages.base(from_tag) == languages.base(into_tag)
    if from_tag != AUTO and not same and not tongues.serves(Pair(from_tag, into_tag)):
        raise InvalidRequest(
            f"{languages.name(into_tag)} ({_as_code(into_tag)}) is not available as a target language from "
            f"{languages.name(from_tag)} ({_as_code(from_tag)})"
        )
    return from_tag, into_tag


def _tag(tag: str | None, code: str) -> str:
    if tag is None:
        raise InvalidRequest(f"{code.lower()} is not supported")
    return tag


def _reply(body: TranslateBody, done: list[Done]) -> dict[str, Any]:
    columns: dict[str, list[Any]] = {"translatedText": [item.text for item in done]}
    if body.source.lower() == AUTO:
        columns["detectedLanguage"] = [_detection(item) for item in done]
    if body.alternatives > 0:
        columns["alternatives"] = [_alternatives(item, body.alternatives) for item in done]
    return columns if isinstance(body.q, list) else {name: column[0] for name, column in columns.items()}


def _detection(item: Done) -> dict[str, Any]:
    found = item.detected
    if found is None:
        return {"confidence": 0.0, "language": "en"}
    return {"confidence": round(100 * found.confidence, 1), "language": _as_code(found.language)}


def _alternatives(done: Done, most: int) -> list[str]:
    """Return what else a text could be; of one that was translated in pieces nothing is known as a whole."""
    if len(done.translations) != 1 or any(told.step == "length" for told in done.translations[0].decisions):
        return []
    (translation,) = done.translations
    target = languages.base(translation.pair.target)
    drafts = [draft for draft in translation.drafts if languages.base(draft.language or target) == target]
    texts = [*(item.text for item in translation.candidates), *(item.text for item in drafts)]
    return [text for text in dict.fromkeys(texts) if text and text != done.text][:most]


@router.post("/detect", response_model=list[Detection], responses=_REFUSED, openapi_extra=either_body(DetectBody))
async def detect(request: Request) -> Response:
    """Tell the language of a text: the likeliest ones, the best first."""
    fields, caller = await _fields(request, "translate")
    body = _checked(DetectBody, _singled(fields), ("q",))
    texts = body.q if isinstance(body.q, list) else [body.q]
    _require_short(texts, caller)
    found = await service_of(request).detect("\n".join(texts))
    told = [_detection(Done("", item)) for item in found]
    return JSONResponse(told or [_detection(Done(""))])


@router.get("/languages", responses=_OPEN)
async def list_languages(request: Request) -> list[LanguageEntry]:
    """List the languages, each with those that it can be translated into; no key is needed."""
    tongues = await service_of(request).tongues()
    tags = sorted({*tongues.sources, *tongues.targets}, key=languages.name)
    return [
        LanguageEntry(
            code=_as_code(tag),
            name=languages.name(tag),
            # A language is among its own targets there: what is in it already comes back as it is.
            targets=sorted(map(_as_code, {tag, *tongues.targets_of(tag)})),
        )
        for tag in tags
    ]


@router.get("/frontend/settings", responses=_OPEN)
async def settings(request: Request) -> Settings:
    """Tell a page what it has to know; no key is needed."""
    service = service_of(request)
    told = service.settings
    tongues = await service.tongues()
    target = next(iter(tongues.targets_of("en") or tongues.targets), "en")
    wants_keys = told.key_file is not None
    return Settings(
        charLimit=told.limits.characters or -1,
        frontendTimeout=500,
        apiKeys=wants_keys,
        keyRequired=wants_keys,
        suggestions=bool(service.profile(None).memories),
        filesTranslation=True,
        supportedFilesFormat=[suffix for suffix in suffixes() if suffix.startswith(".")],
        language=Chosen(
            source=NamedLanguage(code=AUTO, name="Auto Detect"),
            target=NamedLanguage(code=_as_code(target), name=languages.name(target)),
        ),
    )


@router.post("/suggest", responses=_REFUSED, openapi_extra=either_body(SuggestBody))
async def suggest(request: Request) -> SuggestReply:
    """Keep a better translation in the memory."""
    fields, caller = await _fields(request, "memory:write")
    body = _checked(SuggestBody, fields)
    service = service_of(request)
    if not service.profile(None).memories:
        raise Forbidden("Suggestions are disabled on this server.")
    source, target = await _languages(service, body.source, body.target)
    if AUTO in (source, target):
        raise InvalidRequest(f"{AUTO} is not supported")
    await service.remember(body.q, body.s, Pair(source, target), Wish(), {"creator": caller.name})
    return SuggestReply(success=True)


@router.post("/translate_file", responses=_REFUSED, openapi_extra=upload_body(FileBody))
async def translate_file(request: Request) -> FileReply:
    """Translate a document, and tell where the translation is."""
    fields, caller = await _fields(request, "documents")
    file = next(iter(fields.all("file")), None)
    if not isinstance(file, UploadFile):
        raise InvalidRequest("Invalid request: missing file parameter")
    body = _checked(FileBody, fields)
    if not file.filename:
        raise InvalidRequest("Invalid request: empty file")
    try:
        format_for(file.filename)
    except UsageError:
        raise InvalidRequest("Invalid request: file format not supported") from None
    service = service_of(request)
    source, target = await _languages(service, body.source, body.target)
    job = await service.submit(caller, file.filename, await file.read(), source, target)
    await _finish(service, job, caller)
    # Whoever knows the number may fetch it: 122 random bits, that are forgotten with the document.
    address = request.url_for("download_file", name=quote(f"{job.id}.{job.result_name}"))
    return FileReply(translatedFileUrl=str(address))


async def _finish(service: Service, job: Job, caller: Caller) -> None:
    """Wait for a document; one that nobody waits for any more is given up."""
    try:
        await service.documents.wait(job)
    except asyncio.CancelledError:
        await service.documents.remove(caller, job.id)
        raise
    if job.state != "done":
        raise job.refusal


@router.get(
    "/download_file/{name}",
    name="download_file",
    response_class=FileResponse,
    responses={**_REFUSED, 200: {"content": {"application/octet-stream": {"schema": {"type": "string"}}}}},
)
async def download_file(name: str, request: Request) -> Response:
    """Fetch a translated document; no key is needed beside its address."""
    number = name.partition(".")[0]
    job, path = service_of(request).documents.download(number)
    return FileResponse(path, media_type="application/octet-stream", filename=job.result_name)


def _status(refusal: Refusal) -> int:
    """LibreTranslate has no 401 and no 456."""
    if isinstance(refusal, Unauthorized):
        return 400
    return 429 if isinstance(refusal, QuotaSpent) else refusal.status


def _form(refusal: Refusal, _: str) -> dict[str, Any]:
    if isinstance(refusal, Busy | RateLimited | QuotaSpent):
        return {"error": f"Slowdown: {refusal}"}
    return {"error": str(refusal)}


surface = Surface(
    "libretranslate",
    "LibreTranslate",
    router,
    _form,
    owns=("/translate", "/detect", "/languages", "/suggest", "/download_file", "/frontend", "/spec"),
    uploads=("/translate_file",),
    document="/spec",
    status=_status,
)
