"""PyIceberg's access to objects, through the same file systems as everything else, with errors that name the server."""

from __future__ import annotations

from io import RawIOBase
from typing import Any

from pyiceberg.io.pyarrow import PyArrowFile, PyArrowFileIO

from lakehouse.connect import objects


class NamedFile(PyArrowFile):  # type: ignore[misc]  # PyIceberg is not followed by mypy here
    """An object of which errors name the store."""

    def open(self, seekable: bool = True) -> Any:
        """Open the object to read."""
        with objects.store_errors(self.location):
            return super().open(seekable)

    def create(self, overwrite: bool = False) -> Any:
        """Open the object to write. Names are unique, so nothing is looked for first."""
        return _NamedStream(self.location)

    def _file_info(self) -> Any:
        with objects.store_errors(self.location):
            return super()._file_info()


class _NamedStream(RawIOBase):
    """An output stream whose writes name the store when they fail."""

    def __init__(self, location: str) -> None:
        self._location = location
        self._stream = objects.open_output(location)

    def writable(self) -> bool:
        """It only writes."""
        return True

    def write(self, data: Any) -> int:
        """Write all of some bytes."""
        with objects.store_errors(self._location):
            return int(self._stream.write(data))

    def tell(self) -> int:
        """Return how much was written."""
        return int(self._stream.tell())

    def close(self) -> None:
        """Let the object be there."""
        if not self.closed:
            with objects.store_errors(self._location):
                self._stream.close()
        super().close()


class ClusterFileIO(PyArrowFileIO):  # type: ignore[misc]  # as above
    """PyIceberg's file access on the object store."""

    def new_input(self, location: str) -> NamedFile:
        """Return an object to read."""
        return self._file(location)

    def new_output(self, location: str) -> NamedFile:
        """Return an object to write."""
        return self._file(location)

    def delete(self, location: Any) -> None:
        """Remove an object."""
        objects.remove(location if isinstance(location, str) else location.location)

    def _file(self, location: str) -> NamedFile:
        fs, path = objects.filesystem(location)
        return NamedFile(location, path, fs)

    def _initialize_fs(self, scheme: str, netloc: str | None = None) -> Any:
        return objects.filesystem(f"{objects.REMOTE}{netloc}/")[0]
