"""Specialists: compact models trained only to translate. They draft; one file per kind."""

from scalemt.registry import Registry
from scalemt.specialists.base import BaseSpecialist, DraftOptions, ScoringSpecialist, Specialist

SPECIALISTS = Registry(
    "specialist",
    "scalemt.specialists",
    {
        "bergamot": "scalemt.specialists.bergamot:BergamotSpecialist",
        "apertium": "scalemt.specialists.apertium:ApertiumSpecialist",
        "ctranslate2": "scalemt.specialists.ctranslate2:CTranslate2Specialist",
        "transformers": "scalemt.specialists.transformers:TransformersSpecialist",
        "thot": "scalemt.specialists.thot:ThotSpecialist",
        "libretranslate": "scalemt.specialists.http:LibreTranslateSpecialist",
        "deepl": "scalemt.specialists.http:DeepLSpecialist",
        "recorded": "scalemt.specialists.recorded:RecordedSpecialist",
    },
)

__all__ = ["SPECIALISTS", "BaseSpecialist", "DraftOptions", "ScoringSpecialist", "Specialist"]
