"""Random bodies and random changes to real ones: no exception escapes a parser, and every row fits its raw table.

`OSTINATO_FUZZ_EXAMPLES` sets how many bodies each test tries (40 unless told; thousands for an hour's search).
"""

from __future__ import annotations

import gzip
import json
import os
import re
import time
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from bodies import EVERY_PARSER, GAP, JSON_BODIES, PAGES, TABLES, gapped_bodies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.fetching.answer import FetchState
from tasks.schemas import LAKE_SCHEMAS
from tasks.text import word_set

N_EXAMPLES = int(os.environ.get("OSTINATO_FUZZ_EXAMPLES", "40"))
MAX_CPU_S = 2.0  # for one body; the slowest takes a tenth
SHARED = Path(__file__).parents[2].parent / "shared" / "pages"
ROLES = {"performed_by", "written_by", "composed_by", "lyrics_by", "produced_by", "arranged_by", "courtesy_of", "other"}
DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")
FOLDERS = {  # parser -> its real pages
    "imdb-soundtrack": "imdb/*.gz",
    "melon-chart": "melon/[at]*.gz",
    "melon-song": "melon/song*.gz",
    "spotify-search": "spotify/*.gz",
    "spotify-track": "spotify/*.gz",
    "audio-features": "spotify/doc_GetAudio*.gz",
    "musicbrainz-release": "musicbrainz/*.gz",
}
fuzz = settings(max_examples=N_EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


def check(kind: str, body: bytes | str, url: str | None = None) -> None:
    """Parse, and hold what every answer must be."""
    started = time.process_time()
    parsed = EVERY_PARSER[kind](body, url)
    assert time.process_time() - started < MAX_CPU_S
    assert isinstance(parsed.state, FetchState)
    assert bool(parsed.rows) == (parsed.state is FetchState.OK)
    assert parsed.rows or parsed.reason
    assert len(parsed.reason) < 1000
    assert parsed.n_expected is None or parsed.n_expected >= 0
    for row in parsed.rows:
        json.dumps(row, ensure_ascii=False, allow_nan=False).encode()
        assert row.get("released_on") is None or DATE.fullmatch(row["released_on"])
        for credit in row.get("credits", ()):
            assert credit["role"] in ROLES
            assert all(credit["names"])
    if parsed.rows and kind in TABLES:
        schema = LAKE_SCHEMAS[TABLES[kind]]
        table = pa.Table.from_pylist([dict(row) for row in parsed.rows], schema=schema)
        assert set(parsed.rows[0]) == set(schema.names) - {"fetched_at", "page_sha256"}
        table.validate(full=True)


junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, -1, 2**31, 2**53, 2**63, 2**64, 10**400, 1e308, float("inf"), float("nan"), -0.0, 1e-320])
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(
        ["", " ", "\ud83d", "\0", "tt0000042", "2018-02-30", "0000-00-00", "<a href='/name/'>x</a>", "-"]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=6,
)


@st.composite
def answers(draw: st.DrawFn, shape: Any) -> Any:
    """An object of this shape with some of its values replaced, doubled or gone."""
    if draw(st.integers(0, 11)) == 0:
        return draw(junk)
    if isinstance(shape, dict):
        kept = {name: draw(answers(value)) for name, value in shape.items() if draw(st.integers(0, 15))}
        return kept | (draw(st.dictionaries(st.sampled_from(sorted(shape)), junk, max_size=1)) if shape else {})
    if isinstance(shape, list):
        return [draw(answers(value)) for value in shape for _ in range(draw(st.sampled_from([1, 1, 1, 0, 2])))]
    return shape


SIGNS = "{}[]\":,<>/&;=' \n0a\0\ud800"


@pytest.mark.parametrize("kind", EVERY_PARSER)
@fuzz
@given(
    body=st.binary(max_size=300) | st.text(max_size=300) | st.text(alphabet="{}[]\":,<>/&;=' \n0a\0\ud800", max_size=80)
)
def test_any_bytes_and_any_text(kind: str, body: bytes | str) -> None:
    check(kind, body)


@pytest.mark.parametrize("kind", JSON_BODIES)
@fuzz
@given(data=st.data(), url=st.none() | st.text(max_size=60))
def test_answers_with_any_value_in_any_place(kind: str, data: st.DataObject, url: str | None) -> None:
    shape = data.draw(st.sampled_from(JSON_BODIES[kind]))
    check(kind, json.dumps(data.draw(answers(shape))), url)


@fuzz
@given(data=st.data())
def test_pages_with_any_text_in_any_place(data: st.DataObject) -> None:
    kind, gapped, written = data.draw(st.sampled_from(list(gapped_bodies())))
    texts = data.draw(st.lists(st.text(max_size=40), min_size=1, max_size=6))
    parts = gapped.split(GAP)
    filled = [part + written(texts[n % len(texts)]) for n, part in enumerate(parts[:-1])]
    check(kind, "".join([*filled, parts[-1]]))


WORDS = sorted(
    word_set(
        "x X × vs. (feat. [with Arr. Trad. Featuring vocals under the direction of All rights reserved © aka | . "
        "Written Performed by Music and Lyrics , & / ( ) [ ] : courtesy of with permission arrangement contains sample "
        'as for the Orchestra Piano feat. Jr. von &amp; " (uncredited) \ue000 \ue0010 <br> <!-- by: Co- '
        "<a|href='/name/nm1'>John|Doe</a> <a|href='/title/tt1'>Film</a>"
    )
)


@fuzz
@given(words=st.lists(st.sampled_from(WORDS), max_size=14))
def test_credit_lines_of_any_words(words: list[str]) -> None:
    line = " ".join(words).replace("|", " ")
    page = {"props": {"pageProps": {"contentData": {"section": {"items": [{"listContent": [{"html": line}]}]}}}}}
    check("imdb-soundtrack", json.dumps(page))


def mutated(draw: st.DrawFn, body: bytes) -> bytes:
    """The page after one to four changes: cut, a span gone, doubled, moved or overwritten, bytes flipped."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, max(len(body) - 1, 0)))
        end = min(start + draw(st.sampled_from([1, 2, 10, 100, 1_000, 20_000, 300_000])), len(body))
        span, other = body[start:end], draw(st.integers(0, len(body)))
        match draw(st.sampled_from(["cut", "drop", "double", "move", "overwrite", "flip"])):
            case "cut":
                body = body[:start]
            case "drop":
                body = body[:start] + body[end:]
            case "double":
                body = body[:end] + span * draw(st.integers(1, 3)) + body[end:]
            case "move":
                rest = body[:start] + body[end:]
                body = rest[:other] + span + rest[other:]
            case "overwrite":
                body = body[:start] + draw(st.binary(min_size=1, max_size=8)) + body[end:]
            case _:
                flipped = bytes(byte ^ draw(st.sampled_from([1, 2, 4, 32, 128])) for byte in span[:10])
                body = body[:start] + flipped + body[start + len(flipped) :]
    return body


mutations = st.composite(mutated)


@cache
def real_pages(kind: str) -> tuple[bytes, ...]:
    return tuple(
        gzip.decompress(path.read_bytes()) for path in sorted(SHARED.glob(FOLDERS[kind])) if ".csv" not in path.name
    )


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no saved pages in {SHARED}")
@pytest.mark.parametrize("kind", FOLDERS)
@fuzz
@given(data=st.data())
def test_real_pages_after_any_change(kind: str, data: st.DataObject) -> None:
    page = data.draw(st.sampled_from(range(len(real_pages(kind)))))
    check(kind, data.draw(mutations(real_pages(kind)[page])))


@pytest.mark.parametrize("kind", PAGES)
@fuzz
@given(data=st.data())
def test_small_pages_after_any_change(kind: str, data: st.DataObject) -> None:
    page = data.draw(st.sampled_from(PAGES[kind])).replace(GAP, "x")
    check(kind, data.draw(mutations(page.encode())))


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no saved pages in {SHARED}")
@pytest.mark.parametrize("kind", [kind for kind in FOLDERS if kind not in PAGES])
@fuzz
@given(data=st.data())
def test_real_answers_with_any_value_in_any_place(kind: str, data: st.DataObject) -> None:
    bodies = [body for body in real_pages(kind) if len(body) < 60_000]
    shape = json.loads(bodies[data.draw(st.sampled_from(range(len(bodies))))])
    path: list[Any] = []
    place = shape
    while isinstance(place, (dict, list)) and place:
        path.append(data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place)))))
        place = place[path[-1]]
        if data.draw(st.integers(0, 3)) == 0:
            break
    holder = shape
    for step in path[:-1]:
        holder = holder[step]
    if path:
        holder[path[-1]] = data.draw(junk)
    check(kind, json.dumps(shape))
