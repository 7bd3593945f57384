"""What is asked of a track search: the distinct songs of charts, soundtrack credits, recordings and listings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from tasks import lake
from tasks.settings import Settings
from tasks.text import first_artist, normalise

BY_CODE = "isrc:"  # Spotify's field for a recording code
MAX_CODES = 3  # of a recording that are searched for
ADDITIONS = re.compile(r"\s*[(\[（［]([^()\[\]（）［］]*)[)\]）］]")
_PERFORMER_ROLES = ("performed_by",)
_WRITER_ROLES = ("written_by", "composed_by", "lyrics_by")
_QUERY_SIGNS = re.compile(r'["“”:*]+')
_ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}")
_GENERIC_TITLES = re.compile(
    r"((main|end|opening|title|love|closing|original)s? )*(titles?|theme|credits|music|score|song)"
    r"|opening|ending|overture|finale|prologue|epilogue|intro|outro|interlude|untitled"
)


@dataclass(frozen=True, slots=True)
class Question:
    """One song to search for, as it is written, with what else is known of the recording."""

    title: str
    artist: str
    isrcs: tuple[str, ...] = ()
    """Recording codes; an old recording has one for each of its first issues."""
    duration_ms: int | None = None
    is_by_writer: bool = False
    """The artist named wrote the song: who performs it is not known."""

    @property
    def names(self) -> tuple[str, str]:
        """Title and first artist in the form in which two spellings of one song are equal."""
        return normalise(self.title), first_artist(self.artist)

    @property
    def key(self) -> tuple[str, str]:
        """How the question is remembered: by its names, and by its code where it has one.

        A composer writes a "Main Title" for every film, and a song that was asked for by its names is worth another
        search when its code becomes known.
        """
        title, artist = self.names
        return " ".join([title, *self.isrcs[:1]]), artist

    @property
    def label(self) -> str:
        """The song in a report."""
        return " ".join([f"{self.title} - {self.artist}", *(f"({isrc})" for isrc in self.isrcs[:1])])

    @property
    def queries(self) -> list[str]:
        """The searches that may find it, in Spotify's words, the surest first."""
        return [*(BY_CODE + isrc for isrc in self.isrcs), self.strict_query, self.plain_query]

    @property
    def strict_query(self) -> str:
        """The query by fields; brackets (guests, versions, other scripts) would only narrow it."""
        return f'track:"{_bare(self.title)}" artist:"{_bare(self.artist)}"'

    @property
    def plain_query(self) -> str:
        """The query in plain words, for when the fields find nothing."""
        return f"{_bare(self.title)} {_without_signs(self.artist)}"

    def to_text(self) -> str:
        """All that is needed to judge hits again, as the manifest keeps it."""
        known = {name: value for name, value in asdict(self).items() if value}
        return json.dumps(known, ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str) -> Question | None:
        """The question of a manifest row; null where the text holds none."""
        try:
            question = cls(**json.loads(text))
            question = replace(question, isrcs=tuple(question.isrcs))
        except (ValueError, TypeError):
            return None
        return question if isinstance(question.title, str) and isinstance(question.artist, str) else None


def all_questions(settings: Settings) -> list[Question]:
    """The distinct questions of charts, credits and recordings in the lake, charts first, in a fixed order."""
    return distinct([*_of_charts(settings), *_of_credits(settings), *_of_recordings(settings)])


def distinct(questions: Iterable[Question]) -> list[Question]:
    """Each song once, in the order of its first mention; what has no title or artist by normal form is left out.

    Recordings of one song are told apart by their codes, and stand for all who name the song without one.
    """
    by_names: dict[tuple[str, str], list[Question]] = {}
    for question in questions:
        if all(question.names):
            by_names.setdefault(question.names, []).append(question)
    return [question for group in by_names.values() for question in _recordings(group) or group[:1]]


def _recordings(group: Iterable[Question]) -> list[Question]:
    """The questions of a group that have codes; those that share one are one recording, with the codes of all."""
    found: list[Question] = []
    place: dict[str, int] = {}
    for question in group:
        if not question.isrcs:
            continue
        number = next((place[code] for code in question.isrcs if code in place), len(found))
        if number == len(found):
            found.append(question)
        codes = dict.fromkeys((*found[number].isrcs, *question.isrcs))
        found[number] = replace(found[number], isrcs=tuple(codes)[:MAX_CODES])
        place.update(dict.fromkeys(question.isrcs, number))
    return found


def question_of_credit(title: str | None, credits: Iterable[Mapping[str, Any]] | None) -> Question | None:
    """The question that a soundtrack entry asks: by its performer, else by its writer.

    Null where nobody is named, and for titles such as "Main Title" without a performer, which fit any film.
    """
    by_role: dict[str, Sequence[str]] = {}
    for credit in credits or ():
        if credit["names"]:
            by_role.setdefault(credit["role"], credit["names"])
    return question_of_names(title, _first_of(by_role, _PERFORMER_ROLES), _first_of(by_role, _WRITER_ROLES))


def question_of_names(
    title: str | None, performers: Sequence[str] | None, writers: Sequence[str] | None
) -> Question | None:
    """The question for a song whose performers or else writers are named, as `question_of_credit` asks it."""
    names = performers or writers
    if not title or not names or (not performers and is_generic(title)):
        return None
    return Question(title, names[0], is_by_writer=not performers)


def is_generic(title: str) -> bool:
    """Whether a title is one that any film's score may have.

    >>> is_generic("Main Title"), is_generic("Love Song"), is_generic("Hurt")
    (True, True, False)
    """
    return _GENERIC_TITLES.fullmatch(normalise(title)) is not None


def read_isrc(text: str) -> str | None:
    """A recording code without its hyphens, in upper case; null for what is none.

    >>> read_isrc("us-q4e-13-00686"), read_isrc("unknown") is None
    ('USQ4E1300686', True)
    """
    code = text.strip().upper().replace("-", "")
    return code if _ISRC.fullmatch(code) else None


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


def _of_recordings(settings: Settings) -> Iterator[Question]:
    """The recordings of soundtrack albums; a cue's name without an ISRC fits any film, so it is not asked for."""
    columns = ["recording_id", "isrcs", "title", "artists", "duration_ms"]
    table = lake.read(settings.lake, "musicbrainz", "recording", columns)
    for row in sorted(table.to_pylist(), key=lambda row: row["recording_id"] or ""):
        codes = [code for text in row["isrcs"] or () if (code := read_isrc(text))]
        if row["title"] and row["artists"] and (codes or not is_generic(row["title"])):
            yield Question(row["title"], row["artists"][0], tuple(codes[:MAX_CODES]), row["duration_ms"])


def _bare(text: str) -> str:
    """Text without additions in brackets, and without signs that mean something in a query."""
    return _without_signs(ADDITIONS.sub(" ", text)) or _without_signs(text)


def _without_signs(text: str) -> str:
    return " ".join(_QUERY_SIGNS.sub(" ", text).split())
