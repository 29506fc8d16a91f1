"""Packed deliveries: unpacked within limits, so that a bomb fills neither disk nor memory."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

from lakehouse.sources.errors import SourceError
from lakehouse.sources.limits import Limits

_BLOCK = 1 << 20


def unpacked(path: Path, folder: Path, limits: Limits) -> Path:
    """Return the plain file of a delivery: itself, or the one member of a ``.gz`` or ``.zip``, unpacked into ``folder``.

    Raises:
        SourceError: ``delivery.too_large``, or ``delivery.incomplete`` for a damaged or ambiguous archive.
    """
    match path.suffix.lower():
        case ".gz":
            return _unpack_gzip(path, folder, limits)
        case ".zip":
            return _unpack_zip(path, folder, limits)
        case _:
            if path.stat().st_size > limits.max_delivery_bytes:
                raise _too_large(path, limits)
            return path


def check_workbook(path: Path, limits: Limits) -> None:
    """Check what an Excel workbook (a ZIP archive) would unpack to, before anything reads it.

    Raises:
        SourceError: as :func:`unpacked`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, OSError) as error:
        raise SourceError("delivery.incomplete", f"{path.name} 不是完整的 Excel 文件，可能没有传完") from error
    size, packed = sum(info.file_size for info in infos), max(1, sum(info.compress_size for info in infos))
    if size > limits.max_excel_bytes or (size > 16 * _BLOCK and size / packed > limits.max_unpack_ratio):
        raise _too_large(path, limits)


def _unpack_gzip(path: Path, folder: Path, limits: Limits) -> Path:
    target = folder / path.stem
    try:
        with gzip.open(path, "rb") as packed:
            _copy(packed, target, path, path.stat().st_size, limits)  # type: ignore[arg-type]
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise SourceError("delivery.incomplete", f"{path.name} 压缩包不完整，可能没有传完") from error
    return target


def _unpack_zip(path: Path, folder: Path, limits: Limits) -> Path:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
            if len(members) != 1:
                raise SourceError("delivery.incomplete", f"{path.name} 应只含一个文件，实有 {len(members)} 个")
            # The member's own name is not used as a path: it may point anywhere.
            target = folder / f"{path.stem}{Path(members[0].filename).suffix if '.' not in path.stem else ''}"
            with archive.open(members[0]) as packed:
                _copy(packed, target, path, max(1, members[0].compress_size), limits)  # type: ignore[arg-type]
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise SourceError("delivery.incomplete", f"{path.name} 压缩包不完整、已加密或无法解压") from error
    return target


def _copy(packed: BinaryIO, target: Path, path: Path, packed_bytes: int, limits: Limits) -> None:
    """Copy while counting: the size that an archive states about itself is not to be trusted."""
    size = 0
    with target.open("wb") as plain:
        while block := packed.read(_BLOCK):
            size += len(block)
            ratio_exceeded = size > 16 * _BLOCK and size / packed_bytes > limits.max_unpack_ratio
            if size > limits.max_delivery_bytes or ratio_exceeded:
                plain.close()
                target.unlink()
                raise _too_large(path, limits)
            plain.write(block)


def _too_large(path: Path, limits: Limits) -> SourceError:
    return SourceError(
        "delivery.too_large",
        f"{path.name} 解压后超出上限（{limits.max_delivery_bytes} 字节，或压缩比 {limits.max_unpack_ratio}），未读取",
    )
