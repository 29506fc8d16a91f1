"""What departments deliver, by kind of source: opened, cut into parts, every value still text."""

from lakehouse.sources.errors import SourceError
from lakehouse.sources.files import FileDelivery, file_deliveries
from lakehouse.sources.limits import Limits
from lakehouse.sources.received import Part, Received, RowFault
from lakehouse.sources.system import SourceSystem

__all__ = [
    "FileDelivery",
    "Limits",
    "Part",
    "Received",
    "RowFault",
    "SourceError",
    "SourceSystem",
    "file_deliveries",
]
