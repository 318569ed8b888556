"""The files of the page: how they are sent, and what must not stand in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

import scalemt.serve
from scalemt.serve.refusals import NotFound
from scalemt.serve.surfaces import page

WEB = Path(scalemt.serve.__file__).parent / "web"
FILES = sorted(path.name for path in WEB.iterdir())
SCRIPTS = [name for name in FILES if name.endswith(".js")]


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    app = FastAPI()
    app.include_router(page.router)

    @app.middleware("http")
    async def number(request, call_next):  # type: ignore[no-untyped-def]
        request.state.request_id = "test"
        return await call_next(request)

    @app.exception_handler(NotFound)
    async def refuse(_, fault):  # type: ignore[no-untyped-def]
        return page.surface.answer(fault, "test")

    with TestClient(app) as found:
        yield found


def text(name: str) -> str:
    return (WEB / name).read_text("utf-8")


def test_the_page_and_each_of_its_files_are_sent(client: TestClient) -> None:
    index = client.get("/")
    assert index.status_code == 200
    assert index.headers["content-type"] == "text/html; charset=utf-8"
    assert index.headers["content-security-policy"].startswith(
        "default-src 'none'; script-src 'self'; style-src 'self'"
    )
    assert index.text == text("index.html")
    kinds = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html"}
    for name in FILES:
        sent = client.get(f"/assets/{name}")
        assert sent.status_code == 200
        assert sent.content == (WEB / name).read_bytes()
        assert sent.headers["content-type"].split(";")[0] == kinds[Path(name).suffix]
        assert sent.headers["x-content-type-options"] == "nosniff"


def test_what_a_browser_holds_already_is_not_sent_again(client: TestClient) -> None:
    tag = client.get("/").headers["etag"]
    for held in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = client.get("/", headers={"If-None-Match": held})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    assert client.get("/", headers={"If-None-Match": '"other"'}).status_code == 200
    head = client.head("/assets/app.js")
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    "path",
    [
        "nothing.js", "../service.py", "..%2fservice.py", "%2e%2e/service.py", "..%5cservice.py", "app.js%00",
        "web/app.js", ".", "%2fetc%2fpasswd", "APP.JS", "__init__.py",
    ],
)  # fmt: skip
def test_nothing_else_is_sent(client: TestClient, path: str) -> None:
    sent = client.get(f"/assets/{path}")
    assert sent.status_code == 404
    assert "import" not in sent.text


def test_files_ask_for_nothing_from_elsewhere_and_hold_nothing_inline() -> None:
    index = text("index.html")
    assert not re.search(r"<style|\bstyle=|\son\w+=|javascript:", index)
    assert re.findall(r"<script[^>]*>(.*?)</script>", index, re.DOTALL) == ["", ""]
    for name in FILES:
        addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.[a-z]{2,}[^\s\"')]*", text(name)))
        assert addresses <= {"http://www.w3.org/2000/svg"}, name


def test_no_text_can_become_markup() -> None:
    risky = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc|setHTML"
    assert [name for name in SCRIPTS if re.search(risky, text(name))] == []


def test_every_word_that_is_used_is_there_and_every_one_that_is_there_is_used() -> None:
    table = set(re.findall(r'^  (?:"([\w.-]+)"|(\w+)):', text("strings.js"), re.MULTILINE))
    known = {one or other for one, other in table}
    code = "".join(text(name) for name in SCRIPTS if name != "strings.js")
    used = set(re.findall(r'\bt\("([\w.-]+)"', code))
    used |= set(re.findall(r'data-(?:text|label|title|placeholder)="([\w.-]+)"', text("index.html")))
    plural = {key.removesuffix(".one") for key in known if key.endswith(".one")}
    assert {key for key in used if key not in known and key not in plural} == set()
    begins = tuple(re.findall(r"`([\w.-]+\.)\$\{", code))
    ends = tuple(re.findall(r"\}(\.[\w-]+)`", code))
    quoted = set(re.findall(r'"([\w.-]+)"', code))
    unused = {
        key
        for key in known
        if not {key, key.removesuffix(".one"), key.removesuffix(".other")} & (used | quoted)
        and not key.startswith(begins)
        and not key.endswith(ends)
    }
    assert sorted(unused) == []


def test_files_stay_small() -> None:
    assert {name: count for name in FILES if (count := len(text(name).splitlines())) > 500} == {}
