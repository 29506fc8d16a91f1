"""The closed lists of the government catalogue as classifications: one tag for each value, with its Chinese name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from catalog.contract.model import Contract
from catalog.contract.vocabulary import Vocabulary
from catalog.derive.codes import DATA_TYPE_NAMES, FORMAT_NAMES, GRADE_NAMES, SHARE_TYPE_NAMES
from catalog.exchange.names import Classification, classification, encoded

SHARE_TYPE = classification(
    "citybrain_share_type",
    "共享类型",
    zip(("unconditional", "conditional", "not_shared"), SHARE_TYPE_NAMES.values(), strict=True),
)
GRADE = classification("citybrain_grade", "数据分级", ((f"grade_{n}", name) for n, name in sorted(GRADE_NAMES.items())))
FORMAT = classification("citybrain_format", "信息资源格式", ((f"format_{n}", name) for n, name in FORMAT_NAMES.items()))
DATA_TYPE = classification("citybrain_data_type", "数据类型", DATA_TYPE_NAMES.items())
UPDATE_CYCLE = classification(
    "citybrain_update_cycle",
    "更新周期",
    zip(
        ("real_time", "daily", "weekly", "monthly", "quarterly", "yearly"),
        ("实时", "每日", "每周", "每月", "每季度", "每年"),
        strict=True,
    ),
)
SHARE_METHOD = classification(
    "citybrain_share_method", "共享方式", (("interface", "服务接口"), ("batch", "批量交换"), ("download", "文件下载"))
)
MATURITY = classification("citybrain_maturity", "成熟度", (("bronze", "铜"), ("silver", "银"), ("gold", "金")))
FIXED = (SHARE_TYPE, GRADE, FORMAT, DATA_TYPE, UPDATE_CYCLE, SHARE_METHOD, MATURITY)

MASK, AUTHORITY, FACT = "citybrain_mask", "citybrain_authority", "citybrain_fact"


def classifications(contracts: Iterable[Contract], vocabulary: Vocabulary) -> list[Classification]:
    """Return every classification: the fixed ones, then masks, 数源部门 and facts as contracts use them."""
    properties = [prop for contract in contracts for prop in contract.properties]
    masks = sorted({prop.gov.mask for prop in properties if prop.gov.mask})
    authorities = [prop.gov.authority for prop in properties if prop.gov.authority]
    departments = {key: department.name for key, department in vocabulary.departments.items()}
    facts = {key: fact.name for key, fact in vocabulary.facts.items()}
    return [
        *FIXED,
        classification(MASK, "脱敏方式", ((encoded(mask), mask) for mask in masks)),
        classification(AUTHORITY, "数源部门", _named(departments, (a.dept for a in authorities))),
        classification(FACT, "权威事实", _named(facts, (a.fact for a in authorities))),
    ]


def _named(names: Mapping[str, str], used: Iterable[str]) -> list[tuple[str, str]]:
    """Return every name that is used; one that the vocabulary does not have stands for itself."""
    return [(encoded(key), names.get(key, key)) for key in sorted({*names, *used})]


def tag_named(of: Classification, title: str) -> str:
    """Return the address of the tag that people read as ``title``."""
    return of.fqn(next(name for name, shown in of.tags if shown == title))
