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

EVERY_HAND = ("composed_by", "arranged_by", "produced_by", "other", "performed_by")
LSO = "The London Symphony Orchestra"
GERMAN = "Hans Meier|Fritz Muster"
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
        (f"Arranged and Conducted by {link('A')}", [("arranged_by", "A"), ("other", "A")]),
        (f"Words &amp; Music: {link('A')}", [("lyrics_by", "A"), ("composed_by", "A")]),
        (f"Words by {link('A')}, Music by {link('B')}", [("lyrics_by", "A"), ("composed_by", "B")]),
        (f"Composed, Arranged, Produced, Mixed &amp; Performed by {link('A')}", [(role, "A") for role in EVERY_HAND]),
        (f"Music composed and conducted by {link('A')}", [("composed_by", "A"), ("other", "A")]),
        (f"Traditional, arranged by {link('A')}", [("arranged_by", "A")]),
        (f"Libretto by {link('A')}", [("lyrics_by", "A")]),
        (f"English lyrics by {link('A')}", [("lyrics_by", "A")]),
        (f"Lead vocals by {link('A')}", [("performed_by", "A")]),
        (f"Violin solo by {link('A')}", [("performed_by", "A")]),
        (f"Piano and vocals: {link('A')}", [("performed_by", "A")]),
        (f"Performed a cappella by {link('A')}", [("performed_by", "A")]),
        (f"Sung during the end credits by {link('A')}", [("performed_by", "A")]),
        (f"Perfomed by {link('A')}", [("performed_by", "A")]),
        (f"Mixed by {link('A')}", [("other", "A")]),
        ("Administered by A and B", [("other", "A and B")]),
        ("Performed by The London Symphony Orchestra, conducted by X", [("performed_by", LSO), ("other", "X")]),
        (f"Performed by {link('A')} featuring {link('B')} with {link('C')}", [("performed_by", "A|B|C")]),
        (f"Performed by {link('A')} {link('B')} - {link('C')}", [("performed_by", "A|B|C")]),
        (f"Performed by {link('A')} as {link('B')}", [("performed_by", "A")]),
        (f"Performed by {link('A')} on piano and {link('B')} (guitar)", [("performed_by", "A|B")]),
        ('Performed by A from <a href="/title/tt1/">Love and Death</a>', [("performed_by", "A")]),
        (f'Performed by {link("A")} in <a href="/title/tt1/">Love and Death</a>', [("performed_by", "A")]),
        ("Performed by AC/DC", [("performed_by", "AC/DC")]),
        (f"Performed by {link('The Band')}", [("performed_by", "The Band")]),
        ("Performed by the band", []),
        (f"Written by / Performed by {link('A')}", [("written_by", "A"), ("performed_by", "A")]),
        ("Performed by Moby from the album Play", [("performed_by", "Moby")]),
        ('Performed by Moby from "Play"', [("performed_by", "Moby")]),
        ("Written by A, ASCAP", [("written_by", "A")]),
        ("Performed by", []),
        (f"Written by {link('&quot;Weird Al&quot; Yankovic')}", [("written_by", '"Weird Al" Yankovic')]),
        ('Written by "Weird Al" Yankovic', [("written_by", '"Weird Al" Yankovic')]),
        ("Performed by Glenn Miller &amp; His Orchestra", [("performed_by", "Glenn Miller & His Orchestra")]),
        (f"Performed by {link('Glenn Miller')} and His Orchestra", [("performed_by", "Glenn Miller")]),
        ("Performed by Dean Martin and the cast", [("performed_by", "Dean Martin|the cast")]),
        ("Written by Brian Holland/Lamont Dozier", [("written_by", "Brian Holland|Lamont Dozier")]),
        ("Written by Traditional", []),
        ("Performed by Unknown Artist", []),
        (f"Performed by {link('A')} (courtesy of B)", [("performed_by", "A"), ("courtesy_of", "B")]),
        ("Courtesey of B Records (1994)", [("courtesy_of", "B Records")]),
        ("Courtesy of A under license from B", [("courtesy_of", "A"), ("other", "B")]),
        ("By Special Arrangement with A", [("other", "A")]),
        ("Used by Permission. All Rights Reserved", []),
        (f'Contains a sample of "X" performed by {link("A")}', [("other", "A")]),
        (f"Komponiert von {link('A')}", [("composed_by", "A")]),
        ("Musik und Text von Hans Meier und Fritz Muster", [("composed_by", GERMAN), ("lyrics_by", GERMAN)]),
        (f"Écrit par {link('A')} et B", [("written_by", "A|B")]),
        ("Mit freundlicher Genehmigung von A", [("courtesy_of", "A")]),
        ("(P) 2001 A Records", []),
        ("&#" + "9" * 5000 + ";", []),
        ("(uncredited)", []),
        ("(1744) (uncredited)", []),
        ("[played while they dance by the sea]", []),
        ("Traditional", []),
        ("from Man on Fire (1987)", []),
    ],
)  # fmt: skip
def test_a_credit_line_is_prose(line: str, expected: list[tuple[str, str]]) -> None:
    assert [(credit["role"], "|".join(credit["names"])) for credit in credits_of(line)] == expected


@pytest.mark.parametrize("title", ["<3", "Tom & Jerry <Live>", "I <3 U", "5 < 6 > 4", "<Untitled>"])
def test_signs_in_a_title_are_no_markup(title: str) -> None:
    for written in (title, title.replace("&", "&amp;").replace("<", "&lt;")):
        assert parse_soundtrack(page([entry(written)])).rows[0]["title"] == title
    drawn = DRAWN.format("").replace(">A<", f">{title.replace('&', '&amp;').replace('<', '&lt;')}<")
    assert parse_soundtrack(drawn).rows[0]["title"] == title
    linked = parse_soundtrack(page([entry(f'<a href="/name/nm1">{title.replace("<", "&lt;")}</a> <i>x</i>')]))
    assert linked.rows[0]["title"] == f"{title} x"


def test_who_performs_a_sample_does_not_perform_the_piece() -> None:
    credits = credits_of("Performed by A", 'Contains a sample of "B"', "Performed by C")
    assert [(credit["role"], credit["names"]) for credit in credits] == [("performed_by", ["A"]), ("other", ["C"])]
    credits = credits_of('Contains a sample of "B"', "Performed by A")
    assert [(credit["role"], credit["names"]) for credit in credits] == [("performed_by", ["A"])]


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


def test_pages_of_other_kinds_are_refused() -> None:
    teaser = {"soundtrack": {"edges": [{"node": {"text": "Dissolved Girl"}}]}}
    for kind in ({"page": "/title/[tconst]"}, {}):
        body = json.dumps({"props": {"pageProps": {"mainColumnData": teaser}}, **kind})
        parsed = parse_soundtrack(body)
        assert (parsed.rows, parsed.state) == ([], FetchState.BROKEN)
        assert "title page" in parsed.reason or "/title/[tconst]" in parsed.reason
    quotes = page([entry("A")]).replace("[tconst]/soundtrack", "[tconst]/quotes")
    assert parse_soundtrack(quotes).state is FetchState.BROKEN
    content = {"contributionData": {"contributionSection": "trivia"}, "section": {"items": [entry("A")], "total": 1}}
    assert parse_soundtrack(json.dumps({"props": {"pageProps": {"contentData": content}}})).rows == []


def test_only_the_list_is_read_and_the_rest_of_the_data_may_be_damaged() -> None:
    whole = page([entry("A", f"Sung by {link('B')}")])
    padded = whole.replace('}, "page"', ', "translations": {"a": "\\u003c/script>"}}, "page"', 1)
    compact = json.dumps(json.loads(padded[padded.index("{") : padded.rindex("}") + 1]), separators=(",", ":"))
    assert parse_soundtrack(compact).rows == parse_soundtrack(whole).rows
    damaged = compact.replace('"translations":', '"translations":?')
    assert parse_soundtrack(damaged).rows == parse_soundtrack(whole).rows
    assert parse_soundtrack(compact.replace("tconst]/soundtrack", "tconst]/goofs")).state is FetchState.BROKEN


def connection(n: int, **more: Any) -> dict[str, Any]:
    nodes = [{"id": f"sn{k}", "text": f"T{k}", "comments": [{"plaidHtml": f"by {link('A')}"}]} for k in range(n)]
    return {"title": {"id": "tt0000042", "soundtrack": {"edges": [{"node": node} for node in nodes], **more}}}


def test_the_site_s_own_query_is_read_where_the_page_has_no_section() -> None:
    for body in (
        {"props": {"pageProps": {"contentData": {"data": connection(2, total=2)}}}},
        {"data": connection(2, pageInfo={"hasNextPage": False})},
    ):
        parsed = parse_soundtrack(json.dumps(body))
        assert [(row["imdb_id"], row["title"]) for row in parsed.rows] == [("tt0000042", "T0"), ("tt0000042", "T1")]
        assert parsed.rows[0]["credits"] == [{"role": "written_by", "names": ["A"]}]
        assert not parsed.is_cut
    assert parse_soundtrack(json.dumps({"data": connection(2, pageInfo={"hasNextPage": True})})).is_cut
    assert parse_soundtrack(json.dumps({"data": connection(2, total=60)})).n_expected == 60
    assert parse_soundtrack(json.dumps({"data": connection(0, total=0)})).state is FetchState.EMPTY


@pytest.mark.parametrize(("code", "state"), [("FORBIDDEN", FetchState.BLOCKED), ("BAD_INPUT", FetchState.BROKEN)])
def test_an_error_in_place_of_data_is_a_state(code: str, state: FetchState) -> None:
    body = json.dumps({"errors": [{"message": "No", "extensions": {"code": code}}], "data": None})
    assert parse_soundtrack(body).state is state


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


DRAWN = (
    '<html><body><div data-testid="sub-section"><ul><li data-testid="list-item" id="sn1">'
    '<span class="ipc-metadata-list-item__label">A</span></li></ul></div>{}</body></html>'
)


def test_a_drawn_list_is_cut_where_the_page_says_so() -> None:
    button = '<button><span class="ipc-see-more__text">23 more</span></button>'
    script = '<script id="__NEXT_DATA__">{"title":{"soundtrack":{"total":7,"pageInfo"?</script>'
    for extra, total in ((button, 24), (script, 7), ("", None)):
        parsed = parse_soundtrack(DRAWN.format(extra))
        assert (len(parsed.rows), parsed.n_expected, parsed.is_cut) == (1, total, total is not None)
        assert "drawn list" in parsed.reason


LEGACY = """<html><head><link rel="canonical" href="https://www.imdb.com/title/tt0133093/soundtrack"></head><body>
<div id="soundtracks_content" class="header"><div class="list">
<div id="sn0000001" class="soundTrack soda odd">Dragula (Hot Rod Herman Remix) <br />
Written by <a href="/name/nm1">Rob Zombie</a> &amp; Scott Humphrey <br />
Performed by <a href="/name/nm1">Rob Zombie</a> <br/>
Courtesy of Geffen Records <br />
</div>
<div id="sn0000002" class="soundTrack soda even">&quot;Tom &amp; Jerry&quot;</div>
</div></div></body></html>"""


def test_the_layout_of_before_2023() -> None:
    parsed = parse_soundtrack(LEGACY)
    assert parsed.state is FetchState.OK
    assert parsed.rows[0] == {
        "imdb_id": "tt0133093",
        "position": 1,
        "entry_id": "sn0000001",
        "title": "Dragula (Hot Rod Herman Remix)",
        "credits": [
            {"role": "written_by", "names": ["Rob Zombie", "Scott Humphrey"]},
            {"role": "performed_by", "names": ["Rob Zombie"]},
            {"role": "courtesy_of", "names": ["Geffen Records"]},
        ],
        "lines": ["Written by Rob Zombie & Scott Humphrey", "Performed by Rob Zombie", "Courtesy of Geffen Records"],
    }
    assert (parsed.rows[1]["title"], parsed.rows[1]["lines"]) == ('"Tom & Jerry"', [])
    assert parse_soundtrack(LEGACY[:-200]).state is FetchState.BROKEN


def test_the_layout_of_before_2023_says_itself_that_there_is_no_list() -> None:
    none = '<div id="soundtracks_content"><div id="no_content">It looks like we don\'t have any.</div></div>'
    assert parse_soundtrack(none).state is FetchState.EMPTY
    assert parse_soundtrack('<div id="soundtracks_content"></div>').state is FetchState.BLOCKED


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
