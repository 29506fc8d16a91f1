"""Refuse a file that is not a plain Excel workbook of a bearable size, before anything reads its cells."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

from catalog.contract.message import Message

LARGEST_FILE = 12 * 1024 * 1024
LARGEST_UNPACKED = 200 * 1024 * 1024
MOST_PARTS = 500
MOST_ROWS = 50_000
MOST_COLUMNS = 80
MOST_CELLS = 2_000_000
MOST_TEXT = 128 * 1024 * 1024  # bytes of all cells' texts, shared ones counted at each use
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_CELL = re.compile(rb"<(?:\w+:)?c\b([^>]*?)(/?)>")
_ROW = re.compile(rb"<(?:\w+:)?row\b[^>]*?\br=\"(\d{1,9})\"")
_REFERENCE = re.compile(rb"\br=\"([A-Z]{1,3})(\d{1,9})\"")
_SHARED = re.compile(rb"\bt=\"s\"")
_VALUE = re.compile(rb"\s*(?:<(?:\w+:)?f\b.*?(?:/>|</(?:\w+:)?f>)\s*)?<(?:\w+:)?v[^>]*>(\d{1,9})<", re.DOTALL)
_FORMULA = re.compile(rb"\s*<(?:\w+:)?f\b")
_RELATION = re.compile(rb"<(?:\w+:)?Relationship\b([^>]*)>")
_SHEET = re.compile(rb"<(?:\w+:)?sheet\b([^>]*)>")
_ATTRIBUTE = re.compile(rb"([\w:]+)=\"([^\"]*)\"")
_ITEM = re.compile(rb"<(?:\w+:)?si\b.*?</(?:\w+:)?si>|<(?:\w+:)?si\s*/>", re.DOTALL)


class RefusedFile(ValueError):
    """The file is not read at all; the message says why and what to send instead."""


@dataclass(frozen=True)
class Checked:
    """A file that may be read. ``formulas`` are (name of the sheet, cell) that hold a formula."""

    content: bytes
    formulas: tuple[tuple[str, str], ...]


def checked_workbook(content: bytes) -> Checked:
    """Return the file when it may be read.

    Raises:
        RefusedFile: it is too large, of another kind, locked with a password, damaged, or unpacks to too much.
    """
    if not content:
        raise RefusedFile("没有选择文件，或文件是空的")
    if len(content) > LARGEST_FILE:
        raise RefusedFile(Message("文件超过 {most} MB，请分部门或分批导入", most=LARGEST_FILE // 1024 // 1024))
    if content.startswith(_OLE):
        if _ENCRYPTED in content:
            raise RefusedFile("文件有打开密码，请取消密码后再导入")
        raise RefusedFile("这是旧版 .xls 文件，请另存为 .xlsx 后再导入")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = _parts(archive)
        names = _sheet_names(parts)
        return Checked(content, tuple((names.get(part, part), cell) for part, cell in _formulas(parts)))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError):
        raise RefusedFile("这不是 Excel 工作簿（.xlsx），或文件已损坏，请用目录模板另存后再导入") from None


def _parts(archive: zipfile.ZipFile) -> dict[str, bytes]:
    """Unpack the parts; what an entry says of its size is not believed: unpacking checks it."""
    members = archive.infolist()
    if len(members) > MOST_PARTS or sum(member.file_size for member in members) > LARGEST_UNPACKED:
        raise RefusedFile("文件解压后过大，疑似压缩炸弹，已拒绝")
    if any(member.flag_bits & 1 for member in members):
        raise RefusedFile("文件有打开密码，请取消密码后再导入")
    if "xl/workbook.xml" not in {member.filename for member in members}:
        raise RefusedFile("这不是 Excel 工作簿（.xlsx），请用目录模板另存后再导入")
    return {member.filename: archive.read(member) for member in members}


def _sheet_names(parts: dict[str, bytes]) -> dict[str, str]:
    """Return the name of each sheet by its part."""
    targets = {}
    for tag in _RELATION.findall(parts.get("xl/_rels/workbook.xml.rels", b"")):
        held = dict(_ATTRIBUTE.findall(tag))
        targets[held.get(b"Id", b"")] = "xl/" + held.get(b"Target", b"").decode("utf-8", "replace").lstrip(
            "/"
        ).removeprefix("xl/")
    names = {}
    for tag in _SHEET.findall(parts["xl/workbook.xml"]):
        held = dict(_ATTRIBUTE.findall(tag))
        names[targets.get(held.get(b"r:id", b""), "")] = unescape(held.get(b"name", b"").decode("utf-8", "replace"))
    return names


def _formulas(parts: dict[str, bytes]) -> tuple[tuple[str, str], ...]:
    lengths = [len(item[0]) for item in _ITEM.finditer(parts.get("xl/sharedStrings.xml", b""))]
    budget, cells, found = MOST_TEXT, 0, []
    for name, part in parts.items():
        if not re.fullmatch(r"xl/worksheets/[^/]+\.xml", name):
            continue
        rows = max((int(match[1]) for match in _ROW.finditer(part)), default=0)
        for cell, after in _cells(part):
            reference, cells = _REFERENCE.search(cell), cells + 1
            if cells > MOST_CELLS:
                raise RefusedFile(Message("表格的单元格超过 {most:,} 个，请分批导入", most=MOST_CELLS))
            if reference:
                rows = max(rows, int(reference[2]))
                _refuse_wide(reference[1])
            if _FORMULA.match(part, after):
                found.append((name, _shown(reference)))
            value = _VALUE.match(part, after) if _SHARED.search(cell) else None
            place = int(value[1]) if value else -1
            budget -= lengths[place] if 0 <= place < len(lengths) else 0
            if budget < 0:
                raise RefusedFile("表格文字总量过大，已拒绝，请分批导入")
        if rows > MOST_ROWS:
            raise RefusedFile(
                Message(
                    "表格有 {rows:,} 行，一次最多导入 {most:,} 行；请删去表尾的空行或分批导入",
                    rows=rows,
                    most=MOST_ROWS,
                )
            )
    return tuple(found)


def _cells(part: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield each cell's attributes and the place after its tag."""
    for match in _CELL.finditer(part):
        yield match[1], match.end()


def _refuse_wide(letters: bytes) -> None:
    column = 0
    for letter in letters:
        column = column * 26 + letter - 64
    if column > MOST_COLUMNS:
        raise RefusedFile(Message("表格的列数超过 {most}，请使用目录模板", most=MOST_COLUMNS))


def _shown(reference: re.Match[bytes] | None) -> str:
    return f"{reference[1].decode()}{reference[2].decode()}" if reference else "?"
