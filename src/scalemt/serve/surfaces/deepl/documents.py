"""Documents: sent, watched, fetched; each is known by an id and a key."""

from __future__ import annotations

import asyncio
import hmac
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import PurePosixPath
from typing import Annotated, BinaryIO
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi import Path as PathParameter
from starlette.datastructures import UploadFile
from starlette.responses import Response, StreamingResponse

from scalemt.serve.documents import Job
from scalemt.serve.keys import Caller
from scalemt.serve.refusals import InvalidRequest, NotFound
from scalemt.serve.surfaces.base import routes_of, service_of
from scalemt.serve.surfaces.bodies import either_body, upload_body, validated
from scalemt.serve.surfaces.deepl.models import REFUSED, DocumentBody, DocumentHandle, DocumentKey, DocumentStatus
from scalemt.serve.surfaces.deepl.translating import SEVERAL, fields_of
from scalemt.serve.surfaces.deepl.wishes import understood

router = APIRouter(route_class=routes_of("deepl"))

Number = Annotated[str, PathParameter(max_length=60)]
_CHUNK = 2**16  # bytes
_STATES = {"queued": "queued", "running": "translating", "done": "done", "failed": "error", "cancelled": "error"}


@router.post("/v2/document", responses=REFUSED, openapi_extra=upload_body(DocumentBody))
async def submit(request: Request) -> DocumentHandle:
    """Send a document; it is translated behind everything that somebody waits for."""
    fields, caller = await fields_of(request, "documents")
    file = next(iter(fields.all("file")), None)
    if not isinstance(file, UploadFile):
        raise InvalidRequest("Invalid file data. Send the document as the part 'file' of a multipart form.")
    body = validated(DocumentBody, fields.data(SEVERAL))
    name = body.filename or file.filename or ""
    suffix = PurePosixPath(name).suffix.lower()
    if body.output_format and f".{body.output_format.lower().lstrip('.')}" != suffix:
        raise InvalidRequest(
            f"Documents are not turned into another format: {name[:80]} to {body.output_format[:20]}. "
            "Leave output_format out."
        )
    service = service_of(request)
    wanted = await understood(service, body, caller, service.settings.default)
    job = await service.submit(caller, name, await file.read(), wanted.source, wanted.target, wish=wanted.wish)
    return DocumentHandle(document_id=UUID(job.id).hex.upper(), document_key=job.key)


@router.get("/v2/document/{document_id}", include_in_schema=False)
@router.post(
    "/v2/document/{document_id}",
    response_model_exclude_none=True,
    responses=REFUSED,
    openapi_extra=either_body(DocumentKey),
)
async def status(document_id: Number, request: Request) -> DocumentStatus:
    """Tell how far a document is."""
    job, _ = await _job(document_id, request)
    told = DocumentStatus.model_validate({"document_id": document_id, "status": _STATES[job.state]})
    if job.state == "running":
        told.seconds_remaining = _remaining(job)
    elif job.state == "done":
        told.seconds_remaining, told.billed_characters = 0, job.characters
    elif job.over:
        told.error_message = job.error or "The document was given up."
    return told


def _remaining(job: Job) -> int:
    """Guess by what is done how long the rest takes."""
    passed = time.time() - job.created
    return round(passed * ((job.segments or 0) - job.done) / job.done) + 1 if job.done else 10


@router.get("/v2/document/{document_id}/result", include_in_schema=False)
@router.post(
    "/v2/document/{document_id}/result",
    response_class=StreamingResponse,
    responses={**REFUSED, 200: {"content": {"application/octet-stream": {"schema": {"type": "string"}}}}},
    openapi_extra=either_body(DocumentKey),
)
async def result(document_id: Number, request: Request) -> Response:
    """Fetch the translated document, once: it is forgotten then."""
    job, caller = await _job(document_id, request)
    documents = service_of(request).documents
    job, path = documents.result(caller, job.id)
    file = await asyncio.to_thread(path.open, "rb")
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(job.result_name)}",
        "Content-Length": str(os.fstat(file.fileno()).st_size),
    }
    sent = _once(file, partial(documents.remove, caller, job.id))
    return StreamingResponse(sent, media_type="application/octet-stream", headers=headers)


async def _once(file: BinaryIO, forget: Callable[[], Awaitable[None]]) -> AsyncIterator[bytes]:
    """Yield a file, and have it forgotten when all of it was taken; whoever broke off may come again."""
    with file:
        while chunk := await asyncio.to_thread(file.read, _CHUNK):
            yield chunk
    await forget()


async def _job(document_id: str, request: Request) -> tuple[Job, Caller]:
    """Return a document of whoever knows its key.

    Raises:
        NotFound: there is none, it is another's, or the key is wrong.
    """
    fields, caller = await fields_of(request, "documents")
    body = validated(DocumentKey, fields.data())
    try:
        number = str(UUID(hex=document_id))
    except ValueError:
        raise NotFound("There is no document of this id.") from None
    job = service_of(request).documents.get(caller, number)
    if not hmac.compare_digest(job.key.encode(), body.document_key.encode()):
        raise NotFound("There is no document of this id and key.")
    return job, caller
