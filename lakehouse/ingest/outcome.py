"""What became of a delivery: one frozen record a batch, and its form as a row of ``ops.ingest_outcome``."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal, Self

import pyarrow as pa

Status = Literal["accepted", "skipped", "empty", "failed"]

outcome_schema = pa.schema(
    [
        ("outcome_id", pa.string()),
        ("resource", pa.string()),
        ("delivery", pa.string()),
        ("batch_id", pa.string()),
        ("status", pa.string()),
        ("received", pa.int64()),
        ("accepted", pa.int64()),
        ("quarantined", pa.int64()),
        ("deduplicated", pa.int64()),
        ("skipped", pa.bool_()),
        ("rule", pa.string()),
        ("reason", pa.string()),
        ("received_checksum", pa.string()),
        ("accounted_checksum", pa.string()),
    ]
)


@dataclass(frozen=True)
class BatchOutcome:
    """The outcome of one batch: ``received = accepted + quarantined + deduplicated``, by count and by checksum.

    ``rule`` and ``reason`` say why it was not (wholly) taken in, or that it was late; ``skipped`` that its content was
    held already. The checksums are sums of row hashes modulo 2^64, in hexadecimal, independent of the order of rows.
    """

    resource: str
    delivery: str
    batch_id: str
    status: Status
    received: int = 0
    accepted: int = 0
    quarantined: int = 0
    deduplicated: int = 0
    skipped: bool = False
    rule: str | None = None
    reason: str | None = None
    received_checksum: str | None = None
    accounted_checksum: str | None = None

    @property
    def outcome_id(self) -> str:
        """Return a stable id: the same outcome of the same batch has the same id in every run."""
        identity = json.dumps([self.resource, self.delivery, self.batch_id, self.status, self.rule])
        return hashlib.blake2b(identity.encode(), digest_size=16).hexdigest()

    @property
    def delivery_key(self) -> tuple[str, str, str]:
        """Return what was delivered, whatever became of it: resource, delivery, batch."""
        return self.resource, self.delivery, self.batch_id

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as plain JSON values."""
        return {"outcome_id": self.outcome_id, **dataclasses.asdict(self)}

    def to_row(self) -> dict[str, Any]:
        """Return the outcome as a row of :data:`outcome_schema`."""
        return self.to_json()

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read what :meth:`to_json` wrote."""
        names = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in names})
