"""The contract of one data resource: ODCS v3.1 plus the ``gov*`` fields of the government catalogue.

A :class:`Contract` is the only description of a resource that a person writes; every deriver in
``catalog.derive`` reads this model and nothing else. Unknown keys and types are errors, never ignored.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic.alias_generators import to_camel

TYPE_PATTERN = re.compile(
    r"^(?:varchar\((?P<length>[1-9]\d{0,4})\)|decimal\((?P<precision>[1-9]\d?),(?P<scale>\d{1,2})\)"
    r"|integer|bigint|double|boolean|date|timestamp)\Z"
)
RESOURCE_CODE_PATTERN = re.compile(r"^[1-3]\d{2}\d{3}\d*/\d+\Z")  # 发改高技〔2017〕1272号
LOGICAL_OF = {
    "varchar": "string",
    "decimal": "number",
    "double": "number",
    "integer": "integer",
    "bigint": "integer",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
}

MASK_PATTERN = r"^(keep_\d+_\d+|year|hidden)$"


class CrossFieldError(ValueError):
    """Fields that contradict each other. ``lint`` states these itself, with the line of the field to change."""


def _iso_date(value: str) -> str:
    try:
        if date.fromisoformat(value).isoformat() == value:  # fromisoformat also takes 20260115 and 2026-W03-4
            return value
    except ValueError:
        pass
    raise ValueError(f"{value!r} is not a date; write it as 'YYYY-MM-DD'")


IsoDate = Annotated[str, AfterValidator(_iso_date)]
SourceKind = Literal["database", "csv", "excel", "http_api", "ndjson"]
LoadMode = Literal["upsert", "append", "replace"]
UpdateCycle = Literal["实时", "每日", "每周", "每月", "每季度", "每年"]
SharingMethod = Literal["服务接口", "批量交换", "文件下载"]
Secrecy = Literal["无", "工作秘密", "国家秘密"]


class Strict(BaseModel):
    """Base of every contract part: camelCase in YAML, frozen, no unknown keys."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, allow_inf_nan=False
    )


class CustomProperty(Strict):
    property: str
    value: Any


class Description(Strict):
    purpose: str = Field(min_length=1)
    limitations: str | None = None
    usage: str | None = None


class TypeOptions(Strict):
    max_length: int | None = None
    min_length: int | None = None
    minimum: float | int | None = None
    maximum: float | int | None = None
    pattern: str | None = None


class Authority(Strict):
    """Which department answers for this column, since when and by which decision (条例第十九条)."""

    dept: str
    fact: str
    since: IsoDate
    decision: str = Field(min_length=1)


class PropertyGov(Strict):
    """The ``gov*`` custom properties of one column; each name is the field without its prefix."""

    item: str
    data_type: Literal["C", "N", "Y", "D", "T", "L", "M", "G", "B", "I", "F"]
    code_list: str | None = None
    reference: str | None = Field(default=None, pattern=r"^[a-z]+\.[a-z_]+\.[a-z_]+$")
    not_before: str | None = None
    mask: str | None = Field(default=None, pattern=MASK_PATTERN)
    authority: Authority | None = None


class Property(Strict):
    """One column. ``physical_name`` is its header in the delivery, ``name`` its name everywhere else."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    physical_name: str = Field(min_length=1)
    business_name: str = Field(min_length=1)
    logical_type: Literal["string", "number", "integer", "boolean", "date", "timestamp"]
    physical_type: str
    required: bool = False
    unique: bool = False
    primary_key: bool = False
    primary_key_position: int | None = None
    classification: Literal["1", "2", "3", "4"]
    description: str | None = None
    logical_type_options: TypeOptions = TypeOptions()
    custom_properties: list[CustomProperty] = []
    gov: PropertyGov

    @model_validator(mode="before")
    @classmethod
    def _collect_gov(cls, data: Any) -> Any:
        return _with_gov(data)

    @field_validator("physical_type")
    @classmethod
    def _known_type(cls, value: str) -> str:
        match = TYPE_PATTERN.match(value)
        if not match:
            raise ValueError(
                f"unknown type {value!r}; use varchar(n), decimal(p,s), integer, bigint, double, boolean, date or timestamp"
            )
        if match["precision"] and not 1 <= int(match["precision"]) <= 38:
            raise ValueError(f"{value}: precision must be 1..38")
        if match["precision"] and int(match["scale"]) > int(match["precision"]):
            raise ValueError(f"{value}: scale is larger than precision")
        return value

    @model_validator(mode="after")
    def _logical_matches_physical(self) -> Self:
        expected = LOGICAL_OF[self.base_type]
        if self.logical_type != expected:
            raise CrossFieldError(
                f"logicalType {self.logical_type} does not fit physicalType {self.physical_type} (expected {expected})"
            )
        if self.primary_key and not self.required:
            raise CrossFieldError("a primary key column must be required")
        return self

    @property
    def base_type(self) -> str:
        """The type without its parameters: ``varchar``, ``decimal``, ``date`` …"""
        return self.physical_type.split("(")[0]

    @property
    def decimal_parameters(self) -> tuple[int, int]:
        """(precision, scale) of a decimal column."""
        match = TYPE_PATTERN.match(self.physical_type)
        if not match or not match["precision"]:
            raise ValueError(f"{self.name} is {self.physical_type}, not a decimal")
        return int(match["precision"]), int(match["scale"])


class Table(Strict):
    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    physical_name: str
    business_name: str
    physical_type: Literal["table"] = "table"
    description: str | None = None
    properties: list[Property] = Field(min_length=1)


class SlaProperty(Strict):
    property: str
    value: str | int | float
    unit: str | None = None


class TeamMember(Strict):
    username: str
    role: str
    name: str | None = None


class Team(Strict):
    name: str
    members: list[TeamMember] = []


class Source(Strict):
    """How the department delivers: ``path`` is relative to the source root (for ``http_api``, the URL path)."""

    kind: SourceKind
    mode: LoadMode
    path: str
    watermark: str | None = None
    encoding: Literal["utf-8", "gb18030"] | None = None
    sheet: str | None = None
    table: str | None = None
    page_size: int | None = Field(default=None, ge=1, le=10_000)


class QualityThresholds(Strict):
    """Blocking thresholds of a delivery: share of rows in quarantine (0..1) and rows in the table."""

    max_quarantine_ratio: float = Field(default=0.3, ge=0, le=1)
    min_rows: int = Field(default=1, ge=0)


class ShareCondition(Strict):
    scope: str = Field(min_length=1)
    purposes: list[str] = Field(min_length=1)


class NoShareBasis(Strict):
    law: str = Field(min_length=1)
    article: str = Field(min_length=1)
    reason: str = Field(min_length=1)


class Assessments(Strict):
    """Dates (YYYY-MM-DD) of what must precede listing: 保密风险评估、个人信息保护影响评估、负责人签发 (条例第十三条)."""

    secrecy: IsoDate | None = None
    personal_information: IsoDate | None = None
    sign_off: IsoDate | None = None


class ContractGov(Strict):
    """The catalogue fields of 发改高技〔2017〕1272号 and 《政务数据共享条例》, without their ``gov`` prefix."""

    resource_code: str
    category: str = Field(pattern=r"^[1-3]\d{5}\d*$")
    provider_code: str = Field(min_length=18, max_length=18)
    format: Literal["1", "2", "3", "4", "5", "6", "7"]
    share_type: Literal[1, 2, 3]
    share_condition: ShareCondition | None = None
    no_share_basis: NoShareBasis | None = None
    share_methods: list[SharingMethod] = []
    open: bool = False
    open_condition: str | None = None
    update_cycle: UpdateCycle
    source: Source
    quality: QualityThresholds = QualityThresholds()
    assessments: Assessments = Assessments()
    secrecy: Secrecy = "无"
    reflow: bool = False
    related: list[str] = []

    @field_validator("resource_code")
    @classmethod
    def _code_shape(cls, value: str) -> str:
        if not RESOURCE_CODE_PATTERN.match(value):
            raise ValueError(
                f"{value!r} is not a resource code 类项目细目/顺序号 such as 101001/1 (发改高技〔2017〕1272号)"
            )
        return value

    @model_validator(mode="after")
    def _sharing_law(self) -> Self:
        if self.secrecy != "无":
            raise CrossFieldError(f"{self.secrecy} stays out of the catalogue (《政务数据共享条例》第三条)")
        if self.share_type == 2 and self.share_condition is None:
            raise CrossFieldError(
                "有条件共享 must state govShareCondition with scope and purposes (《政务数据共享条例》第十五条)"
            )
        if self.share_type == 3 and self.no_share_basis is None:
            raise CrossFieldError(
                "不予共享 must state govNoShareBasis with law, article and reason (《政务数据共享条例》第十五条)"
            )
        if self.share_type != 3 and not self.share_methods:
            raise CrossFieldError(
                "govShareMethods must name at least one of 服务接口、批量交换、文件下载 (《政务数据共享条例》第二十二条)"
            )
        return self


class Contract(Strict):
    """One data resource. ``contract.key`` (``<dept>.<resource>``) names it in every layer."""

    api_version: Literal["v3.1.0"]
    kind: Literal["DataContract"]
    id: str
    name: str = Field(min_length=1)
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    status: Literal["proposed", "draft", "active", "deprecated", "retired"]
    domain: str = Field(pattern=r"^[a-z]+$")
    data_product: str
    tenant: str
    description: Description
    tables: list[Table] = Field(alias="schema", min_length=1, max_length=1)
    sla_properties: list[SlaProperty] = []
    team: Team | None = None
    custom_properties: list[CustomProperty] = []
    gov: ContractGov

    @model_validator(mode="before")
    @classmethod
    def _collect_gov(cls, data: Any) -> Any:
        return _with_gov(data)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [p.name for p in self.properties]
        doubled = sorted({n for n in names if names.count(n) > 1})
        if doubled:
            raise CrossFieldError(f"properties named twice: {', '.join(doubled)}")
        if not self.primary_key:
            raise CrossFieldError("at least one property must be primaryKey: true")
        watermark = self.gov.source.watermark
        if watermark is not None and watermark not in names:
            raise CrossFieldError(f"govSource.watermark {watermark!r} is not a property of this contract")
        for prop in self.properties:
            if prop.gov.not_before is not None and prop.gov.not_before not in names:
                raise CrossFieldError(
                    f"{prop.name}: govNotBefore {prop.gov.not_before!r} is not a property of this contract"
                )
        return self

    @property
    def dept(self) -> str:
        return self.domain

    @property
    def resource(self) -> str:
        return self.tables[0].name

    @property
    def key(self) -> str:
        """``<dept>.<resource>``: also the Iceberg identifier, and the DuckDB and Trino schema.table."""
        return f"{self.dept}.{self.resource}"

    @property
    def topic(self) -> str:
        """The topic library that publishes this resource (a key of ``topics`` in the vocabulary)."""
        return self.data_product

    @property
    def properties(self) -> list[Property]:
        return self.tables[0].properties

    @property
    def primary_key(self) -> list[str]:
        """Names of the key columns, in key order."""
        keys = [p for p in self.properties if p.primary_key]
        return [p.name for p in sorted(keys, key=lambda p: p.primary_key_position or 0)]

    @property
    def grade(self) -> int:
        """The resource's grade 1..4: the highest of its columns (就高从严, GB/T 43697)."""
        return max(int(p.classification) for p in self.properties)

    def property_named(self, name: str) -> Property:
        """Return one column; raise ``KeyError`` when the contract has none of that name."""
        for prop in self.properties:
            if prop.name == name:
                return prop
        raise KeyError(f"{self.key} has no property {name!r}")


def _with_gov(data: Any) -> Any:
    """Fold ``customProperties`` named ``gov*`` into a ``gov`` mapping, so that they are typed and checked."""
    if not isinstance(data, dict) or "gov" in data:
        return data
    entries = data.get("customProperties")
    gov: dict[str, Any] = {}
    for entry in entries if isinstance(entries, list) else []:
        name = entry.get("property") if isinstance(entry, dict) else None
        if isinstance(name, str) and name.startswith("gov") and len(name) > 3:
            gov[name[3].lower() + name[4:]] = entry.get("value")
    return {**data, "gov": gov}
