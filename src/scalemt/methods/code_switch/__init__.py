"""Code-switch: from a mixed text to one language, and to a mixed text (Kaji and Shah, arXiv 2312.13179)."""

from scalemt.methods.code_switch.method import CodeSwitchMethod

__all__ = ["CodeSwitchMethod"]
