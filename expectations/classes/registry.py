"""Registers this package's expectation classes: importing a class is what makes its type known to GE."""

from __future__ import annotations

from expectations.classes.identity import (
    ExpectColumnValuesToBeValidCreditCode,
    ExpectColumnValuesToBeValidResidentId,
)
from expectations.classes.place import (
    ExpectColumnValuesToBeValidDivisionCodeAtDate,
    ExpectCoordinatesToBeInsideCity,
)
from expectations.classes.reference import ExpectColumnValuesToReferToResource

EXPECTATION_CLASSES = (
    ExpectColumnValuesToBeValidResidentId,
    ExpectColumnValuesToBeValidCreditCode,
    ExpectColumnValuesToBeValidDivisionCodeAtDate,
    ExpectCoordinatesToBeInsideCity,
    ExpectColumnValuesToReferToResource,
)
