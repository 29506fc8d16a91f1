"""Every resource of the city with the function that makes its rows; the order is that of the contracts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from lakehouse.sample_city import resources_firms, resources_livelihood, resources_people, resources_places
from lakehouse.sample_city.resource import ResourceRows
from lakehouse.sample_city.world import World

BUILDERS: Mapping[str, Callable[[World], ResourceRows]] = MappingProxyType(
    {
        "cgj.case": resources_places.case,
        "cgj.component": resources_places.component,
        "dsjj.division": resources_places.division,
        "dsjj.hotline_ticket": resources_livelihood.hotline_ticket,
        "fgw.investment_project": resources_firms.investment_project,
        "gaj.household": resources_people.household,
        "gaj.residence_permit": resources_people.residence_permit,
        "gaj.resident": resources_people.resident,
        "gaj.vehicle": resources_places.vehicle,
        "jyj.school": resources_livelihood.school,
        "jyj.student": resources_livelihood.student,
        "mzj.marriage": resources_people.marriage,
        "mzj.subsistence_allowance": resources_livelihood.subsistence_allowance,
        "rsj.social_insurance": resources_livelihood.social_insurance,
        "scjg.enterprise": resources_firms.enterprise,
        "scjg.food_licence": resources_firms.food_licence,
        "sthj.device": resources_places.device,
        "sthj.device_reading": resources_places.device_reading,
        "swj.tax_payment": resources_firms.tax_payment,
        "swj.tax_registration": resources_firms.tax_registration,
        "wjw.birth": resources_people.birth,
        "wjw.death": resources_people.death,
        "wjw.medical_institution": resources_places.medical_institution,
        "xzsp.licence": resources_firms.licence,
        "yjj.hazard_source": resources_firms.hazard_source,
        "ylbj.medical_insurance": resources_livelihood.medical_insurance,
        "zjj.construction_project": resources_firms.construction_project,
        "zjj.house": resources_places.house,
        "zrzy.address": resources_places.address,
        "zrzy.real_estate": resources_places.real_estate,
    }
)
