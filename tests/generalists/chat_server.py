"""A real HTTP server that speaks chat completions from a script, and what tests of its clients need."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any

from scalemt.generalists.openai import OpenAIGeneralist
from scalemt.types import Completion, Decoding, Message, Prompt

Reply = tuple[int, dict[str, str], bytes]
Script = Callable[[dict[str, Any]], Reply | None]


def ok(text: str, finish: str = "stop", usage: dict[str, Any] | None = None, **choice: Any) -> Reply:
    message = {"message": {"role": "assistant", "content": text}, "text": text}
    body = {"choices": [message | {"finish_reason": finish} | choice]}
    usage = {"prompt_tokens": 10, "completion_tokens": 5} if usage is None else usage
    return 200, {}, json.dumps(body | ({"usage": usage} if usage else {})).encode()


def fault(status: int, message: str = "no", **headers: str) -> Reply:
    return status, headers, json.dumps({"error": {"message": message}}).encode()


class Server(ThreadingHTTPServer):
    """Speaks the protocol from a queue of replies, or from a function of the request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.replies: list[Reply | None] = []
        self.script: Script | None = None
        self.requests: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.lock = Lock()
        self.under_way = self.most_under_way = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay quiet: clients that hang up are part of these tests."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with server.lock:
            server.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            server.under_way += 1
            server.most_under_way = max(server.most_under_way, server.under_way)
            reply = server.script(body) if server.script else server.replies.pop(0)
        if server.script:
            time.sleep(0.02)  # long enough that requests overlap
        with server.lock:
            server.under_way -= 1
        if reply is None:  # never answer
            time.sleep(1.0)
            return
        status, headers, payload = reply
        self.send_response(status)
        for name, value in ({"content-length": str(len(payload))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


Make = Callable[..., OpenAIGeneralist]


def chat(text: str, *stop: str) -> Prompt:
    return Prompt(messages=(Message("system", "Translate."), Message("user", text)), stop=stop)


def only(generalist: OpenAIGeneralist, prompt: Prompt | None = None) -> Completion:
    (completion,) = generalist.complete([prompt or chat("hello")], Decoding(max_tokens=20))
    return completion
