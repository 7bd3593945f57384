"""IMDb soundtrack pages, in fragments written by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.fetching.answer import FetchState
from tasks.sources.credits import Credit, read_credits, read_line
from tasks.sources.imdb import parse_soundtrack

WROTE_MADE_SANG = ("written_by", "produced_by", "performed_by")


def link(name: str) -> str:
    return f'<a class="ipc-md-link" href="/name/nm0000001/?ref_=ttsnd">{name}</a>'


def page(items: list[dict[str, Any]], total: int | None = None, film: str = "tt0000042") -> str:
    data = {
        "props": {
            "pageProps": {
                "contentData": {
                    "entityMetadata": {"id": film},
                    "section": {"items": items, "total": len(items) if total is None else total},
                }
            }
        },
        "page": "/title/[tconst]/soundtrack",
    }
    embedded = json.dumps(data)
    return f'<html><script id="__NEXT_DATA__" type="application/json">{embedded}</script></html>'


def entry(title: str, *lines: str, number: int = 1) -> dict[str, Any]:
    return {"id": f"sn{number:07d}", "rowTitle": title, "listContent": [{"html": line} for line in lines]}


def credits_of(*lines: str) -> list[Credit]:
    return read_credits([read_line(line) for line in lines])


def test_an_entry_is_read_as_the_page_has_it() -> None:
    parsed = parse_soundtrack(page([entry("Orpheus ", f"Written by {link('O&#39;Kelly')} (as K)"), entry("A &amp; B")]))
    assert parsed.state is FetchState.OK
    assert parsed.rows == [
        {
            "imdb_id": "tt0000042",
            "position": 1,
            "entry_id": "sn0000001",
            "title": "Orpheus",
            "credits": [{"role": "written_by", "names": ["O'Kelly"]}],
            "lines": ["Written by O'Kelly (as K)"],
        },
        {
            "imdb_id": "tt0000042",
            "position": 2,
            "entry_id": "sn0000001",
            "title": "A & B",
            "credits": [],
            "lines": [],
        },
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"Written, Produced and Performed by {link('Moby')}", [(role, "Moby") for role in WROTE_MADE_SANG]),
        (f"Performed &amp; Arranged by {link('A')}", [("performed_by", "A"), ("arranged_by", "A")]),
        (f"Performed by {link('Jr. Walker and the All Stars')}", [("performed_by", "Jr. Walker and the All Stars")]),
        (f"Performed by {link('Earth, Wind &amp; Fire')}", [("performed_by", "Earth, Wind & Fire")]),
        (f"Performed by Joe Liggins and {link('The Drippers')}", [("performed_by", "Joe Liggins|The Drippers")]),
        ("Written by F. Clark and F. Moore", [("written_by", "F. Clark|F. Moore")]),
        (f"Written by {link('A')} (as Dick), {link('B')} (uncredited), and C", [("written_by", "A|B|C")]),
        (f"by {link('A')} and {link('B')} as (Nat D. Ayer)", [("written_by", "A|B")]),
        (f"Lyrics by {link('A')} and music by {link('B')} (uncredited))", [("lyrics_by", "A"), ("composed_by", "B")]),
        (f"Music and Words by {link('A')}", [("composed_by", "A"), ("lyrics_by", "A")]),
        ("WORDS AND MUSIC BY Irving Berlin", [("lyrics_by", "Irving Berlin"), ("composed_by", "Irving Berlin")]),
        (f"A song by {link('Arrested Development')}", [("written_by", "Arrested Development")]),
        ("Music attributed to J.S. Bach", [("composed_by", "J.S. Bach")]),
        ("Piano: Glenn Gould", [("performed_by", "Glenn Gould")]),
        (f"Sung by {link('A')}", [("performed_by", "A")]),
        (f"Lyric by {link('A')}", [("lyrics_by", "A")]),
        (f"Executive Produced by {link('A')} for B Productions", [("produced_by", "A")]),
        (f"Performed by {link('A')} ({link('B')}, {link('C')}) & Orchestra", [("performed_by", "A")]),
        ("Performed by Sammy Davis, Jr. and Dean Martin", [("performed_by", "Sammy Davis, Jr.|Dean Martin")]),
        ("Performed by London Orchestra conducted by A", [("performed_by", "London Orchestra"), ("other", "A")]),
        ("Courtesy of A&amp;M Records, Inc.", [("courtesy_of", "A&M Records, Inc.")]),
        ("Courtesy of X (UK) Ltd. by arrangement with Y and Z", [("courtesy_of", "X (UK) Ltd."), ("other", "Y and Z")]),
        ("By Arrangement with Bug", [("other", "Bug")]),
        ("Used by permission of WB Music Corp. and Kuumba", [("other", "WB Music Corp. and Kuumba")]),
        ("Published by A and B", [("other", "A and B")]),
        (f"Performed by {link('A')}, courtesy of B Records", [("performed_by", "A"), ("courtesy_of", "B Records")]),
        ("(uncredited)", []),
        ("(1744) (uncredited)", []),
        ("[played while they dance by the sea]", []),
        ("Traditional", []),
        ("from Man on Fire (1987)", []),
    ],
)  # fmt: skip
def test_a_credit_line_is_prose(line: str, expected: list[tuple[str, str]]) -> None:
    assert [(credit["role"], "|".join(credit["names"])) for credit in credits_of(line)] == expected


def test_who_performs_a_sample_does_not_perform_the_piece() -> None:
    credits = credits_of("Performed by A", 'Contains a sample of "B"', "Performed by C")
    assert [(credit["role"], credit["names"]) for credit in credits] == [("performed_by", ["A"]), ("other", ["C"])]


def test_a_cut_list_says_so() -> None:
    parsed = parse_soundtrack(page([entry("A", number=n) for n in range(50)], total=73))
    assert parsed.state is FetchState.OK
    assert parsed.is_cut
    assert (len(parsed.rows), parsed.n_expected) == (50, 73)
    assert "50 of 73" in parsed.reason


@pytest.mark.parametrize("body", [b"", b"  \n ", b"<html></html>", "<html><title>Just a moment...</title></html>"])
def test_a_page_without_data_is_blocked_and_not_empty(body: bytes | str) -> None:
    parsed = parse_soundtrack(body)
    assert (parsed.rows, parsed.state) == ([], FetchState.BLOCKED)


def test_only_the_page_itself_says_that_there_is_no_list() -> None:
    assert parse_soundtrack(page([])).state is FetchState.EMPTY
    assert parse_soundtrack(page([], total=9)).state is FetchState.BROKEN


def test_a_title_page_is_refused() -> None:
    teaser = {"soundtrack": {"edges": [{"node": {"text": "Dissolved Girl"}}]}}
    for kind in ({"page": "/title/[tconst]"}, {}):
        body = json.dumps({"props": {"pageProps": {"mainColumnData": teaser}}, **kind})
        parsed = parse_soundtrack(body)
        assert (parsed.rows, parsed.state) == ([], FetchState.BROKEN)
        assert "title page" in parsed.reason or "/title/[tconst]" in parsed.reason


def test_the_drawn_list_is_the_fall_back() -> None:
    line = '<div class="ipc-html-content-inner-div" style="display:none">Performed by {}</div>'
    label = '<span class="ipc-metadata-list-item__label">{}</span>'
    drawn = (
        '<html><head><link rel="canonical" href="https://www.imdb.com/title/tt0104797/soundtrack/"></head><body>'
        '<div data-testid="sub-section"><ul>'
        f'<li data-testid="list-item" id="sn0000001">{label.format("A &amp; B")}{line.format(link("X"))}</li>'
        f'<li data-testid="expandable-list-item" id="sn0000002">{label.format("C")}{line.format("Y")}</li>'
        f'</ul></div><ul><li data-testid="contributor-zone">{label.format("Learn more")}</li></ul></body></html>'
    )
    parsed = parse_soundtrack(drawn)
    assert [(row["imdb_id"], row["title"], row["lines"]) for row in parsed.rows] == [
        ("tt0104797", "A & B", ["Performed by X"]),
        ("tt0104797", "C", ["Performed by Y"]),
    ]
    cut = parse_soundtrack(drawn.removesuffix("</body></html>"))
    assert (cut.rows, cut.state) == ([], FetchState.BROKEN)


def test_the_address_gives_the_film_where_the_page_does_not() -> None:
    body = json.dumps({"props": {"pageProps": {"contentData": {"section": {"items": [entry("A")]}}}}})
    assert parse_soundtrack(body).rows[0]["imdb_id"] is None
    url = "https://www.imdb.com/title/tt0095016/soundtrack/?ref_=x"
    assert parse_soundtrack(body, url).rows[0]["imdb_id"] == "tt0095016"


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@given(items=JUNK, total=JUNK, film=JUNK)
def test_no_embedded_data_makes_it_fail(items: Any, total: Any, film: Any) -> None:
    content = {"section": {"items": items, "total": total}, "entityMetadata": film}
    parse_soundtrack(json.dumps({"props": {"pageProps": {"contentData": content}}}))
    parse_soundtrack(json.dumps({"props": items, "page": total}))


@given(line=st.text(alphabet="by()[]<>/a=\" ,;:&'#WPrefomedwrittnCuyMsic", max_size=60), body=st.text(max_size=200))
def test_no_text_makes_it_fail(line: str, body: str) -> None:
    parse_soundtrack(body)
    parse_soundtrack(page([entry(body, line, body)]))
