"""The command line: one file per command, imported only when it is called."""

from __future__ import annotations

import signal
import sys
from importlib import import_module

import click

from scalemt.errors import PausedError, ScalemtError
from scalemt.version import __version__

COMMANDS = {
    "translate": "Translate a text, a document or standard input.",
    "ask": "Answer questions with knowledge cards: models, glossaries, documents.",
    "inspect": "Show the segments and protected spans of a document.",
    "languages": "List what can be translated with what is installed.",
    "engines": "List specialists, generalists, methods and templates.",
    "doctor": "Say what is installed, working and missing, and how to mend it.",
    "evaluate": "Score translations, with signatures and significance.",
    "calibrate": "Choose method, shots and threshold for a pair on a development file.",
    "bench": "Compare profiles on test sets: quality, time, calls and cost.",
    "job": "Translate files and data sets so that nothing is lost or paid twice.",
    "serve": "Serve a web page and the APIs of LibreTranslate, DeepL and OpenAI.",
    "mcp": "Give language models tools to translate with (Model Context Protocol).",
    "memory": "Keep, search and exchange confirmed translations.",
    "glossary": "Check translations by a glossary, find terms, convert.",
    "data": "Clean, make, split and sample parallel corpora.",
    "train": "Train specialists and refiners on your own data.",
    "update": "Train a new version of a specialist, and promote it if it is not worse.",
    "keys": "Make and withdraw API keys of a server.",
    "cache": "Show or clear what is kept of drafts and answers.",
}


class LazyGroup(click.Group):
    """Knows its commands by name and help line, and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the help page."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command, or None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"scalemt.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="scalemt")
def cli() -> None:
    """Translate with two unequal models: a specialist drafts, a large language model refines."""


def main() -> None:
    """Run the command line.

    Exit codes: 0 done, 1 some segments failed, 2 wrong use or configuration, 3 a job is paused,
    130 interrupted, 143 ended.
    """
    # As Ctrl-C: what was written is named, and no process of a specialist stays behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except click.Abort:
        click.echo("Interrupted.", err=True)
        sys.exit(130)
    except PausedError as error:
        click.echo(f"Paused: {error}", err=True)
        sys.exit(3)
    except ScalemtError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    except BrokenPipeError:
        # The reader of our output has gone (`| head`): nobody is left to tell.
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        # A full disk, a file that nobody may read: for a user a sentence says more than a traceback.
        where = f"{error.filename}: " if error.filename else ""
        click.echo(f"Error: {where}{error.strerror or error}.", err=True)
        _forget_output()
        sys.exit(2)
    sys.exit(code if isinstance(code, int) else 0)


def _forget_output() -> None:
    """Drop what could not be written, or Python tries again at its end and complains."""
    try:
        sys.stdout.close()
    except OSError:
        return
