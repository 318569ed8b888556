"""`scalemt job`: files and data sets translated through a ledger that survives crashes."""

from __future__ import annotations

import click

from scalemt.cli.job_exporting import export
from scalemt.cli.job_looking import cancel, status
from scalemt.cli.job_running import resume, retry_failed, run
from scalemt.cli.job_scoring import score


@click.group("job", short_help="Translate files and data sets so that nothing is lost or paid twice.")
def command() -> None:
    """Translate files and data sets through a ledger: after a crash, resume loses nothing and pays nothing twice.

    Exit codes: 0 done, 1 done, but some segments failed (they are named), 2 wrong use or configuration, 3 paused
    (the message says why; resume goes on), 130 interrupted (resume goes on).
    """


for _one in (run, status, resume, cancel, retry_failed, score, export):
    command.add_command(_one)
