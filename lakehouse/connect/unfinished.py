"""A restore that was broken off left a part of a city; nobody is to take that part for the whole."""

from __future__ import annotations

from lakehouse.connect.faults import guard_off
from lakehouse.connect.settings import Settings


class UnfinishedRestore(RuntimeError):
    """This home has a part of what a restore was to bring; the message says what to do."""


def refuse_unfinished_restore(settings: Settings) -> None:
    """Refuse to work with a home into which a restore goes on, or was broken off.

    Raises:
        UnfinishedRestore: run the same restore again.
    """
    if settings.restoring.exists() and not guard_off("unfinished-restore"):
        raise UnfinishedRestore(
            f"恢复尚未完成 a restore into {settings.root} is not finished; if none is running,"
            " run the same `citybrain restore` again"
        )
