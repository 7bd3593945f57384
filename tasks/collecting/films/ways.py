"""The two ways to one film: by TMDB's API in one request, or by its page and the API's external ids."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tasks.collecting.batches import with_provenance
from tasks.collecting.films.api import TmdbApi
from tasks.collecting.films.site import TmdbSite
from tasks.collecting.report import FINE
from tasks.fetching.answer import Answer, FetchState
from tasks.sources.parsed import Parsed


@dataclass(slots=True)
class FilmFound:
    """What asking for one film brought: at most one row, and the answers it rests on, each in the state that counts."""

    tmdb_id: int
    rows: list[dict[str, Any]] = field(default_factory=list)
    manifest: list[dict[str, Any]] = field(default_factory=list)
    answers: list[tuple[Answer, FetchState]] = field(default_factory=list)
    faults: dict[str, FetchState] = field(default_factory=dict)
    """What was due and did not come: `550`, or `550 external_ids` where the film came without that; one at most."""

    @property
    def is_gone(self) -> bool:
        """Whether TMDB says that there is no such film."""
        return self.answers[0][1] is FetchState.MISSING

    def add(self, entity: str, answer: Answer, parsed: Parsed[Any]) -> None:
        """Note one answer."""
        self.answers.append((answer, parsed.state))
        self.manifest.append(answer.manifest_row(entity, str(self.tmdb_id), parsed.state, parsed.reason))
        if parsed.state not in FINE:
            self.miss(entity, parsed.state)

    def miss(self, entity: str, state: FetchState) -> None:
        """Note what did not come."""
        self.faults[str(self.tmdb_id) if entity == "film" else f"{self.tmdb_id} {entity}"] = state


class ByApi:
    """Films by the API: one request a film."""

    has_imdb_ids = True

    def __init__(self, api: TmdbApi) -> None:
        self.source = api
        self.session = api.session

    def film(self, tmdb_id: int) -> FilmFound:
        """The film with its people and ids."""
        found = FilmFound(tmdb_id)
        answer, parsed = self.source.film(tmdb_id)
        found.add("film", answer, parsed)
        found.rows = with_provenance(parsed.rows, answer)
        left_out = [part for part in ("credits", "external_ids") if f'"{part}"'.encode() not in answer.body]
        if found.rows and left_out:
            found.miss(" ".join(left_out), FetchState.BROKEN)
            self.session.heed(answer, FetchState.BROKEN)  # so that asking again brings more than "not modified"
        return found


class BySite:
    """Films by their pages, and by the API what no page shows, where there is a key.

    Site and API are asked in sessions of their own: when one of them is closed, the other still gives what it has.
    """

    def __init__(self, site: TmdbSite, api: TmdbApi | None) -> None:
        self.source = site
        self.session = site.session
        self.api = api
        self.has_imdb_ids = api is not None

    def film(self, tmdb_id: int) -> FilmFound:
        """The film's page, and its IMDb id."""
        found = FilmFound(tmdb_id)
        answer, parsed = self.source.film(tmdb_id)
        found.add("film", answer, parsed)
        found.rows = with_provenance(parsed.rows, answer)
        if found.rows and self.api and self.api.session.closed:
            found.miss("external_ids", self.api.session.closed)
        elif found.rows and self.api:
            answer, ids = self.api.external_ids(tmdb_id)
            found.add("external_ids", answer, ids)
            found.rows[0]["imdb_id"] = ids.rows[0]["imdb_id"] if ids.rows else None
        return found
