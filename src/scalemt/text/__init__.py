"""Text before and after translation: splitting what is too long for a model."""

from scalemt.text.splitting import split_long

__all__ = ["split_long"]
