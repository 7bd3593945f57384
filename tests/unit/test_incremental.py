"""The incremental runner: many nights in a row give the very tables that one build from nothing gives."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sql_world import FEATURES, audio_file, place, recording, seed_row, soundtrack, spotify_track

from tasks.lake import batch_files, write_batch
from tasks.matching import match_all
from tasks.matching.texts import TEXT_TABLES
from tasks.settings import PROJECT_ROOT, OstinatoError, Profile, Settings
from tasks.warehouse import Phase, build, open_warehouse
from tasks.warehouse.inputs import keys_of, raw_subquery
from tasks.warehouse.making import How
from tasks.warehouse.models import load_models
from tasks.warehouse.state import content_revision

sys.path.append(str(PROJECT_ROOT / "bench"))
from support import made_up_lake

N_TRACKS = 400
Told = tuple[dict[str, How], dict[str, str], dict[str, str]]
Raw = Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]


def whole_build(settings: Settings) -> dict[str, How]:
    """What a night does between collecting and tagging; how each model was made."""
    how: dict[str, How] = {}
    for phase in Phase:
        how |= build(settings, phase=phase).how
        if phase is Phase.COLLECTED:
            match_all(settings)
    return how


def contents(settings: Settings) -> dict[str, str]:
    """A checksum of every table but the runner's own, and but what matching has read in texts that are gone."""
    with open_warehouse(settings) as con:
        listed = (
            "select schema_name || '.' || table_name from duckdb_tables() where schema_name not in ('build', 'delta')"
        )
        names = {name for (name,) in con.execute(listed).fetchall()} - {f"matching.{name}" for name in TEXT_TABLES}
        return {name: content_revision(con, name) for name in sorted(names)}


def land(settings: Settings, night: int, raw: Raw) -> None:
    """One night's rows, read an hour after those of the night before."""
    read_at = datetime(2026, 6, 1, night, tzinfo=UTC)
    for (source, entity), rows in raw.items():
        named = [{"fetched_at": read_at, **row} for row in rows]
        write_batch(settings.lake, source, entity, named, batch_key=f"night {night}", ingest_date=date(2026, 6, 1))


def features(track_id: str | None, isrc: str | None, energy: float) -> Mapping[str, Any]:
    return {**FEATURES, "energy": energy, "track_id": track_id, "isrc": isrc, "provider": "reccobeats"}


NIGHTS: list[Raw] = [
    {  # a first night of every kind of source
        ("spotify", "track"): [
            spotify_track("a1", "Palette", ["IU"], isrc="KRA401900001"),
            spotify_track("a2", "Palette (Remastered)", ["IU"], isrc="KRA401900001"),
            spotify_track("b1", "Song", ["Band"], isrc="QMAAA2000009"),
        ],
        ("reccobeats", "audio_features"): [features("a1", "KRA401900001", 0.3), features(None, "QMAAA2000009", 0.4)],
        ("tmdb", "film"): [{"tmdb_id": 1, "imdb_id": "tt0000900", "title": "Film", "genres": ["Drama"]}],
        ("imdb", "soundtrack"): [
            soundtrack("tt0000900", 1, "Palette", "IU"),
            soundtrack("tt0000900", 2, "Lost", "Nobody"),
        ],
        ("melon", "chart"): [
            place("month", "KPOP", "2026-05", 1, "900", "팔레트 (Palette)", ["아이유 (IU)"]),
            place("month", "KPOP", "2026-05", 2, "901", "Song", ["Band"]),
        ],
        ("musicbrainz", "url"): [{"imdb_id": "tt0000900", "release_group_id": "g1", "title": "Album"}],
        ("musicbrainz", "recording"): [
            recording("g1", 1, "r1", "Cue", ["Composer"], isrcs=["ZZAAA2000001", "ZZAAA2000002"])
        ],
        ("audio", "audio_features"): [audio_file("mine", "Cue", ["Composer"], isrc="ZZAAA2000009")],
    },
    {  # newer readings, a song page, a recording's code that Spotify now knows too
        ("spotify", "track"): [
            spotify_track("b1", "Song (Live)", ["Band", "Guest"], isrc="QMAAA2000009"),
            spotify_track("c1", "Cue", ["Composer"], isrc="ZZAAA2000002"),
            # releases without a code: of a recording with one, and of another's name and length
            spotify_track("a3", "Palette", ["IU"]),
            spotify_track("b2", "Song", ["Band"]),
        ],
        ("reccobeats", "audio_features"): [features("c1", "ZZAAA2000002", 0.9), features("a2", None, 0.7)],
        ("melon", "chart"): [
            place("month", "KPOP", "2026-05", 1, "901", "Song", ["Band"]),
            place("month", "KPOP", "2026-05", 2, "900", "팔레트 (Palette)", ["아이유 (IU)"]),
        ],
        ("melon", "song"): [
            {"song_id": "901", "title": "Song", "artists": ["Band"], "genres": ["발라드"], "album": "OST"}
        ],
        ("imdb", "soundtrack"): [soundtrack("tt0000900", 2, "Found", "Band")],
        ("tmdb", "film"): [{"tmdb_id": 1, "imdb_id": "tt0000901", "title": "Film, renamed", "genres": ["Comedy"]}],
    },
    {  # an imported table, and a track that changes its code
        ("dataset", "spotify_tracks"): [
            seed_row("d1", "Song", "Band;Guest", "k-pop"),
            seed_row("b1", "Song", "Band", "rock"),
        ],
        ("spotify", "track"): [spotify_track("a2", "Palette", ["IU"], isrc="KRA401900002")],
        # two codes of one recording, and a film id that another source contradicts
        ("musicbrainz", "recording"): [
            recording("g1", 1, "r1", "Cue", ["Composer"], isrcs=["ZZAAA2000001", "ZZAAA2000002", "KRA401900001"])
        ],
        ("dataset", "movielens_films"): [{"movieId": 1, "title": "Film (2000)", "tmdbId": 1, "imdb_id": "tt0000902"}],
    },
]


@pytest.fixture(scope="module")
def nights(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Settings, list[Told]]:
    """Night after night in one warehouse: how models were made, its contents, and those of one built from nothing."""
    home = tmp_path_factory.mktemp("nights")
    settings = Settings(home=home / "kept", profile=Profile.LIVE)
    made_up_lake.base(settings.lake, N_TRACKS, n_days=3)
    told = []
    for number, raw in enumerate(NIGHTS):
        land(settings, number, raw)
        made_up_lake.night(settings.lake, N_TRACKS, number=number)
        told.append((whole_build(settings), contents(settings), from_nothing(settings, home / str(number))))
    batch_files(settings.lake, "melon", "chart")[-1].unlink()  # what is gone from the lake is gone from the tables
    write_batch(
        settings.lake,
        "spotify",
        "track",
        [spotify_track("e1", "Replaced", ["Band"], fetched_at=datetime(2026, 6, 2, tzinfo=UTC))],
        batch_key="night 0",
        ingest_date=date(2026, 6, 1),
    )
    told.append((whole_build(settings), contents(settings), from_nothing(settings, home / "last")))
    return settings, told


def from_nothing(settings: Settings, home: Path) -> dict[str, str]:
    fresh = Settings(home=home, profile=Profile.LIVE)
    fresh.world.mkdir(parents=True)
    (fresh.world / "lake").symlink_to(settings.lake)
    whole_build(fresh)
    return contents(fresh)


def test_many_nights_give_the_tables_of_one_build_from_nothing(nights) -> None:
    for number, (_, kept, fresh) in enumerate(nights[1]):
        assert kept.keys() == fresh.keys()
        assert [name for name in kept if kept[name] != fresh[name]] == [], f"night {number}"


def test_a_night_touches_what_changed_alone(nights) -> None:
    first, second = nights[1][0][0], nights[1][1][0]
    assert set(first.values()) == {How.ANEW}
    made = Counter(second.values())
    assert made[How.CHANGED_KEYS] > 10
    assert made[How.UNCHANGED] > 15
    assert second["core.listed_track"] is second["staging.melon_chart"] is How.CHANGED_KEYS
    assert second["staging.dataset_movielens_films"] is How.UNCHANGED


def test_a_build_without_anything_new_makes_nothing(nights) -> None:
    settings, _ = nights
    before = contents(settings)
    made = whole_build(settings)
    assert set(made.values()) == {How.UNCHANGED}
    assert contents(settings) == before


def test_building_anew_changes_nothing_and_makes_everything(nights) -> None:
    settings, _ = nights
    before = contents(settings)
    report = build(settings, anew=True)
    assert How.UNCHANGED not in report.how.values()
    assert contents(settings) == before


def test_a_changed_file_of_sql_is_built_anew_with_all_that_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path / "home", profile=Profile.LIVE)
    made_up_lake.base(settings.lake, 200, n_days=1)
    build(settings, phase=Phase.COLLECTED)
    sql = tmp_path / "sql"
    for file in (PROJECT_ROOT / "sql").rglob("*.*"):
        target = sql / file.relative_to(PROJECT_ROOT / "sql")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())
    changed = sql / "staging" / "melon_chart.sql"
    changed.write_text(changed.read_text(encoding="utf-8").replace("rank > 0", "rank > 1"), encoding="utf-8")
    monkeypatch.setattr("tasks.warehouse.building.SQL_DIR", sql)
    made = build(settings, phase=Phase.COLLECTED).how
    assert made["staging.melon_chart"] is made["core.chart_entry"] is How.ANEW
    assert made["core.listed_track"] is How.UNCHANGED
    with open_warehouse(settings) as con:
        assert con.execute("select min(rank) from core.chart_entry").fetchone() == (2,)


def test_a_build_that_dies_leaves_each_table_with_what_is_noted_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path, profile=Profile.LIVE, threads=1)
    made_up_lake.base(settings.lake, 500, n_days=1)
    whole_build(settings)
    made_up_lake.night(settings.lake, 500)

    def die(con: duckdb.DuckDBPyConnection, note: Any) -> None:
        if note.model == "core.listed_track":
            raise duckdb.Error("the disk is full")
        written(con, note)

    from tasks.warehouse import making

    written = making.write_note
    monkeypatch.setattr(making, "write_note", die)
    with pytest.raises(OstinatoError, match=r"core\.listed_track failed: the disk is full"):
        build(settings)
    monkeypatch.undo()
    whole_build(settings)
    assert contents(settings) == from_nothing(settings, tmp_path / "fresh")


def test_what_lands_during_a_build_is_in_the_next_one(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    build(settings, select="staging.melon_chart")
    row = place("month", "KPOP", "2024-12", 1, "1", "Landed too late", [])
    late = {**row, "fetched_at": datetime(2025, 1, 1, tzinfo=UTC)}
    write_batch(settings.lake, "melon", "chart", [late], batch_key="late", ingest_date=date(2025, 1, 1))
    report = build(settings)
    assert report.n_rows["staging.melon_chart"] == report.n_rows["core.chart_entry"] == 1


def test_tables_for_training_are_left_out_where_nothing_is_trained(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    built = set(build(settings, training=False).how)
    assert "features.track_audio" in built
    assert not any(name.startswith("trainable.") or "_training" in name for name in built)
    assert "features.track_genre_training" in build(settings).how


def test_every_key_select_of_every_header_can_be_run(nights) -> None:
    """Against the tables as they are; else what is wrong in one shows on the first night that asks it."""
    settings, _ = nights
    with open_warehouse(settings) as con:
        for model in load_models(PROJECT_ROOT / "sql").values():
            for read in model.incremental.reads if model.incremental else ():
                changed = raw_subquery(read, []) if read.startswith("raw.") else f"(from {read} limit 0)"
                con.execute(f"describe {keys_of(model.incremental, read, changed)}")


def test_results_that_were_lost_are_found_again(nights, tmp_path: Path) -> None:
    settings, _ = nights
    before = contents(settings)
    with open_warehouse(settings) as con:
        con.execute("drop table matching.credit_track; drop table matching.title_key; drop table delta.core_track")
        con.execute("drop table core.film")
    whole_build(settings)
    assert contents(settings) == before


def test_a_selected_table_is_built_with_what_follows_it_where_nothing_was_trained(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    for phase in Phase:
        build(settings, phase=phase, training=False)
    followed = build(settings, select="core.track+", anew=True).how
    assert "marts.track" in followed
    assert not any(name.startswith("trainable.") for name in followed)
