"""Songs that imported soundtrack listings name and no track in the lake is, as the last build of the warehouse knows.

Listings are long (tens of thousands of entries) and mostly old, so only some are asked for in a night, those of the
newest films first. Who matches them to tracks is `tasks.matching`: what it found a track for is not asked.
"""

from __future__ import annotations

from collections.abc import Set

import duckdb

from tasks.collecting.tracks.questions import Question, distinct, question_of_names
from tasks.settings import Settings
from tasks.warehouse import open_warehouse, warehouse_exists

MAX_LISTED = 2_000
"""Questions of listings in one night."""

_UNMATCHED = """
    select credit.title, credit.performers, credit.writers
    from core.soundtrack_credit as credit
    left join core.film as film using (film_id)
    where credit.source = 'dataset'
        and credit.credit_id not in (select credit_id from matching.credit_track where is_match)
    order by film.released_on desc nulls last, credit.film_id, credit.credit_id
"""


def listed_questions(settings: Settings, known: Set[tuple[str, str]]) -> list[Question]:
    """Questions for songs of imported listings that no track was found for, without those whose names are known.

    None where the warehouse was not built yet, or by a version that had other tables: tonight's build mends that, and
    the next night asks.
    """
    if not warehouse_exists(settings):
        return []
    with open_warehouse(settings, read_only=True) as con:
        try:
            rows = con.execute(_UNMATCHED).fetchall()
        except (duckdb.CatalogException, duckdb.BinderException):
            return []
    asked = (question_of_names(*row) for row in rows)
    new = distinct(question for question in asked if question and question.names not in known)
    return new[:MAX_LISTED]
