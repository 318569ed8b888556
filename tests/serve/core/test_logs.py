"""Logs: one object a line, with what was given, and without what an exception quotes."""

from __future__ import annotations

import json
import logging

import pytest

from scalemt.serve.logs import JsonFormatter, LineFormatter, trace_of


def record(
    message: str, *arguments: object, fault: BaseException | None = None, **extra: object
) -> logging.LogRecord:
    info = (type(fault), fault, fault.__traceback__) if fault else None
    made = logging.LogRecord("scalemt.serve", logging.INFO, "file.py", 1, message, arguments, info)
    vars(made).update(extra)
    return made


def raised() -> BaseException:
    try:
        try:
            raise KeyError("the secret text")
        except KeyError as inner:
            raise ValueError("cannot do with 'the secret text'") from inner
    except ValueError as fault:
        return fault


def test_a_line_of_json_holds_what_was_given() -> None:
    told = json.loads(JsonFormatter().format(record("worker %d", 3, request_id="a1", milliseconds=1.5)))
    assert told["time"].endswith("Z")
    del told["time"]
    assert told == {
        "level": "info", "logger": "scalemt.serve", "message": "worker 3", "request_id": "a1", "milliseconds": 1.5,
    }  # fmt: skip


def test_a_line_stays_a_line() -> None:
    written = JsonFormatter().format(record("two\nlines", path="a\nb"))
    assert "\n" not in written
    assert json.loads(written)["message"] == "two\nlines"


@pytest.mark.parametrize("formatter", [JsonFormatter(), LineFormatter()])
def test_an_exception_tells_where_and_what_kind_and_quotes_nothing(formatter: logging.Formatter) -> None:
    written = formatter.format(record("failed", fault=raised()))
    assert "secret" not in written
    assert "ValueError" in written
    assert "KeyError" in written
    assert "test_logs.py" in written


def test_a_line_for_people_is_short() -> None:
    written = LineFormatter().format(record("request", status=200, caller=""))
    assert written.endswith("INFO request status=200")


def test_the_number_of_an_error_of_the_system_is_told() -> None:
    assert trace_of(OSError(28, "No space left on device", "/a/secret/path")).endswith("(errno 28)")


def test_circles_of_causes_end() -> None:
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    assert trace_of(first).count("ValueError") < 5
