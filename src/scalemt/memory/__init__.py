"""What is already known: translation memories, pools and banks of demonstrations, and how they are chosen."""

from scalemt.memory.banks import load_bank, packaged_bank
from scalemt.memory.demonstrations import load_demonstrations, packaged_demonstrations
from scalemt.memory.recall import Match, Memories, MemoryUse
from scalemt.memory.selection import SELECTORS, Selector
from scalemt.memory.store import MemoryStore
from scalemt.memory.units import Unit

__all__ = [
    "SELECTORS",
    "Match",
    "Memories",
    "MemoryStore",
    "MemoryUse",
    "Selector",
    "Unit",
    "load_bank",
    "load_demonstrations",
    "packaged_bank",
    "packaged_demonstrations",
]
