"""Whether a delivery has the columns of its contract: schema drift refuses it as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection

from catalog.contract.model import Contract
from lakehouse.connect.duck import Connection
from lakehouse.sources.errors import SourceError
from lakehouse.sources.json_text import IS_OBJECT, LineParts
from lakehouse.sources.received import Part, Received


def check_columns(
    contract: Contract, received: Received, untouched: Callable[[], Collection[str]] = frozenset
) -> list[str]:
    """Compare the headers with the contract; return those that the delivery lacks and may lack.

    ``untouched`` gives the columns that a delivery may lack, by name; it is asked when one lacks something.

    Raises:
        SourceError: ``schema.missing_column`` or ``schema.unknown_column``.
    """
    wanted = [prop.physical_name for prop in contract.properties]
    missing = [name for name in wanted if name not in received.columns]
    unknown = [name for name in received.columns if name not in wanted]
    doubled = [name for name, count in Counter(received.columns).items() if count > 1]
    allowed = untouched() if missing else ()
    lacked = [prop.physical_name for prop in contract.properties if prop.name in allowed]
    if refused := [name for name in missing if name not in lacked]:
        raise SourceError("schema.missing_column", f"缺少约定的列：{'、'.join(refused)}")
    if unknown:
        raise SourceError(
            "schema.unknown_column", f"出现未约定的列：{'、'.join(name or '（空表头）' for name in unknown)}"
        )
    if doubled:
        raise SourceError("schema.unknown_column", f"列重复出现：{'、'.join(doubled)}")
    return missing


def check_json_keys(con: Connection, contract: Contract, parts: list[Part]) -> None:
    """Compare the keys of all JSON objects with the contract; an optional column may be left out everywhere.

    Raises:
        SourceError: as :func:`check_columns`.
    """
    found: set[str] = set()
    for part in parts:
        if isinstance(part, LineParts):
            keys = f"select distinct json_keys(_line) as keys from {part.lines()} where {IS_OBJECT}"
            found.update(name for (names,) in con.execute(keys).fetchall() for name in names)
            part.close()
    if not found:
        return
    missing = [p.physical_name for p in contract.properties if p.required and p.physical_name not in found]
    unknown = sorted(found - {prop.physical_name for prop in contract.properties})
    if missing:
        raise SourceError("schema.missing_column", f"缺少约定的列：{'、'.join(missing)}")
    if unknown:
        raise SourceError("schema.unknown_column", f"出现未约定的列：{'、'.join(unknown)}")
