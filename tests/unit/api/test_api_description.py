"""The OpenAPI document is valid, complete, and says what the interface really answers."""

from __future__ import annotations

from openapi_spec_validator import OpenAPIV31SpecValidator

from catalog.api.description import openapi
from catalog.contract.load import load_contracts, load_vocabulary

CONTRACTS = load_contracts()
DOCUMENT = openapi(CONTRACTS, load_vocabulary())


def test_the_document_is_valid_openapi_3_1() -> None:
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []


def test_every_shared_resource_has_a_path_and_no_other_does() -> None:
    described = {path for path in DOCUMENT["paths"] if path.startswith("/api/v1/data/") and "{" not in path}
    shared = {key for key, contract in CONTRACTS.items() if contract.gov.share_type != 3}
    assert described == {f"/api/v1/data/{key.replace('.', '/')}" for key in shared}
    assert len(described) < len(CONTRACTS)


def test_answers_have_data_page_and_meta() -> None:
    page = DOCUMENT["components"]["schemas"]["gaj_resident_page"]
    assert page["required"] == ["data", "page", "meta"]
    assert page["properties"]["data"]["items"] == {"$ref": "#/components/schemas/gaj_resident"}


def test_no_text_speaks_of_another_envelope() -> None:
    assert "next_page_token" not in str(DOCUMENT)
