"""The kinds of synthesis by name."""

from __future__ import annotations

from scalemt.data.synthesis.back_translation import BackTranslation
from scalemt.data.synthesis.base import Kind
from scalemt.data.synthesis.contrast import Contrast
from scalemt.data.synthesis.documents import Documents
from scalemt.data.synthesis.terms import Terms

KINDS: dict[str, type[Kind]] = {kind.name: kind for kind in (Terms, Documents, BackTranslation, Contrast)}
