"""Apertium, the rule-based translator of Debian's `apertium-*` packages, as a specialist."""

from scalemt.specialists.apertium.packages import install_hint
from scalemt.specialists.apertium.specialist import ApertiumSpecialist

__all__ = ["ApertiumSpecialist", "install_hint"]
