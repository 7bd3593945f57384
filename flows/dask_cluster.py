"""The Dask cluster that OSTINATO_RUNNER names: whether it answers, and whether its workers are fit to work.

Dask itself is imported late: Ostinato runs without it.
"""

from __future__ import annotations

import asyncio
import platform
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.disk import writing
from tasks.settings import OstinatoError, Settings, code_version
from tasks.warehouse.connection import first_line

if TYPE_CHECKING:
    from distributed import Client

ANSWER_S = 8.0
"""Time within which a scheduler must answer, and have a first worker."""
ASKED_S = 30.0
"""Time within which every worker must tell its versions; one that is busy takes some seconds to listen."""
ALIKE = (
    *("distributed", "prefect", "prefect-dask", "cloudpickle", "duckdb", "pyarrow", "numpy", "pandas", "scipy"),
    *("rapidfuzz", "lightgbm", "scikit-learn", "skops"),
    *("lxml", "beautifulsoup4", "librosa", "numba", "soundfile"),
)
"""Packages of which client and workers need the same version, or they misunderstand each other or count otherwise."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """What was found of a cluster: the threads of each worker, by its address."""

    threads: dict[str, int]


def is_dask(settings: Settings) -> bool:
    """True where heavy steps are to run on Dask."""
    return settings.runner != "threads"


def scheduler_address(settings: Settings) -> str:
    """Address of the scheduler that the setting names; empty for a cluster of our own.

    >>> scheduler_address(Settings(runner="dask:tcp://127.0.0.1:8786"))
    'tcp://127.0.0.1:8786'
    """
    return settings.runner.partition(":")[2]


def require_dask() -> None:
    """Refuse to go on without the packages.

    Raises
    ------
    OstinatoError
        When Dask or its runner for Prefect is not installed.
    """
    for module in ("distributed", "prefect_dask"):
        try:
            import_module(module)
        except ImportError:
            raise OstinatoError(
                f"OSTINATO_RUNNER names Dask, but {module.replace('_', '-')} is not installed; "
                "run `pip install 'ostinato[scale]'` or unset OSTINATO_RUNNER."
            ) from None


def require_cluster(settings: Settings) -> Cluster | None:
    """See that the scheduler named answers and that its workers can do our work; None where none is named.

    Raises
    ------
    OstinatoError
        When Dask is not installed, the scheduler does not answer in `ANSWER_S` or has no worker, or a worker does not
        see the home or has other versions.
    """
    if is_dask(settings):
        require_dask()
    address = scheduler_address(settings)
    if not address:
        return None
    with _client(address) as client:
        try:
            client.wait_for_workers(1, timeout=ANSWER_S)
        except TimeoutError:
            raise OstinatoError(
                f"Dask's scheduler at {address} has no workers; start some with `dask worker {address} --nthreads 1`."
            ) from None
        _require_likeness(_asked(client, address, settings), settings)
        return Cluster(client.nthreads())


@contextmanager
def _client(address: str) -> Iterator[Client]:
    from distributed import Client
    from distributed.comm import CommClosedError

    try:
        asyncio.run(_greet(address))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of other versions, which are told below
            client = Client(address, timeout=ANSWER_S, set_as_default=False)
    except (
        OSError,
        CommClosedError,
        TimeoutError,
        TypeError,
        ValueError,
        RuntimeError,
    ) as fault:  # the last: no certificate
        raise OstinatoError(
            f"Dask's scheduler at {address} does not answer ({_first_words(fault)}); start it with `dask scheduler`, "
            "mend the address in OSTINATO_RUNNER, or unset that."
        ) from None
    with client:
        yield client


async def _greet(address: str) -> None:
    """Meet the scheduler in time, or raise: Dask's client waits without end for one that takes a call and is silent."""
    from distributed.comm import connect
    from distributed.security import Security

    arguments = Security().get_connection_args("client")
    comm = await asyncio.wait_for(connect(address, timeout=ANSWER_S, **arguments), ANSWER_S)
    comm.abort()


def _asked(client: Client, address: str, settings: Settings) -> dict[str, dict[str, str]]:
    """What the scheduler, which reads every task before it hands it out, and each worker say of themselves."""
    from distributed.comm import CommClosedError

    try:
        with _marked(settings.home) as mark:
            ask_scheduler = partial(client.run_on_scheduler, seen_from_here, mark, callback_timeout=ASKED_S)
            said: dict[str, Any] = {"scheduler": _or_fault(ask_scheduler)}
            workers = client.run(seen_from_here, mark, on_error="return", callback_timeout=ASKED_S)
    except TimeoutError:
        raise OstinatoError(
            f"{_silent(client, address)} has given no answer for {ASKED_S:.0f} s; end it, start it anew, and run this "
            "again."
        ) from None
    except (OSError, CommClosedError) as fault:
        raise OstinatoError(
            f"Dask's scheduler at {address} went away ({_first_words(fault)}); run `ostinato doctor` when it is back."
        ) from None
    said |= {f"worker {worker}": answer for worker, answer in workers.items()}
    for who, answer in said.items():
        if isinstance(answer, BaseException):
            raise OstinatoError(
                f"Dask's {who} cannot run Ostinato ({_first_words(answer)}); start it in an environment with this "
                "version of Ostinato and of Python installed."
            )
    return said


def _silent(client: Client, address: str) -> str:
    """The worker that the scheduler has not heard of for the longest time; the scheduler, where it says nothing."""
    try:
        workers: dict[str, Any] = client.sync(client.scheduler.identity, n_workers=-1, callback_timeout=ANSWER_S)[
            "workers"
        ]
        return f"Dask's worker {min(workers, key=lambda worker: workers[worker]['last_seen'])}"
    except (OSError, ValueError):
        return f"Dask's scheduler at {address}"


@contextmanager
def _marked(home: Path) -> Iterator[str]:
    """A file in the home that was not there before: an empty folder at the same path, not mounted, lacks it."""
    mark = home / f".seen-{uuid.uuid4().hex}"
    if home.is_dir():
        with writing(mark):
            mark.touch()
    try:
        yield str(mark)
    finally:
        mark.unlink(missing_ok=True)


def _or_fault(ask: Callable[[], dict[str, str]]) -> dict[str, str] | Exception:
    try:
        return ask()
    except ImportError as fault:
        return fault


def seen_from_here(mark: str) -> dict[str, str]:
    """Versions that must be the same wherever units run, and whether a file of the home is there."""
    seen = {"Python": platform.python_version(), "Ostinato": code_version()}
    for name in ALIKE:
        try:
            seen[name] = version(name)
        except PackageNotFoundError:
            seen[name] = "not installed"
    return seen | {"home": "there" if Path(mark).exists() else "not there"}


def _require_likeness(said: dict[str, dict[str, str]], settings: Settings) -> None:
    here = seen_from_here(str(settings.home))  # the folder itself: where it is not there yet, none can see it
    is_there = here.pop("home") == "there"
    for who, answer in said.items():
        if is_there and answer["home"] != "there" and who != "scheduler":
            raise OstinatoError(
                f"Dask's {who} does not see {settings.home}; put OSTINATO_HOME on a file system that all workers "
                "share, at the same path."
            )
        other = [f"{name} {answer[name]} for {want}" for name, want in here.items() if answer[name] != want]
        if other:
            raise OstinatoError(
                f"Dask's {who} has other versions: {', '.join(other[:3])}; give it the same environment and "
                "start it anew."
            )


def _first_words(fault: BaseException) -> str:
    """The first line of a fault; one of time often has none."""
    return "no answer in time" if isinstance(fault, TimeoutError) and not str(fault).strip() else first_line(fault)
