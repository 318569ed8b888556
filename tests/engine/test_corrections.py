"""A correction steers the next similar segment, with the real embedded models."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalemt.engine import Engine
from scalemt.memory import MemoryStore


@pytest.mark.slow
def test_a_correction_changes_the_next_similar_segment(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    MemoryStore(path, create=True).close()
    # No gate: it would weigh the answer by the likeness to a draft that the correction has just overruled.
    engine = Engine.from_profile(
        memories=(str(path),), method="adaptive", gate="off", shots=5, cache=False, threads=1
    )
    texts = ["Open the Footer dialog.", "Open the Header dialog."]
    before = engine.translate(texts, "en", "pt")
    assert not any("o diálogo" in item.text for item in before)
    engine.correct("Open the Title dialog.", "Abra o diálogo Título.", "en", "pt")
    after = engine.translate(texts, "en", "pt")
    assert all(item.text.startswith("Abra o diálogo") for item in after)
    assert [item.demonstrations[-1].target for item in after] == ["Abra o diálogo Título."] * 2
    assert before[0].signature != after[0].signature
    (same,) = engine.translate(["Open the Title dialog."], "en", "pt")
    assert same.text == "Abra o diálogo Título."
    assert [(step.step, step.outcome) for step in same.decisions] == [("memory", "reused")]
    assert same.usage.calls == 0
