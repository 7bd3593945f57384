"""Charts, tracks and features collected from the sandbox, as a refresh does it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.request import urlopen

import pytest
import requests
from pydantic import SecretStr

from tasks import lake
from tasks.collecting.charts.nightly import collect_charts
from tasks.collecting.features.chain import collect_features
from tasks.collecting.made_up import set_clock
from tasks.collecting.report import SourceReport
from tasks.collecting.soundtracks.imdb import collect_soundtracks
from tasks.collecting.soundtracks.musicbrainz import collect_recordings
from tasks.collecting.tracks.questions import all_questions
from tasks.collecting.tracks.search import collect_tracks
from tasks.fetching.answer import FetchState
from tasks.lake import utc_now
from tasks.settings import OstinatoError, Settings, today


def truth(world: Settings) -> dict[str, Any]:
    with urlopen(f"{world.sites['sandbox']}/world") as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def column(world: Settings, source: str, entity: str, name: str) -> list[Any]:
    values: list[Any] = lake.read(world.lake, source, entity, [name])[name].to_pylist()
    return values


def put_films(world: Settings) -> None:
    """Films as the film collector lands them, so that credits can be asked for."""
    films = [{"tmdb_id": int(tmdb_id), "imdb_id": imdb_id} for tmdb_id, imdb_id in truth(world)["films"].items()]
    rows = [{**film, "fetched_at": utc_now()} for film in films]
    lake.write_batch(world.lake, "tmdb", "film", rows, batch_key="films", ingest_date=today())


def test_music_comes_in_whole_and_a_second_run_adds_nothing(world: Settings) -> None:
    as_of = today()
    set_clock(world, as_of)  # other tests move it
    put_films(world)
    collect_soundtracks(world, as_of)
    charts, songs = collect_charts(world, as_of)
    tracks = collect_tracks(world, as_of)
    features, of_spotify = collect_features(world, as_of)
    reports = [charts, songs, tracks, features]
    assert [report.state for report in reports] == [FetchState.OK] * 4, [report.notes for report in reports]
    assert of_spotify.state is FetchState.REFUSED  # an app in development mode
    assert charts.n_rows == 100 * charts.n_pages - n_missing(charts)
    assert songs.n_rows == len(set(column(world, "melon", "chart", "song_id")))
    charted = set(zip(column(world, "melon", "chart", "chart"), column(world, "melon", "chart", "period"), strict=True))
    last_month = as_of.replace(day=1) - timedelta(days=1)
    assert {("month", f"{last_month:%Y-%m}"), ("age_year", str(as_of.year - 1))} <= charted
    assert [bool(re.fullmatch(rf"{as_of}T\d\d", period)) for chart, period in charted if chart == "top100"] == [True]

    sizes = {
        key: lake.read(world.lake, *key).num_rows for key in (("spotify", "track"), ("reccobeats", "audio_features"))
    }
    assert all(sizes.values())
    track_ids = column(world, "spotify", "track", "track_id")
    assert len(set(track_ids)) == len(track_ids)
    assert set(column(world, "reccobeats", "audio_features", "track_id")) <= set(track_ids)

    before = all_sizes(world)
    cut_charts, no_songs = collect_charts(world, as_of)
    others = [no_songs, collect_tracks(world, as_of), *collect_features(world, as_of)]
    assert cut_charts.n_pages == len(charts.notes)  # a small world has fewer than 100 foreign songs
    assert [(report.n_pages, report.n_rows) for report in others] == [(0, 0)] * 4
    assert all_sizes(world) == before


def n_missing(charts: SourceReport) -> int:
    """Rows that the notes on cut charts name as missing."""
    return sum(100 - int(found[1]) for note in charts.notes if (found := re.search(r"holds (\d+) of 100", note)))


def all_sizes(world: Settings) -> dict[str, int]:
    tables = [(source, entity) for source in ("melon", "spotify", "reccobeats") for entity in entities(world, source)]
    return {f"{source}/{entity}": lake.read(world.lake, source, entity).num_rows for source, entity in tables}


def entities(world: Settings, source: str) -> list[str]:
    return sorted(path.name for path in (world.lake / source).iterdir())


def test_the_search_finds_what_credits_and_charts_mean(world: Settings) -> None:
    put_films(world)
    collect_soundtracks(world, today())
    collect_charts(world, today())
    collect_tracks(world, today())
    found = set(column(world, "spotify", "track", "track_id"))
    told = truth(world)
    charted = set(column(world, "melon", "chart", "song_id"))
    of_songs = {track for song, track in told["song_tracks"].items() if track and song in charted}
    of_credits = {track for track in told["credit_tracks"].values() if track}
    shares = {name: len(ids & found) / len(ids) for name, ids in {"charts": of_songs, "credits": of_credits}.items()}
    print(f"share of the true tracks among the hits: {shares}; {len(found)} tracks in all")
    assert shares["charts"] >= 0.95
    assert shares["credits"] >= 0.85


@pytest.mark.parametrize("wrong", ["spotify_client_id", "spotify_client_secret"])
def test_a_wrong_key_is_one_sentence(world: Settings, wrong: str) -> None:
    collect_charts(world, today())
    keys = {"spotify_client_id": SecretStr("me"), "spotify_client_secret": SecretStr("mine"), wrong: SecretStr("wrong")}
    with pytest.raises(OstinatoError, match="OSTINATO_SPOTIFY_CLIENT_ID"):
        collect_tracks(world.model_copy(update=keys), today())


@pytest.fixture
def without_codes(world: Settings) -> Iterator[Settings]:
    """The world of an app whose hits do not show their recording codes."""
    control = f"{world.sites['sandbox']}/spotify"
    requests.put(control, json={"mode": "development"}, timeout=10).raise_for_status()
    yield world
    requests.put(control, json={"mode": "default"}, timeout=10).raise_for_status()


def test_recordings_are_found_by_their_code_and_the_tracks_get_it(without_codes: Settings) -> None:
    put_films(without_codes)
    collect_recordings(without_codes, today())
    tracks = collect_tracks(without_codes, today())
    assert (tracks.state, tracks.missing) == (FetchState.OK, {})
    meant = truth(without_codes)["recording_tracks"]
    table = lake.read(without_codes.lake, "musicbrainz", "recording", ["recording_id", "isrcs"]).to_pylist()
    coded = {meant[row["recording_id"]]: row["isrcs"] for row in table if row["isrcs"] and meant[row["recording_id"]]}
    found = lake.read(without_codes.lake, "spotify", "track", ["track_id", "isrc"]).to_pylist()
    codes = {(row["track_id"], row["isrc"]) for row in found}
    n_right = sum(any((track_id, isrc) in codes for isrc in isrcs) for track_id, isrcs in coded.items())
    print(f"{n_right} of {len(coded)} tracks with a code are found by it; {len(codes)} tracks in all")
    assert len(coded) > 20
    assert n_right == len(coded)


@pytest.fixture
def mended(world: Settings) -> Iterator[Settings]:
    """The world, whose sites are in order again after the test."""
    yield world
    requests.delete(f"{world.sites['sandbox']}/faults", timeout=10).raise_for_status()


def test_with_every_fault_on_each_song_is_answered_or_named(mended: Settings) -> None:
    put_films(mended)
    collect_soundtracks(mended, today())
    collect_charts(mended, today())
    asked = {question.key: question.label for question in all_questions(mended)}
    orders = {site: {"kind": "all", "rate": 0.2} for site in ("spotify_api", "spotify_accounts")}
    requests.put(f"{mended.sites['sandbox']}/faults", json=orders, timeout=10).raise_for_status()
    for is_last in (False, False, True):
        if is_last:
            requests.delete(f"{mended.sites['sandbox']}/faults", timeout=10).raise_for_status()
        report = collect_tracks(mended, today())
        rows = lake.read(mended.lake, "spotify", "search", ["asked_title", "asked_artist"]).to_pylist()
        settled = {(row["asked_title"], row["asked_artist"]) for row in rows}
        assert len(rows) == len(settled)
        assert report.missing.keys() == {label for key, label in asked.items() if key not in settled}
        print(f"{len(settled)} of {len(asked)} songs settled, answers {report.states}")
    assert settled == asked.keys()
    track_ids = column(mended, "spotify", "track", "track_id")
    assert len(set(track_ids)) == len(track_ids)
