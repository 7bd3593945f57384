"""`python -m sandbox`: the made-up sites on loopback ports."""

from __future__ import annotations

import argparse
import sys
from datetime import date, datetime
from zoneinfo import ZoneInfo

DESCRIPTION = """Serves a made-up world as TMDB, IMDb, Melon, Spotify and ReccoBeats would show it.

When all sites listen, one JSON line on standard output names the base URL of each:
  {"tmdb": "http://127.0.0.1:PORT", "tmdb_api": "http://127.0.0.1:PORT/3", ..., "sandbox": "http://127.0.0.1:PORT"}

The site `sandbox` steers and explains the others:
  GET  /world                        sizes, and the truth: credit -> track, song -> track, track -> genres
  PUT  /clock {"as_of": "2026-12-01"}  moves the day; films and songs come out, scores and charts change
  GET  /stats                        requests per site and path; DELETE forgets them
  PUT  /faults {"melon": {"kind": "limited", "times": 3, "path": "/song"}}
                                     kinds: limited, blocked, broken, cut, slow
  GET  /datasets/spotify_tracks.csv  a table with genre labels, to import

Any key, token or client is accepted, except one that starts with `wrong`.
"""


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--films", type=int, default=300, help="films by autumn 2026 (default: 300)")
    parser.add_argument("--tracks", type=int, default=3000, help="recordings on Spotify by then (default: 3000)")
    parser.add_argument("--seed", type=int, default=7, help="another seed is another world (default: 7)")
    parser.add_argument("--as-of", type=date.fromisoformat, help="day of the clock (default: today in Seoul)")
    parser.add_argument("--base-port", type=int, default=0, help="first of eight ports in a row (default: any free)")
    parser.add_argument("--with-parent", action="store_true", help="stop when standard input ends")
    options = parser.parse_args(arguments)
    if options.films < 1 or options.tracks < 1:
        parser.error("--films and --tracks must be at least 1")
    return options


def main() -> int:
    """Build the world and serve it; the exit status."""
    options = parse_arguments()
    from sandbox.server import serve
    from sandbox.world import World

    as_of = options.as_of or datetime.now(ZoneInfo("Asia/Seoul")).date()
    world = World(options.films, options.tracks, options.seed, as_of)
    try:
        serve(world, options.base_port, options.with_parent)
    except OSError as fault:
        print(f"The sandbox cannot listen: {fault}; choose another --base-port or leave it out.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
