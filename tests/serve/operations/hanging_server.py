"""A chat server that answers when it is told to, and sees when those who asked it hang up."""

from __future__ import annotations

import json
import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class HangingServer:
    """Holds requests until `release` is set, and answers them with "answered".

    Attributes:
        held: requests that wait for an answer now.
        hung_up: those whose client has gone meanwhile.
        answered: the others.
    """

    def __init__(self) -> None:
        self.held = self.hung_up = self.answered = 0
        self.release = threading.Event()
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    @contextmanager
    def running(self) -> Iterator[HangingServer]:
        """Serve in a thread until the block is left."""
        thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self.release.set()
            self._http.shutdown()
            self._http.server_close()
            thread.join()

    def hold(self, handler: BaseHTTPRequestHandler) -> bool:
        """Wait until the request may be answered; False where its client hangs up before that."""
        self._count(held=1)
        while not self.release.is_set():
            readable, _, _ = select.select([handler.connection], [], [], 0.01)
            if readable and not handler.connection.recv(1):
                self._count(held=-1, hung_up=1)
                return False
        self._count(held=-1, answered=1)
        return True

    def _count(self, held: int = 0, hung_up: int = 0, answered: int = 0) -> None:
        with self._lock:
            self.held += held
            self.hung_up += hung_up
            self.answered += answered


def _handler(server: HangingServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65536

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            if not server.hold(self):
                self.close_connection = True
                return
            message = {"role": "assistant", "content": "O gato respondeu."}
            told = {"choices": [{"message": message, "finish_reason": "stop"}]}
            payload = json.dumps(told).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
