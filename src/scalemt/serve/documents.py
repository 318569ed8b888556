"""Uploaded documents: kept in a folder, translated behind everything that somebody waits for, and given back.

What is known of each stands beside it, so that a server that was ended goes on with them when it is started again.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
import shutil
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal, Protocol

from scalemt import languages
from scalemt.errors import ScalemtError
from scalemt.formats import format_for
from scalemt.serve.asking import Ask, Reply, Wish
from scalemt.serve.detection import Detected
from scalemt.serve.errands import Office, send_out
from scalemt.serve.keys import ANONYMOUS, Caller
from scalemt.serve.line import Watch
from scalemt.serve.quotas import Quotas
from scalemt.serve.refusals import (
    Busy,
    Forbidden,
    InvalidRequest,
    NotDone,
    NotFound,
    Refusal,
    Unavailable,
    as_refusal,
    refusal_of_kind,
)
from scalemt.serve.settings import Capacity
from scalemt.serve.work import Errand, InternalError
from scalemt.types import Segment, Translation

logger = logging.getLogger("scalemt.serve")

State = Literal["queued", "running", "done", "failed", "cancelled"]

_AT_A_TIME = 2  # documents
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SUFFIX = re.compile(r"(\.[A-Za-z0-9]{1,12})?")
_SWEEP = 60.0  # seconds between looks for documents whose time is over


@dataclass
class Job:
    """One document on its way.

    Args:
        id: a UUID.
        owner: the name of the key that it was sent with.
        name: of the file, as its sender calls it.
        source, target: language codes; the source may be "auto".
        format: by name.
        wish: how it is translated.
        state: how far it is.
        segments: how many it has, None while that is not known; `done` and `failed` of them.
        characters: that were counted.
        error: why it failed.
        fault: the kind of refusal that this is.
        created, ended: seconds since 1970.
        key: what DeepL's clients have to know of it besides.
        paid: whether its characters are counted, also when it is begun again.
    """

    id: str
    owner: str
    name: str
    source: str
    target: str
    format: str
    wish: Wish = field(default_factory=Wish)
    state: State = "queued"
    segments: int | None = None
    done: int = 0
    failed: int = 0
    characters: int = 0
    error: str | None = None
    fault: str = ""
    created: float = field(default_factory=time.time)
    ended: float | None = None
    key: str = field(default_factory=lambda: secrets.token_hex(32).upper(), repr=False)
    paid: bool = False

    @property
    def over(self) -> bool:
        """Whether nothing more becomes of it."""
        return self.state in ("done", "failed", "cancelled")

    @property
    def refusal(self) -> Refusal:
        """What is answered to whoever waited for it in vain."""
        return refusal_of_kind(self.fault, self.error or "The document was given up before it was translated.")

    @property
    def result_name(self) -> str:
        """What the translated file is called."""
        path = Path(self.name)
        return f"{path.stem}.{self.target}{path.suffix}"


class Translating(Protocol):
    """The part of the service layer that documents need."""

    async def translate(
        self, ask: Ask, caller: Caller, watch: Watch | None = None, *, background: bool = False
    ) -> Reply:
        """Translate segments; see `Service.translate`."""
        ...

    async def detect(self, text: str, profile: str | None = None) -> list[Detected]:
        """Return the likeliest languages of a text."""
        ...


class Documents:
    """Takes documents, has them translated, keeps them for a while.

    Args:
        folder: where they are.
        service: translates.
        quotas: count characters.
        capacity: how many, and how long they are kept.
    """

    def __init__(self, folder: Path, service: Translating, quotas: Quotas, capacity: Capacity) -> None:
        self._folder = folder
        self._service = service
        self._quotas = quotas
        self._capacity = capacity
        self._jobs: dict[str, Job] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(_AT_A_TIME)
        self._sweeping: asyncio.Task[None] | None = None

    async def start(self, find: Callable[[str], Caller | None]) -> None:
        """Go on with what an earlier server left.

        Args:
            find: returns the caller of a name, or None where there is no such key any more.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = [await asyncio.to_thread(_read, place) for place in sorted(self._folder.iterdir())]
        for job in sorted((item for item in found if item), key=lambda job: job.created):
            self._jobs[job.id] = job
            caller = find(job.owner)
            if job.over:
                continue
            if caller is None:
                job.error, job.fault = "The key that it was sent with is there no more.", Forbidden.kind
                _end(job, "failed")
                continue
            job.state = "queued"
            self._begin(job, caller)
        self._sweeping = asyncio.create_task(self._sweep())

    async def close(self) -> None:
        """Stop; documents that are not done are begun again by the next server."""
        tasks = [*self._tasks.values(), *([self._sweeping] if self._sweeping else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def submit(
        self,
        caller: Caller,
        name: str,
        content: bytes,
        source: str,
        target: str,
        *,
        wish: Wish | None = None,
        format_name: str | None = None,
    ) -> Job:
        """Take a document; it is translated soon.

        Args:
            caller: whose it is.
            name: of the file; its suffix tells the format where that is not named.
            content: of the file.
            source: a language code, or "auto".
            target: a language code.
            wish: how it is translated.
            format_name: a format by name.

        Raises:
            UsageError: no such format or language.
            Busy: too many documents wait.
            Unavailable: it cannot be kept.
        """
        name = Path(name.replace("\\", "/")).name or "document.txt"
        kind = format_for(Path(name), format_name)
        if source != "auto":
            languages.parse_pair(source, target)
        waiting = [job.owner for job in self._jobs.values() if not job.over]
        if len(waiting) >= self._capacity.documents:
            raise Busy("As many documents wait as this server takes. Try again later.", 60.0)
        # Half of the places are for others, where there are any.
        if caller.name != ANONYMOUS and waiting.count(caller.name) >= max(1, self._capacity.documents // 2):
            raise Busy("As many of your documents wait as this server takes of one key. Try again later.", 60.0)
        job = Job(str(uuid.uuid4()), caller.name, name, source, languages.parse(target), kind.name, wish or Wish())
        try:
            await asyncio.to_thread(self._keep, job, content)
        except OSError as fault:
            shutil.rmtree(self._folder / job.id, ignore_errors=True)
            raise Unavailable(
                f"The document cannot be kept: {fault.strerror}. The operator has to mend that."
            ) from None
        self._jobs[job.id] = job
        self._begin(job, caller)
        return job

    def list(self, caller: Caller) -> list[Job]:
        """Return the documents of a caller, the newest first."""
        return sorted(
            (job for job in self._jobs.values() if job.owner == caller.name), key=lambda job: -job.created
        )

    def get(self, caller: Caller, number: str) -> Job:
        """Return one document.

        Raises:
            NotFound: there is none, or it is another's.
        """
        job = self._jobs.get(number)
        if job is None or job.owner != caller.name:
            raise NotFound("There is no document of this id. It may have been kept long enough.")
        return job

    def result(self, caller: Caller, number: str) -> tuple[Job, Path]:
        """Return a document and the file of its translation.

        Raises:
            NotFound: there is none.
            NotDone: it is not translated yet, or never will be.
        """
        job = self.get(caller, number)
        if job.state != "done":
            raise NotDone(f"The document is {job.state}. {job.error or 'Ask again when it is done.'}")
        return job, self._path(job, "result")

    def download(self, number: str) -> tuple[Job, Path]:
        """Return a document and its translation to whoever knows its id, which nobody guesses.

        Raises:
            NotFound: there is none, or it is not translated.
        """
        job = self._jobs.get(number)
        if job is None or job.state != "done":
            raise NotFound("There is no translated document at this address. It may have been kept long enough.")
        return job, self._path(job, "result")

    async def wait(self, job: Job) -> Job:
        """Wait until a document is done, or has failed."""
        if task := self._tasks.get(job.id):
            await asyncio.wait({task})
        return job

    async def remove(self, caller: Caller, number: str) -> None:
        """Forget a document; one that is under way is given up.

        Raises:
            NotFound: there is none, or it is another's.
        """
        job = self.get(caller, number)
        if task := self._tasks.get(job.id):
            task.cancel()
            await asyncio.wait({task})
            if job.paid and job.segments:
                left = job.characters * (job.segments - job.done) // job.segments
                self._quotas.refund(caller, left)
        await self._forget(job)

    async def _forget(self, job: Job) -> None:
        self._jobs.pop(job.id, None)
        await asyncio.to_thread(shutil.rmtree, self._folder / job.id, ignore_errors=True)

    def waiting(self) -> int:
        """Return how many documents wait or are under way."""
        return sum(not job.over for job in self._jobs.values())

    def _begin(self, job: Job, caller: Caller) -> None:
        task = asyncio.create_task(self._work(job, caller))
        self._tasks[job.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(job.id, None))

    async def _work(self, job: Job, caller: Caller) -> None:
        try:
            async with self._places:
                await self._translate(job, caller)
                _end(job, "done")
        except asyncio.CancelledError:
            # By `remove` it is forgotten, by `close` it is begun again.
            raise
        except Exception as fault:
            if isinstance(fault, InternalError):
                logger.error("document %s failed: %s\n%s", job.id, fault, fault.trace)
            elif not isinstance(fault, ScalemtError | OSError):
                logger.exception("document %s failed", job.id)
            refusal = Unavailable(f"{fault.strerror}.") if isinstance(fault, OSError) else as_refusal(fault)
            job.error, job.fault = str(refusal), refusal.kind
            # A path of the server is nobody's business outside.
            job.error = job.error.replace(str(self._path(job, "source")), job.name)
            _end(job, "failed")
        with suppress(OSError):
            # A disk that is full is not to hold what nobody will read.
            self._path(job, "source" if job.state == "done" else "result").unlink(missing_ok=True)
            await asyncio.to_thread(self._note, job)

    async def _translate(self, job: Job, caller: Caller) -> None:
        job.state, job.done, job.failed = "running", 0, 0
        source = "" if job.source == "auto" else job.source
        errand = Errand(self._path(job, "source"), self._path(job, "result"), source, job.target, job.format)
        # Beside what a caller may have in a month, a document is bounded by its size.
        unbounded = replace(
            caller.limits, characters=0, texts=0, per_minute=0, characters_per_minute=0, concurrent=0
        )
        payer = replace(caller, limits=unbounded)
        free = replace(caller, limits=replace(unbounded, monthly=0))

        async def admit(segments: int, characters: int) -> None:
            job.segments, job.characters = segments, characters
            if not job.paid:
                with self._quotas.admit(payer, characters, 1):
                    job.paid = True
                await asyncio.to_thread(self._note, job)

        async def translate(window: Sequence[Segment], language: str) -> Sequence[Translation]:
            ask = Ask(window, language, job.target, job.wish)
            return (await self._service.translate(ask, free, count, background=True)).translations

        def count(_index: int, item: Translation) -> None:
            job.done = min(job.done + 1, job.segments or 0)
            job.failed += item.error is not None

        def progress(done: int, failed: int) -> None:
            # The clerk counts what is in the document; what is translated, and on its way there, counts already.
            job.done, job.failed = max(job.done, done), max(job.failed, failed)

        try:
            await send_out(errand, Office(partial(self._language, job), admit, translate, progress))
        except Exception:
            if job.paid:
                self._quotas.refund(caller, job.characters)
            raise

    async def _language(self, job: Job, text: str) -> str:
        """Return the language of a document that does not say it: that of its first segments."""
        found = await self._service.detect(text, job.wish.profile)
        if not found:
            raise InvalidRequest("The language of the document cannot be told. Say it.")
        return found[0].language

    def _keep(self, job: Job, content: bytes) -> None:
        (self._folder / job.id).mkdir(parents=True)
        self._path(job, "source").write_bytes(content)
        self._note(job)

    def _note(self, job: Job) -> None:
        path = self._folder / job.id / "job.json"
        beside = path.with_suffix(".new")
        beside.write_text(json.dumps(asdict(job), ensure_ascii=False), "utf-8")
        beside.replace(path)

    def _path(self, job: Job, role: str) -> Path:
        suffix = Path(job.name).suffix
        return self._folder / job.id / f"{role}{suffix if _SUFFIX.fullmatch(suffix) else ''}"

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP)
            old = time.time() - self._capacity.kept
            for job in [job for job in self._jobs.values() if job.over and (job.ended or 0) < old]:
                await self._forget(job)


def _end(job: Job, state: State) -> None:
    job.state, job.ended = state, time.time()


def _read(folder: Path) -> Job | None:
    """Return the job of a folder; None where it holds none, of which nobody knows then: it is removed."""
    try:
        told = json.loads((folder / "job.json").read_text("utf-8"))
        return Job(**{**told, "wish": Wish(**told["wish"])})
    except (OSError, ValueError, TypeError, KeyError) as fault:
        logger.warning("%s is no document that could be gone on with (%s)", folder, type(fault).__name__)
        if _ID.fullmatch(folder.name):
            shutil.rmtree(folder, ignore_errors=True)
        return None
