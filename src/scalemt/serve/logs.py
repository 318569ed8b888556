"""Logs of a server: one JSON object a line for machines, short lines for people; never a text or a key."""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from typing import Any, Literal

_MOST_FRAMES = 30
_MOST_CAUSES = 5
_OWN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}


class JsonFormatter(logging.Formatter):
    """One JSON object a line, with all that was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        told = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{record.msecs:03.0f}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_extra(record),
        }
        if record.exc_info and record.exc_info[1]:
            told["trace"] = trace_of(record.exc_info[1])
        return json.dumps(told, ensure_ascii=False, default=str)


class LineFormatter(logging.Formatter):
    """A short line for people."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, with what was given as `extra` behind it."""
        extra = " ".join(f"{key}={value}" for key, value in _extra(record).items() if value != "")
        line = super().format(record)
        return f"{line} {extra}" if extra else line

    def formatException(self, ei: Any) -> str:  # noqa: N802  # as it is called in `logging`
        """Return where an exception came from."""
        return trace_of(ei[1]) if ei[1] else ""


def trace_of(fault: BaseException) -> str:
    """Return where an exception came from, and of what kinds it and its causes are; not what they say.

    Messages of libraries quote what they choke on, and that may be a text or a key.

    Args:
        fault: any exception.
    """
    parts: list[str] = []
    found: BaseException | None = fault
    while found is not None and len(parts) < _MOST_CAUSES:
        frames = traceback.extract_tb(found.__traceback__, -_MOST_FRAMES)
        places = [f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        kind = f"{type(found).__module__}.{type(found).__qualname__}".removeprefix("builtins.")
        number = f" (errno {found.errno})" if isinstance(found, OSError) and found.errno else ""
        parts.append("\n".join([*places, f"{kind}{number}"]))
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)
    return "\nwhich came of\n".join(parts)


def _extra(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in vars(record).items() if key not in _OWN}


def set_up(form: Literal["auto", "json", "text"], level: str) -> None:
    """Send all logs to standard error.

    Args:
        form: "auto" writes for people where a terminal is, and else JSON.
        level: the least that is written, as `logging` calls it.
    """
    human = form == "text" or (form == "auto" and sys.stderr.isatty())
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter() if human else JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # What is not written need not be found out for each line (Python, Logging HOWTO, "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    vars(logging).update(logAsyncioTasks=False, _srcfile=None)
    logging.getLogger("httpx").setLevel(logging.WARNING)
