"""A small real HTTP server that speaks LibreTranslate's and DeepL's protocols, with faults on demand."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LANGUAGES = [
    {"code": "en", "name": "English", "targets": ["en", "pt", "pb", "zt", "xx-made-up"]},
    {"code": "pt", "name": "Portuguese", "targets": ["en"]},
    {"code": "zt", "name": "Chinese (traditional)"},
]
DEEPL = {"source": ["EN", "PT", "ZH"], "target": ["EN-GB", "EN-US", "PT-BR", "PT-PT", "ZH-HANS", "ZH-HANT", "DE"]}


@dataclass
class Fault:
    """What is answered in place of a translation."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    hang: bool = False
    drop: bool = False


@dataclass
class Seen:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: Any


class TranslationServer:
    """Turns texts into "<target> text"; `faults` are answered first, one a translation request."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.seen: list[Seen] = []
        self.alternatives = 9
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()
        self._release = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self.host = f"127.0.0.1:{self._http.server_address[1]}"
        self.url = f"http://{self.host}"

    @property
    def translations(self) -> list[Seen]:
        """The requests for translations, without those for languages."""
        return [seen for seen in self.seen if "translate" in seen.path]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server._serve(self, None)

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                server._serve(self, json.loads(self.rfile.read(length)))

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def _serve(self, handler: BaseHTTPRequestHandler, body: Any) -> None:
        with self._lock:
            self.seen.append(Seen(handler.path, {k.lower(): v for k, v in handler.headers.items()}, body))
            fault = self.faults.pop(0) if self.faults and body is not None else None
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            self._answer(handler, fault or self._good(handler.path, body))
        finally:
            with self._lock:
                self._at_once -= 1

    def _answer(self, handler: BaseHTTPRequestHandler, fault: Fault) -> None:
        if fault.hang:
            self._release.wait(30)
        if fault.hang or fault.drop:
            handler.close_connection = True
            return
        handler.send_response(fault.status)
        for name, value in {**fault.headers, "Content-Length": str(len(fault.body))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(fault.body)

    def _good(self, path: str, body: Any) -> Fault:
        if path == "/languages":
            value: Any = LANGUAGES
        elif path.startswith("/v2/languages"):
            value = [{"language": code, "name": code} for code in DEEPL[path.rpartition("=")[2]]]
        elif path == "/v2/translate":
            value = {"translations": [{"text": f"<{body['target_lang']}> {text}"} for text in body["text"]]}
        elif path == "/translate":
            value = {"translatedText": [f"<{body['target']}> {text}" for text in body["q"]]}
            if count := min(body.get("alternatives", 0), self.alternatives):
                value["alternatives"] = [[f"{text} {i}" for i in range(1, count + 1)] for text in body["q"]]
        else:
            return Fault(404, b"<html>not here</html>", {"Content-Type": "text/html"})
        return Fault(body=json.dumps(value).encode())

    @contextmanager
    def running(self) -> Iterator[TranslationServer]:
        """Serve in a thread until the block ends."""
        thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self._release.set()
            self._http.shutdown()
            self._http.server_close()
            thread.join()
