"""What the vocabulary says of each way of an imported tie is what was found by eye.

`labelled_routes.csv` holds ties of film and track drawn at random from `marts.film_track` of the real tables, at most
two of a film, each judged by one reader: is the track in that very film? `is_shared_album` marks ties of an album that
was chosen for several films.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from tasks.warehouse.connection import VOCABULARIES

LABELS = Path(__file__).with_name("labelled_routes.csv")


@pytest.mark.parametrize("route", ["album_title", "ost_album_ids", "soundtracknet_listing"])
def test_a_route_is_as_right_as_its_labels(route: str) -> None:
    with LABELS.open(encoding="utf-8", newline="") as file:
        judged = Counter(
            row["is_right"]
            for row in csv.DictReader(file)
            if row["route"] == route and row["is_shared_album"] == "false"
        )
    with (VOCABULARIES / "film_track_route.csv").open(encoding="utf-8", newline="") as file:
        stated = {row["route"]: float(row["match_score"]) for row in csv.DictReader(file)}
    assert judged.total() >= 25
    assert stated[route] == round(judged["true"] / judged.total(), 2)


def test_of_an_album_chosen_for_several_films_no_tie_was_right() -> None:
    with LABELS.open(encoding="utf-8", newline="") as file:
        assert [row["is_right"] for row in csv.DictReader(file) if row["is_shared_album"] == "true"] == ["false"] * 5
