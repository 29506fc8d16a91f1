"""The maturity label of a catalogue entry: computed from the contract, never typed by a person."""

from __future__ import annotations

from typing import Literal

from catalog.contract.model import Contract, Property

Maturity = Literal["铜", "银", "金"]
SILVER_DESCRIBED = 0.7
GOLD_DESCRIBED = 1.0
OWNER_ROLE = "负责人"


def is_described(prop: Property) -> bool:
    """Tell whether the description says more than the column's name does."""
    text = (prop.description or "").strip().rstrip("。.")
    return bool(text) and text != prop.business_name


def described_ratio(contract: Contract) -> float:
    """Return the share (0..1) of columns that are described."""
    return sum(map(is_described, contract.properties)) / len(contract.properties)


def maturity(contract: Contract) -> Maturity:
    """Return 铜, 银 or 金.

    铜: the contract is valid. 银: at least 70 % of the columns described, a named 编目员, a stated freshness.
    金: all columns described, a named 负责人, an authority for at least one column (条例第十九条), and both
    assessments and the sign-off dated (条例第十三条).
    """
    described = described_ratio(contract)
    if described < SILVER_DESCRIBED or not _has_steward(contract) or not contract.sla_properties:
        return "铜"
    return "金" if described >= GOLD_DESCRIBED and _is_answered_for(contract) else "银"


def _has_steward(contract: Contract) -> bool:
    return contract.team is not None and any(member.role == "编目员" for member in contract.team.members)


def _is_answered_for(contract: Contract) -> bool:
    owners = [] if contract.team is None else [m for m in contract.team.members if m.role == OWNER_ROLE]
    assessed = contract.gov.assessments
    dated = (assessed.secrecy, assessed.personal_information, assessed.sign_off)
    return bool(owners) and all(dated) and any(prop.gov.authority for prop in contract.properties)
