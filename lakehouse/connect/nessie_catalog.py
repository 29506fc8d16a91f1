"""PyIceberg's catalog of one Nessie reference: metadata files on the object store, pointers in Nessie.

The pointers go through Nessie's own API and not through its Iceberg REST door: that door keeps only the current snapshot
of a table in the metadata that it gives out, and the batch ids in the snapshots are what makes a second run safe. Both doors
show the same tables.
"""

from __future__ import annotations

from typing import Any

from pyiceberg.catalog import Catalog, MetastoreCatalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NoSuchNamespaceError,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.io import FileIO
from pyiceberg.serializers import FromInputFile
from pyiceberg.table import CommitTableResponse, StagedTable, Table
from pyiceberg.table.metadata import TableMetadata

from lakehouse.connect.cluster import ClusterSettings
from lakehouse.connect.faults import fault_point
from lakehouse.connect.nessie import NAMESPACE, TABLE, CommitConflict, Content, Delete, Nessie, Put
from lakehouse.connect.servers import ReferenceGone

FILE_IO = "lakehouse.connect.cluster_io.ClusterFileIO"


def table_content(metadata: TableMetadata, location: str, content_id: str | None) -> Content:
    """Return what Nessie keeps of a table version."""
    content: Content = {
        "type": TABLE,
        "metadataLocation": location,
        "snapshotId": -1 if metadata.current_snapshot_id is None else metadata.current_snapshot_id,
        "schemaId": metadata.current_schema_id,
        "specId": metadata.default_spec_id,
        "sortOrderId": metadata.default_sort_order_id,
    }
    return content if content_id is None else content | {"id": content_id}


class NessieCatalog(MetastoreCatalog):  # type: ignore[misc]  # PyIceberg is not followed by mypy here
    """The tables of one reference. A reference that is gone has no tables, and takes no commit."""

    def __init__(self, reference: str, cluster: ClusterSettings) -> None:
        super().__init__(reference, warehouse=cluster.warehouse_location, **{"py-io-impl": FILE_IO})
        self._nessie = Nessie(cluster.nessie_uri)

    def load_table(self, identifier: Any) -> Table:
        """Load the newest version of a table."""
        return self._load(identifier)[0]

    def _load(self, identifier: Any) -> tuple[Table, str, str]:
        """Return a table, the commit of the reference that shows it, and its id there."""
        key = Catalog.identifier_to_tuple(identifier)
        at, content = self._nessie.content(self.name, key)
        if content is None or content["type"] != TABLE:
            raise NoSuchTableError(f"{'.'.join(key)} is not on {self.name}")
        location = content["metadataLocation"]
        io = self._load_file_io(location=location)
        metadata = FromInputFile.table_metadata(io.new_input(location))
        io = self._load_file_io(metadata.properties, location)
        return Table(key, metadata, location, io, self), at, content["id"]

    def table_exists(self, identifier: Any) -> bool:
        """Tell whether the reference has a table."""
        try:
            content = self._nessie.content(self.name, Catalog.identifier_to_tuple(identifier))[1]
        except ReferenceGone:
            return False
        return content is not None and content["type"] == TABLE

    def create_table(self, identifier: Any, schema: Any, *args: Any, **kwargs: Any) -> Table:
        """Create a table."""
        staged = self._create_staged_table(identifier, schema, *args, **kwargs)
        return self._create(staged)

    def _create(self, staged: StagedTable) -> Table:
        key = staged.name()
        self._write_metadata(staged.metadata, staged.io, staged.metadata_location)
        at, content = self._nessie.content(self.name, key)
        if content is not None:
            raise TableAlreadyExistsError(f"{'.'.join(key)} is already on {self.name}")
        put = Put(key, table_content(staged.metadata, staged.metadata_location, None))
        try:
            self._nessie.commit(self.name, at, [put], f"create {'.'.join(key)}")
        except CommitConflict as conflict:
            raise TableAlreadyExistsError(str(conflict)) from conflict
        return self.load_table(key)

    def commit_table(self, table: Table, requirements: Any, updates: Any) -> CommitTableResponse:
        """Commit a change of a table, if it still is what the requirements say.

        Raises:
            CommitFailedException: the table has a newer version, or the reference is gone.
        """
        try:
            current, at, content_id = self._load(table.name())
        except ReferenceGone as gone:
            raise CommitFailedException(str(gone)) from gone
        staged = self._update_and_stage_table(current, table.name(), requirements, updates)
        if staged.metadata == current.metadata:
            return CommitTableResponse(metadata=current.metadata, metadata_location=current.metadata_location)
        self._write_metadata(staged.metadata, staged.io, staged.metadata_location)
        put = Put(table.name(), table_content(staged.metadata, staged.metadata_location, content_id))
        try:
            self._nessie.commit(self.name, at, [put], f"commit {'.'.join(table.name())}")
        except (CommitConflict, ReferenceGone) as conflict:
            raise CommitFailedException(str(conflict)) from conflict
        return CommitTableResponse(metadata=staged.metadata, metadata_location=staged.metadata_location)

    @staticmethod
    def _write_metadata(metadata: TableMetadata, io: FileIO, metadata_path: str) -> None:
        MetastoreCatalog._write_metadata(metadata, io, metadata_path)
        fault_point("after-metadata")

    def drop_table(self, identifier: Any) -> None:
        """Take a table off the reference; its files stay."""
        _, at, _ = self._load(identifier)
        key = Catalog.identifier_to_tuple(identifier)
        try:
            self._nessie.commit(self.name, at, [Delete(key)], f"drop {'.'.join(key)}")
        except CommitConflict as conflict:
            raise CommitFailedException(str(conflict)) from conflict

    def load_namespace_properties(self, namespace: Any) -> dict[str, str]:
        """Return the properties of a namespace."""
        key = Catalog.identifier_to_tuple(namespace)
        try:
            content = self._nessie.content(self.name, key)[1]
        except ReferenceGone as gone:
            raise NoSuchNamespaceError(str(gone)) from gone
        if content is None or content["type"] != NAMESPACE:
            raise NoSuchNamespaceError(f"{'.'.join(key)} is not on {self.name}")
        # A location there is Nessie's own; where tables go here is the warehouse's matter.
        return {name: value for name, value in (content.get("properties") or {}).items() if name != "location"}

    def create_namespace(self, namespace: Any, properties: dict[str, str] | None = None) -> None:
        """Create a namespace."""
        key = Catalog.identifier_to_tuple(namespace)
        at, content = self._nessie.content(self.name, key)
        if content is not None:
            raise NamespaceAlreadyExistsError(f"{'.'.join(key)} is already on {self.name}")
        put = Put(key, {"type": NAMESPACE, "elements": list(key), "properties": dict(properties or {})})
        try:
            self._nessie.commit(self.name, at, [put], f"create {'.'.join(key)}")
        except CommitConflict as conflict:
            raise NamespaceAlreadyExistsError(str(conflict)) from conflict

    def list_tables(self, namespace: Any) -> list[tuple[str, ...]]:
        """Return the tables of a namespace."""
        wanted = Catalog.identifier_to_tuple(namespace)
        keys = (tuple(identifier.split(".")) for identifier in self._nessie.entries(self.name).tables)
        return sorted(key for key in keys if key[:-1] == wanted)

    def list_namespaces(self, namespace: Any = ()) -> list[tuple[str, ...]]:
        """Return the namespaces below one."""
        above = Catalog.identifier_to_tuple(namespace) if namespace else ()
        found = self._nessie.entries(self.name).namespaces
        return sorted(key for key in found if key[:-1] == above)

    def supports_server_side_planning(self) -> bool:
        """Planning is done here."""
        return False

    def _refused(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError("this catalog creates, loads, commits and drops tables; use Trino for the rest")

    register_table = rename_table = drop_namespace = update_namespace_properties = _refused
    list_views = load_view = view_exists = register_view = drop_view = create_view = _refused
