"""The films of the made-up world: what TMDB knows of them, and how their scores move with time."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from sandbox import names
from sandbox.features import Profiles
from sandbox.tracks import EPOCH

TMDB_GENRE_IDS = {
    "Action": 28,
    "Adventure": 12,
    "Animation": 16,
    "Comedy": 35,
    "Crime": 80,
    "Documentary": 99,
    "Drama": 18,
    "Family": 10751,
    "Fantasy": 14,
    "History": 36,
    "Horror": 27,
    "Music": 10402,
    "Mystery": 9648,
    "Romance": 10749,
    "Science Fiction": 878,
    "TV Movie": 10770,
    "Thriller": 53,
    "War": 10752,
    "Western": 37,
}
DAYS_PER_FILM = 3.0  # after the epoch a world of 300 films gains one every three days
LANGUAGES = (("en", 0.76), ("ko", 0.1), ("fr", 0.06), ("ja", 0.05), ("es", 0.03))
GENRE_SCORE = {"Horror": -6, "Comedy": -2, "Drama": 3.5, "War": 4, "Animation": 3, "Action": -1.5, "History": 3}
PLOT_PARTS = {
    "Action": "a courier with one night left",
    "Adventure": "a map that changes with the weather",
    "Animation": "a talking kettle and its keeper",
    "Comedy": "a wedding nobody planned",
    "Crime": "a heist that pays in buttons",
    "Drama": "two sisters who stopped writing",
    "Family": "a dog that knows the way",
    "Fantasy": "a kingdom under the floor",
    "History": "the last winter of an old empire",
    "Horror": "a house that counts its guests",
    "Music": "a band that lost its drummer",
    "Mystery": "a letter posted forty years late",
    "Romance": "a promise made at a bus stop",
    "Science Fiction": "a signal from an empty orbit",
    "Thriller": "a witness nobody believes",
    "War": "a bridge held by six soldiers",
}


PLOT_ENDS = ("before the ferry leaves.", '& learns what "home" means.', "while the town looks away.", "one last time.")


@dataclass(frozen=True, slots=True)
class Film:
    """One film; a value is None where TMDB does not know it."""

    number: int
    tmdb_id: int
    imdb_id: str | None
    title: str
    original_title: str
    korean_title: str | None
    original_language: str
    genres: tuple[str, ...]
    released_on: date
    runtime_min: int | None
    certification: str | None
    quality: float
    n_votes: int
    budget_usd: int | None
    revenue_usd: int | None
    tagline: str | None
    overview: str | None
    korean_overview: str | None
    directors: tuple[str, ...]
    writers: tuple[str, ...]
    cast: tuple[tuple[str, str], ...]
    poster: str | None
    popularity: float

    @property
    def slug(self) -> str:
        """`<id>-<words of the title>`, as TMDB's addresses have it."""
        words = re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")
        return f"{self.tmdb_id}-{words}" if words else str(self.tmdb_id)

    def user_score(self, as_of: date) -> int:
        """Score from 0 to 100 on that day; 0 (NR) while too few have voted."""
        if self.n_votes == 0 or as_of < self.released_on:
            return 0
        months = (as_of.year - self.released_on.year) * 12 + as_of.month - self.released_on.month
        drift = 1.6 * math.sin(self.number + months / 5.0)
        return int(min(max(self.quality + drift, 8), 96))

    def popularity_on(self, as_of: date) -> float:
        """Popularity on that day: fades with age, wavers from day to day."""
        age_years = max((as_of - self.released_on).days, 0) / 365.25
        waver = 1 + 0.08 * math.sin(self.number * 1.7 + as_of.toordinal() / 3.0)
        return round(self.popularity * waver * (0.25 + math.exp(-age_years / 4.0)), 3)


def release_day(rng: Random, number: int, n_films: int) -> date:
    """When film `number` comes out: the asked number before the epoch, later ones at a steady pace."""
    if number >= n_films:
        return EPOCH + timedelta(days=int((number - n_films + 1) * DAYS_PER_FILM * 300 / n_films))
    return EPOCH - timedelta(days=int(365.25 * 45 * rng.random() ** 1.6) + 1)


def make_film(rng: Random, profiles: Profiles, number: int, n_films: int) -> Film:
    """Film `number` of the world."""
    genres = rng.choices(list(profiles.combinations), list(profiles.combinations.values()))[0].split("|")
    rng.shuffle(genres)
    language = rng.choices([code for code, _ in LANGUAGES], [share for _, share in LANGUAGES])[0]
    title = names.film_title(rng)
    korean_title = names.korean_film_title(rng) if language == "ko" or rng.random() < 0.6 else None
    released_on = release_day(rng, number, n_films)
    budget = int(10 ** rng.gauss(7.3 + 0.3 * ("Action" in genres), 0.6)) // 1000 * 1000
    director = rng.randrange(max(n_films // 3, 5))
    quality = _quality(rng, genres, budget, director)
    revenue = int(budget * 10 ** rng.gauss(0.2 + (quality - 62) / 60, 0.4))
    overview = _overview(rng, genres) if rng.random() > 0.03 else None
    return Film(
        number=number,
        tmdb_id=600 + 613 * number + rng.randrange(613),
        imdb_id=_imdb_id(rng, number) if rng.random() > 0.02 else None,
        title=title,
        original_title=_original_title(rng, language, title, korean_title),
        korean_title=korean_title,
        original_language=language,
        genres=tuple(genres),
        released_on=released_on,
        runtime_min=None if rng.random() < 0.03 else max(int(rng.gauss(108, 18)), 48),
        certification=rng.choice(("PG-13", "R", "PG", "G")) if rng.random() < 0.8 else None,
        quality=quality,
        n_votes=0 if rng.random() < 0.03 else int(10 ** rng.gauss(2.9, 0.6)),
        budget_usd=None if rng.random() < 0.22 else budget,
        revenue_usd=None if rng.random() < 0.25 else revenue,
        tagline=f"{rng.choice(names.VERBS)} what you can." if rng.random() < 0.6 else None,
        overview=overview,
        korean_overview=_korean_overview(rng) if rng.random() < 0.7 else None,
        directors=tuple([director_name(director)] + ([names.person(rng)] if rng.random() < 0.06 else [])),
        writers=tuple(names.person(rng) for _ in range(rng.choice((1, 1, 2)))),
        cast=tuple((names.person(rng), names.word(rng)) for _ in range(rng.randint(3, 9))),
        poster=f"/{''.join(rng.choices('abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ0123456789', k=27))}.jpg"
        if rng.random() > 0.02
        else None,
        popularity=round(8 * 10 ** rng.gauss(0.2, 0.45), 3),
    )


def director_name(number: int) -> str:
    """Director `number`; the same person has the same hand in every film."""
    return names.person(names.generator("director", number))


def _quality(rng: Random, genres: list[str], budget: int, director: int) -> float:
    hand = names.generator("hand", director).gauss(0, 4.5)
    by_genre = sum(GENRE_SCORE.get(genre, 0.0) for genre in genres) / len(genres)
    return 63 + 1.6 * by_genre + hand + 2.0 * (math.log10(budget) - 7.3) + rng.gauss(0, 5)


def _imdb_id(rng: Random, number: int) -> str:
    """Seven digits with leading zeros, for one film in six eight digits; never twice."""
    if number % 6 == 5 or number >= 3_000:
        return f"tt{10_000_000 + number * 1_700 + rng.randrange(1_700):08d}"
    return f"tt{60_000 + number * 3_000 + rng.randrange(3_000):07d}"


def _original_title(rng: Random, language: str, title: str, korean_title: str | None) -> str:
    if language == "en":
        return title
    if language == "ko":
        return korean_title or title
    if language == "ja":
        return "".join(rng.choices("さくらのそらつきかぜみちゆめ", k=rng.randint(3, 6)))
    article = {"fr": "L'été de", "es": "La canción de"}[language]
    return f"{article} {names.word(rng)}"


def _overview(rng: Random, genres: list[str]) -> str:
    parts = [PLOT_PARTS.get(genre, "a road with no end") for genre in genres[:2]]
    hero = names.person(rng)
    return f"{hero} comes upon {' and '.join(parts)}, {rng.choice(PLOT_ENDS)}"


def _korean_overview(rng: Random) -> str:
    noun, other = rng.choice(names.KOREAN_NOUNS), rng.choice(names.KOREAN_NOUNS)
    return f"{noun}을(를) 찾아 떠난 두 사람은 {other}의 비밀을 마주한다."
