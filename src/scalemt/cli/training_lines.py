"""How a training goes on, in lines on standard error."""

from __future__ import annotations

import time

import click

_NAMES = {"loss": "loss", "chrf": "dev chrF++", "chrf++": "dev chrF++", "bleu": "BLEU"}
_LINE_EVERY = 10.0  # seconds between two lines that tell nothing but the loss


class Lines:
    """A watcher that prints a line at each measurement, and now and then one between them."""

    def __init__(self) -> None:
        self._steps = self._done = 0
        self._last = 0.0

    def begin(self, steps: int, done: int) -> None:
        """Say what is to be done."""
        self._steps, self._done = steps, done
        click.echo(f"Going on after step {done} of {steps}." if done else f"Training: {steps} steps.", err=True)

    def step(self, number: int, told: dict[str, float]) -> None:
        """Print what is known at a step."""
        measured = any(name.startswith("chrf") for name in told)
        now = time.monotonic()
        if not measured and now - self._last < _LINE_EVERY:
            return
        self._last = now
        found = [
            f"{_NAMES[name]} {value:.{3 if name == 'loss' else 2}f}"
            for name, value in told.items()
            if name in _NAMES
        ]
        seconds = told.get("seconds", 0.0)
        if seconds and number > self._done:
            found.append(f"{(number - self._done) / seconds:.2f} steps/s")
        click.echo(f"{'before' if not number else f'step {number}':>10}  {'  '.join(found)}", err=True)

    def note(self, text: str) -> None:
        """Print a note."""
        click.echo(text, err=True)
