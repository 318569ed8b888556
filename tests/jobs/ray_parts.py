"""Backends for tests of jobs on Ray."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jobs.billing_server import answer_to, asked
from jobs.job_parts import Phrasebook
from scalemt.types import Draft, Pair


class Deadly(Phrasebook):
    """Kills its process over a marked text, as a fault in native code would, and notes each time in a file."""

    def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
        if any("DEADLY" in text for text in texts):
            with Path("deaths.txt").open("a", encoding="utf-8") as file:
                file.write(f"{len(texts)}\n")
            os.kill(os.getpid(), signal.SIGKILL)
        return super()._draft(texts, pair, n)


def by_hand(prompts: Any) -> Any:
    """A stage of Ray Data that answers prompts as the billing server does."""
    return prompts.map(_answered, num_cpus=0)


def _answered(row: dict[str, Any]) -> dict[str, Any]:
    text = answer_to(*asked({"messages": json.loads(row["messages"])}))
    kept = {name: row[name] for name in ("key", "max_tokens", "most")}
    return {**kept, "text": text, "prompt_tokens": 100, "completion_tokens": len(text) // 4}
