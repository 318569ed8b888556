"""Train, evaluate, report errors, synthesise where it is weak, and again (LLMs-in-the-loop, arXiv 2407.12126)."""

from scalemt.training.looping.configuration import Loop, read_loop
from scalemt.training.looping.rounds import Ended, Round, run_loop

__all__ = ["Ended", "Loop", "Round", "read_loop", "run_loop"]
