"""The catalogue entry 目录条目 of a resource: what 条例第十三条 and 发改高技〔2017〕1272号 ask for, in their order."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.contract.model import Contract, Property
from catalog.contract.vocabulary import Vocabulary
from catalog.derive.codes import DATA_TYPE_NAMES, FORMAT_NAMES, GRADE_NAMES, SHARE_TYPE_NAMES
from catalog.derive.maturity import Maturity, maturity
from catalog.derive.tables import TABLE_COLUMNS, contract_tables

__all__ = ["TABLE_COLUMNS", "CatalogueEntry", "CatalogueItem", "catalogue_entry", "contract_tables"]


@dataclass(frozen=True)
class CatalogueItem:
    """One data item 数据项. ``codes`` lists (code, label) of its code list; ``authority`` is the 数源部门's name."""

    position: int
    name: str
    business_name: str
    data_type_code: str
    data_type_name: str
    physical_type: str
    is_required: bool
    is_key: bool
    grade: int
    grade_name: str
    item: str
    description: str
    code_list: str | None
    code_list_name: str | None
    code_standard: str | None
    codes: tuple[tuple[str, str], ...]
    reference: str | None
    mask: str | None
    authority: str | None
    authority_fact: str | None


@dataclass(frozen=True)
class CatalogueEntry:
    """One catalogue entry; :meth:`labelled` gives it in the order of the printed form."""

    key: str
    contract_id: str
    version: str
    status: str
    category_path: str
    name: str
    resource_code: str
    provider_name: str
    provider_code: str
    summary: str
    format_name: str
    items: tuple[CatalogueItem, ...]
    share_type: int
    share_type_name: str
    share_condition: str
    share_methods: tuple[str, ...]
    usage_condition: str
    is_open: bool
    open_condition: str
    update_cycle: str
    published_on: str
    related: tuple[str, ...]
    grade: int
    grade_name: str
    secrecy_assessed_on: str
    privacy_assessed_on: str
    signed_off_on: str
    is_reflow: bool
    maturity: Maturity

    def labelled(self) -> tuple[tuple[str, str], ...]:
        """Return (label, text): the fields of 1272号 in its order, then what 条例第十三条 adds. Empty texts stay."""
        return (
            ("信息资源分类", self.category_path),
            ("信息资源名称", self.name),
            ("信息资源代码", self.resource_code),
            ("信息资源提供方", self.provider_name),
            ("信息资源提供方代码", self.provider_code),
            ("信息资源摘要", self.summary),
            ("信息资源格式", self.format_name),
            ("信息项", "、".join(item.business_name for item in self.items)),
            ("共享类型", self.share_type_name),
            ("共享条件", self.share_condition),
            ("共享方式", "、".join(self.share_methods)),
            ("是否向社会开放", "是" if self.is_open else "否"),
            ("开放条件", self.open_condition),
            ("更新周期", self.update_cycle),
            ("发布日期", self.published_on),
            ("关联资源代码", "、".join(self.related)),
            ("使用条件", self.usage_condition),
            ("数据分类分级", f"{self.category_path}；{self.grade_name}"),
            ("保密风险评估", self.secrecy_assessed_on),
            ("个人信息保护影响评估", self.privacy_assessed_on),
            ("负责人签发", self.signed_off_on),
            ("是否回流数据", "是" if self.is_reflow else "否"),
            ("成熟度", self.maturity),
        )


def catalogue_entry(contract: Contract, vocabulary: Vocabulary) -> CatalogueEntry:
    """Return the catalogue entry of a resource; a code without a name in the vocabulary stands for itself."""
    gov = contract.gov
    department = vocabulary.departments.get(contract.dept)
    return CatalogueEntry(
        key=contract.key,
        contract_id=contract.id,
        version=contract.version,
        status=contract.status,
        category_path=vocabulary.categories.path(gov.category),
        name=contract.name,
        resource_code=gov.resource_code,
        provider_name=department.name if department else contract.dept,
        provider_code=gov.provider_code,
        summary=contract.description.purpose,
        format_name=FORMAT_NAMES[gov.format],
        items=tuple(_item(n, prop, vocabulary) for n, prop in enumerate(contract.properties, start=1)),
        share_type=gov.share_type,
        share_type_name=SHARE_TYPE_NAMES[gov.share_type],
        share_condition=_share_condition(contract),
        share_methods=tuple(gov.share_methods),
        usage_condition=contract.description.usage or "",
        is_open=gov.open,
        open_condition=gov.open_condition or "",
        update_cycle=gov.update_cycle,
        published_on=gov.assessments.sign_off or "",
        related=tuple(gov.related),
        grade=contract.grade,
        grade_name=GRADE_NAMES[contract.grade],
        secrecy_assessed_on=gov.assessments.secrecy or "",
        privacy_assessed_on=gov.assessments.personal_information or "",
        signed_off_on=gov.assessments.sign_off or "",
        is_reflow=gov.reflow,
        maturity=maturity(contract),
    )


def _share_condition(contract: Contract) -> str:
    """Say in one sentence what the sharing attribute is bound to (条例第十五条)."""
    condition, basis = contract.gov.share_condition, contract.gov.no_share_basis
    if contract.gov.share_type == 2 and condition is not None:
        return f"共享范围：{condition.scope}；用途：{'、'.join(condition.purposes)}"
    if contract.gov.share_type == 3 and basis is not None:
        return f"依据：《{basis.law}》{basis.article}；理由：{basis.reason}"
    return ""


def _item(position: int, prop: Property, vocabulary: Vocabulary) -> CatalogueItem:
    grade = int(prop.classification)
    codes = vocabulary.code_lists.get(prop.gov.code_list or "")
    authority = prop.gov.authority
    department = vocabulary.departments.get(authority.dept) if authority else None
    fact = vocabulary.facts.get(authority.fact) if authority else None
    return CatalogueItem(
        position=position,
        name=prop.name,
        business_name=prop.business_name,
        data_type_code=prop.gov.data_type,
        data_type_name=DATA_TYPE_NAMES[prop.gov.data_type],
        physical_type=prop.physical_type,
        is_required=prop.required,
        is_key=prop.primary_key,
        grade=grade,
        grade_name=GRADE_NAMES[grade],
        item=prop.gov.item,
        description=prop.description or "",
        code_list=prop.gov.code_list,
        code_list_name=codes.name if codes else None,
        code_standard=codes.standard if codes else None,
        codes=tuple(codes.values.items()) if codes else (),
        reference=prop.gov.reference,
        mask=prop.gov.mask,
        authority=department.name if department else (authority.dept if authority else None),
        authority_fact=fact.name if fact else (authority.fact if authority else None),
    )
