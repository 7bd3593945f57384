"""Charted songs of films and dramas: told by Melon's genres in either language, else by the album's name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sql_world import built_world, place, rows

from tasks.schemas import LAKE_SCHEMAS

SONGS = {  # song number -> genres of its page, album, whether it is from a soundtrack
    "1": (["발라드", "국내드라마"], "도깨비 OST Part 9", True),
    "2": (["Drama"], "Goblin", True),
    "3": (["Foreign Movie"], "Frozen", True),
    "4": (["OST"], "A", True),
    "5": (["댄스"], "My World", False),
    "6": ([], "Sherlock O.S.T", True),
    "7": (["Ballad"], "Lost Stars", False),
    "8": (["R&B/Soul"], None, False),
}


def test_songs_of_the_screen_are_told(tmp_path: Path) -> None:
    pages: list[dict[str, Any]] = [
        {"song_id": number, "title": f"T{number}", "artists": ["S"], "album": album, "genres": genres}
        for number, (genres, album, _) in SONGS.items()
    ]
    assert set(pages[0]) < set(LAKE_SCHEMAS[("melon", "song")].names)
    charted = [place("month", "GN0000", "2020-01", int(number), number, f"T{number}", ["S"]) for number in SONGS]
    with built_world(tmp_path, {("melon", "chart"): charted, ("melon", "song"): pages}) as con:
        told = dict(rows(con, "select song_id, is_soundtrack from core.chart_song"))
        genres = dict(rows(con, "select song_id, genre from core.chart_song"))
    assert told == {number: is_soundtrack for number, (_, _, is_soundtrack) in SONGS.items()}
    assert [genres[number] for number in "12358"] == ["Ballad", "Drama", "Foreign Movie", "Dance", "R&B / Soul"]
