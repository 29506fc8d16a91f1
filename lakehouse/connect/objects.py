"""Files by their location: a path on this machine, or an object ``s3://bucket/key`` of a store made known before.

Table metadata, manifests and data files are found by location alone, so every reader and writer of them passes here.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import lru_cache
from io import FileIO as RawFile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lakehouse.connect.servers import named

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

REMOTE = "s3://"
CONNECT_SECONDS = 5
REQUEST_SECONDS = 30


@dataclass(frozen=True)
class ObjectStore:
    """How to reach a bucket."""

    endpoint: str
    region: str
    access_key: str
    secret_key: str = field(repr=False)


@dataclass(frozen=True)
class Stored:
    """One file of a listing."""

    location: str
    bytes: int
    modified: float  # seconds since the epoch


_stores: dict[str, ObjectStore] = {}


def know(bucket: str, store: ObjectStore) -> None:
    """Let this process read and write a bucket."""
    _stores[bucket] = store


def is_remote(location: str) -> bool:
    """Tell whether a location is an object rather than a path."""
    return location.startswith(REMOTE)


def store_of(location: str) -> ObjectStore:
    """Return how to reach the bucket of a location.

    Raises:
        PermissionError: nobody made this bucket known.
    """
    bucket = location.removeprefix(REMOTE).partition("/")[0]
    if bucket not in _stores:
        raise PermissionError(f"bucket {bucket!r} is not that of this installation; see cluster.json")
    return _stores[bucket]


@lru_cache(maxsize=16)
def _filesystem(store: ObjectStore, _process: int) -> FileSystem:
    from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem

    endpoint = urlsplit(store.endpoint)
    return S3FileSystem(
        access_key=store.access_key,
        secret_key=store.secret_key,
        region=store.region,
        scheme=endpoint.scheme,
        endpoint_override=endpoint.netloc,
        connect_timeout=CONNECT_SECONDS,
        request_timeout=REQUEST_SECONDS,
        retry_strategy=AwsStandardS3RetryStrategy(max_attempts=3),
        allow_delayed_open=True,  # a small file is one request instead of three
    )


def filesystem(location: str) -> tuple[FileSystem, str]:
    """Return the PyArrow file system of an object, and its path in it."""
    return _filesystem(store_of(location), os.getpid()), location.removeprefix(REMOTE)


def store_errors(location: str) -> AbstractContextManager[None]:
    """Name the object store in errors about one of its objects; leave errors about paths as they are."""
    return named("object store", store_of(location).endpoint, OSError) if is_remote(location) else nullcontext()


def open_input(location: str) -> Any:
    """Open a file to read, seekable.

    Raises:
        FileNotFoundError: it is not there.
        ServerUnavailable: the object store does not answer.
    """
    if not is_remote(location):
        return RawFile(location)
    fs, path = filesystem(location)
    with store_errors(location):
        return fs.open_input_file(path)


def open_output(location: str) -> Any:
    """Open a file to write; it is there, whole, once it is closed."""
    if not is_remote(location):
        return open(location, "wb")
    fs, path = filesystem(location)
    with store_errors(location):
        return fs.open_output_stream(path)


def read_bytes(location: str) -> bytes:
    """Return a file's content; otherwise as ``open_input``."""
    if not is_remote(location):
        return Path(location).read_bytes()
    with store_errors(location), open_input(location) as file:
        return bytes(file.read())


def size(location: str) -> int:
    """Return a file's size in bytes; otherwise as ``open_input``."""
    if not is_remote(location):
        return Path(location).stat().st_size
    from pyarrow.fs import FileType

    fs, path = filesystem(location)
    with store_errors(location):
        info = fs.get_file_info(path)
    if info.type != FileType.File:
        raise FileNotFoundError(location)
    return int(info.size)


def exists(location: str) -> bool:
    """Tell whether a file is there."""
    try:
        size(location)
    except FileNotFoundError:
        return False
    return True


def remove(location: str) -> None:
    """Remove a file; it may be gone already."""
    if not is_remote(location):
        Path(location).unlink(missing_ok=True)
        return
    fs, path = filesystem(location)
    try:
        with store_errors(location):
            fs.delete_file(path)
    except FileNotFoundError:
        return


def move_in(file: Path, location: str) -> None:
    """Let a finished local file be at a location: renamed on one file system, uploaded to the object store."""
    if not is_remote(location):
        file.rename(location)
        return
    with store_errors(location), file.open("rb") as source, open_output(location) as target:
        shutil.copyfileobj(source, target, 8 << 20)
    file.unlink()


def listing(folder: str) -> Iterator[Stored]:
    """Yield every file below a folder, sorted by location; a missing folder has none."""
    yield from sorted(_remote_files(folder) if is_remote(folder) else _local_files(folder), key=lambda s: s.location)


def _remote_files(folder: str) -> Iterator[Stored]:
    from pyarrow.fs import FileSelector, FileType

    fs, path = filesystem(folder)
    with store_errors(folder):
        found = fs.get_file_info(FileSelector(path, allow_not_found=True, recursive=True))
    for info in found:
        if info.type == FileType.File:
            yield Stored(REMOTE + info.path, int(info.size), float(info.mtime.timestamp()))


def _local_files(folder: str) -> Iterator[Stored]:
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            try:
                status = os.stat(path)
            except FileNotFoundError:
                continue  # a writer cleaned up after itself
            yield Stored(path, status.st_size, status.st_mtime)
