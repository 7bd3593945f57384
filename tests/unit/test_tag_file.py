from __future__ import annotations

import gzip
import json
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import pytest

from tasks.models import track_mood
from tasks.models.bundle import Bundle, Form, Spec
from tasks.models.calibration import Calibration
from tasks.models.crossfit import LIGHTGBM
from tasks.models.features import FEATURES, example_row
from tasks.settings import OstinatoError, Profile, Settings
from tasks.tagging import files
from tasks.tagging.files import tag_file

GENRES = ("jazz", "pop", "rock")


def genre_bundle() -> Bundle:
    rng = np.random.default_rng(0)
    features = rng.random((200, 13))
    features[:, 11:] *= 300_000
    data = lightgbm.Dataset(features, rng.integers(0, 3, 200))
    params = {**LIGHTGBM, "objective": "multiclass", "num_class": 3, "num_leaves": 4}
    spec = Spec(
        "genre", "track-genre", Form.MULTICLASS, GENRES, (0.4, 0.4, 0.4), (0.2, 0.5, 0.3), Calibration.identity(3)
    )
    return Bundle(spec, (lightgbm.train(params, data, 5),), "2")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    champions = {"genre": genre_bundle(), "mood": Bundle(track_mood.baseline().bundle.spec, (), "1")}
    monkeypatch.setattr(files, "load_champions", lambda settings: champions)
    return Settings(home=tmp_path / "home", profile=Profile.SANDBOX, threads=2)


def songs(*changes: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame([{**example_row(), **change} for change in changes])


def write(folder: Path, table: pd.DataFrame, name: str = "in.csv") -> Path:
    file = folder / name
    table.to_parquet(file) if name.endswith(".parquet") else table.to_csv(file, index=False)
    return file


def tagged(settings: Settings, folder: Path, table: pd.DataFrame, **options: str) -> pd.DataFrame:
    tag_file(settings, write(folder, table, "in.parquet"), folder / "out.parquet", **options)
    return pd.read_parquet(folder / "out.parquet")


def test_every_row_has_every_kind_and_label_in_input_order(settings, tmp_path):
    table = songs({"valence": 0.1}, {"valence": 0.9})[list(reversed(FEATURES))].assign(title=["a", "b"])
    found = tagged(settings, tmp_path, table)
    assert list(found) == ["row", "kind", "label", "probability", "is_tag", "lift", "model", "reason"]
    assert found["row"].tolist() == [0] * 8 + [1] * 8
    assert found[found["row"] == 0]["label"].tolist() == [*GENRES, *track_mood.MOODS]
    assert found["probability"].between(0, 1).all()
    assert found["reason"].isna().all()
    assert set(found["model"]) == {"track-genre/2", "track-mood/1 (baseline)"}
    genre = found[found["kind"] == "genre"]
    assert genre["lift"].to_numpy() == pytest.approx(genre["probability"] / np.tile([0.2, 0.5, 0.3], 2))
    assert found[found["kind"] == "mood"]["lift"].isna().all()
    assert genre.groupby("row")["is_tag"].any().all()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"energy": None}, "energy is missing"),
        ({"valence": 1.5}, "valence 1.5 is impossible (0 to 1)"),
        ({"loudness": 55}, "loudness 55 is impossible (-100 to 10)"),
        ({"key": 3.5}, "key 3.5 is impossible (whole numbers from -1 to 11)"),
        ({"tempo": float("inf")}, "tempo inf is impossible (0 to 400)"),
        ({"duration_ms": -4}, "duration_ms -4 is impossible (1 to 86,400,000)"),
        ({"mode": "minor"}, "mode is not a number (minor)"),
        ({"duration_ms": "3:45"}, "duration_ms is not a number (3:45)"),
    ],
)
def test_a_missing_or_impossible_value_gives_a_reason_and_no_number(settings, tmp_path, change, reason):
    file = write(tmp_path, songs({}, change, {}))
    report = tag_file(settings, file, tmp_path / "out.parquet")
    found = pd.read_parquet(tmp_path / "out.parquet").set_index("row")
    assert set(found.loc[1, "reason"]) == {reason}
    assert found.loc[1, ["probability", "lift"]].isna().all(axis=None)
    assert found.loc[1, "label"].notna().all()
    assert not found.loc[1, "is_tag"].any()
    assert found.loc[[0, 2], "probability"].notna().all()
    assert (report.n_input, report.n_scored, report.reasons) == (3, 2, {reason: 1})


@pytest.mark.parametrize(
    "change", [{"tempo": 0}, {"time_signature": 0}, {"duration_ms": None}, {"time_signature": None}]
)
def test_not_detected_and_optional_values_are_scored(settings, tmp_path, change):
    found = tagged(settings, tmp_path, songs(change))
    assert found["probability"].notna().all()


def test_optional_columns_may_be_missing(settings, tmp_path):
    found = tagged(settings, tmp_path, songs({}, {}).drop(columns=["duration_ms", "time_signature"]))
    assert found["probability"].notna().all()


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_endings_hold_the_same_values(settings, tmp_path, ending):
    out = tmp_path / f"out.{ending}"
    tag_file(settings, write(tmp_path, songs({}, {"energy": None})), out)
    if ending == "jsonl":
        rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
        assert rows[0]["reason"] is None
        assert rows[-1]["probability"] is None
        found = pd.DataFrame(rows)
    else:
        found = pd.read_csv(out) if ending == "csv" else pd.read_parquet(out)
    assert len(found) == 16
    reference = tagged(settings, tmp_path, songs({}, {"energy": None}))
    assert found["probability"].astype(float).to_numpy() == pytest.approx(reference["probability"], nan_ok=True)
    assert found["is_tag"].astype(bool).tolist() == reference["is_tag"].tolist()
    assert found["label"].tolist() == reference["label"].tolist()


def test_a_group_pools_its_rows_by_log_odds(settings, tmp_path):
    table = songs({"valence": 0.1}, {"valence": 0.9}, {"valence": 0.2, "energy": None}, {"energy": None})
    rows = tagged(settings, tmp_path, table)
    groups = tagged(settings, tmp_path, table.assign(film=["Heat", "Heat", "Heat", "Alien"]), group="film")
    assert next(iter(groups)) == "group"
    assert groups["group"].drop_duplicates().tolist() == ["Heat", "Alien"]
    odds = np.log(rows["probability"] / (1 - rows["probability"])).to_numpy().reshape(4, 8)
    expected = 1 / (1 + np.exp(-odds[:2].mean(axis=0)))
    assert groups["probability"].to_numpy()[:8] == pytest.approx(expected)
    assert groups[groups["group"] == "Alien"]["reason"].unique().tolist() == ["energy is missing"]
    assert groups["probability"].isna().tolist() == [False] * 8 + [True] * 8


def test_group_names_keep_their_writing(settings, tmp_path):
    for names, expected in (["007", "12"], ["007", "12"]), (["3", "12"], [3, 12]), (["NA", "x"], ["NA", "x"]):
        file = write(tmp_path, songs({}, {}).assign(film=names))
        tag_file(settings, file, tmp_path / "out.parquet", "film")
        assert pd.read_parquet(tmp_path / "out.parquet")["group"].drop_duplicates().tolist() == expected


def test_rows_without_a_group_are_left_out_with_a_warning(settings, tmp_path):
    report = tag_file(settings, write(tmp_path, songs({}, {}).assign(film=["", "Heat"])), tmp_path / "out.csv", "film")
    assert (report.n_scored, report.n_rows) == (1, 8)
    assert any("1 rows name no group" in text for text in report.warnings)


def test_a_kind_without_a_champion_is_left_out_with_a_warning(settings, tmp_path):
    report = tag_file(settings, write(tmp_path, songs({})), tmp_path / "out.csv")
    assert [text for text in report.warnings if "film-genre" in text]
    assert set(pd.read_csv(tmp_path / "out.csv")["kind"]) == {"genre", "mood"}


def test_without_any_champion_the_command_says_what_to_train(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "load_champions", lambda settings: {})
    with pytest.raises(OstinatoError, match="ostinato train"):
        tag_file(settings, write(tmp_path, songs({})), tmp_path / "out.csv")


def test_gzipped_csv_with_byte_order_mark_is_read(settings, tmp_path):
    file = tmp_path / "songs.csv.gz"
    file.write_bytes(gzip.compress(("\ufeff" + songs({}).to_csv(index=False)).encode()))
    assert tag_file(settings, file, tmp_path / "out.csv").n_scored == 1


def test_batches_do_not_change_the_answer(settings, tmp_path, monkeypatch):
    rng = np.random.default_rng(1)
    table = songs(*({"energy": float(e)} for e in rng.random(50))).assign(film=rng.integers(0, 9, 50))
    whole = [tagged(settings, tmp_path, table), tagged(settings, tmp_path, table, group="film")]
    monkeypatch.setattr(files, "BATCH_ROWS", 4)
    parts = [tagged(settings, tmp_path, table), tagged(settings, tmp_path, table, group="film")]
    for one, other in zip(whole, parts, strict=True):
        pd.testing.assert_frame_equal(one, other)


@pytest.mark.parametrize(
    ("content", "out", "group", "told"),
    [
        ("", "out.csv", None, "is empty"),
        (songs({}).drop(columns="tempo").to_csv(index=False), "out.csv", None, "lacks tempo"),
        (songs({}).iloc[:0].to_csv(index=False), "out.csv", None, "holds no rows"),
        (songs({}).to_csv(index=False), "out.xlsx", None, "ends in none of"),
        (songs({}).to_csv(index=False), "nowhere/out.csv", None, "does not exist"),
        (songs({}).to_csv(index=False), "in.csv", None, "is the table to be tagged"),
        (songs({}).to_csv(index=False), "out.csv", "album", "no column album"),
        ("PAR1 but not really", "out.csv", None, "cannot be read"),
        ("\x00\x01\x02", "out.csv", None, "lacks"),
    ],
)
def test_faults_are_one_sentence_and_leave_no_file(settings, tmp_path, content, out, group, told):
    file = tmp_path / "in.csv"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(OstinatoError, match=told) as caught:
        tag_file(settings, file, tmp_path / out, group)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["in.csv"]


def test_a_missing_file_is_told(settings, tmp_path):
    with pytest.raises(OstinatoError, match="There is no file"):
        tag_file(settings, tmp_path / "none.csv", tmp_path / "out.csv")


def test_a_result_that_fails_half_way_leaves_the_earlier_one(settings, tmp_path, monkeypatch):
    out = tmp_path / "out.csv"
    out.write_text("earlier", encoding="utf-8")

    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "_rows", broken)
    with pytest.raises(KeyboardInterrupt):
        tag_file(settings, write(tmp_path, songs({})), out)
    assert out.read_text(encoding="utf-8") == "earlier"
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == {"in.csv", "out.csv"}
