"""The catalogue as DCAT-AP 3 conforms to the shapes that SEMIC publishes; with a title taken away it does not."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from pyshacl import validate
from rdflib import DCAT, DCTERMS, FOAF, RDF, Graph, URIRef
from rdflib.compare import isomorphic

from catalog.contract.load import load_contracts, load_vocabulary
from catalog.exchange.dcat import AUTHORITY, catalogue_graph, serialised

SHAPES = Path(__file__).parents[2] / "data" / "dcat_ap"
BASE = "http://127.0.0.1:8765"


@cache
def shapes(name: str) -> Graph:
    return Graph().parse(SHAPES / name, format="turtle")


def graph(*keys: str) -> Graph:
    return catalogue_graph(load_contracts(), load_vocabulary(), BASE, only=keys or None)


def conforms(data: Graph, name: str) -> tuple[bool, str]:
    is_fine, _, text = validate(data, shacl_graph=shapes(name), advanced=True)
    return bool(is_fine), str(text)


@pytest.mark.parametrize("name", ["shapes.ttl", "range.ttl"])
def test_the_whole_catalogue_conforms(name: str) -> None:
    is_fine, said = conforms(graph(), name)
    assert is_fine, said[:3000]


@pytest.mark.parametrize("predicate", [DCTERMS.title, DCTERMS.description])
def test_a_data_set_without_a_title_or_summary_does_not_conform(predicate: URIRef) -> None:
    data = graph("gaj.resident")
    data.remove((URIRef(f"{BASE}/catalogue/gaj/resident"), predicate, None))
    is_fine, said = conforms(data, "shapes.ttl")
    assert not is_fine
    assert predicate.split("/")[-1] in said


def test_a_publisher_of_another_class_does_not_conform() -> None:
    data = graph("gaj.resident")
    data.remove((None, RDF.type, FOAF.Agent))
    assert not conforms(data, "range.ttl")[0]


def test_an_entry_says_who_what_how_often_and_who_may() -> None:
    data = graph("gaj.resident", "yjj.hazard_source")
    me, closed = (URIRef(f"{BASE}/catalogue/{name}") for name in ("gaj/resident", "yjj/hazard_source"))
    assert str(data.value(me, DCTERMS.title)) == "户籍人口基本信息"
    assert data.value(me, DCTERMS.accrualPeriodicity) in {
        URIRef(f"{AUTHORITY}frequency/{f}") for f in ("DAILY", "CONT")
    }
    assert data.value(closed, DCTERMS.accessRights) == URIRef(f"{AUTHORITY}access-right/NON_PUBLIC")
    assert list(data.objects(closed, DCAT.distribution)) == []
    services = {data.value(d, DCAT.accessURL) for d in data.objects(me, DCAT.distribution)}
    assert URIRef(f"{BASE}/api/v1/data/gaj/resident") in services
    assert len(set(data.subjects(RDF.type, DCAT.Dataset))) == 2


@pytest.mark.parametrize("form", ["turtle", "json-ld"])
def test_what_is_written_is_read_again(form: str) -> None:
    data = graph("gaj.resident")
    assert isomorphic(Graph().parse(data=serialised(data, form), format=form), data)


def test_without_an_address_names_are_urns() -> None:
    data = catalogue_graph(load_contracts(), load_vocabulary(), "", only=["gaj.resident"])
    assert (URIRef("urn:citybrain:catalogue/gaj/resident"), RDF.type, DCAT.Dataset) in data
