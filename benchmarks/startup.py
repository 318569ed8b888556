"""Time one sentence from a cold start, as a person at a prompt has it: the command, from nothing to its output.

    python benchmarks/startup.py [--rounds 7] [--json OUT]

Every run is a new process; files are in the memory of the operating system, as they are from the second call on.
`python -c pass` and `scalemt --help` stand beside, to tell what the interpreter and the command line take.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from claims import at_most, finish, parser

SENTENCE = "The bakery at the corner opens at seven and closes when the bread is gone."
SPANISH = "La panadería de la esquina abre a las siete y cierra cuando se acaba el pan."


def main() -> None:
    arguments = parser(__doc__, rounds=7).parse_args()
    scalemt = str(Path(sys.executable).with_name("scalemt"))
    draft = [scalemt, "translate", "--method", "draft", "--no-cache"]
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "scalemt --help": [scalemt, "--help"],
        "draft, bergamot en-pt": [*draft, "--from", "en", "--to", "pt", SENTENCE],
        "draft, apertium es-ca": [*draft, "--from", "es", "--to", "ca", SPANISH],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(arguments.rounds + 1):
        for name, command in commands.items():
            began = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            if turn:  # the first round only fills the cache of the operating system
                seconds[name].append(time.perf_counter() - began)
    print("| command | seconds, median | range |\n|---|---|---|")
    for name, values in seconds.items():
        print(f"| {name} | {statistics.median(values):.2f} | {min(values):.2f} to {max(values):.2f} |")
    claims = [
        at_most(f"seconds of one sentence from a cold start: {name}", values, 1.5)
        for name, values in seconds.items()
        if name.startswith("draft")
    ]
    finish(arguments.json, claims, {"seconds": seconds})


if __name__ == "__main__":
    main()
