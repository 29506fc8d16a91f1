from __future__ import annotations

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from catalog.contract.load import load_contracts, load_vocabulary
from catalog.derive.openapi import openapi_document, resource_path, resource_paths

CONTRACTS, VOCABULARY = load_contracts(), load_vocabulary()


def test_the_document_over_all_resources_is_valid_openapi_3_1() -> None:
    document = openapi_document(CONTRACTS, VOCABULARY, version="0.1.0")
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []
    assert len(document["paths"]) == sum(contract.gov.share_type != 3 for contract in CONTRACTS.values())


def test_what_may_not_be_shared_has_no_path() -> None:
    assert resource_paths(CONTRACTS["yjj.hazard_source"], VOCABULARY)["paths"] == {}


def _operation(key: str) -> dict:
    contract = CONTRACTS[key]
    return resource_paths(contract, VOCABULARY)["paths"][resource_path(contract)]["get"]


def test_filters_are_the_key_columns_and_paging_is_bounded() -> None:
    parameters = {parameter["name"]: parameter for parameter in _operation("sthj.device_reading")["parameters"]}
    assert list(parameters) == ["device_id", "metric_code", "measured_at", "fields", "limit", "page_token"]
    assert (parameters["limit"]["schema"]["minimum"], parameters["limit"]["schema"]["maximum"]) == (1, 1000)


def test_an_api_key_is_asked_for_and_every_fault_has_the_one_error_shape() -> None:
    operation = _operation("gaj.resident")
    assert operation["security"] == [{"ApiKey": []}]
    components = resource_paths(CONTRACTS["gaj.resident"], VOCABULARY)["components"]
    for status, response in operation["responses"].items():
        if status != "200":
            held = components["responses"][response["$ref"].rsplit("/", 1)[-1]]
            assert held["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Error"}
    error = components["schemas"]["Error"]["properties"]["error"]
    assert error["required"] == ["code", "message", "hint", "request_id"]


@pytest.mark.parametrize(
    ("key", "column", "part"),
    [
        ("gaj.resident", "resident_id", {"type": "string"}),
        ("gaj.resident", "sex_code", {"enum": ["0", "1", "2", "9"]}),
        ("swj.tax_payment", "amount", {"type": "string", "pattern": r"^-?\d{1,16}(\.\d{1,2})?$"}),
        ("cgj.case", "closed_at", {"type": ["string", "null"]}),
        ("gaj.household", "member_count", {"type": "integer", "minimum": 1, "maximum": 30}),
    ],
)
def test_column_schemas_promise_what_the_answer_keeps(key: str, column: str, part: dict) -> None:
    dept, resource = key.split(".")
    schemas = resource_paths(CONTRACTS[key], VOCABULARY)["components"]["schemas"]
    schema = schemas[f"{dept}_{resource}"]["properties"][column]
    assert {name: schema[name] for name in part} == part


def test_a_masked_column_promises_no_length() -> None:
    schemas = resource_paths(CONTRACTS["gaj.resident"], VOCABULARY)["components"]["schemas"]
    assert "maxLength" not in schemas["gaj_resident"]["properties"]["resident_id"]
