"""Rating films before release: only earlier films inform a prediction, and encoders see the films learnt from alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from tasks.models import film_rating
from tasks.models.examples import TooLittleData
from tasks.models.film_facts import FIELDS, MIN_FILMS, Encoder
from tasks.models.film_rating import RatingModel, evaluate, films_of, fit, train, windows
from tasks.settings import OstinatoError

GENRES = ("Drama", "Horror", "Comedy")


def made_table(n_films: int = 420, seed: int = 5) -> pd.DataFrame:
    """Dramas and long films score high, horror low; studios too have good and bad films, keywords mean nothing."""
    draw = np.random.default_rng(seed)
    genre, studio = draw.integers(0, 3, n_films), draw.integers(0, 12, n_films)
    runtime = draw.integers(80, 160, n_films)
    score = 6.0 + 0.8 * (genre == 0) - 0.8 * (genre == 1) + 0.08 * (studio - 6) + 0.01 * (runtime - 120)
    return pd.DataFrame(
        {
            "film_id": [f"tt{number:07d}" for number in range(n_films)],
            "released_on": [f"{1990 + 30 * number // n_films}-{1 + number % 12:02d}-15" for number in range(n_films)],
            "genres": [[GENRES[number]] for number in genre],
            "runtime_min": runtime,
            "budget_usd": np.where(draw.random(n_films) < 0.3, np.nan, draw.integers(1, 90, n_films) * 1e6),
            "original_language": draw.choice(["en", "ko"], n_films),
            "companies": [[f"Studio {number}"] for number in studio],
            "keywords": [[f"word {number}"] for number in draw.integers(0, 40, n_films)],
            "user_score": np.round(np.clip(score + draw.normal(0, 0.3, n_films), 0, 10) * 10),
            "n_votes": draw.integers(10, 900, n_films),
        }
    ).sample(frac=1, random_state=seed, ignore_index=True)


@pytest.fixture(scope="module", autouse=True)
def few_trees() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(film_rating, "MOST_TREES", 120)
        yield


@pytest.fixture(scope="module")
def films() -> pd.DataFrame:
    return films_of(made_table())


def with_changed(films: pd.DataFrame, rows: slice, **values: object) -> pd.DataFrame:
    changed = films.copy()
    for name, value in values.items():
        changed.loc[changed.index[rows], name] = pd.Series([value] * len(changed.index[rows]), changed.index[rows])
    return changed


def test_what_can_be_learnt_is_learnt(films: pd.DataFrame) -> None:
    found = evaluate(films)
    assert found.ours.lower < found.ours.value < found.ours.upper < found.mean.lower
    assert found.ours.value < 0.5 < found.mean.value
    assert found.gain_over_mean.lower > 0
    assert (found.n_learnt, found.n_held_out) == (336, 84)
    metrics = found.metrics()
    assert metrics["rmse"] == found.ours.value and metrics["prior_rmse"] == found.mean.value
    assert metrics["rmse_upper"] == found.ours.upper and metrics["ridge_rmse"] == found.ridge.value


def test_two_trainings_are_equal_whatever_the_order_of_the_rows(films: pd.DataFrame) -> None:
    table = made_table()
    (one, first), (two, second) = train(table), train(table.sort_values("film_id", ascending=False))
    assert first == second
    assert one.encoder == two.encoder
    assert one.booster.model_to_string() == two.booster.model_to_string()


def test_a_later_film_never_informs_an_earlier_prediction(films: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[dict[str, np.ndarray]] = []
    samples = film_rating.rmse_samples
    monkeypatch.setattr(film_rating, "rmse_samples", lambda errors: judged.append(errors) or samples(errors))
    before = evaluate(films)
    first = int((films["day"] < before.held_out_from).sum())
    # Every film after the first that is held out becomes another, scored 0.
    changed = with_changed(films, slice(first + 1, None), score=0.0, genres=["Drama"], companies=["New"], keywords=[])
    after = evaluate(changed)
    chosen = ("n_trees", "ridge_strength", "window_rmse", "held_out_from")
    assert [getattr(before, name) for name in chosen] == [getattr(after, name) for name in chosen]
    assert {model: errors[0] for model, errors in judged[0].items()} == {
        model: errors[0] for model, errors in judged[1].items()
    }
    assert (judged[0]["ours"][1:] != judged[1]["ours"][1:]).any()


def test_every_window_learns_from_earlier_days_alone(films: pd.DataFrame) -> None:
    day = films["day"].to_numpy(str)
    folds = windows(day)
    assert len(folds) == 4
    for fold in folds:
        assert max(day[fold.train].tolist()) < min(day[fold.test].tolist())
    one_day = np.array(["2000-01-01"] * 3 + ["2001-01-01"] * 3)
    assert [(fold.train.tolist(), fold.test.tolist()) for fold in windows(one_day)] == [([0, 1, 2], [3, 4, 5])]


def test_films_of_an_unknown_day_come_last(films: pd.DataFrame) -> None:
    table = made_table()
    table.loc[table["film_id"] == "tt0000000", "released_on"] = "1990"
    day = films_of(table).set_index("film_id")["day"]
    assert day["tt0000000"] == "1990-12-31"
    assert (day[day.index < "tt0000010"].drop("tt0000000") < "1990-12-31").all()


def test_encoders_see_the_films_learnt_from_alone(films: pd.DataFrame) -> None:
    learnt, held = films.iloc[:300], films.iloc[300:]
    held = with_changed(held, slice(0, 60), companies=["Only later"], keywords=["only later"], original_language="xx")
    encoder = Encoder.fit(learnt, learnt["score"].to_numpy(float))
    names = {name for field in (*encoder.indicators.values(), *encoder.scores.values()) for name in field}
    assert not names & {"only later", "xx"}
    seen = pd.DataFrame(encoder.apply(held), columns=encoder.columns)
    assert seen.loc[:59, ["companies_mean", "companies_pooled", "keywords_mean"]].isna().all(axis=None)
    assert seen.loc[60:, "companies_mean"].notna().all()
    # What held-out films scored is never read.
    assert np.array_equal(seen, encoder.apply(held.assign(score=0.0, user_score=0.0)), equal_nan=True)


def test_a_films_own_score_is_not_among_its_features(films: pd.DataFrame) -> None:
    score = films["score"].to_numpy(float)
    other = score.copy()
    other[7] = 0.0
    before, after = (Encoder.fit(films, given).apply_to_learnt(films, given) for given in (score, other))
    assert np.array_equal(before[7], after[7], equal_nan=True)
    assert not np.array_equal(before, after, equal_nan=True)


def test_votes_popularity_and_revenue_are_never_read(films: pd.DataFrame) -> None:
    assert not set(FIELDS) & {"n_votes", "popularity", "revenue_usd", "user_score"}
    learnt = films.iloc[:300]
    model = fit(learnt, 40)
    assert np.array_equal(model.predict(films[list(FIELDS)]), fit(learnt.assign(n_votes=1), 40).predict(films))


def test_films_with_too_few_votes_are_neither_learnt_from_nor_judged_on() -> None:
    table = made_table()
    table.loc[:99, "n_votes"] = 9
    assert len(films_of(table)) == 320
    assert len(films_of(table, min_votes=9)) == 420
    with pytest.raises(TooLittleData, match="film-rating was not trained: 0 films have a score of 901 votes or more"):
        films_of(table, min_votes=901)


def test_a_model_is_text_and_reads_back_the_same(films: pd.DataFrame, tmp_path) -> None:
    model = fit(films, 40)
    model.save(tmp_path / "model")
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["spec.json", "trees.txt"]
    again = RatingModel.load(tmp_path / "model")
    assert again.encoder == model.encoder
    assert np.array_equal(again.predict(films), model.predict(films))
    (tmp_path / "model" / "trees.txt").write_text("no trees", encoding="utf-8")
    with pytest.raises(OstinatoError, match="No model can be read"):
        RatingModel.load(tmp_path / "model")


def test_a_film_of_which_little_is_known_is_still_rated(films: pd.DataFrame) -> None:
    model = fit(films, 40)
    unknown = pd.DataFrame([dict.fromkeys(FIELDS), {**dict.fromkeys(FIELDS), "released_on": "2030"}])
    scores = model.predict(unknown)
    assert np.isnan(scores[0])
    assert 0 <= scores[1] <= 10


def test_rare_names_have_no_column_of_their_own(films: pd.DataFrame) -> None:
    few = MIN_FILMS["companies"] - 1
    rare = with_changed(films, slice(0, few), companies=["Rare", "Rare", " rare "])
    score = films["score"].to_numpy(float)
    encoder = Encoder.fit(rare, score)
    assert "rare" not in encoder.indicators["companies"]
    assert encoder.scores["companies"]["rare"][1] == few  # once a film, however often written
