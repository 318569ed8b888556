"""Text before and after translation: splitting what is too long for a model."""

from scalemt.text.splitting import split_long, split_sentences

__all__ = ["split_long", "split_sentences"]
