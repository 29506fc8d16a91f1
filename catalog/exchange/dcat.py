"""The catalogue as DCAT-AP 3 (Turtle, JSON-LD): what an open-data portal above or beside this city harvests.

Code lists are those that the profile names: EU authority tables for frequency, access right, language, theme, file type
and availability. The city's own categories (类项目细目) go along as concepts of a scheme of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rdflib import DCAT, DCTERMS, FOAF, RDF, SKOS, XSD, BNode, Graph, Literal, Namespace, URIRef

from catalog.contract.model import Contract
from catalog.contract.vocabulary import Vocabulary
from catalog.derive.catalogue import catalogue_entry
from catalog.derive.codes import GRADE_NAMES

ADMS = Namespace("http://www.w3.org/ns/adms#")
DCATAP = Namespace("http://data.europa.eu/r5r/")
VCARD = Namespace("http://www.w3.org/2006/vcard/ns#")
AUTHORITY = "http://publications.europa.eu/resource/authority/"
LOCAL_AUTHORITY = URIRef("http://purl.org/adms/publishertype/LocalAuthority")
WKT = URIRef("http://www.opengis.net/ont/geosparql#wktLiteral")
LANGUAGE = "zh"
FREQUENCY = {
    "实时": "CONT",
    "每日": "DAILY",
    "每周": "WEEKLY",
    "每月": "MONTHLY",
    "每季度": "QUARTERLY",
    "每年": "ANNUAL",
}
THEMES = {
    "101": "SOCI",
    "102": "ECON",
    "103": "ENVI",
    "104": "ECON",
    "105": "GOVE",
    "201": "EDUC",
    "202": "HEAL",
    "203": "SOCI",
    "204": "HEAL",
    "205": "JUST",
    "206": "ECON",
    "207": "ENER",
    "208": "ECON",
    "209": "REGI",
    "210": "SOCI",
    "211": "ENVI",
    "212": "JUST",
}
OTHER_THEME = "GOVE"  # 部门类, and categories that a province adds
SERVICE = "服务接口"
FORMATS = {"turtle": "text/turtle", "json-ld": "application/ld+json"}


def catalogue_graph(
    contracts: Mapping[str, Contract], vocabulary: Vocabulary, base: str, *, only: Iterable[str] | None = None
) -> Graph:
    """Return the catalogue, or the entries named in ``only``, as a graph; ``base`` is the address of this service."""
    return _Writer(contracts, vocabulary, base.rstrip("/")).written(contracts if only is None else only)


def serialised(graph: Graph, form: str) -> bytes:
    """Return a graph as ``turtle`` or ``json-ld``, in UTF-8."""
    return graph.serialize(format=form, encoding="utf-8")


class _Writer:
    """Writes one graph."""

    def __init__(self, contracts: Mapping[str, Contract], vocabulary: Vocabulary, base: str) -> None:
        self._contracts, self._vocabulary, self._base = contracts, vocabulary, base
        self._graph = Graph()
        for prefix, space in (("adms", ADMS), ("dcatap", DCATAP), ("vcard", VCARD)):
            self._graph.bind(prefix, space)
        self._catalogue, self._service = self._iri("/catalogue"), self._iri("/api/v1/data")
        self._scheme, self._place = self._iri("/catalogue#themes"), self._iri("/catalogue#place")

    def written(self, keys: Iterable[str]) -> Graph:
        """Write the catalogue with these entries."""
        keys = sorted(keys)
        self._place_of_city()
        self._frame()
        for key in keys:
            self._dataset(self._contracts[key])
        newest = [date for key in keys if (date := self._contracts[key].gov.assessments.sign_off)]
        for predicate, dates in (
            (DCTERMS.modified, max(newest, default="")),
            (DCTERMS.issued, min(newest, default="")),
        ):
            if dates:
                self._add(self._catalogue, predicate, Literal(dates, datatype=XSD.date))
        return self._graph

    def _frame(self) -> None:
        """Write the catalogue itself, its scheme of themes, and the one data service."""
        city, me = self._vocabulary.city, self._catalogue
        self._add(me, RDF.type, DCAT.Catalog)
        self._titled(me, f"{city.name}政务数据目录", f"{city.name}按《政务数据共享条例》编制的政务数据目录。")
        self._add(me, DCTERMS.publisher, self._agent("dsjj"))
        self._add(me, FOAF.homepage, self._document(self._catalogue))
        self._add(me, DCTERMS.language, self._typed("language/ZHO", DCTERMS.LinguisticSystem))
        self._add(me, DCTERMS.spatial, self._place)
        self._add(me, DCAT.themeTaxonomy, self._scheme)
        self._add(self._scheme, RDF.type, SKOS.ConceptScheme)
        self._add(self._scheme, DCTERMS.title, self._text("信息资源分类（类项目细目）"))
        service = self._service
        self._add(me, DCAT.service, service)
        self._add(service, RDF.type, DCAT.DataService)
        self._titled(service, "政务数据共享服务接口", "按目录和授权逐项提供的数据服务接口。")
        self._add(service, DCAT.endpointURL, service)
        self._add(service, DCAT.endpointDescription, self._iri("/openapi.json"))
        self._add(service, DCTERMS.publisher, self._agent("dsjj"))
        self._add(service, DCAT.contactPoint, self._contact("dsjj"))
        self._add(service, DCAT.keyword, self._text("数据共享"))
        self._add(service, DCAT.theme, self._theme(OTHER_THEME))

    def _dataset(self, contract: Contract) -> None:
        entry, gov = catalogue_entry(contract, self._vocabulary), contract.gov
        me = self._iri(f"/catalogue/{contract.dept}/{contract.resource}")
        self._add(self._catalogue, DCAT.dataset, me)
        self._add(me, RDF.type, DCAT.Dataset)
        self._titled(me, entry.name, entry.summary)
        self._add(me, DCTERMS.identifier, Literal(contract.id))
        identifier = BNode(f"code-{contract.id}")
        self._add(me, ADMS.identifier, identifier)
        self._add(identifier, RDF.type, ADMS.Identifier)
        self._add(identifier, SKOS.notation, Literal(gov.resource_code, datatype=XSD.token))
        self._add(me, DCTERMS.publisher, self._agent(contract.dept))
        self._add(me, DCAT.contactPoint, self._contact(contract.dept))
        self._add(me, DCAT.theme, self._theme(THEMES.get(gov.category[:3], OTHER_THEME)))
        self._add(me, DCAT.theme, self._category(gov.category))
        access = "NON_PUBLIC" if gov.share_type == 3 else "PUBLIC" if gov.open else "RESTRICTED"
        self._add(me, DCTERMS.accessRights, self._typed(f"access-right/{access}", DCTERMS.RightsStatement))
        frequency = self._typed(f"frequency/{FREQUENCY[gov.update_cycle]}", DCTERMS.Frequency)
        self._add(me, DCTERMS.accrualPeriodicity, frequency)
        self._add(me, DCTERMS.language, self._typed("language/ZHO", DCTERMS.LinguisticSystem))
        self._add(me, DCTERMS.spatial, self._place)
        self._add(me, DCAT["version"], Literal(contract.version))
        self._add(me, DCAT.landingPage, self._document(me))
        for date in filter(None, [gov.assessments.sign_off]):
            self._add(me, DCTERMS.issued, Literal(date, datatype=XSD.date))
            self._add(me, DCTERMS.modified, Literal(date, datatype=XSD.date))
        for item in dict.fromkeys(item.business_name for item in entry.items):
            self._add(me, DCAT.keyword, self._text(item))
        for code in gov.related:
            other = next((key for key, held in self._contracts.items() if held.gov.resource_code == code), None)
            if other is not None:
                self._add(me, DCTERMS.relation, self._iri(f"/catalogue/{other.replace('.', '/')}"))
        for place, method in enumerate(gov.share_methods, start=1):
            self._distribution(contract, me, method, place)

    def _distribution(self, contract: Contract, dataset: URIRef, method: str, place: int) -> None:
        me = URIRef(f"{dataset}#distribution-{place}")
        self._add(dataset, DCAT.distribution, me)
        self._add(me, RDF.type, DCAT.Distribution)
        self._titled(me, f"{contract.name}（{method}）", f"通过{method}提供；{GRADE_NAMES[contract.grade]}。")
        rights = BNode(f"rights-{contract.id}-{place}")
        self._add(me, DCTERMS.rights, rights)
        self._add(rights, RDF.type, DCTERMS.RightsStatement)
        self._add(rights, DCTERMS.description, self._text(contract.description.usage or "按目录的共享属性使用。"))
        self._add(me, DCATAP.availability, self._concept(f"{AUTHORITY}planned-availability/STABLE", "STABLE"))
        if method == SERVICE:
            address = self._iri(f"/api/v1/data/{contract.dept}/{contract.resource}")
            self._add(me, DCAT.accessURL, address)
            self._add(me, DCAT.accessService, self._service)
            self._add(self._service, DCAT.servesDataset, dataset)
            self._add(me, DCTERMS["format"], self._typed("file-type/JSON", DCTERMS.MediaTypeOrExtent))
            media = URIRef("http://www.iana.org/assignments/media-types/application/json")
            self._add(media, RDF.type, DCTERMS.MediaType)
            self._add(me, DCAT.mediaType, media)
        else:
            self._add(me, DCAT.accessURL, dataset)

    def _agent(self, dept: str) -> URIRef:
        agent, department = self._iri(f"/catalogue#dept-{dept}"), self._vocabulary.departments.get(dept)
        self._add(agent, RDF.type, FOAF.Agent)
        self._add(agent, FOAF.name, self._text(department.name if department else dept))
        self._add(agent, DCTERMS.type, self._concept(str(LOCAL_AUTHORITY), "Local Authority"))
        if department is not None:
            self._add(agent, DCTERMS.identifier, Literal(department.credit_code))
        return agent

    def _contact(self, dept: str) -> URIRef:
        contact, department = self._iri(f"/catalogue#contact-{dept}"), self._vocabulary.departments.get(dept)
        self._add(contact, RDF.type, VCARD.Kind)
        self._add(contact, VCARD.fn, self._text(department.name if department else dept))
        self._add(contact, VCARD.hasURL, self._catalogue)
        return contact

    def _category(self, category: str) -> URIRef:
        concept = URIRef(f"{self._iri('/catalogue')}#category-{category}")
        self._add(concept, RDF.type, SKOS.Concept)
        self._add(concept, SKOS.prefLabel, self._text(self._vocabulary.categories.path(category)))
        self._add(concept, SKOS.notation, Literal(category))
        self._add(concept, SKOS.inScheme, self._scheme)
        return concept

    def _theme(self, code: str) -> URIRef:
        return self._concept(f"{AUTHORITY}data-theme/{code}", code)

    def _place_of_city(self) -> None:
        city = self._vocabulary.city
        box = city.bounds
        ring = ((box.west, box.south), (box.east, box.south), (box.east, box.north), (box.west, box.north))
        corners = ", ".join(f"{x} {y}" for x, y in (*ring, ring[0]))
        self._add(self._place, RDF.type, DCTERMS.Location)
        self._add(self._place, SKOS.prefLabel, self._text(city.name))
        self._add(self._place, DCTERMS.identifier, Literal(city.code))
        self._add(self._place, DCAT.bbox, Literal(f"POLYGON(({corners}))", datatype=WKT))

    def _titled(self, node: URIRef, title: str, description: str) -> None:
        self._add(node, DCTERMS.title, self._text(title))
        self._add(node, DCTERMS.description, self._text(description))

    def _typed(self, name: str, kind: URIRef) -> URIRef:
        node = URIRef(f"{AUTHORITY}{name}")
        self._add(node, RDF.type, kind)
        return node

    def _concept(self, address: str, label: str) -> URIRef:
        node = URIRef(address)
        self._add(node, RDF.type, SKOS.Concept)
        self._add(node, SKOS.prefLabel, Literal(label, lang="en"))
        return node

    def _document(self, node: URIRef) -> URIRef:
        page = URIRef(f"{node}?view=page") if node == self._catalogue else URIRef(f"{node}#page")
        self._add(page, RDF.type, FOAF.Document)
        return page

    def _iri(self, path: str) -> URIRef:
        return URIRef(f"{self._base or 'urn:citybrain:'}{path if self._base else path.lstrip('/')}")

    @staticmethod
    def _text(text: str) -> Literal:
        return Literal(text, lang=LANGUAGE)

    def _add(self, subject: URIRef | BNode, predicate: URIRef, value: URIRef | BNode | Literal) -> None:
        self._graph.add((subject, predicate, value))
