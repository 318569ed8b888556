"""What is remembered of updates: `updates/NAME/VERSION.json`, `.md` and `.jsonl` in the data folder.

It stands apart from the versions themselves, in which nothing is changed once they are made.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from scalemt.errors import ModelError
from scalemt.folders import data_dir
from scalemt.lines import write_whole


@dataclass(frozen=True, slots=True)
class Record:
    """One update.

    Args:
        name, version: what was made.
        parent: what it was made from and compared with, as `--specialist` names it.
        pair: the direction, as "en->pt".
        made: when, ISO 8601, UTC.
        memories: by the uuid of a memory: its path, the newest id, and the time up to which its units were seen.
        corpora, dev, general: tables of texts, which the next update takes where it names none.
        data: counts of what was new.
        scores: by test set and system.
        checks: what was asked before the promotion, with what was found.
        promoted: whether it was.
        seconds: that it took.
    """

    name: str
    version: int
    parent: str
    pair: str
    made: str = ""
    memories: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    corpora: tuple[Mapping[str, Any], ...] = ()
    dev: Mapping[str, Any] | None = None
    general: Mapping[str, Any] | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, Any] = field(default_factory=dict)
    checks: tuple[Mapping[str, Any], ...] = ()
    promoted: bool = False
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Return it as it is kept."""
        return asdict(self)


class Records:
    """The updates that were made here.

    Args:
        folder: where they lie; None is `updates` in the data folder.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = data_dir() / "updates" if folder is None else Path(folder)

    def report(self, name: str, version: int) -> Path:
        """Return where the report of an update lies."""
        return self.folder / name / f"{version}.md"

    def get(self, name: str, version: int) -> Record | None:
        """Return the record of a version, None where it was not made by an update.

        Raises:
            ModelError: it cannot be read.
        """
        path = self.folder / name / f"{version}.json"
        try:
            told: dict[str, Any] = json.loads(path.read_text("utf-8"))
            known = {item.name for item in fields(Record)}
            made: dict[str, Any] = {key: value for key, value in told.items() if key in known}
            return Record(**made | {"corpora": tuple(told["corpora"]), "checks": tuple(told["checks"])})
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, AttributeError, KeyError) as fault:
            raise ModelError(f"{path} cannot be read as the record of an update: {fault}. Remove it.") from fault

    def pairs(self, name: str, version: int) -> Path:
        """Return where the new pairs of an update lie: the next one mixes them in."""
        return self.folder / name / f"{version}.jsonl"

    def put(self, record: Record, report: str, pairs: Path) -> None:
        """Keep a record, its report, and the file of its new pairs."""
        folder = self.folder / record.name
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(pairs, self.pairs(record.name, record.version))
        write_whole(self.report(record.name, record.version), report)
        write_whole(folder / f"{record.version}.json", json.dumps(record.as_json(), ensure_ascii=False, indent=1))
