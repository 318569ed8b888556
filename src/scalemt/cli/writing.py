"""Where results go: standard output, a device, or a file that is put in place only when all is done."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, TextIO

import click

from scalemt.cli.options import say
from scalemt.errors import UsageError


@contextmanager
def text_output(target_file: str | None) -> Iterator[TextIO]:
    """Open the output for UTF-8 lines; see `byte_output`."""
    if target_file in (None, "-"):
        if sys.stdout is None:
            raise click.UsageError("Standard output is closed. Give a file with -o.")
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]
        yield sys.stdout
        return
    with byte_output(target_file) as out:
        text = TextIOWrapper(out, encoding="utf-8", newline="\n")
        try:
            yield text
        finally:
            # What was written so far belongs into the file, also when an error is on its way.
            text.flush()
            text.detach()


@contextmanager
def byte_output(target_file: str | None) -> Iterator[BinaryIO]:
    """Open the output; a file is written beside its name and put in place only when all is done.

    Raises:
        UsageError: the output cannot be written.
    """
    if target_file in (None, "-"):
        if sys.stdout is None:
            raise click.UsageError("Standard output is closed. Give a file with -o.")
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    # A link stays a link: the file that it points to is the one written.
    path = Path(str(target_file)).resolve()
    if not path.parent.is_dir():
        raise click.UsageError(f"The folder {path.parent} of the output file does not exist.")
    if path.exists() and not path.is_file():
        # A device or a pipe (/dev/null, a FIFO) is written to; a file must never take its place.
        with _opened(path) as file:
            yield file
        return
    partial = path.with_name(path.name + ".partial")
    file = _opened(partial)
    try:
        with file:
            yield file
        _put_in_place(partial, path)
    except BaseException:
        if partial.stat().st_size:
            say(f"Not finished: what was done until then stands in {partial}.")
        else:
            partial.unlink()
        raise


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("wb")
    except OSError as fault:
        raise UsageError(f"{path} cannot be written: {fault.strerror or fault}.") from None


def _put_in_place(partial: Path, path: Path) -> None:
    try:
        partial.replace(path)
    except OSError as fault:
        raise UsageError(f"{path} cannot be replaced: {fault.strerror or fault}.") from None
