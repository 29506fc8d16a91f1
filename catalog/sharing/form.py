"""The application form of article 20: as a draft, which keeps whatever was typed, and whole, as it is submitted."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from catalog.contract.message import Message
from catalog.contract.model import Strict
from catalog.sharing.machine import IllegalMove

Method = Literal["service", "batch", "file"]
METHODS: dict[Method, str] = {"service": "服务接口", "batch": "批量交换", "file": "文件下载"}
LENGTHS = {"basis": (4, 500), "scenario": (4, 1000), "scope": (2, 500)}
SHORT = "至少写 {shortest} 个字"
NO_DATE = "填写日期，如 2026-12-31"
LONGEST_VALUE = 1000
_Resource = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*\.[a-z][a-z0-9_]*$")]
_Column = Annotated[str, StringConstraints(max_length=200)]
_Value = Annotated[str, StringConstraints(max_length=LONGEST_VALUE)]


class Form(Strict):
    """What article 20 asks for, and what of the resource is wanted."""

    resource: _Resource
    basis: str = Field(min_length=LENGTHS["basis"][0], max_length=LENGTHS["basis"][1], description="使用依据")
    scenario: str = Field(min_length=LENGTHS["scenario"][0], max_length=LENGTHS["scenario"][1], description="使用场景")
    scope: str = Field(min_length=LENGTHS["scope"][0], max_length=LENGTHS["scope"][1], description="使用范围")
    method: Method = Field(description="共享方式")
    starts_on: date = Field(description="使用时限：起")
    ends_on: date = Field(description="使用时限：止")
    columns: list[str] = Field(min_length=1, description="所需数据项")
    row_filter: dict[str, str] = Field(default_factory=dict, description="所需行：数据项=取值")

    @model_validator(mode="after")
    def _check(self) -> Form:
        if self.ends_on < self.starts_on:
            raise ValueError(f"使用时限的止日 {self.ends_on} 早于起日 {self.starts_on}")
        doubled = _doubled(self.columns)
        if doubled:
            raise ValueError(f"数据项重复：{'、'.join(doubled)}")
        return self


class Draft(Strict):
    """What was typed of the form so far, complete or not: of the form's types, and no longer than they allow."""

    resource: _Resource
    basis: str = Field(default="", max_length=LENGTHS["basis"][1])
    scenario: str = Field(default="", max_length=LENGTHS["scenario"][1])
    scope: str = Field(default="", max_length=LENGTHS["scope"][1])
    method: Method | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    columns: list[_Column] = Field(default_factory=list, max_length=2000)
    row_filter: dict[_Column, _Value] = Field(default_factory=dict, max_length=2000)

    def faults(self) -> dict[str, str]:
        """Return everything that keeps the form from being whole, field -> fault; {} when it is."""
        faults: dict[str, str] = {}
        for name, (shortest, _) in LENGTHS.items():
            if len(getattr(self, name)) < shortest:
                faults[name] = Message(SHORT, shortest=shortest)
        if self.method is None:
            faults["method"] = "选择一种共享方式"
        for name in ("starts_on", "ends_on"):
            if getattr(self, name) is None:
                faults[name] = NO_DATE
        if self.starts_on and self.ends_on and self.ends_on < self.starts_on:
            faults["ends_on"] = "止日不能早于起日"
        if not self.columns:
            faults["columns"] = "至少选择一个数据项"
        elif doubled := _doubled(self.columns):
            faults["columns"] = Message("数据项重复：{doubled}", doubled=doubled)
        return faults

    def whole(self, number: str) -> Form:
        """Return the form of an application, to be submitted.

        Raises:
            IncompleteForm: something is missing or wrong; all of it is named.
        """
        faults = self.faults()
        if faults:
            raise IncompleteForm(number, faults)
        return Form.model_validate(self.model_dump(mode="json"))


class IncompleteForm(IllegalMove):
    """A draft that cannot be submitted yet; ``faults`` names all that is missing or wrong, by field."""

    def __init__(self, number: str, faults: dict[str, str]) -> None:
        words = {name: field.description for name, field in Form.model_fields.items()}
        said = [Message("{field}：{fault}", field=words[name], fault=fault) for name, fault in faults.items()]
        super().__init__(
            Message(
                "申请 {number} 的申请表还不完整，不能提交：{faults}（《政务数据共享条例》第二十条）",
                number=number,
                faults=said,
            )
        )
        self.faults = faults


def _doubled(columns: list[str]) -> list[str]:
    return sorted({name for name in columns if columns.count(name) > 1})
