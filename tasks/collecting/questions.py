"""What is asked of a track search: the distinct songs of soundtrack credits and charts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rapidfuzz import fuzz

from tasks import lake
from tasks.settings import Settings
from tasks.text import first_artist, normalise, title_core

LEAST_SIMILARITY = 70.0  # of 100; below it a hit is another song
_PERFORMER_ROLES = ("performed_by",)
_WRITER_ROLES = ("written_by", "composed_by", "lyrics_by")
_ADDITIONS = re.compile(r"\s*[(\[（［]([^()\[\]（）［］]*)[)\]）］]")
_QUERY_SIGNS = re.compile(r'["“”:*]+')
_GENERIC_TITLES = re.compile(
    r"((main|end|opening|title|love|closing|original)s? )*(titles?|theme|credits|music|score|song)"
    r"|opening|ending|overture|finale|prologue|epilogue|intro|outro|interlude|untitled"
)


@dataclass(frozen=True, slots=True)
class Question:
    """One song to search for: as it is written, and normalised as it is remembered."""

    title: str
    artist: str

    @property
    def key(self) -> tuple[str, str]:
        """Title and first artist in the form in which two spellings of one song are equal."""
        return normalise(self.title), first_artist(self.artist)

    @property
    def strict_query(self) -> str:
        """The query by fields; brackets (guests, versions, other scripts) would only narrow it."""
        return f'track:"{_bare(self.title)}" artist:"{_bare(self.artist)}"'

    @property
    def plain_query(self) -> str:
        """The query in plain words, for when the fields find nothing."""
        return f"{_bare(self.title)} {_without_signs(self.artist)}"

    def resembles(self, title: str) -> bool:
        """Whether a hit's title may be this song's, by core or by a second name in brackets."""
        return title_similarity(self.title, title) >= LEAST_SIMILARITY


def title_similarity(one: str, other: str) -> float:
    """How alike two titles are, 0 to 100: the best of their cores, whole forms and bracketed second names.

    >>> title_similarity("사계 (Four Seasons)", "Four Seasons"), title_similarity("Happy", "Happy - Remastered 2011")
    (100.0, 100.0)
    >>> round(title_similarity("Happy", "Happy Together"))
    53
    """
    pairs = [(mine, theirs) for mine in _main_names(one) for theirs in _main_names(other) + _second_names(other)]
    pairs += [(mine, theirs) for mine in _second_names(one) for theirs in _main_names(other)]
    return max(fuzz.ratio(mine, theirs) for mine, theirs in pairs)


def all_questions(settings: Settings) -> list[Question]:
    """The distinct questions of charts and credits in the lake, charts first, in a fixed order."""
    found: dict[tuple[str, str], Question] = {}
    for question in [*_of_charts(settings), *_of_credits(settings)]:
        if all(question.key):
            found.setdefault(question.key, question)
    return list(found.values())


def question_of_credit(title: str | None, credits: Iterable[Mapping[str, Any]] | None) -> Question | None:
    """The question that a soundtrack entry asks: by its performer, else by its writer.

    Null where nobody is named, and for titles such as "Main Title" without a performer, which fit any film.
    """
    by_role: dict[str, Sequence[str]] = {}
    for credit in credits or ():
        if credit["names"]:
            by_role.setdefault(credit["role"], credit["names"])
    performers = _first_of(by_role, _PERFORMER_ROLES)
    names = performers or _first_of(by_role, _WRITER_ROLES)
    is_generic = not performers and _GENERIC_TITLES.fullmatch(normalise(title)) is not None
    return None if not title or not names or is_generic else Question(title, names[0])


def _first_of(by_role: Mapping[str, Sequence[str]], roles: Iterable[str]) -> Sequence[str]:
    return next((by_role[role] for role in roles if role in by_role), ())


def _of_charts(settings: Settings) -> Iterator[Question]:
    charted = lake.read(settings.lake, "melon", "chart", ["song_id", "title", "artists"])
    rows = sorted(charted.to_pylist(), key=lambda row: (row["song_id"] or "", row["title"]))
    return (Question(row["title"], row["artists"][0]) for row in rows if row["artists"])


def _of_credits(settings: Settings) -> Iterator[Question]:
    entries = lake.read(settings.lake, "imdb", "soundtrack", ["imdb_id", "position", "title", "credits"])
    rows = sorted(entries.to_pylist(), key=lambda row: (row["imdb_id"], row["position"]))
    found = (question_of_credit(row["title"], row["credits"]) for row in rows)
    return (question for question in found if question is not None)


def _main_names(title: str) -> list[str]:
    return [title_core(title), normalise(title)]


def _second_names(title: str) -> list[str]:
    return [name for inside in _ADDITIONS.findall(title) if (name := normalise(inside))]


def _bare(text: str) -> str:
    """Text without additions in brackets, and without signs that mean something in a query."""
    return _without_signs(_ADDITIONS.sub(" ", text)) or _without_signs(text)


def _without_signs(text: str) -> str:
    return " ".join(_QUERY_SIGNS.sub(" ", text).split())
