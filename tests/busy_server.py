"""A real HTTP server with too little to give: so many requests in a window of time, so many at once."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Limits:
    """What it serves: `most` requests in each window of `window` seconds, `at_once`, each taking `work` seconds.

    `status` refuses, with Retry-After if `tells`. `stuck` never answers until it is released.
    """

    most: int | None = None
    window: float = 0.2
    at_once: int | None = None
    work: float = 0.01
    status: int = 429
    tells: bool = True
    stuck: bool = False


class BusyServer:
    """Speaks chat completions (answers in capitals) and LibreTranslate (likewise)."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.served = self.refused = 0
        self.under_way = self.most_under_way = 0
        self.order: list[str] = []
        self.release = threading.Event()
        self._lock = threading.Lock()
        self._window = (0, 0)
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def admit(self, text: str) -> float | None:
        """Count a request; return None to serve it, or the seconds after which it may come again."""
        limits = self.limits
        with self._lock:
            self.order.append(text)
            now = time.monotonic()
            number = int(now / limits.window)
            used = self._window[1] if self._window[0] == number else 0
            crowded = limits.at_once is not None and self.under_way >= limits.at_once
            if crowded or (limits.most is not None and used >= limits.most):
                self.refused += 1
                return limits.window if crowded else (number + 1) * limits.window - now + 0.001
            self._window = (number, used + 1)
            self.served += 1
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
            return None

    def work(self) -> None:
        """Take the time that an answer takes."""
        if self.limits.stuck:
            self.release.wait(60)
        time.sleep(self.limits.work)
        with self._lock:
            self.under_way -= 1

    @contextmanager
    def running(self) -> Iterator[BusyServer]:
        """Serve in a thread until the block ends."""
        thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self.release.set()
            self._http.shutdown()
            self._http.server_close()
            thread.join()


def _handler(server: BusyServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65536  # headers and body in one packet, or the client waits 40 ms for its own acknowledgement

        def do_GET(self) -> None:
            self._send(200, [{"code": "en", "targets": ["pt"]}])

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            text = body["q"][0] if "q" in body else body["messages"][-1]["content"]
            wait = server.admit(text)
            if wait is not None:
                told = {"retry-after": f"{wait:.3f}"} if server.limits.tells else {}
                self._send(server.limits.status, {"error": "too many"}, told)
                return
            server.work()
            self._send(200, _answer(body))

        def _send(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
            payload = json.dumps(value).encode()
            try:
                self.send_response(status)
                for name, content in {"content-length": str(len(payload)), **(headers or {})}.items():
                    self.send_header(name, content)
                self.end_headers()
                self.wfile.write(payload)
            except OSError:  # the client has hung up, which is what some tests are about
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _answer(body: dict[str, Any]) -> dict[str, Any]:
    if "q" in body:
        return {"translatedText": [text.upper() for text in body["q"]]}
    message = {"role": "assistant", "content": body["messages"][-1]["content"].upper()}
    usage = {"prompt_tokens": 4, "completion_tokens": 2}
    return {"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}
