"""Documents: each format in a file of its own reads segments and writes a file anew around their translations."""

from scalemt.formats.base import Format, FormatOptions, Target
from scalemt.formats.choosing import FORMATS, format_for, suffixes

__all__ = ["FORMATS", "Format", "FormatOptions", "Target", "format_for", "suffixes"]
