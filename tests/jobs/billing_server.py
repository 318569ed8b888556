"""A chat server that bills: it keeps a log of every call, answers by the prompt alone, and fails on command.

What a job must not do is pay twice. So the server, and not the client, says what was asked, what was answered
(and is billed), and what was under way at a moment. A real HTTP server; a thread of the process of the test.
"""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

FaultKind = Literal[
    "status",
    "quota",
    "hang",
    "reset",
    "truncated",
    "garbage",
    "no choices",
    "two choices",
    "none of them",
    "empty",
]
BILLED_FAULTS: frozenset[FaultKind] = frozenset(
    {"truncated", "no choices", "two choices", "none of them", "empty"}
)
"""Faults that a server would bill: it did the work, and said something else than was wanted."""

_ASKED = re.compile(r"^Source sentence: (.*)$", re.MULTILINE)
_DRAFT = re.compile(r"^Potentially useful reference answer(?: \d+)?: (.*)$", re.MULTILINE)
_CONFIDENCE = re.compile(r"\((?:0\.\d\d|1\.00)\)(?= |$)")


@dataclass(frozen=True)
class Fault:
    """One way to fail, and for which calls.

    Args:
        kind: what happens; "status" answers with `status`, "quota" is a 429 that no waiting mends.
        status: the HTTP status of "status".
        retry_after: seconds told in Retry-After; None tells none.
        as_date: tell them as HTTP-date.
        marker: only calls whose source holds this text.
        first: only the first so many of the calls that it applies to; None is all of them.
        per_prompt: only so many times the same prompt; None is always.
        seconds: how long "hang" holds the line.
    """

    kind: FaultKind
    status: int = 500
    retry_after: float | None = None
    as_date: bool = False
    marker: str = ""
    first: int | None = None
    per_prompt: int | None = None
    seconds: float = 30.0

    def headers(self) -> dict[str, str]:
        """Retry-After, in one of its two forms."""
        if self.retry_after is None:
            return {}
        if not self.as_date:
            return {"retry-after": f"{self.retry_after:g}"}
        # A date has no fractions: it is rounded up, so that waiting until then is always enough.
        moment = datetime.now(UTC) + timedelta(seconds=self.retry_after + 0.999)
        return {"retry-after": format_datetime(moment.replace(microsecond=0), usegmt=True)}


@dataclass(frozen=True)
class Call:
    """One call: what it asked, when it came, and what became of it.

    `prompt` is a hash of all that was asked, `source` the sentence that it was about. `answered` is None while
    the call is under way. Times are those of `time.monotonic`.
    """

    number: int
    prompt: str
    source: str
    received: float
    answered: float | None = None
    outcome: str = "under way"
    billed: bool = False
    tokens: int = 0


@dataclass
class Billing:
    """The log of all calls; safe to share between threads."""

    calls: list[Call] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    most_under_way: int = 0
    _under_way: int = 0
    _known: set[str] = field(default_factory=set)

    def begin(self, prompt: str, source: str) -> Call:
        """Write down a call that has come."""
        with self.lock:
            call = Call(len(self.calls), prompt, source, time.monotonic())
            self.calls.append(call)
            self._under_way += 1
            self.most_under_way = max(self.most_under_way, self._under_way)
            return call

    def end(self, call: Call, outcome: str, *, billed: bool, tokens: int = 0) -> None:
        """Write down what became of it; it is billed whether or not the client still listens."""
        with self.lock:
            changed = replace(
                call, answered=time.monotonic(), outcome=outcome, billed=billed, tokens=tokens if billed else 0
            )
            self.calls[call.number] = changed
            self._under_way -= 1
            if billed:
                self._known.add(call.source)

    def forget(self) -> None:
        """Begin an empty log; no call may be under way."""
        with self.lock:
            self.calls.clear()
            self._known.clear()

    @property
    def under_way(self) -> int:
        """Calls that were received and not yet answered."""
        with self.lock:
            return self._under_way

    @property
    def different(self) -> int:
        """How many different sources were billed; quick, for whoever asks every millisecond."""
        with self.lock:
            return len(self._known)

    def since(self, moment: float) -> list[Call]:
        """Calls that were not answered before a moment: under way then, or come later."""
        with self.lock:
            return [call for call in self.calls if call.answered is None or call.answered >= moment]

    def billed(self) -> list[Call]:
        """All calls that are paid for."""
        with self.lock:
            return [call for call in self.calls if call.billed]

    def prompts(self) -> Counter[str]:
        """How often each prompt was billed."""
        return Counter(call.prompt for call in self.billed())

    def sources(self) -> Counter[str]:
        """How often each source was billed, whatever else the prompts held: a prompt that changed between two
        runs would hide that it was paid twice."""
        return Counter(call.source for call in self.billed())

    def repeated(self) -> Counter[str]:
        """Prompts that were billed more than once, and how often beyond that."""
        return Counter({prompt: count - 1 for prompt, count in self.prompts().items() if count > 1})

    def tokens(self) -> int:
        """All tokens billed."""
        return sum(call.tokens for call in self.billed())

    def outcomes(self) -> Counter[str]:
        """How the calls ended."""
        with self.lock:
            return Counter(call.outcome for call in self.calls)


def asked(body: dict[str, Any]) -> tuple[str, str]:
    """Return the source that a prompt asks about and its draft, "" where there is none."""
    text = "\n".join(str(message["content"]) for message in body["messages"] if message["role"] == "user")
    sources, drafts = list(_ASKED.finditer(text)), list(_DRAFT.finditer(text))
    source = sources[-1] if sources else None
    draft = drafts[-1] if drafts and source and drafts[-1].start() > source.start() else None
    return source[1] if source else text, _CONFIDENCE.sub("", draft[1]) if draft else ""


def digest(text: str) -> str:
    """Sixteen hexadecimal digits of a hash."""
    return sha256(text.encode()).hexdigest()[:16]


REVISED = " (texto revisto)"
"""What an answer adds that is to win over the draft: visible, Portuguese, and nothing that a check minds."""

SPOILT = " 98765"
"""What an answer adds that is to lose: a number that is not in the source."""


def answer_to(source: str, draft: str) -> str:
    """Return the answer, by the source alone: the draft itself, a revision that passes checks, or a spoilt one."""
    kind = int(digest(source), 16) % 4
    base = draft or f"Tradução: {source}"
    return base if kind == 0 else base + (SPOILT if kind == 1 else REVISED)


class BillingServer:
    """Speaks /v1/chat/completions.

    Args:
        latency: seconds that an answer takes, give or take half of it, by the prompt.
        key: the API key that it wants; "" takes any.
        counts: whether it tells how many tokens it bills.

    `faults` may be changed at any time: the first one that applies to a call happens.
    """

    def __init__(self, latency: float = 0.0, key: str = "", *, counts: bool = True) -> None:
        self.latency, self.key, self.counts = latency, key, counts
        self.faults: list[Fault] = []
        self.billing = Billing()
        self.mended = threading.Event()  # releases the calls that hang
        self._happened: Counter[tuple[Fault, str]] = Counter()
        self._http = _Http(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    @property
    def spec(self) -> str:
        """What `--generalist` takes."""
        return f"openai:{self.url}#billing"

    def fail(self, *faults: Fault) -> None:
        """Fail like this from now on."""
        self.mended.clear()
        self.faults = list(faults)

    def mend(self) -> None:
        """Fail no more, and let go of the calls that hang."""
        self.faults = []
        self.mended.set()

    def fault_of(self, prompt: str, source: str) -> Fault | None:
        """Return how a call is to fail, and count that it does."""
        with self.billing.lock:
            for fault in self.faults:
                if fault.marker in source and self._is_due(fault, prompt):
                    self._happened.update([(fault, ""), (fault, prompt)])
                    return fault
        return None

    def _is_due(self, fault: Fault, prompt: str) -> bool:
        spent = fault.first is not None and self._happened[fault, ""] >= fault.first
        known = fault.per_prompt is not None and self._happened[fault, prompt] >= fault.per_prompt
        return not spent and not known

    @contextmanager
    def running(self) -> Iterator[BillingServer]:
        """Serve in a thread until the block ends."""
        thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.mended.set()
            self._http.shutdown()
            self._http.server_close()
            thread.join()

    def settle(self, seconds: float = 10.0) -> None:
        """Wait until no call is under way; a killed client leaves some behind, and they are billed."""
        until = time.monotonic() + seconds
        while self.billing.under_way and time.monotonic() < until:
            time.sleep(0.005)

    def seconds(self, prompt: str) -> float:
        """How long the answer to a prompt takes: 0.5 to 1.5 times the latency."""
        return self.latency * (0.5 + int(prompt[:4], 16) / 0xFFFF)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay quiet: clients that are killed are what this server is for."""


def _handler(server: BillingServer) -> type[BaseHTTPRequestHandler]:  # noqa: C901 a class of small methods
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65536  # headers and body in one packet, or the client waits 40 ms for its own acknowledgement

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            prompt = digest(json.dumps(body, sort_keys=True))
            source, draft = asked(body)
            call = server.billing.begin(prompt, source)
            if server.key and self.headers.get("authorization") != f"Bearer {server.key}":
                self._refuse(call, 401, "Incorrect API key provided")
                return
            fault = server.fault_of(prompt, source)
            if fault is not None:
                self._fail(call, fault, body, draft)
                return
            time.sleep(server.seconds(prompt))
            self._answer(call, "answered", completion(body, [answer_to(source, draft)]))

        def _fail(self, call: Call, fault: Fault, body: dict[str, Any], draft: str) -> None:
            if fault.kind == "status":
                self._refuse(call, fault.status, f"scripted {fault.status}", fault.headers())
            elif fault.kind == "quota":
                told = "You exceeded your current quota, please check your plan and billing details."
                self._refuse(call, 429, told, fault.headers(), "insufficient_quota")
            elif fault.kind == "hang":
                server.mended.wait(fault.seconds)
                self._drop(call, "hang")
            elif fault.kind == "reset":
                self._reset(call)
            elif fault.kind == "garbage":
                server.billing.end(call, fault.kind, billed=False)
                self._send(200, b"<html>It works!</html>")
            else:
                self._answer(call, fault.kind, spoilt(fault.kind, body, answer_to(call.source, draft)))

        def _answer(self, call: Call, outcome: str, value: dict[str, Any]) -> None:
            tokens = sum(value["usage"][name] for name in ("prompt_tokens", "completion_tokens"))
            server.billing.end(call, outcome, billed=True, tokens=tokens)
            if not server.counts:
                del value["usage"]
            self._send(200, json.dumps(value).encode())

        def _refuse(
            self, call: Call, status: int, told: str, headers: dict[str, str] | None = None, code: str = ""
        ) -> None:
            server.billing.end(call, str(status), billed=False)
            error = {"message": told, "type": code or "error", "code": code or None}
            self._send(status, json.dumps({"error": error}).encode(), headers)

        def _drop(self, call: Call, outcome: str) -> None:
            """Say nothing more on this connection."""
            server.billing.end(call, outcome, billed=False)
            self.close_connection = True

        def _reset(self, call: Call) -> None:
            """End the connection with RST, as a crash does: closing at once with nothing lingering."""
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._drop(call, "reset")
            self.connection.close()

        def _send(self, status: int, payload: bytes, headers: dict[str, str] | None = None) -> None:
            try:
                self.send_response(status)
                for name, content in {"content-length": str(len(payload)), **(headers or {})}.items():
                    self.send_header(name, content)
                self.end_headers()
                self.wfile.write(payload)
            except OSError:  # the client is gone
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def completion(body: dict[str, Any], texts: Sequence[str], finish: str = "stop") -> dict[str, Any]:
    """Return an answer of the protocol, with the usage that it is billed for: four characters are a token."""
    prompt = sum(len(str(message["content"])) for message in body["messages"]) // 4
    choices = [
        {"index": index, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
        for index, text in enumerate(texts)
    ]
    usage = {"prompt_tokens": prompt, "completion_tokens": max(1, sum(map(len, texts)) // 4)}
    return {"object": "chat.completion", "model": body.get("model"), "choices": choices, "usage": usage}


def spoilt(kind: FaultKind, body: dict[str, Any], text: str) -> dict[str, Any]:
    """Return an answer with status 200 that is none."""
    if kind == "truncated":
        return completion(body, [text[: max(1, len(text) // 2)]], "length")
    if kind == "empty":
        return completion(body, [""])
    if kind == "two choices":
        return completion(body, [text, text + SPOILT])
    made = completion(body, [] if kind == "none of them" else [text])
    if kind == "no choices":
        del made["choices"]
    return made
