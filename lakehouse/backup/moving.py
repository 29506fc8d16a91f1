"""Let a warehouse lie in another folder: Iceberg writes absolute locations into every file but the data files.

Rewritten are, from the bottom up because each names the sizes of those below it: position deletes, manifests, manifest
lists, table metadata, and the register. Ids, sequence numbers and rows stay; data files are not touched. As the id of a
publish is made from where its tables' metadata lies, publishes have other ids afterwards.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyiceberg.avro.file import AvroFile, AvroOutputFile
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.manifest import DataFileContent
from pyiceberg.schema import Schema
from pyiceberg.typedef import Record

from lakehouse.branches.register import snapshot_id
from lakehouse.connect.versions import DELETE_PATH_ID, VersionInput

_POINTERS = {
    "iceberg_tables": ("metadata_location", "previous_metadata_location"),
    "branch_base": ("pointer",),
    "branch_adoption": ("pointer", "base"),
}


def move_warehouse(database: Path, folder: Path, old: str, new: str) -> None:
    """Change every location below ``old`` to one below ``new``, in the files of ``folder`` and in the register."""
    move = _Move(folder, old, new)
    tables = sorted(folder.glob("*/*/metadata"))
    for metadata in tables:
        for file in sorted(metadata.glob("*.avro")):
            if not file.name.startswith("snap-"):
                move.manifest(file)
    for metadata in tables:
        for file in sorted(metadata.glob("snap-*.avro")):
            move.manifest_list(file)
        for file in sorted(metadata.glob("*.metadata.json")):
            text = json.dumps(move.value(json.loads(file.read_bytes())), ensure_ascii=False, separators=(",", ":"))
            file.write_text(text, encoding="utf-8")
    move.register(database)


class _Move:
    def __init__(self, folder: Path, old: str, new: str) -> None:
        self._folder = folder
        self._old = old
        self._new = new
        self._sizes: dict[str, int] = {}  # new location of a rewritten file -> its size

    def location(self, text: str) -> str:
        """Return a location after the move."""
        is_inside = text == self._old or text.startswith(f"{self._old}/")
        return self._new + text[len(self._old) :] if is_inside else text

    def value(self, value: Any) -> Any:
        """Return a JSON value, or an Avro record, with every location moved."""
        if isinstance(value, str):
            return self.location(value)
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            return {key: self._bound(key, item) for key, item in value.items()}
        if isinstance(value, Record):
            return Record(*(self.value(item) for item in value._data))
        return value

    def _bound(self, key: Any, value: Any) -> Any:
        """The bounds of a position delete file are the path of the data file that it belongs to."""
        if key == DELETE_PATH_ID and isinstance(value, bytes):
            return self.location(value.decode()).encode()
        return self.value(value)

    def manifest(self, file: Path) -> None:
        """Rewrite a manifest, and the position deletes that it names."""
        schema, metadata, records = _read(file)
        at, data_file = _positions(schema), _positions(schema.find_type("data_file"))
        moved = [self.value(record) for record in records]
        for record in moved:
            entry = record[at["data_file"]]
            location = entry[data_file["file_path"]]
            if "content" in data_file and entry[data_file["content"]] == DataFileContent.POSITION_DELETES.value:
                self._deletes(location)
            if location in self._sizes:
                entry[data_file["file_size_in_bytes"]] = self._sizes[location]
        self._write(file, schema, metadata, moved, "manifest_entry")

    def _deletes(self, location: str) -> None:
        file = self._place(location)
        if location in self._sizes or not file.exists():
            return
        table = pq.read_table(file)
        paths = table.column("file_path").combine_chunks()
        names = pc.unique(paths)
        moved = pc.take(
            type(names).from_pandas([self.location(name.as_py()) for name in names]), pc.index_in(paths, names)
        )
        table = table.set_column(table.schema.get_field_index("file_path"), table.schema.field("file_path"), moved)
        pq.write_table(table, file, compression="zstd")
        self._sizes[location] = file.stat().st_size

    def manifest_list(self, file: Path) -> None:
        """Rewrite a manifest list with the new lengths of its manifests."""
        schema, metadata, records = _read(file)
        at = _positions(schema)
        moved = [self.value(record) for record in records]
        for record in moved:
            location = record[at["manifest_path"]]
            if location in self._sizes:
                record[at["manifest_length"]] = self._sizes[location]
        self._write(file, schema, metadata, moved, "manifest_file")

    def _write(self, file: Path, schema: Schema, metadata: dict[str, str], records: list[Any], name: str) -> None:
        target = PyArrowFileIO().new_output(str(file))
        with AvroOutputFile(target, file_schema=schema, schema_name=name, metadata=metadata) as writer:
            writer.write_block(records)
        self._sizes[f"{self._new}/{file.relative_to(self._folder)}"] = file.stat().st_size

    def _place(self, location: str) -> Path:
        return self._folder / location.removeprefix(f"{self._new}/")

    def register(self, database: Path) -> None:
        """Move the pointers of all branches and of the kept publishes, whose ids follow from them."""
        with closing(sqlite3.connect(database)) as db, db:
            db.create_function(
                "moved", 1, lambda text: None if text is None else self.location(text), deterministic=True
            )
            for table, columns in _POINTERS.items():
                changes = ", ".join(f"{column} = moved({column})" for column in columns)
                db.execute(f"update {table} set {changes}")
            for id_, text in db.execute("select id, pointers from publish_log").fetchall():
                pointers = {name: self.location(pointer) for name, pointer in json.loads(text).items()}
                row = (json.dumps(pointers), snapshot_id(pointers), id_)
                db.execute("update publish_log set pointers = ?, snapshot = ? where id = ?", row)


def _read(file: Path) -> tuple[Schema, dict[str, str], list[Record]]:
    with AvroFile[Record](VersionInput(str(file))) as reader:
        return reader.schema, dict(reader.header.meta), list(reader)


def _positions(schema: Any) -> dict[str, int]:
    return {field.name: position for position, field in enumerate(schema.fields)}
