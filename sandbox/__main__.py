"""`python -m sandbox`: the made-up sites on loopback ports."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

DESCRIPTION = """Serves a made-up world as TMDB, IMDb, Melon, Spotify, ReccoBeats, MusicBrainz and YouTube would.

When all sites listen, one JSON line on standard output names the base URL of each:
  {"tmdb": "http://127.0.0.1:PORT", "tmdb_api": "http://127.0.0.1:PORT/3", ..., "sandbox": "http://127.0.0.1:PORT"}
Its names: tmdb, tmdb_api, tmdb_files, imdb, melon, spotify_api, spotify_accounts, reccobeats, musicbrainz,
youtube_api, sandbox.

The site `sandbox` steers and explains the others:
  GET  /world                        sizes, and the truth: credit -> track, song -> track, track -> genres,
                                     film -> release groups, recording -> track
  PUT  /clock {"as_of": "2026-12-01"}  moves the day; films and songs come out, scores and charts change
  GET  /stats                        requests per site and path; DELETE forgets them
  PUT  /faults {"melon": {"kind": "limited", "times": 3, "path": "/song"}, "*": {"kind": "all", "rate": 0.2}}
                                     orders faults, by site (* is every site) one or a list; by count (times), by
                                     rate, or once; GET tells what stands and what was dealt, DELETE ends them
  PUT  /spotify {"mode": "development"}  what the app may do: development, extended, or default
  PUT  /tmdb {"max_page": 500}       the last page that lists of TMDB's API give
  GET  /datasets/spotify_tracks.csv  a table with genre labels, to import

Kinds of faults:
  limited         429 with Retry-After (retry_after_s, 1 unless said)
  blocked         the site's refusal: IMDb's 202 challenge, 406, 403
  broken          502, 503, 500, 504 in turn; MusicBrainz' 503
  overload        an error page with status 200; Melon's is the real one
  html            another page than the one asked for, HTML where JSON is due
  slow, hang      the answer a second late; no answer for a minute
  cut, torn       the body ends early though all seems well; the connection breaks in the middle of the body
  missing_fields  what a page or body may lack is lacking
  duplicates      a list names items twice
  moving          films jump to the head of the list while it is read
  old_markup      the layout of some years ago
  changed_markup  names of classes and keys that nobody knows
  all             any of those that suit the address, limits of a second and of a day among them

Any key, token or client is accepted, except one that starts with `wrong`.
"""


def read_faults(text: str) -> Any:
    """The orders of `--faults`; the sandbox itself tells whether they can stand."""
    try:
        return json.loads(text)
    except ValueError as fault:
        raise argparse.ArgumentTypeError(f"no JSON: {fault}") from None


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--films", type=int, default=300, help="films by autumn 2026 (default: 300)")
    parser.add_argument("--tracks", type=int, default=3000, help="recordings on Spotify by then (default: 3000)")
    parser.add_argument("--seed", type=int, default=7, help="another seed is another world (default: 7)")
    parser.add_argument("--as-of", type=date.fromisoformat, help="day of the clock (default: today in Seoul)")
    parser.add_argument("--base-port", type=int, default=0, help="first of eleven ports in a row (default: any free)")
    parser.add_argument(
        "--faults", type=read_faults, metavar="JSON", help="faults from the start: the body of PUT /faults"
    )
    parser.add_argument("--with-parent", action="store_true", help="stop when standard input ends")
    options = parser.parse_args(arguments)
    if options.films < 1 or options.tracks < 1:
        parser.error("--films and --tracks must be at least 1")
    return options


def main() -> int:
    """Build the world and serve it; the exit status."""
    options = parse_arguments()
    from sandbox.faults import OrderError
    from sandbox.server import serve
    from sandbox.world import World

    as_of = options.as_of or datetime.now(ZoneInfo("Asia/Seoul")).date()
    world = World(options.films, options.tracks, options.seed, as_of)
    try:
        serve(world, options.base_port, options.with_parent, options.faults)
    except OrderError as fault:
        print(f"The sandbox cannot order these faults: {fault}.", file=sys.stderr)
        return 2
    except OSError as fault:
        print(f"The sandbox cannot listen: {fault}; choose another --base-port or leave it out.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
