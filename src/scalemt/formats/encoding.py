"""Text files as bytes: the encoding is told by a mark or a declaration, never guessed, and kept when writing."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path

from scalemt.errors import InputError, UsageError

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a text file is encoded: a codec, and the byte order mark before it (or nothing)."""

    codec: str
    mark: bytes = b""

    def encode(self, text: str, path: Path, errors: str = "strict") -> bytes:
        """Return the bytes of a text, without the mark.

        Raises:
            InputError: the translation holds a character that the encoding of the file lacks.
        """
        try:
            return text.encode(self.codec, errors)
        except UnicodeEncodeError as fault:
            raise InputError(
                f"{path} is encoded as {self.codec}, which cannot hold the character {text[fault.start]!r} of a "
                "translation. Convert the file to UTF-8 first (iconv), and say so where it declares its encoding."
            ) from None


def find_encoding(start: bytes, declared: str = "", path: Path | None = None) -> Encoding:
    """Return the encoding of a file from its first bytes: its mark, else what is declared, else UTF-8.

    Raises:
        UsageError: the declared encoding is none that Python knows.
    """
    for mark, codec in _MARKS:
        if start.startswith(mark):
            return Encoding(codec, mark)
    if not declared:
        return Encoding("utf-8")
    try:
        return Encoding(codecs.lookup(declared).name)
    except LookupError:
        raise UsageError(f"{path or 'The file'}: there is no encoding named {declared!r}. Try utf-8.") from None


def read_text(path: Path, declared: str = "") -> tuple[str, Encoding]:
    """Return the text of a file with its line ends as they are, and its encoding.

    Args:
        path: the file.
        declared: an encoding that the user or the document names, "" for none.

    Raises:
        InputError: a byte that the encoding does not allow; the message names line, byte and mend.
    """
    data = path.read_bytes()
    encoding = find_encoding(data[:4], declared, path)
    return decode(data[len(encoding.mark) :], encoding, path), encoding


def decode(data: bytes, encoding: Encoding, path: Path, line: int = 1) -> str:
    """Return the text of bytes; `line` is the number of the first line, for the message. See `read_text`."""
    try:
        return data.decode(encoding.codec)
    except UnicodeDecodeError as fault:
        number = line + data.count(b"\n", 0, fault.start)
        wide = encoding.codec.startswith(("utf-16", "utf-32"))
        held = "ends in the middle of a character" if wide else f"holds the byte 0x{data[fault.start]:02x}, which"
        raise InputError(
            f"{path}, line {number}: {held}{'' if wide else f' is not {encoding.codec}'}. Name the encoding of "
            "the file with --encoding (latin-1, cp1252, shift_jis …), or convert it to UTF-8."
        ) from None
