"""Importing a million-track CSV into the lake, beside pandas only reading it.

The file has the shape of the million-track Spotify table (1,159,764 rows, 20 columns, about 190 MB) with values made
up. Each way runs in a process of its own. `import_files` reads the file, checks every cell and writes Parquet;
`pandas.read_csv` makes one table in memory and checks nothing.

Run: `python bench/import_tracks.py [--rows 1159764]`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

from support.memory import peak_mb  # noqa: E402  after the path

from tasks.schemas import AUDIO_FEATURES  # noqa: E402

N_ROWS = 1_159_764
_WHOLE = {"key": (0, 12), "mode": (0, 2), "time_signature": (3, 6), "duration_ms": (30_000, 400_000)}
_REAL = {"loudness": (-60.0, 0.0), "tempo": (50.0, 220.0)}
_LETTERS = np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "S1")


def made_up(n_rows: int, rng: np.random.Generator) -> pa.Table:
    """Rows of that shape: names of three words, some with commas and quotes, a few artists missing."""
    words = np.array(["Blue", "Night", "Señor", "Love, Again", 'The "Best"', "밤", "Train", "Running", "in", "Reprise"])
    artists = np.array([f"Artist {n:,}" if n % 7 else f"Sänger & {n}" for n in range(61_445)])
    features = {name: _feature(name, n_rows, rng) for name in AUDIO_FEATURES}
    return pa.table(
        {
            "": np.arange(n_rows),
            "artist_name": pa.array(artists[rng.integers(0, len(artists), n_rows)], mask=rng.random(n_rows) < 1e-5),
            "track_name": [" ".join(words[chosen]) for chosen in rng.integers(0, len(words), (n_rows, 3))],
            "track_id": rng.choice(_LETTERS, (n_rows, 22)).view("S22").ravel().astype(str),
            "popularity": rng.integers(0, 100, n_rows),
            "year": rng.integers(2000, 2024, n_rows),
            "genre": np.array([f"genre-{n}" for n in range(82)])[rng.integers(0, 82, n_rows)],
            **features,
        }
    )


def _feature(name: str, n_rows: int, rng: np.random.Generator) -> np.ndarray:
    if name in _WHOLE:
        return rng.integers(*_WHOLE[name], n_rows)
    low, high = _REAL.get(name, (0.0, 1.0))
    return np.round(rng.uniform(low, high, n_rows), 4)


def by_import(file: Path) -> int:
    """Rows that `ostinato import` lands."""
    from tasks.settings import Profile, Settings
    from tasks.sources.datasets import import_files

    with tempfile.TemporaryDirectory(dir=file.parent) as home:
        return import_files(Settings(home=Path(home), profile=Profile.LIVE), [file], date(2025, 1, 1))[0].n_rows


def by_pandas(file: Path) -> int:
    """Rows that pandas reads."""
    import pandas as pd

    return len(pd.read_csv(file))


def run(way: str, file: Path) -> dict[str, float]:
    """Seconds and peak memory of one way, measured inside a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--way", way, "--file", str(file)], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print seconds and peak memory of both ways, and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=N_ROWS)
    parser.add_argument("--way", choices=("import", "pandas"), help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        started_at = time.perf_counter()
        n_rows = (by_import if options.way == "import" else by_pandas)(options.file)
        print(json.dumps({"rows": n_rows, "s": time.perf_counter() - started_at, "peak_mb": peak_mb()}))
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tracks.csv"
        pa_csv.write_csv(made_up(options.rows, np.random.default_rng(7)), file)
        print(f"{options.rows:,} rows, {file.stat().st_size / 1e6:.0f} MB of CSV")
        found = {way: run(way, file) for way in ("import", "pandas")}
    print(f"{'':16}{'seconds':>9}{'peak MB':>9}{'rows':>12}")
    for way, what in (("import", "ostinato import"), ("pandas", "pandas.read_csv")):
        print(f"{what:16}{found[way]['s']:>9.2f}{found[way]['peak_mb']:>9.0f}{found[way]['rows']:>12,.0f}")
    ratios = [found["import"][of] / found["pandas"][of] for of in ("s", "peak_mb")]
    print(f"{'ratio':16}{ratios[0]:>9.2f}{ratios[1]:>9.2f}")


if __name__ == "__main__":
    main()
