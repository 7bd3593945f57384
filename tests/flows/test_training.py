"""Training and tagging against a real MLflow store and a real warehouse, on a small made-up world."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tasks import lake, tagging, training
from tasks.models import film_genre, film_rating, registry
from tasks.models.features import BOUNDS, FEATURES, example_row
from tasks.models.film_facts import FIELDS
from tasks.settings import TRACKING_URI, OstinatoError, Profile, Settings
from tasks.tagging import tracks
from tasks.training import TAGGERS, TRAINABLE, NotCleared, TooLittleData, models_without_champion, train

AS_OF = date(2024, 6, 1)
GENRES = ("classical", "electronic", "hip-hop", "metal")
FILM_GENRES = ("Action", "Drama", "Romance")
CLEARED = dict.fromkeys(("name_source", "provider", "label_source"), "dataset")
"""Where all of a training row comes from."""


def made_features(n: int, shift: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Plausible features, of which energy and acousticness follow `shift` (0 to 1)."""
    columns = {}
    for name in FEATURES:
        low, high = BOUNDS[name].low, min(BOUNDS[name].high, 400_000.0)
        columns[name] = rng.integers(int(low), int(high) + 1, n) if BOUNDS[name].is_whole else rng.uniform(low, high, n)
    columns["energy"] = np.clip(shift + rng.normal(0, 0.15, n), 0, 1)
    columns["acousticness"] = np.clip(1 - shift + rng.normal(0, 0.15, n), 0, 1)
    table = pd.DataFrame(columns).astype(float)
    table.loc[rng.random(n) < 0.3, ["duration_ms", "time_signature"]] = None
    return table


def genre_table(n: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    artist = rng.integers(0, 120, n)
    genre = artist % len(GENRES)
    names = [f"artist {number}" for number in artist]
    keys = {"track_id": [f"track {k}" for k in range(n)], "artist_key": names}
    lists = [[GENRES[g]] if k % 5 else sorted({GENRES[g], "metal"}) for k, g in enumerate(genre)]
    recording = [f"song {k // 2}, {name}" for k, name in enumerate(names)]
    return made_features(n, genre / 3, rng).assign(**keys, genres=lists, recording_key=recording, **CLEARED)


def film_table(n: int = 500) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    film = rng.integers(0, 50, n)
    lists = [[FILM_GENRES[f % 3]] if f % 2 else sorted({FILM_GENRES[f % 3], "Drama"}) for f in film]
    keys = {"film_id": [f"tt{f:07d}" for f in film], "track_id": [f"track {k}" for k in range(n)]}
    artists = [f"composer {f // 2}" for f in film]
    told = {**CLEARED, "tie_source": "dataset"}
    return made_features(n, (film % 3) / 2, rng).assign(**keys, film_genres=lists, artist_key=artists, **told)


def mood_table() -> pd.DataFrame:
    """No recording with a mood, as where no mood set was imported."""
    keys = ("track_id", "artist_key", "recording_key", "mood")
    told = dict.fromkeys((*keys, *CLEARED), pd.Series(dtype=str))
    return pd.DataFrame(
        {**dict.fromkeys((*FEATURES, "rated_valence", "rated_arousal"), pd.Series(dtype=float)), **told}
    )


def rating_table(n: int = 300, seed: int = 3) -> pd.DataFrame:
    """Films of which dramas and long ones are scored high."""
    rng = np.random.default_rng(seed)
    drama, runtime = rng.random(n) < 0.5, rng.integers(80, 160, n)
    return pd.DataFrame(
        {
            "film_id": [f"tt{film:07d}" for film in range(n)],
            "released_on": [f"{1990 + film // 12}-{1 + film % 12:02d}-01" for film in range(n)],
            "genres": [["Drama"] if is_drama else ["Horror"] for is_drama in drama],
            "runtime_min": runtime,
            "budget_usd": rng.integers(1, 9, n) * 1_000_000,
            "original_language": "en",
            "companies": [[f"Studio {film % 9}"] for film in range(n)],
            "keywords": [["harbour"]] * n,
            "user_score": np.round(55 + 15 * drama + 0.1 * (runtime - 120) + rng.normal(0, 3, n), 1),
            "n_votes": 50,
            "label_source": "dataset",
        }
    )


def fill_warehouse(settings: Settings) -> None:
    genre, film = pa.Table.from_pandas(genre_table()), pa.Table.from_pandas(film_table())
    settings.world.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(settings.warehouse_file)) as con:
        con.execute("create schema features")
        con.register("genre_rows", genre)
        con.register("film_rows", film)
        con.register("mood_rows", pa.Table.from_pandas(mood_table()))
        con.execute("create table features.track_mood_training as select * from mood_rows")
        con.execute("create table features.track_genre_training as select * from genre_rows")
        con.execute("create table features.film_genre_training as select * from film_rows")
        con.register("rating_rows", pa.Table.from_pandas(rating_table()))
        con.execute("create table features.film_rating_training as select * from rating_rows")
        con.execute("create schema trainable")
        con.execute(
            "create table trainable.track as select track_id from genre_rows union select track_id from film_rows"
        )
        con.execute(
            "create table trainable.film as select film_id from film_rows union select film_id from rating_rows"
        )
        con.execute("create table features.track_audio as select * exclude (genres) from genre_rows")
        con.execute("update features.track_audio set energy = null where track_id = 'track 0'")


def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("OSTINATO_", "MLFLOW_TRACKING"))]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, dict[str, training.TrainingReport]]]:
    """A world in which every model was trained once."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        clean(monkeypatch)
        monkeypatch.setattr(film_genre, "FOREST_TREES", 10)
        monkeypatch.setattr(film_rating, "MOST_TREES", 60)
        settings = Settings(home=tmp_path_factory.mktemp("home"), profile=Profile.SANDBOX, threads=2)
        fill_warehouse(settings)
        assert models_without_champion(settings) == list(TAGGERS)
        yield settings, {model: train(settings, model, AS_OF) for model in TRAINABLE}


@pytest.fixture
def store(trained) -> Iterator[object]:
    with registry._quiet_client(trained[0]) as client:
        yield client


def test_first_version_is_champion_and_scores_beat_the_prior(trained):
    settings, reports = trained
    assert {r.version for r in reports.values()} == {"1"}
    assert {r.stage for r in reports.values()} == {"champion"}
    assert registry.champion_versions(settings) == dict.fromkeys(TRAINABLE, "1")
    assert TRACKING_URI not in os.environ, "or the next world's models would be looked up in this one's store"
    assert models_without_champion(settings) == []
    scores = {score.metric: score for score in reports["track-genre"].headline}
    assert scores["accuracy"].lower > scores["accuracy"].prior
    assert scores["brier_skill"].value > 0


def test_runs_carry_tags_metrics_figures_and_a_description(trained, store):
    settings, reports = trained
    run = store.get_run(reports["film-genre"].run_id)
    assert run.data.tags.keys() >= {"dataset_snapshot", "split", "git_sha", "prefect_flow_run_id"}
    assert run.data.tags["split"] == "5 folds grouped by film"
    assert run.data.tags["mlflow.note.content"].startswith(("**Beats the prior**", "**Not shown"))
    assert run.data.metrics.keys() >= {"map", "prior_map", "map_lower", "seed_map", "artist_disjoint_map", "pooled_map"}
    assert run.info.status == "FINISHED"
    figures = {file.path for file in store.list_artifacts(run.info.run_id, "figures")}
    assert figures == {f"figures/{name}.png" for name in ("per_label", "reliability", "scores_beside_prior")}
    experiment = store.get_experiment_by_name("film-genre")
    assert experiment.artifact_location == (settings.mlflow_artifacts / "film-genre").as_uri()
    assert "soundtrack" in experiment.tags["mlflow.note.content"]
    assert store.get_registered_model("film-genre").description


def test_films_are_rated_beside_the_mean_and_a_ridge(trained, store):
    import mlflow

    settings, reports = trained
    run = store.get_run(reports["film-rating"].run_id)
    assert run.data.tags.keys() >= {"dataset_snapshot", "split", "git_sha", "prefect_flow_run_id"}
    assert run.data.tags["mlflow.note.content"].startswith("**Beats the prior**: rmse ")
    metrics = run.data.metrics
    assert metrics.keys() >= {"rmse", "rmse_lower", "rmse_upper", "prior_rmse", "ridge_rmse", "window_rmse"}
    assert metrics["rmse_upper"] < metrics["prior_rmse"]
    assert [score.metric for score in reports["film-rating"].headline] == ["rmse", "ridge_rmse"]
    model, version = registry.rating_champion(settings)
    films = rating_table()[list(FIELDS)]
    served = mlflow.pyfunc.load_model("models:/film-rating@champion").predict(films)
    assert version == "1"
    assert served["predicted_score"].between(0, 100).all()
    assert served["predicted_score"].tolist() == (model.predict(films) * 10).tolist()


def test_models_are_text_and_nothing_pickled_is_kept(trained):
    settings, _ = trained
    kept = [path for path in settings.mlflow_artifacts.rglob("*") if path.is_file()]
    assert any(path.name == "spec.json" for path in kept)
    assert not [path for path in kept if path.suffix in (".pkl", ".pickle", ".joblib", ".cloudpickle")]
    assert not [path for path in kept if path.suffix != ".png" and path.read_bytes()[:1] == b"\x80"]


def test_champion_scores_like_the_model_that_mlflow_serves(trained, store):
    import mlflow

    settings, _ = trained
    bundle = registry.champion(settings, "track-genre")
    assert bundle is not None
    assert bundle.name == "track-genre/1"
    rows = pd.DataFrame([example_row()] * 2).drop(columns=["duration_ms", "time_signature"])
    served = mlflow.pyfunc.load_model("models:/track-genre@champion").predict(rows)
    from tasks.models.features import to_matrix

    assert served.to_numpy() == pytest.approx(bundle.score(to_matrix(rows)))
    assert list(served) == list(bundle.labels)


def test_scoreboard_mirrors_the_run(trained):
    settings, _ = trained
    board = lake.read(settings.lake, "ostinato", "model_scoreboard").to_pandas()
    assert set(board["model"]) == {"track-genre", "film-genre", "film-rating"}
    assert not board.duplicated(["model", "version", "split", "metric"]).any()
    map_row = board[(board["model"] == "film-genre") & (board["metric"] == "map")].iloc[0]
    assert map_row["lower"] <= map_row["value"] <= map_row["upper"]


def test_tags_are_written_once_and_history_only_when_a_tag_changes(trained, monkeypatch):
    settings, _ = trained
    clean(monkeypatch)
    first = tagging.tag_tracks(settings, AS_OF)
    assert (first.n_tracks, first.n_scored, first.n_without_features, first.n_changed) == (599, 599, 1, 0)
    assert first.n_tracks_by_kind == {"genre": 599, "mood": 599, "film_genre": 599}
    assert first.models["mood"] == "track-mood/1 (baseline)"
    again = tagging.tag_tracks(settings, AS_OF)
    assert (again.n_scored, again.n_changed) == (0, 0)
    assert lake.read(settings.lake, "ostinato", "tag_history").num_rows == 0

    with duckdb.connect(str(settings.warehouse_file)) as con:
        moved = "case track_id when 'track 1' then 0.99 else 0.01 end"
        chosen = "track_id in ('track 1', 'track 10')"
        con.execute(f"update features.track_audio set valence = {moved}, energy = {moved} where {chosen}")
        con.execute("delete from features.track_audio where track_id = 'track 7'")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(tracks, "write_batch", landed_and_died)
        tagging.tag_tracks(settings, AS_OF)
    assert lake.read(settings.lake, "ostinato", "tag_history").num_rows > 0
    changed = tagging.tag_tracks(settings, AS_OF + timedelta(days=1))
    assert changed.n_scored == 2
    assert changed.n_changed >= 1
    history = lake.read(settings.lake, "ostinato", "tag_history").to_pandas()
    assert len(history) == changed.n_changed
    assert (history["old_label"] != history["new_label"]).all()
    assert tagging.tag_tracks(settings, AS_OF).n_changed == 0
    check_tables(settings)


def landed_and_died(*arguments: Any, **options: Any) -> None:
    lake.write_batch(*arguments, **options)
    raise KeyboardInterrupt


def check_tables(settings: Settings) -> None:
    with duckdb.connect(str(settings.warehouse_file), read_only=True) as con:
        labels = con.sql("select * from tagging.track_label").to_arrow_table().to_pandas()
        wide = con.sql("select * from tagging.track_film_genre").to_arrow_table().to_pandas()
        rules = con.sql("select * from tagging.film_genre_rule").to_arrow_table().to_pandas()
    assert not set(labels["track_id"]) & {"track 0", "track 7"}
    assert not labels.duplicated(["track_id", "kind", "label"]).any()
    assert len(wide) == wide["track_id"].nunique() == 598
    assert wide["Drama"].between(0, 1).all()
    assert wide["Western"].isna().all()
    assert set(rules["film_genre"]) == set(FILM_GENRES)
    top = labels.sort_values("probability").groupby(["track_id", "kind"]).tail(1)
    assert top["is_tag"].all()
    assert ((labels["probability"] >= 0.02) | labels.index.isin(top.index)).all()


def test_a_tagging_that_dies_leaves_the_tables_as_they_were(trained, monkeypatch):
    settings, _ = trained
    clean(monkeypatch)
    tagging.tag_tracks(settings, AS_OF)
    with duckdb.connect(str(settings.warehouse_file)) as con:
        before = con.execute("select count(*), sum(hash(track_label)) from tagging.track_label").fetchone()
        con.execute("update features.track_audio set tempo = 99")

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tasks.tagging.tracks._write_rules", dies)
    with pytest.raises(KeyboardInterrupt):
        tagging.tag_tracks(settings, AS_OF)
    with duckdb.connect(str(settings.warehouse_file)) as con:
        assert con.execute("select count(*), sum(hash(track_label)) from tagging.track_label").fetchone() == before


def test_later_versions_are_challengers_until_promoted(trained, monkeypatch):
    settings, _ = trained
    clean(monkeypatch)
    second = train(settings, "track-genre", AS_OF)
    assert (second.version, second.stage) == ("2", "challenger")
    assert registry.champion_versions(settings)["track-genre"] == "1"
    one, two = registry.champion(settings, "track-genre"), second
    registry.promote(settings, "track-genre", two.version)
    promoted = registry.champion(settings, "track-genre")
    assert one is not None
    assert promoted is not None
    assert promoted.name == "track-genre/2"
    rows = np.tile(np.array(list(example_row().values())), (3, 1))
    assert (promoted.score(rows) == one.score(rows)).all()  # same data, same seed: the same model
    with pytest.raises(OstinatoError, match="no version 9"):
        registry.promote(settings, "track-genre", "9")


def test_the_mood_baseline_is_not_registered_twice(trained, monkeypatch):
    settings, _ = trained
    clean(monkeypatch)
    assert train(settings, "track-mood", AS_OF).version == "1"


def offer(con: duckdb.DuckDBPyConnection, *rows: tuple[list[str], int]) -> None:
    """What clearing more sources would bring to the training of genres."""
    con.execute("create or replace table features.track_genre_training_uncleared (sources VARCHAR[], n_rows BIGINT)")
    for row in rows:
        con.execute("insert into features.track_genre_training_uncleared values (?, ?)", row)


def test_too_little_data_is_a_state_with_a_sentence(tmp_path: Path, monkeypatch):
    clean(monkeypatch)
    settings = Settings(home=tmp_path, profile=Profile.SANDBOX)
    settings.world.mkdir(parents=True)
    with duckdb.connect(str(settings.warehouse_file)) as con:
        con.execute("create schema features")
        con.register("rows", pa.Table.from_pandas(genre_table(40)))
        con.execute("create table features.track_genre_training as select * from rows")
        con.execute("create schema trainable; create table trainable.track as select track_id from rows")
        offer(con)
    with pytest.raises(TooLittleData, match=r"`ostinato import`\.$") as found:
        train(settings, "track-genre", AS_OF)
    assert not isinstance(found.value, NotCleared)
    with pytest.raises(OstinatoError, match="ostinato build"):
        train(settings, "film-genre", AS_OF)
    with pytest.raises(OstinatoError, match="no model poster-genre"):
        train(settings, "poster-genre", AS_OF)


def test_what_is_not_cleared_is_named_and_the_champion_stays(trained, monkeypatch):
    settings, _ = trained
    clean(monkeypatch)
    champions = registry.champion_versions(settings)
    with duckdb.connect(str(settings.warehouse_file)) as con:
        con.execute("create table kept as from features.track_genre_training")
        con.execute("delete from features.track_genre_training")
        offer(con, (["spotify"], 1_200), (["reccobeats", "spotify"], 300), (["tmdb"], 1))
    try:
        with pytest.raises(NotCleared, match="track-genre was not trained: 0 tracks") as found:
            train(settings, "track-genre", AS_OF)
    finally:
        with duckdb.connect(str(settings.warehouse_file)) as con:
            con.execute("insert into features.track_genre_training from kept; drop table kept")
    gains = (
        "1,501 with reccobeats, spotify and tmdb together; 1,500 with reccobeats and spotify together; "
        "1,200 with spotify; 1 with tmdb"
    )
    assert f"bring more rows: {gains}." in str(found.value)
    assert 'training = "attested"' in str(found.value)
    assert registry.champion_versions(settings) == champions


def test_without_any_model_nothing_is_tagged(tmp_path: Path, monkeypatch):
    clean(monkeypatch)
    settings = Settings(home=tmp_path, profile=Profile.SANDBOX)
    fill_warehouse(settings)
    report = tagging.tag_tracks(settings, AS_OF)
    assert report.models == {}
    assert report.n_tracks_by_kind == {"film_genre": 0}
