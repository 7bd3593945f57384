"""The made-up world: the same for the same seed, of the asked size, and learnable."""

from __future__ import annotations

import io
from collections import Counter
from datetime import date, timedelta
from functools import cache

import numpy as np
import pandas as pd
import pytest

from sandbox import charts, names, periods
from sandbox.catalogue import Catalogue
from sandbox.films import TMDB_GENRE_IDS
from sandbox.profiles import FEATURES
from sandbox.sites.control import COLUMNS, labelled_table, truth
from sandbox.state import Sandbox
from sandbox.tracks import EPOCH
from sandbox.world import World

TODAY = date(2026, 11, 21)


@cache
def world() -> World:
    return World(as_of=TODAY)


def table() -> pd.DataFrame:
    return pd.read_csv(io.StringIO(labelled_table(Sandbox(world()))))


def test_the_same_seed_makes_the_same_world_whatever_the_clock_was() -> None:
    first, moved = World(30, 300, as_of=TODAY), World(30, 300, as_of=date(2024, 5, 1))
    assert len(moved.films) < len(first.films)
    moved.move_clock(TODAY)
    assert truth(Sandbox(moved)) == truth(Sandbox(first))
    assert labelled_table(Sandbox(moved)) == labelled_table(Sandbox(first))
    assert truth(Sandbox(World(30, 300, seed=8, as_of=TODAY))) != truth(Sandbox(first))


def test_sizes_are_as_asked() -> None:
    at_epoch = World(300, 3000, as_of=EPOCH)
    assert len(at_epoch.films) == pytest.approx(300, abs=5)
    assert len(at_epoch.tracks) == pytest.approx(3000, rel=0.05)
    assert len(world().labelled_tracks) == pytest.approx(2000, rel=0.05)


def test_nothing_is_there_twice() -> None:
    films, tracks = world().films, world().tracks
    for ids in (
        [film.tmdb_id for film in films],
        [film.imdb_id for film in films if film.imdb_id],
        [track.track_id for track in tracks],
        [track.isrc for track in tracks if track.isrc],
        [entry.entry_id for item in world().soundtracks for entry in item.entries],
        [song.song_id for song in world().known_songs],
        [(track.title.casefold(), track.artists[0].artist_id) for track in tracks if track.seeds],
    ):
        assert len(ids) > 250
        assert not [value for value, count in Counter(ids).items() if count > 1]


def test_values_are_possible() -> None:
    for track in world().tracks:
        features = track.features
        assert tuple(features) == FEATURES
        assert all(0 <= features[name] <= 1 for name in ("energy", "valence", "liveness", "speechiness", "mode"))
        assert 0 <= features["key"] <= 11
        assert -60 < features["loudness"] < 5
        assert 0 <= features["tempo"] < 260
        assert track.duration_ms > 5_000
        assert len(track.track_id) == 22
    assert {name for film in world().films for name in film.genres} <= set(TMDB_GENRE_IDS)


def test_oddities_that_the_collectors_must_bear_are_there() -> None:
    films, soundtracks = world().films, world().soundtracks
    sizes = [len(item.entries) for item in soundtracks]
    assert 0.02 < sizes.count(0) / len(sizes) < 0.09
    assert sum(size > 50 for size in sizes) == 2
    entries = [entry for item in soundtracks for entry in item.entries]
    assert 0.1 < sum(entry.track is None for entry in entries) / len(entries) < 0.2
    assert any(len(entry.lines) > 6 for entry in entries)
    performed = [any("erformed" in line or "Sung" in line or "Vocals" in line for line in e.lines) for e in entries]
    assert 0.18 < 1 - np.mean(performed) < 0.32
    for absent in ("budget_usd", "runtime_min", "imdb_id", "poster", "overview", "certification"):
        assert any(getattr(film, absent) is None for film in films), absent
    assert any(film.user_score(TODAY) == 0 for film in films)
    titles = " ".join(track.title for track in world().tracks)
    assert all(sign in titles for sign in ("&", "'", '"', "(feat. ", "🌙", "é"))
    assert any("가" <= sign <= "힣" for sign in titles)


def test_the_clock_moves_charts_scores_and_films() -> None:
    moving = World(300, 600, as_of=TODAY)
    before = {film.tmdb_id: film.user_score(TODAY) for film in moving.films}
    today = charts.ranking(moving, periods.day_of(TODAY), "GN0000")
    later = TODAY + timedelta(days=30)
    moving.move_clock(later)
    after = {film.tmdb_id: film.user_score(later) for film in moving.films}
    assert 5 <= len(after) - len(before) <= 15
    assert sum(after[number] != score for number, score in before.items()) > 10
    month_later = charts.ranking(moving, periods.day_of(later), "GN0000")
    assert 40 < len(set(today) & set(month_later)) < 100
    assert all(song.released_on <= later for song in month_later)


@pytest.mark.parametrize("scope", ["KPOP", "POP"])
@pytest.mark.parametrize("year", ["1980", "2005", "2025"])
def test_every_year_has_a_full_chart(year: str, scope: str) -> None:
    period = periods.years_of("YE", year, TODAY)
    assert period is not None
    rows = charts.rows(world(), period, scope)
    assert [row.rank for row in rows] == list(range(1, 101))
    assert all(row.song.is_domestic == (scope == "KPOP") for row in rows)


def test_a_period_that_has_not_closed_has_no_chart() -> None:
    assert periods.years_of("YE", "2026", TODAY) is None
    assert periods.years_of("AG", "2020", TODAY) is None
    assert periods.month_of("202611", TODAY) is None
    assert periods.month_of("2026ab", TODAY) is None
    assert periods.month_of(None, TODAY) == periods.month_of("202610", TODAY)


def test_most_songs_in_the_charts_are_on_spotify() -> None:
    catalogue = Catalogue(world())
    songs = charts.ranking(world(), periods.day_of(TODAY), "DM0000")
    tracks = [song.track for song in songs if song.track]
    assert len(tracks) > 80
    for track in tracks[:20]:
        assert track in catalogue.search(f'track:"{track.title}" artist:"{track.artists[0].name}"')


def test_search_is_strict_with_fields_and_lenient_with_words() -> None:
    catalogue = Catalogue(world())
    track = next(t for t in world().songs if len(t.title.split()) == 2 and t.title.isascii())
    first, second = track.title.split()
    assert track in catalogue.search(f"track:{track.title} artist:{track.artists[0].name}")
    assert not catalogue.search(f'track:"{track.title}" artist:"nobody at all"')
    assert track in catalogue.search(f"{first} {second} {track.artists[0].name} soundtrack")
    assert catalogue.search(f"isrc:{next(t.isrc for t in world().songs if t.isrc)}")
    assert catalogue.search(" ") == []


def test_the_labelled_table_has_several_seeds_for_some_tracks() -> None:
    rows = table()
    assert tuple(rows.columns) == COLUMNS
    assert not rows.duplicated(["track_id", "track_genre"]).any()
    share = (rows.groupby("track_id").size() > 1).mean()
    assert 0.1 < share < 0.6
    assert rows.track_genre.nunique() == 65


def test_genre_can_be_learned_but_not_known() -> None:
    """Nearest genre mean on ranked features, artists held out: far above chance, far from certain."""
    rows = table().drop_duplicates("track_id")
    points = rows[list(FEATURES)].rank(pct=True).to_numpy()
    held_out = pd.util.hash_array(rows.artists.str.split(";").str[0].to_numpy(dtype=object)) % 4 == 0
    means = pd.DataFrame(points[~held_out]).groupby(rows.track_genre.to_numpy()[~held_out]).mean()
    distance = ((points[held_out][:, None, :] - means.to_numpy()[None]) ** 2).sum(axis=2)
    guessed = means.index.to_numpy()[distance.argsort(axis=1)[:, :3]]
    hits = (guessed == rows.track_genre.to_numpy()[held_out][:, None]).any(axis=1).mean()
    assert 0.15 < hits < 0.6  # three of 65 seeds by chance: .05


def test_film_genre_shows_in_the_music_a_little() -> None:
    """Mean valence of the music of two genres that differ in reality; within each it spreads as much."""
    valence: dict[str, list[float]] = {"Action": [], "Romance": []}
    for item in world().soundtracks:
        for genre, values in valence.items():
            if genre in item.film.genres and len(item.film.genres) > 1:
                values += [entry.track.features["valence"] for entry in item.entries if entry.track]
    gap = abs(np.mean(valence["Action"]) - np.mean(valence["Romance"]))
    assert 0.03 < gap < 1.5 * np.std(valence["Romance"])


def test_plurals_are_english() -> None:
    assert [names.plural(word) for word in ("Jury", "Ashes", "Bell", "Valley")] == [
        "Juries",
        "Ashes",
        "Bells",
        "Valleys",
    ]
