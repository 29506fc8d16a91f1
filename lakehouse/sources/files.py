"""File deliveries: what has arrived for a resource, and what its name says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from catalog.contract.model import Contract
from lakehouse.sources.errors import SourceError
from lakehouse.sources.system import SourceSystem

ARCHIVE_SUFFIXES = (".gz", ".zip")
_NAME = re.compile(r"_(?P<data_date>\d{8})_(?P<delivered_at>\d{14})$")


@dataclass(frozen=True)
class FileDelivery:
    """One file. Both times come from the name ``<resource>_<data date>_<delivered at>`` and are None in other names."""

    name: str
    path: Path
    data_date: date | None
    delivered_at: datetime | None

    @property
    def order(self) -> tuple[str, str]:
        """Sorts deliveries by the time of delivery; names without one come first."""
        return (self.delivered_at.isoformat() if self.delivered_at else "", self.name)


def file_deliveries(contract: Contract, source: SourceSystem) -> list[FileDelivery]:
    """Return the files delivered for a resource, in the order of delivery.

    Raises:
        SourceError: ``delivery.missing`` when there is none.
    """
    pattern = contract.gov.source.path
    found = {path for suffix in ("", *ARCHIVE_SUFFIXES) for path in source.root.glob(pattern + suffix)}
    files = sorted((_delivery(path) for path in found if path.is_file()), key=lambda file: file.order)
    if not files:
        raise SourceError("delivery.missing", f"没有找到送达文件 {pattern}")
    return files


def _delivery(path: Path) -> FileDelivery:
    return FileDelivery(path.name, path, *named_times(path.name))


def named_times(name: str) -> tuple[date | None, datetime | None]:
    """Return the data date and the time of delivery that a file's name tells; (None, None) when it tells none."""
    stem = name
    while Path(stem).suffix:
        stem = Path(stem).stem
    match = _NAME.search(stem)
    if match is None:
        return None, None
    try:
        data_date = datetime.strptime(match["data_date"], "%Y%m%d").date()
        return data_date, datetime.strptime(match["delivered_at"], "%Y%m%d%H%M%S")
    except ValueError:
        return None, None
