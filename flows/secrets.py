"""Keys that an operator keeps in Prefect's Secret blocks instead of the worker's environment."""

from __future__ import annotations

from prefect.blocks.system import Secret
from pydantic import SecretStr

from tasks.settings import SECRETS, load_settings, provide_secrets


def block_name(setting: str) -> str:
    """The Secret block that holds a setting.

    >>> block_name("tmdb_api_key")
    'ostinato-tmdb-api-key'
    """
    return f"ostinato-{setting.replace('_', '-')}"


def read_secret_blocks() -> None:
    """Take each key that the environment does not hold from its block, where there is one."""
    settings = load_settings()
    found: dict[str, SecretStr] = {}
    for name in SECRETS:
        if getattr(settings, name) is None:
            try:
                block = Secret.load(block_name(name))
            except ValueError:  # Prefect's word for a block that does not exist
                continue
            if isinstance(block, Secret):  # outside an event loop it is no coroutine
                found[name] = SecretStr(str(block.get()))
    provide_secrets(found)
