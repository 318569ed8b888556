"""Import TMX files of 10 MB and of 1 GB: speed, and memory that must not grow with the file.

    python benchmarks/tmx_import.py [--large 1000] [--small 10] [--tsv FILE] [--json OUT]

Each import is `scalemt memory import` in a process of its own, with and without the making of the fuzzy index. The
peak is the largest resident set of that process (`ru_maxrss`): the part of the index that is being made, of at
most 500,000 units, is in it. Units are put together of two sentences each out of a few hundred and of a number, so
that no two are the same; every eighth has inline codes, and all have the metadata that tools write.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from claims import at_most, finish, parser

SENTENCES = (
    (
        "The valve must be closed before the cover is removed.",
        "A válvula deve ser fechada antes de remover a tampa.",
    ),
    ("Press the red button and wait for ten seconds.", "Prima o botão vermelho e espere dez segundos."),
    ("Your order has been sent to the address below.", "A sua encomenda foi enviada para a morada abaixo."),
    ("Do not use this medicine after the date on the box.", "Não use este medicamento depois da data na caixa."),
    ("The meeting was moved to the second week of March.", "A reunião foi mudada para a segunda semana de março."),
    ("Save the file under another name and open it again.", "Guarde o ficheiro com outro nome e abra-o de novo."),
    ("The committee adopted the report without a vote.", "A comissão adotou o relatório sem votação."),
    ("Children under twelve travel free of charge.", "As crianças com menos de doze anos viajam sem pagar."),
)
NOUNS = (("engine", "motor"), ("printer", "impressora"), ("contract", "contrato"), ("garden", "jardim"))
HEADER = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE tmx SYSTEM "tmx14.dtd">\n<tmx version="1.4"><header '
    'creationtool="benchmark" creationtoolversion="1" segtype="sentence" o-tmf="none" adminlang="en" srclang="en" '
    'datatype="plaintext"/><body>\n'
)
CODES = ('<bpt i="1" x="1">&lt;b&gt;</bpt>', '<ept i="1">&lt;/b&gt;</ept>', '<ph x="2">&lt;br/&gt;</ph>')


def main() -> None:
    arguments = parse_arguments()
    pairs = sentences(arguments.tsv)
    runs: list[dict[str, Any]] = []
    print("| file, MB | units | index | seconds | units/s | MB/s | peak memory, MB | memory, MB | index, MB |")
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        for megabytes in (arguments.small, arguments.large):
            path = Path(folder) / f"{megabytes}.tmx"
            units = write(path, megabytes * 10**6, pairs)
            for index in (False, True):
                runs.append(measure(path, units, Path(folder), index=index))
                print(row(runs[-1]), flush=True)
            path.unlink()
    finish(arguments.json, claims(runs, arguments), {"runs": runs})


def parse_arguments() -> argparse.Namespace:
    options = parser(__doc__, rounds=1)
    options.add_argument("--large", type=int, default=1000, help="megabytes of the large file")
    options.add_argument("--small", type=int, default=10, help="megabytes of the small file")
    options.add_argument("--tsv", type=Path, help="take the sentences from this file, of two columns")
    options.add_argument("--folder", type=Path, help="where the files are made (default: the temporary folder)")
    return options.parse_args()


def sentences(path: Path | None) -> list[tuple[str, str]]:
    """Return a few hundred sentences with their translations."""
    if path is None:
        return [
            (f"{left} {english.capitalize()} {number}.", f"{right} {other.capitalize()} {number}.")
            for left, right in SENTENCES
            for english, other in NOUNS
            for number in range(1, 11)
        ]
    rows = (line.split("\t") for line in path.read_text("utf-8").split("\n") if "\t" in line)
    return [(row[0], row[1]) for row in rows if len(row[0]) < 200][:400]


def write(path: Path, size: int, pairs: list[tuple[str, str]]) -> int:
    """Write a TMX file of a size, and return how many units it holds."""
    units = written = 0
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER)
        for unit in made(pairs):
            written += len(unit.encode())
            file.write(unit)
            units += 1
            if written >= size:
                break
        file.write("</body></tmx>\n")
    return units


def made(pairs: list[tuple[str, str]]) -> Iterator[str]:
    chance = random.Random(4)
    number = 0
    escaped = [tuple(text.replace("&", "&amp;").replace("<", "&lt;") for text in pair) for pair in pairs]
    while True:
        number += 1
        (one, eins), (other, zwei) = chance.choice(escaped), chance.choice(escaped)
        source, target = f"{one} {other} {number}", f"{eins} {zwei} {number}"
        if number % 8 == 0:
            source, target = (f"{CODES[0]}{a}{CODES[1]} {b}{CODES[2]}" for a, b in ((one, other), (eins, zwei)))
            source, target = f"{source} {number}", f"{target} {number}"
        yield (
            f'<tu tuid="{number}" creationdate="20260101T000000Z" creationid="ann" changedate="20260202T000000Z">'
            f'<prop type="x-origin">manual-{number % 97}.docx</prop><tuv xml:lang="en"><seg>{source}</seg></tuv>'
            f'<tuv xml:lang="pt"><seg>{target}</seg></tuv></tu>\n'
        )


def measure(path: Path, units: int, folder: Path, *, index: bool) -> dict[str, Any]:
    """Import a file in a process of its own."""
    from scalemt.memory import MemoryStore
    from scalemt.memory.index import drop_index, index_size

    memory = folder / "memory.db"
    command = [str(Path(sys.executable).with_name("scalemt")), "memory", "import", str(memory), str(path)]
    command += [] if index else ["--no-index"]
    began = time.perf_counter()
    pid = os.posix_spawn(command[0], command, os.environ)
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - began
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}.")
    store = MemoryStore(memory)
    kept, size = sum(item.units for item in store.stats()), store.size_on_disk()
    store.close()
    if kept != units:
        raise SystemExit(f"{units} units were written and {kept} imported.")
    told = {
        "file_mb": path.stat().st_size / 10**6,
        "units": units,
        "index": index,
        "seconds": seconds,
        "user_seconds": usage.ru_utime,
        "units_per_second": units / seconds,
        "mb_per_second": path.stat().st_size / 10**6 / seconds,
        "peak_mb": usage.ru_maxrss / 1024,
        "memory_mb": size / 10**6,
        "index_mb": index_size(memory) / 10**6,
    }
    drop_index(memory)
    memory.unlink()
    return told


def row(run: dict[str, Any]) -> str:
    told = [
        f"{run['file_mb']:,.0f}",
        f"{run['units']:,}",
        "yes" if run["index"] else "no",
        f"{run['seconds']:.1f}",
    ]
    told += [f"{run['units_per_second']:,.0f}", f"{run['mb_per_second']:.1f}", f"{run['peak_mb']:.0f}"]
    return f"| {' | '.join([*told, *(f'{run[name]:,.0f}' for name in ('memory_mb', 'index_mb'))])} |"


def claims(runs: list[dict[str, Any]], arguments: argparse.Namespace) -> list[Any]:
    small, _, large, indexed = runs
    growth = large["peak_mb"] - small["peak_mb"]
    what = f"`scalemt memory import` of a TMX file of {arguments.large:,} MB"
    return [
        at_most(f"{what}: MB of memory more than of {arguments.small} MB", [growth], 100),
        at_most(f"{what}: peak memory with its index, MB", [indexed["peak_mb"]], 2_000),
    ]


if __name__ == "__main__":
    main()
