"""The shared vocabulary: departments, information items 信息项, code lists 代码集, categories 类项目细目, facts 事实."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from catalog.contract.model import Strict

ItemFormat = Literal[
    "resident_id",
    "credit_code",
    "division_code",
    "division_code_shape",
    "phone",
    "plate_no",
    "vin",
    "longitude",
    "latitude",
    "month",
    "dept_code",
    "icd10_3",
]


class Department(Strict):
    name: str
    credit_code: str = Field(alias="credit_code", min_length=18, max_length=18)
    system: str


class Item(Strict):
    """One information item 信息项: the same quantity has the same name, grade, format and bounds everywhere."""

    name: str
    data_type: Literal["C", "N", "Y", "D", "T", "L", "M", "G", "B", "I", "F"] = Field(alias="data_type")
    grade: int = Field(ge=1, le=4)
    format: ItemFormat | None = None
    mask: str | None = None
    unit: str | None = None
    min: date | None = None
    max: date | None = None
    description: str


class CodeList(Strict):
    name: str
    standard: str
    values: dict[str, str]


class Bounds(Strict):
    """City bounding box, degrees CGCS2000."""

    west: float
    south: float
    east: float
    north: float


class City(Strict):
    code: str
    name: str
    note: str
    bounds: Bounds


class Categories(Strict):
    """类 (1 digit), 项 (3 digits) and 目 (6 digits) with their names, and the topic libraries."""

    scheme: str
    classes: dict[str, str]
    groups: dict[str, str]
    entries: dict[str, str] = Field(default_factory=dict)
    topics: dict[str, str]

    def path(self, category: str) -> str:
        """Return a category in words, ``基础/人口/户籍人口``; a level without a name stands as its code."""
        levels = ((category[:1], self.classes), (category[:3], self.groups), (category[:6], self.entries))
        return "/".join(names.get(code, code) for code, names in levels)


class Fact(Strict):
    """A fact that several columns assert; ``authority`` is the resource whose word counts (条例第十九条)."""

    name: str
    entity: Literal["resident_id", "credit_code"]
    authority: str
    assertions: list[str]
    rule: str
    description: str


class Vocabulary(Strict):
    """Everything contracts may refer to by name."""

    city: City
    departments: dict[str, Department]
    items: dict[str, Item]
    code_lists: dict[str, CodeList]
    categories: Categories
    facts: dict[str, Fact]
