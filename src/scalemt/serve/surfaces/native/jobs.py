"""Documents: sent, watched, fetched."""

from __future__ import annotations

import time
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, File, Form, Path, Request, UploadFile
from starlette.responses import FileResponse, Response

from scalemt.serve.asking import AUTO, Wish
from scalemt.serve.documents import Job
from scalemt.serve.surfaces.base import caller_of, routes_of, service_of
from scalemt.serve.surfaces.native.models import REFUSED, JobEntry, JobList

router = APIRouter(prefix="/v1", tags=["native"], route_class=routes_of("native"))

Number = Annotated[str, Path(max_length=60)]
Code = Annotated[str, Form(min_length=1, max_length=60)]


def _wish(
    profile: Annotated[str | None, Form()] = None,
    method: Annotated[str | None, Form()] = None,
    formality: Annotated[Literal["formal", "informal"] | None, Form()] = None,
    variety: Annotated[str | None, Form()] = None,
    glossary: Annotated[str | None, Form()] = None,
) -> Wish:
    return Wish(profile or None, method or None, formality, variety or None, glossary or None)


@router.post("/jobs", status_code=202, responses=REFUSED)
async def submit(
    request: Request,
    wish: Annotated[Wish, Depends(_wish)],
    file: Annotated[UploadFile, File()],
    target: Code,
    source: Code = AUTO,
    document_format: Annotated[str | None, Form(alias="format")] = None,
) -> JobEntry:
    """Send a document; it is translated behind everything that somebody waits for."""
    caller = caller_of(request, "documents")
    job = await service_of(request).submit(
        caller,
        file.filename or "",
        await file.read(),
        source,
        target,
        wish=wish,
        format_name=document_format or None,
    )
    return _entry(job)


@router.get("/jobs", responses=REFUSED)
async def list_jobs(request: Request) -> JobList:
    """List the documents of the caller, the newest first."""
    caller = caller_of(request, "documents")
    return JobList(jobs=[_entry(job) for job in service_of(request).documents.list(caller)])


@router.get("/jobs/{number}", responses=REFUSED)
async def get_job(number: Number, request: Request) -> JobEntry:
    """Tell how far a document is."""
    caller = caller_of(request, "documents")
    return _entry(service_of(request).documents.get(caller, number))


@router.get(
    "/jobs/{number}/result",
    response_class=FileResponse,
    responses={**REFUSED, 200: {"content": {"application/octet-stream": {"schema": {"type": "string"}}}}},
)
async def get_result(number: Number, request: Request) -> Response:
    """Fetch the translated document."""
    caller = caller_of(request, "documents")
    job, path = service_of(request).documents.result(caller, number)
    return FileResponse(path, media_type="application/octet-stream", filename=job.result_name)


@router.delete("/jobs/{number}", status_code=204, responses=REFUSED)
async def remove(number: Number, request: Request) -> Response:
    """Forget a document; one that is under way is given up."""
    caller = caller_of(request, "documents")
    await service_of(request).documents.remove(caller, number)
    return Response(status_code=204)


def _entry(job: Job) -> JobEntry:
    return JobEntry(
        id=job.id,
        name=job.name,
        state=job.state,
        source=job.source,
        target=job.target,
        format=job.format,
        segments=job.segments,
        done=job.done,
        failed=job.failed,
        characters=job.characters,
        error=job.error,
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(job.created)),
    )
