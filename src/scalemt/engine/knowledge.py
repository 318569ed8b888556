"""What the user already knows, as a profile names it: memories, a glossary, demonstrations, attribute banks."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from scalemt import languages
from scalemt.config import Profile
from scalemt.errors import ConfigurationError
from scalemt.glossary import TermFinder, load_glossary
from scalemt.memory import SELECTORS, Selector, load_demonstrations, packaged_demonstrations
from scalemt.memory.banks import load_bank, packaged_bank
from scalemt.memory.matching import MemorySelector
from scalemt.memory.meaning import Meaning
from scalemt.memory.recall import Memories, read_use
from scalemt.methods import Method
from scalemt.types import Demonstration, Pair

_MOST_SHOTS_OF_A_FILE = 10  # the paper's number; a user's file that holds no more is shown whole


class Knowledge:
    """Opens what a profile names, once, when it is first needed.

    Args:
        profile: names the files.
        notice: told once about each thing a user should know.
    """

    def __init__(self, profile: Profile, notice: Callable[[str], None]) -> None:
        self.profile = profile
        self._notice = notice
        self._finders: dict[Pair, TermFinder] = {}

    @cached_property
    def memories(self) -> Memories | None:
        """The translation memories of the profile, or None.

        Raises:
            InputError: one does not exist or is no memory.
        """
        uses = [read_use(spec) for spec in self.profile.memories]
        if not uses:
            return None
        threads = self.profile.core_count()
        return Memories(uses, meaning=Meaning(self.profile.semantic, threads) if self.profile.semantic else None)

    def share(self, other: Knowledge) -> None:
        """Take the memories and the glossary of another profile, where it names the same: they are opened once."""
        mine, theirs = self.profile, other.profile
        same = mine.memories and (mine.memories, mine.semantic) == (theirs.memories, theirs.semantic)
        if same and "memories" not in vars(self):
            self.memories = other.memories
        if mine.glossary == theirs.glossary:
            self._finders = other._finders

    def tells_context(self) -> bool:
        """Whether equal texts behind different ones may be translated differently, as a memory knows them."""
        if self.profile.reuse == "off" or self.memories is None:
            return False
        return any(store.tells_context() for store in self.memories.stores)

    def finder(self, pair: Pair) -> TermFinder | None:
        """Return what finds the terms of the profile's glossary in texts of a pair, or None.

        Raises:
            InputError: the file cannot be read.
            ConfigurationError: it is of other languages.
        """
        if not self.profile.glossary:
            return None
        if pair not in self._finders:
            self._finders[pair] = TermFinder(load_glossary(self.profile.glossary, pair), pair)
        return self._finders[pair]

    def selector(self, pair: Pair, shots: int, method: Method) -> Selector | None:
        """Return what chooses the demonstrations of a pair, or None where none are shown."""
        if self.profile.selection == "memory" or method.needs_memory:
            return self._from_memory(pair, shots, method)
        return self._from_pool(pair, shots, self.profile.selection)

    def _from_memory(self, pair: Pair, shots: int, method: Method) -> Selector | None:
        if self.memories is None:
            who = f"the method {method.name}" if method.needs_memory else "selection memory"
            raise ConfigurationError(
                f"{who[0].upper()}{who[1:]} needs a translation memory. Name one with --memory FILE, or "
                "memories in the profile."
            )
        if not shots:
            return None
        otherwise = self._from_pool(pair, shots, "fixed")
        return MemorySelector(self.memories, pair, shots, self.profile.floor, otherwise)

    def _from_pool(self, pair: Pair, shots: int, selection: str) -> Selector | None:
        pool = self.pool(pair)
        if not shots or not pool:
            return None
        whole = len(pool) <= shots
        kind = SELECTORS.load("fixed" if whole else selection)
        selector: Selector = kind(pool, shots, self.profile.seed)
        return selector

    def pool(self, pair: Pair) -> list[Demonstration]:
        """Return all demonstrations that may be shown: of a bank, a file, or those that are packaged."""
        profile = self.profile
        variety, formality = self.variety(pair), profile.formality or ""
        if variety or formality:
            if profile.demonstrations:
                return load_bank(profile.demonstrations, pair, variety, formality, self._notice)
            return packaged_bank(pair, variety=variety, formality=formality)
        if profile.demonstrations:
            return load_demonstrations(profile.demonstrations)
        pool = packaged_demonstrations(pair)
        if not pool and profile.shots:
            self._notice(
                f"The packaged demonstrations do not hold {pair}: prompts show none. "
                "Give your own with --demonstrations FILE."
            )
        return pool

    def variety(self, pair: Pair) -> str:
        """Return the tag of the regional variety that is wanted, "" for none.

        Raises:
            UnknownLanguageError: it is no language tag.
        """
        return languages.parse(self.profile.variety) if self.profile.variety else ""

    def most_shots(self) -> int | None:
        """Return how many demonstrations of a user's file are shown, None without such a file."""
        return _MOST_SHOTS_OF_A_FILE if self.profile.demonstrations else None

    def signature(self, pair: Pair, finder: TermFinder | None) -> list[str]:
        """Return what tells which glossary and attributes a translation is made with; see `Plan.signature`."""
        told = [f"semantic:{self.profile.semantic}"] if self.memories and self.profile.semantic else []
        if finder:
            told.append(f"glossary:{finder.glossary.signature}")
        if self.profile.variety:
            told.append(f"variety:{self.variety(pair)}")
        if self.profile.formality:
            told.append(f"formality:{self.profile.formality}")
        return told
