"""The tables that Python fills between the SQL layers: they have no header, so their words stand here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tasks.dictionary.headers import Column, Table, one_line, unit_of, without_unit
from tasks.lake import duckdb_type
from tasks.warehouse.connection import film_genres, python_tables
from tasks.warehouse.models import TRAINABLE


@dataclass(frozen=True)
class Words:
    """What a header would say."""

    description: str
    grain: str
    key: list[str]
    reads: list[str]


WORDS = {
    "matching.credit_track": Words(
        "Soundtrack credits with the tracks that they are, or may be: a pair that is no match is in doubt.",
        "credit x candidate",
        ["credit_id", "track_id"],
        ["core.soundtrack_credit", "core.film", "core.track", "core.film_track_link"],
    ),
    "matching.chart_track": Words(
        "Charted songs with the tracks that they are, or may be: a pair that is no match is in doubt.",
        "song x candidate",
        ["song_key", "track_id"],
        ["core.chart_song", "core.track"],
    ),
    "tagging.track_label": Words(
        "Genres and moods that the champions see in a track, every label worth naming.",
        "track x kind x label",
        ["track_id", "kind", "label"],
        ["features.track_audio"],
    ),
    "tagging.track_film_genre": Words(
        "How likely a film with the track is of each genre, by the champion of film genres.",
        "track",
        ["track_id"],
        ["features.track_audio"],
    ),
    "tagging.film_genre_rule": Words(
        "What the champion of film genres needs to decide and to compare.", "film genre", ["film_genre"], []
    ),
    "tagging.film_score": Words(
        "How viewers will score a film, by the champion of film ratings, from what is known before release.",
        "film",
        ["film_id"],
        ["features.film_before_release"],
    ),
}

MEANINGS = {
    "credit_id": "the credit",
    "song_key": "the song",
    "track_id": "the track",
    "match_score": "0 to 1",
    "match_method": "how the pair was found",
    "is_match": "sure enough to be a match; else in doubt",
    "film_id": "the film",
    "predicted_score": "0 to 100, as users' scores are",
    "kind": "genre or mood",
    "label": "one of the 28 genre groups or of the 5 moods",
    "probability": "calibrated, 0 to 1",
    "is_tag": "the model's own decision",
    "model": "model and version",
    "tagged_at": "when",
    "film_genre": "one of TMDB's 19",
    "threshold": "probability from which on the model tags a track, 0 to 1",
    "training_share": "share of training tracks whose film has the genre, 0 to 1",
    **{genre: f"calibrated probability that a film scored with it is {genre}, 0 to 1" for genre in film_genres()},
}


def tables_made_by_python() -> Iterator[Table]:
    """All of them but those of cleared sources alone, which are told once with the tables of `trainable`."""
    for name, schema in python_tables().items():
        if name.split(".")[1].startswith(f"{TRAINABLE}_"):
            continue
        words = WORDS.get(name) or Words("Filled by Python between the SQL layers.", "", [], [])
        columns = [
            _column(field.name, duckdb_type(field.type), is_key=field.name in words.key) for field in iter(schema)
        ]
        yield Table(name, "filled by Python", one_line(words.description), words.grain, words.key, columns)


def _column(name: str, type_: str, *, is_key: bool) -> Column:
    meaning = MEANINGS.get(name, "")
    unit = unit_of(name, type_, meaning)
    return Column(name, type_, unit, without_unit(meaning, unit), is_key)
