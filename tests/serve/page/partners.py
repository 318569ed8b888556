"""What a server of the page is given to translate with: a chat model from a script, and a service for Arabic."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from generalists.chat_server import Reply, Server, fault, ok
from jobs.billing_server import asked


@dataclass
class Chat:
    """A generalist that says what it is told to.

    Args:
        url: its address.
        answers: by source; what is not among them is answered with the draft.
        failing: sources that hold one of these are answered with status 500.
        held: while it is clear, answers wait; for drafts to be looked at, and for time limits.
        passes: answers that do not wait all the same.
    """

    url: str = ""
    answers: dict[str, str] = field(default_factory=dict)
    failing: tuple[str, ...] = ()
    held: threading.Event = field(default_factory=threading.Event)
    passes: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def answer(self, body: dict[str, Any]) -> Reply:
        """Return the reply to one request."""
        for _ in range(400):  # 20 s
            if self.held.wait(0.05) or self.passes.acquire(blocking=False):
                break
        source, draft = asked(body)
        if any(mark in source for mark in self.failing):
            return fault(500, "the model has run out of memory")
        return ok(self.answers.get(source, draft))

    def mend(self) -> None:
        """Say nothing of its own, fail no more, make nobody wait."""
        self.answers.clear()
        self.failing = ()
        self.held.set()
        self.passes = threading.Semaphore(0)


@contextmanager
def chatting() -> Iterator[Chat]:
    """Run a chat server in a thread."""
    chat = Chat()
    chat.held.set()
    server = Server()
    chat.url = server.url
    server.script = chat.answer
    with _served(server):
        yield chat
        chat.held.set()


ARABIC = {
    "Good morning": "صباح الخير",
    "The house is blue.": "البيت أزرق.",
    "The library opens at 9.30.": "تفتح المكتبة في الساعة 9.30.",
    "Please bring your card (Visa).": "من فضلك أحضر بطاقتك (Visa).",
}
ENGLISH = {value: key for key, value in ARABIC.items()}


class _Arabic(BaseHTTPRequestHandler):
    """LibreTranslate's protocol, English and Arabic, by a table of sentences."""

    def do_GET(self) -> None:
        self._send(
            [
                {"code": "en", "name": "English", "targets": ["ar"]},
                {"code": "ar", "name": "Arabic", "targets": ["en"]},
            ]
        )

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        table = ARABIC if body["target"] == "ar" else ENGLISH
        texts = body["q"] if isinstance(body["q"], list) else [body["q"]]
        if any("BROKEN" in text for text in texts):
            self._send({"error": "the dictionary is lost"}, 500)
            return
        found = [table.get(text, text) for text in texts]
        self._send({"translatedText": found if isinstance(body["q"], list) else found[0]})

    def _send(self, value: object, status: int = 200) -> None:
        payload = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def arabic() -> Iterator[str]:
    """Run the service, and yield its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Arabic)
    server.daemon_threads = True
    with _served(server):
        yield f"http://127.0.0.1:{server.server_address[1]}"


@contextmanager
def _served(server: ThreadingHTTPServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def proxied(url: str, path: str) -> Iterator[str]:
    """Run a reverse proxy that shows a server under a path of its own, and yield that address."""

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._pass_on()

        def do_POST(self) -> None:
            self._pass_on()

        def _pass_on(self) -> None:
            if not self.path.startswith(path):
                self.send_error(404)
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            heads = {name: value for name, value in self.headers.items() if name.lower() != "accept-encoding"}
            target = url + self.path.removeprefix(path)
            with httpx.stream(self.command, target, headers=heads, content=body, timeout=60) as answer:
                self.send_response(answer.status_code)
                for name, value in answer.headers.items():
                    if name not in ("transfer-encoding", "connection", "date"):
                        self.send_header(name, value)
                self.end_headers()
                for piece in answer.iter_raw():
                    self.wfile.write(piece)
                    self.wfile.flush()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    server.daemon_threads = True
    with _served(server):
        yield f"http://127.0.0.1:{server.server_address[1]}{path}"
