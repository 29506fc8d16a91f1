"""One statement to Trino, with a limit of time, its columns with their types, and refusals told from failures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
import trino
from trino.exceptions import HttpError, TrinoConnectionError, TrinoQueryError, TrinoUserError

from lakehouse.connect.cluster import ClusterSettings
from lakehouse.connect.servers import ServerUnavailable
from lakehouse.connect.trino import client_arguments

_TOO_LONG = ("EXCEEDED_TIME_LIMIT", "EXCEEDED_CPU_LIMIT")


class StatementRefused(ValueError):
    """Trino refuses a statement; ``is_too_slow`` when it took longer than it was given."""

    def __init__(self, message: str, *, is_too_slow: bool = False) -> None:
        super().__init__(message)
        self.is_too_slow = is_too_slow


@dataclass(frozen=True)
class Answer:
    """The rows of a statement, and its columns as (name, Trino type)."""

    columns: list[tuple[str, str]]
    rows: list[list[Any]]


@contextmanager
def _speaking(
    cluster: ClusterSettings, catalog: str | None, session: dict[str, str]
) -> Iterator[trino.dbapi.Connection]:
    connection = trino.dbapi.Connection(
        **client_arguments(cluster), catalog=catalog or cluster.reader_catalog, session_properties=session
    )
    try:
        yield connection
    except TrinoUserError as fault:
        raise StatementRefused(_message(fault)) from fault
    except TrinoQueryError as fault:
        if fault.error_name in _TOO_LONG:
            raise StatementRefused(_message(fault), is_too_slow=True) from fault
        raise ServerUnavailable("Trino", cluster.trino_uri, _message(fault)) from fault
    except (TrinoConnectionError, HttpError, trino.exceptions.Error, requests.RequestException) as fault:
        raise ServerUnavailable("Trino", cluster.trino_uri, str(fault), is_unknown=True) from fault
    finally:
        connection.close()


def _message(fault: TrinoQueryError) -> str:
    return str(fault.message or fault.error_name)


def ask(
    cluster: ClusterSettings,
    sql: str,
    parameters: Sequence[Any] | None = None,
    *,
    catalog: str | None = None,
    timeout_seconds: float | None = None,
) -> Answer:
    """Run one statement and fetch all its rows; ``catalog`` is the reader catalog, ``main``, when none is named.

    Raises:
        ServerUnavailable: Trino, or a server behind it, does not answer.
        StatementRefused: it refuses the statement, or the time was up.
    """
    session = {} if timeout_seconds is None else {"query_max_run_time": f"{max(1, round(timeout_seconds * 1000))}ms"}
    with _speaking(cluster, catalog, session) as connection:
        cursor = connection.cursor()
        cursor.execute(sql, list(parameters) if parameters else None)
        rows = cursor.fetchall()
        columns = [(str(column[0]), str(column[1])) for column in cursor.description or []]
        return Answer(columns, rows)
