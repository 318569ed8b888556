"""Requests that are malformed, false, endless or forbidden: each has its answer, and the server goes on."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Iterator

import httpx
import pytest

from serve.operations.raw import BODY, answer, connected, is_closed, read, request
from serve.operations.watching import records, translated
from serve.serving import Served, served

pytestmark = pytest.mark.slow  # a server is started


@pytest.fixture(scope="module", params=["httptools", "h11"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server, with each of the two parsers that uvicorn can have."""
    environment = {}
    if request.param == "h11":
        hidden = tmp_path_factory.mktemp("hidden")
        (hidden / "httptools.py").write_text("raise ImportError('hidden')")
        environment["PYTHONPATH"] = str(hidden)
    with served("--limit", "arrival=2", "--limit", "idle=2", environment=environment) as running:
        yield running


@pytest.fixture(autouse=True)
def _goes_on(server: Served) -> Iterator[None]:
    """After each test, somebody who does all right is served, and no fault stands in the log."""
    yield
    assert translated(server.url, "The house is old.")[0]["translation"] == "A casa é antiga."
    assert [record.get("trace") for record in records(server) if record["level"] == "error"] == []


def fault(body: bytes) -> str:
    told = json.loads(body)["error"]
    assert told["message"]
    assert told["request_id"]
    return str(told["type"])


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"{" * 2_000_000, id="braces"),
        pytest.param(b"[" * 2_000_000, id="brackets"),
        pytest.param(b'{"a":' * 400_000, id="objects"),
        pytest.param(b'{"text": ' + b"[" * 100_000 + b"]" * 100_000 + b', "target": "pt"}', id="closed"),
        pytest.param(b'{"text": "caf\xe9", "target": "pt"}', id="latin-1"),
        pytest.param(b'{"text": "\xff\xfe\x00", "target": "pt"}', id="no-utf-8"),
        pytest.param(b'{"text": "\\ud800", "target": "pt"}', id="half-a-surrogate"),
        pytest.param(b'{"text": 1e400, "target": "pt"}', id="infinite"),
        pytest.param(b'{"text": ' + b"9" * 10_000 + b', "target": "pt"}', id="large-number"),
        pytest.param(b"\x00" * 100, id="zeros"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"null", id="null"),
        pytest.param(b'{"text": "a", "target": "pt", "text\\u0000": 1}', id="unknown-field"),
        pytest.param(b'{"text": "a", "target": "' + b"x" * 1_000_000 + b'"}', id="long-code"),
    ],
)
def test_a_body_that_is_no_request(server: Served, body: bytes) -> None:
    status, told = answer(server.url, request(body=body))
    assert (status, fault(told)) == (400, "invalid_request")
    assert len(told) < 2_000  # what was sent is not sent back


def test_a_malformed_body_of_5_mb(server: Served) -> None:
    body = b'{"text": "' + b"\xc3\x28" * 2_600_000
    status, told = answer(server.url, request(body=body))
    assert (status, fault(told)) == (413, "too_large")
    status, told = answer(
        server.url, request("/v1/translate", "Transfer-Encoding: chunked", body=chunked(body), length=-1)
    )
    assert (status, fault(told)) == (413, "too_large")
    status, told = answer(server.url, request(body=body[:2_000_000]))
    assert (status, fault(told)) == (400, "invalid_request")


def chunked(body: bytes) -> bytes:
    parts = [body[at : at + 65536] for at in range(0, len(body), 65536)]
    return b"".join([b"%x\r\n%s\r\n" % (len(part), part) for part in parts] + [b"0\r\n\r\n"])


def test_a_compressed_body_is_not_unpacked(server: Served) -> None:
    bomb = gzip.compress(b'{"text": "' + b"a" * 100_000_000 + b'", "target": "pt"}')
    for coding in ("gzip", "deflate", "br", "GZIP"):
        status, told = answer(server.url, request("/v1/translate", f"Content-Encoding: {coding}", body=bomb))
        assert (status, fault(told)) == (415, "invalid_request")
    status, _ = answer(server.url, request("/v1/translate", "Content-Encoding: identity"))
    assert status == 200


def test_a_body_shorter_than_told_is_not_waited_for_for_ever(server: Served) -> None:
    with connected(server.url) as opened:
        opened.sendall(request(length=len(BODY) + 10))
        status, told = read(opened)
        assert (status, fault(told)) == (408, "timeout")
        assert is_closed(opened)


def test_what_follows_a_body_longer_than_told_is_another_request(server: Served) -> None:
    with connected(server.url) as opened:
        opened.sendall(request(body=BODY + b"rubbish that is no request\r\n\r\n", length=len(BODY)))
        assert read(opened)[0] in (200, 400)  # by whether the rubbish is there before the answer
        assert is_closed(opened)


def test_an_endless_body_is_ended(server: Served) -> None:
    with connected(server.url) as opened:
        opened.sendall(request("/v1/translate", "Transfer-Encoding: chunked", body=b"", length=-1))
        with pytest.raises(OSError):  # noqa: PT011  # reset or broken pipe
            sent_without_end(opened)


def sent_without_end(opened: socket.socket) -> None:
    for _ in range(100_000):
        opened.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")


SMUGGLED = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(("Transfer-Encoding: chunked", f"Content-Length: {5 + len(SMUGGLED)}"), id="both"),
        pytest.param((f"Content-Length: {5 + len(SMUGGLED)}", "Transfer-Encoding: chunked"), id="both-turned"),
        pytest.param(("Content-Length: 5", f"Content-Length: {5 + len(SMUGGLED)}"), id="two-lengths"),
        pytest.param(("Transfer-Encoding: chunked, identity",), id="not-chunked-last"),
        pytest.param(("Transfer-Encoding : chunked",), id="space-before-colon"),
        pytest.param(("Transfer-Encoding: xchunked",), id="unknown-coding"),
        pytest.param(("Content-Length: +5",), id="signed"),
        pytest.param(("Content-Length: 5, 5",), id="list"),
        pytest.param(("Content-Length: 0x5",), id="hexadecimal"),
        pytest.param(("X-Folded: a\r\n b", "Content-Length: -1"), id="folded-and-negative"),
    ],
)
def test_no_request_is_smuggled_behind_another(server: Served, head: tuple[str, ...]) -> None:
    """RFC 9112, sections 5.1, 6.1 and 6.3: a message whose length can be taken two ways is refused, and closed."""
    with connected(server.url) as opened:
        opened.sendall(request("/v1/translate", *head, body=b"0\r\n\r\n" + SMUGGLED, length=-1))
        status, told = read(opened)
        assert status == 400
        assert b"ok" not in told
        assert is_closed(opened)


def test_pipelined_requests_are_answered_in_order(server: Served) -> None:
    with connected(server.url) as opened:
        opened.sendall(request() + SMUGGLED + request() + SMUGGLED)
        file = [read_one(opened) for _ in range(4)]
    assert [status for status, _ in file] == [200] * 4
    assert ["translations" in json.loads(told) for _, told in file] == [True, False, True, False]


def read_one(opened: socket.socket) -> tuple[int, bytes]:
    """Read one answer and not a byte more."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += opened.recv(1)
    length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line)
    body = b""
    while len(body) < length:
        body += opened.recv(length - len(body))
    return int(head.split()[1]), body


def test_a_flood_of_pipelined_requests_ends_the_connection(server: Served) -> None:
    with connected(server.url) as opened:
        opened.sendall(request() + SMUGGLED * 2_000)
        assert is_closed(opened)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 300_000 + b"\r\n\r\n", id="value"),
        pytest.param(b"GET /health HTTP/1.1\r\n" + b"X-Y: 1\r\n" * 20_000 + b"\r\n", id="many"),
        pytest.param(b"GET /" + b"a" * 300_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", id="address"),
        pytest.param(b"A" * 300_000, id="method"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500, id="tls"),
        pytest.param(b"GET /health HTTP/9.9\r\n\r\n", id="version"),
        pytest.param(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n", id="zero-in-header"),
        pytest.param(b"GET http://[ HTTP/1.1\r\nHost: localhost\r\n\r\n", id="broken-address"),
        pytest.param("GET /é HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(), id="address-no-ascii"),
    ],
)
def test_a_head_that_is_none(server: Served, sent: bytes) -> None:
    with connected(server.url) as opened:
        try:
            opened.sendall(sent)
            status, _ = read(opened)
        except ConnectionError:
            status = 0
        assert status in (0, 400, 403, 404, 414, 431)
        assert is_closed(opened) or status == 404


def test_a_host_that_is_not_ours_is_refused(server: Served) -> None:
    """DNS rebinding: a page elsewhere gives its own name our address."""
    status, told = answer(server.url, request(host="evil.example"))
    assert (status, fault(told)) == (403, "forbidden")
    for host in ("localhost:1", "127.0.0.1", "[::1]:8080", "app.localhost"):
        assert answer(server.url, request(host=host))[0] == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example", "file://"])
def test_pages_elsewhere_cannot_call(server: Served, origin: str) -> None:
    """Also with a type for which browsers ask nobody first."""
    for kind in ("application/json", "text/plain"):
        got = httpx.post(
            f"{server.url}/v1/translate", content=BODY, headers={"Origin": origin, "Content-Type": kind}
        )
        assert got.status_code == 403
        assert "access-control-allow-origin" not in got.headers
    own = httpx.post(f"{server.url}/v1/translate", content=BODY, headers={"Origin": server.url})
    assert own.status_code in (200, 400, 415)


def test_safe_heads_stand_on_every_answer(server: Served) -> None:
    for path, method in (("/v1/translate", "POST"), ("/nowhere", "GET"), ("/health", "GET"), ("/v1/jobs", "GET")):
        got = httpx.request(method, server.url + path)
        assert got.headers["x-content-type-options"] == "nosniff"
        assert got.headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in got.headers["content-security-policy"]
        assert got.headers["referrer-policy"] == "no-referrer"
        assert "server" not in got.headers
        assert len(got.headers["x-request-id"]) == 16
    chosen = httpx.get(f"{server.url}/health", headers={"X-Request-ID": "mine.1"})
    assert chosen.headers["x-request-id"] == "mine.1"
    forged = httpx.get(f"{server.url}/health", headers={"X-Request-ID": 'a"} {"level": "error'})
    assert forged.headers["x-request-id"] != 'a"} {"level": "error'
