"""The one way to say that a server of the cluster does not answer as it should."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from pyiceberg.exceptions import NoSuchTableError

Server = Literal["PostgreSQL", "Nessie", "object store", "Trino"]

CHECK = "`citybrain stack status` shows every server and its log; then run the same command again"
# What the servers say, without blanks and underscores, and what there is to do about it.
_REMEDIES = {
    ("timetooskewed", "clockskew"): "set the clocks of both machines (NTP), then run the same command again",
    ("nospace", "storagefull", "minimumfree", "quota"): "free or add space, then run the same command again",
    (
        "accessdenied",
        "invalidaccesskey",
        "signaturedoesnotmatch",
        "passwordauthentication",
        'role"',
        "unauthor",
        "forbidden",
        "http401",
        "http403",
    ): "check its user and password in cluster.json; " + CHECK,
}


class ServerUnavailable(RuntimeError):
    """A server cannot be reached, refuses us or broke off; the message names it, its address and what to do.

    ``is_unknown`` tells that a change was sent and it is not known whether it was made.
    """

    def __init__(self, server: Server, address: str, detail: str, *, is_unknown: bool = False) -> None:
        super().__init__(f"{server} at {address}: {_first_line(detail)}; {_remedy(detail)}")
        self.server = server
        self.address = address
        self.is_unknown = is_unknown


class ReferenceGone(NoSuchTableError):  # type: ignore[misc]  # PyIceberg is not followed by mypy here
    """A Nessie reference does not exist (any more), and so do none of its tables."""


def _first_line(detail: str) -> str:
    return detail.strip().splitlines()[0][:300] if detail.strip() else "no answer"


def _remedy(detail: str) -> str:
    said = detail.lower().replace("_", "").replace(" ", "")
    return next((remedy for words, remedy in _REMEDIES.items() if any(word in said for word in words)), CHECK)


@contextmanager
def named(server: Server, address: str, *errors: type[Exception]) -> Iterator[None]:
    """Turn errors of these kinds into ``ServerUnavailable``; missing files stay what they are."""
    try:
        yield
    except (ServerUnavailable, FileNotFoundError, FileExistsError):
        raise
    except errors as fault:
        raise ServerUnavailable(server, address, str(fault) or type(fault).__name__) from fault
