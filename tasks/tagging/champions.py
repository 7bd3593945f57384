"""The models that tag now."""

from __future__ import annotations

from tasks.models import film_genre, registry, track_genre, track_mood
from tasks.models.bundle import Bundle
from tasks.settings import Settings

MODEL_OF_KIND = {"genre": track_genre.NAME, "mood": track_mood.NAME, "film_genre": film_genre.NAME}
"""Kinds of tags in the order in which they are written, and the registered model of each."""


def load_champions(settings: Settings) -> dict[str, Bundle]:
    """Kind -> champion, of the kinds that have one."""
    found = {kind: registry.champion(settings, name) for kind, name in MODEL_OF_KIND.items()}
    return {kind: bundle for kind, bundle in found.items() if bundle is not None}
