"""From files to the rows of a ledger: which files, whether they changed, and their segments, each once."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from scalemt.documents import Document
from scalemt.errors import InputError, LedgerError, UsageError
from scalemt.fingerprint import file_digest
from scalemt.formats import format_for, suffixes
from scalemt.jobs.ledger import Ledger
from scalemt.jobs.rows import segment_to_row
from scalemt.jobs.settings import Settings
from scalemt.types import Segment

_TOGETHER = 1000  # segments that are written together
_MAGIC = frozenset("*?[")


@dataclass(frozen=True)
class Input:
    """A file of a job; `name` is where its translation stands, under the folder of the job."""

    number: int
    path: Path
    name: str
    size: int
    digest: str
    segments: int | None


def find_files(given: Sequence[str], folder: Path) -> dict[str, Path]:
    """Return the files that arguments name, by the name of their translation.

    Args:
        given: files, folders (all files below that have a known suffix) and patterns (`docs/**/*.md`).
        folder: of the job; what stands in it is left out.

    Raises:
        InputError: there is no such file, or none that matches.
        UsageError: two translations would have the same name, or one would take the place of its source.
    """
    found: dict[str, Path] = {}
    for argument in given:
        for path, name in _expanded(argument, folder):
            known = found.setdefault(name, path)
            if known.resolve() != path.resolve():
                raise UsageError(
                    f"The translations of {known} and {path} would both be {folder / name}. Give a folder that "
                    "both stand in, or translate them in two jobs."
                )
            if (folder / name).resolve() == path.resolve():
                raise UsageError(f"The translation of {path} would take its place. Give another folder with -o.")
    return {name: path.absolute() for name, path in found.items()}


def _expanded(argument: str, folder: Path) -> Iterator[tuple[Path, str]]:
    path = Path(argument)
    if path.is_file():
        yield path, path.name
    elif path.is_dir():
        known = tuple(suffixes())
        files = [item for item in sorted(path.rglob("*")) if item.name.lower().endswith(known)]
        yield from _below(path, files, folder, f"{path} holds no file of a known format.")
    elif _MAGIC & set(argument):
        files = [Path(item) for item in sorted(glob.glob(argument, recursive=True))]
        yield from _below(_fixed(path), files, folder, f"No file matches {argument}.")
    else:
        raise InputError(f"{path} does not exist. Give files, folders or patterns such as 'docs/**/*.md'.")


def _below(top: Path, files: Sequence[Path], folder: Path, otherwise: str) -> Iterator[tuple[Path, str]]:
    inside = folder.resolve()
    kept = [item for item in files if item.is_file() and inside not in item.resolve().parents]
    if not kept:
        raise InputError(otherwise)
    for item in kept:
        yield item, item.relative_to(top).as_posix()


def _fixed(pattern: Path) -> Path:
    """Return the folders of a pattern before its first wildcard."""
    fixed = Path(pattern.anchor)
    for part in pattern.relative_to(pattern.anchor).parts[:-1]:
        if _MAGIC & set(part):
            break
        fixed /= part
    return fixed


def document(settings: Settings, path: Path) -> Document:
    """Return a file of a job as the settings read it; fields are those of the formats that have any."""
    options = settings.options
    if options.fields and not format_for(path, settings.format_name).takes_fields:
        options = replace(options, fields=())
    return Document(path, settings.source, settings.target, settings.format_name, options, settings.context)


def _require_fields_used(settings: Settings, files: Iterable[Path]) -> None:
    """Refuse fields where no file has any: somebody expects something of them.

    Raises:
        UsageError: it is so.
    """
    if settings.options.fields and not any(format_for(path, settings.format_name).takes_fields for path in files):
        raise UsageError("No file of the job is of a format that has fields. Leave out --fields.")


def begin(folder: Path, settings: Settings, files: Mapping[str, Path]) -> Ledger:
    """Return the ledger of a job, new or the one that the folder holds.

    Args:
        folder: of the job.
        settings: of the job.
        files: as `find_files` gives them.

    Raises:
        LedgerError: the folder holds another job.
        UsageError: a file is of no known format, or lacks fields.
    """
    found = _hashed(settings, files)
    ledger = Ledger.create(folder, settings, lambda made: _put_down(made, found))
    _register(ledger, found)
    return ledger


def register(ledger: Ledger, files: Mapping[str, Path]) -> None:
    """Put down the files of a job and their hashes.

    While nothing is translated, other files take the place of those that were put down; while they are being read,
    so do files that were mended.

    Raises:
        LedgerError: the job has other files.
        UsageError: a file is of no known format, or lacks fields.
    """
    _register(ledger, _hashed(ledger.settings, files))


_Hashed = dict[str, tuple[Path, int, str]]  # path, size and hash by the name of the translation


def _hashed(settings: Settings, files: Mapping[str, Path]) -> _Hashed:
    _require_fields_used(settings, files.values())
    found = {}
    for name, path in files.items():
        document(settings, path)
        found[name] = (path, path.stat().st_size, file_digest(path))
    return found


def _register(ledger: Ledger, found: _Hashed) -> None:
    with ledger.writing():  # of processes that begin at once, one puts down the files
        known = {item.name: (item.path, item.size, item.digest) for item in inputs(ledger)}
        same = _paths(known) == _paths(found)
        if known == found or (same and ledger.state != "reading"):
            return  # what has changed in a file, and what to do, is told before the work begins
        if not known or ledger.start_over(ledger.settings):
            _put_down(ledger, found)
        elif not same:
            raise _other_files(ledger, known, found)


def _put_down(ledger: Ledger, found: _Hashed) -> None:
    with ledger.writing() as file:
        file.executemany(
            "INSERT INTO inputs (path, name, size, digest) VALUES (?, ?, ?, ?)",
            [(os.fsencode(path), os.fsencode(name), size, digest) for name, (path, size, digest) in found.items()],
        )


def _paths(files: _Hashed) -> dict[str, Path]:
    return {name: row[0] for name, row in files.items()}


def _other_files(ledger: Ledger, known: _Hashed, found: _Hashed) -> LedgerError:
    gone, new = sorted(known.keys() - found.keys()), sorted(found.keys() - known.keys())
    told = [f"without {', '.join(gone[:3])}"] * bool(gone) + [f"with {', '.join(new[:3])}"] * bool(new)
    return LedgerError(
        f"The job in {ledger.folder} was begun with other files; now it is "
        f"{' and '.join(told) or 'elsewhere'}. Give the same files, or begin a new job in another folder."
    )


def inputs(ledger: Ledger) -> list[Input]:
    """Return the files of a job, in the order of their segments."""
    rows = ledger.rows("SELECT id, path, name, size, digest, segments FROM inputs ORDER BY id")
    # As bytes: a name need not be UTF-8.
    return [Input(row[0], Path(os.fsdecode(row[1])), os.fsdecode(row[2]), *row[3:]) for row in rows]


def require_unchanged(ledger: Ledger) -> None:
    """Refuse files that are not what they were when the job began.

    Raises:
        LedgerError: the message names them and says what changed; or no files were put down yet.
    """
    found = inputs(ledger)
    if not found:
        raise LedgerError(
            f"The job in {ledger.folder} was cut off before its files were put down: nothing is lost. Begin it "
            "again by the same scalemt job run."
        )
    for item in found:
        try:
            size = item.path.stat().st_size
            same = size == item.size and file_digest(item.path) == item.digest
        except OSError as fault:
            raise LedgerError(
                f"{item.path} belongs to the job in {ledger.folder} and cannot be read: "
                f"{fault.strerror or fault}. Put it back, then resume."
            ) from None
        if not same:
            how = (
                f"it had {item.size:,} bytes and now has {size:,}"
                if size != item.size
                else "its content is another"
            )
            raise LedgerError(
                f"{item.path} changed since the job in {ledger.folder} began: {how}. Put back what it was, or "
                "begin a new job in another folder: scalemt job run … -o FOLDER."
            )


def read(ledger: Ledger, tick: Callable[[int], None], stopped: Callable[[], bool]) -> bool:
    """Read the segments of all files that were not read yet, and cut the whole into chunks.

    Args:
        ledger: of a job whose files are registered.
        tick: told how many segments were read since the last call.
        stopped: asked now and then; what was read until then is kept.

    Returns:
        Whether all was read.

    Raises:
        InputError: a file cannot be read as its format.
    """
    settings = ledger.settings
    for item in inputs(ledger):
        if item.segments is not None:
            continue
        total = 0
        for some in _together(document(settings, item.path).segments()):
            if stopped():
                return False
            _write(ledger, settings, item, some)
            total += len(some)
            tick(len(some))
        with ledger.writing() as file:
            file.execute("UPDATE inputs SET segments = ? WHERE id = ?", (total, item.number))
    _cut(ledger, settings.chunk)
    return True


def _together(segments: Iterable[Segment]) -> Iterator[list[Segment]]:
    waiting = iter(segments)
    while some := list(islice(waiting, _TOGETHER)):
        yield some


def _write(ledger: Ledger, settings: Settings, item: Input, segments: Sequence[Segment]) -> None:
    rows = [(settings.key(segment), item.number, segment_to_row(segment)) for segment in segments]
    with ledger.writing() as file:
        # A repetition takes no number: read again after a crash, all rows get the numbers that they had.
        file.executemany("INSERT OR IGNORE INTO segments (key, input, segment) VALUES (?, ?, ?)", rows)


def _cut(ledger: Ledger, size: int) -> None:
    with ledger.writing() as file:
        if file.execute("SELECT 1 FROM chunks LIMIT 1").fetchone():
            return
        total = file.execute("SELECT COUNT(*) FROM segments").fetchone()[0]
        ranges = [(start + 1, min(start + size, total)) for start in range(0, total, size)]
        file.executemany("INSERT INTO chunks (first, last) VALUES (?, ?)", ranges)
        ledger.tally({"segments": total})
        ledger.put("state", "running")
