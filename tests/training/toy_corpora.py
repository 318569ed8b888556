"""A made-up language that a tiny network can learn: words are spelt backwards and the verb goes last."""

from __future__ import annotations

from pathlib import Path
from random import Random

_WHO = ("the user", "a printer", "the server", "this window", "every file", "the menu")
_DOES = ("opens", "closes", "saves", "prints", "moves", "hides")
_WHAT = ("the page", "a table", "the chart", "one cell", "all rows", "the macro")
_HOW = ("", " now", " twice", " slowly", " again")


def toy_pairs(count: int, seed: int = 1) -> list[tuple[str, str]]:
    """Return different pairs, drawn by a seed."""
    every = [(who, does, what, how) for who in _WHO for does in _DOES for what in _WHAT for how in _HOW]
    chosen = Random(seed).sample(every, count)
    return [(f"{who} {does} {what}{how}.", _turned(who, does, what, how)) for who, does, what, how in chosen]


def _turned(who: str, does: str, what: str, how: str) -> str:
    return " ".join(part.strip()[::-1] for part in (who, what, how, does) if part) + "."


def write_toys(folder: Path, train: int = 240, dev: int = 16) -> tuple[Path, Path]:
    """Write train.tsv and dev.tsv, which share no pair."""
    pairs = toy_pairs(train + dev)
    files = folder / "train.tsv", folder / "dev.tsv"
    for file, rows in zip(files, (pairs[:train], pairs[train:]), strict=True):
        file.write_text("".join(f"{source}\t{target}\n" for source, target in rows), "utf-8")
    return files


RECIPE = """\
name = "toy"
from = "en"
to = "eu"
seed = 3

[[corpora]]
files = ["train.tsv"]

[dev]
files = ["dev.tsv"]

[vocabulary]
size = 200
byte_fallback = false

[model]
layers = 1
decoder_layers = 1
width = 32
heads = 2
inner = 64
dropout = 0.1

[training]
epochs = 100
steps = 90
batch_tokens = 256
rate = 0.005
warmup = 10
every = 30
average = 2
"""
