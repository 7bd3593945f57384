from __future__ import annotations

import json
from pathlib import Path

import lightgbm
import numpy as np
import pytest

from tasks.models import track_mood
from tasks.models.bundle import Bundle, Form, Spec
from tasks.models.calibration import Calibration
from tasks.models.crossfit import LIGHTGBM
from tasks.models.features import FEATURES, hide_optional, without_optional
from tasks.settings import OstinatoError

LABELS = ("calm", "loud", "odd")


def matrix(n: int = 300, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((n, len(FEATURES)))


def made(form: Form) -> Bundle:
    features = matrix()
    truth = np.digitize(features[:, 1], [0.3, 0.7])
    params = {**LIGHTGBM, "num_leaves": 4}
    if form is Form.MULTICLASS:
        data = lightgbm.Dataset(features, truth)
        boosters = [lightgbm.train({**params, "objective": "multiclass", "num_class": 3}, data, 5)]
    else:
        targets = [(truth == k).astype(float) for k in range(3)]
        boosters = [
            lightgbm.train({**params, "objective": "binary"}, lightgbm.Dataset(features, t), 5) for t in targets
        ]
    calibration = Calibration(0.8, (0.1, -0.1, 0.0))
    spec = Spec("genre", "track-genre", form, LABELS, (0.5, 0.4, 0.3), (0.3, 0.4, 0.3), calibration)
    return Bundle(spec, tuple(boosters), "7")


@pytest.mark.parametrize("form", [Form.MULTICLASS, Form.ONE_VS_REST])
def test_a_saved_bundle_scores_alike_and_is_text_alone(form, tmp_path):
    bundle = made(form)
    bundle.save(tmp_path / "bundle")
    loaded = Bundle.load(tmp_path / "bundle", "7")
    features = matrix(seed=1)
    assert loaded.spec == bundle.spec
    assert (loaded.score(features) == bundle.score(features)).all()
    files = sorted((tmp_path / "bundle").iterdir())
    assert {file.suffix for file in files} == {".json", ".txt"}
    assert all(b"\x00" not in file.read_bytes() for file in files)


def test_threads_and_batches_change_no_score():
    bundle, features = made(Form.MULTICLASS), matrix(1000, seed=2)
    assert (bundle.score(features, threads=1) == bundle.score(features, threads=3)).all()
    assert (bundle.score(features)[7] == bundle.score(features[7:8])[0]).all()


def test_rows_without_optional_features_are_scored_and_others_are_not():
    bundle, features = made(Form.MULTICLASS), without_optional(matrix(4))
    features[2, FEATURES.index("energy")] = np.nan
    probability = bundle.score(features)
    assert np.isnan(probability).all(axis=1).tolist() == [False, False, True, False]
    assert bundle.decide(probability).any(axis=1).tolist() == [True, True, False, True]


def test_names_say_model_version_and_baseline():
    assert made(Form.MULTICLASS).name == "track-genre/7"
    baseline = track_mood.baseline().bundle
    assert Bundle(baseline.spec, (), "1").name == "track-mood/1 (baseline)"


def test_a_model_without_training_data_has_no_lift_to_speak_of():
    assert np.isnan(track_mood.baseline().bundle.training_share).all()


@pytest.mark.parametrize(
    ("change", "told"),
    [({"features": ["tempo"]}, "other features"), ({"form": "forest"}, "No model"), ({"n_members": 2}, "No model")],
)
def test_a_folder_that_is_no_bundle_is_refused_in_one_sentence(tmp_path, change, told):
    folder = tmp_path / "bundle"
    made(Form.MULTICLASS).save(folder)
    spec = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
    (folder / "spec.json").write_text(json.dumps({**spec, **change}), encoding="utf-8")
    with pytest.raises(OstinatoError, match=told):
        Bundle.load(folder)


def test_an_empty_folder_is_refused(tmp_path: Path):
    with pytest.raises(OstinatoError, match="train it again"):
        Bundle.load(tmp_path)


def test_training_hides_duration_alone_signature_alone_and_both():
    full = matrix(5000)
    hidden = np.isnan(hide_optional(full, seed=3))
    duration, signature = hidden[:, 11], hidden[:, 12]
    for share in ((duration & ~signature).mean(), (signature & ~duration).mean(), (duration & signature).mean()):
        assert share == pytest.approx(0.1, abs=0.02)
    assert not hidden[:, :11].any()
    assert not np.isnan(full).any()
