from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.contract.finding import Finding
from catalog.contract.lint import lint
from catalog.contract.load import CATALOG_ROOT

Broken = Callable[[str, str, str], list[Finding]]
RESIDENT = "gaj.resident"


def test_the_catalogue_has_neither_errors_nor_warnings() -> None:
    assert lint(CATALOG_ROOT) == []


# contract, what is replaced, by what, the rule, the field, a word of the message or of its source
CASES: list[tuple[str, str, str, str, str, str]] = [
    (RESIDENT, "domain: gaj", "domain: mzj", "file.path", "domain", "folder 'gaj'"),
    (RESIDENT, "  - name: resident\n", "  - name: residents\n", "file.path", "name", "resident.odcs.yaml"),
    (RESIDENT, "physicalName: gaj.resident", "physicalName: gaj.persons", "name.physical", "physicalName", "'gaj.resident'"),
    (RESIDENT, "    businessName: 户籍人口", "    businessName: 人口", "name.business", "businessName", "make them equal"),
    (RESIDENT, "id: 6d38fe78-", "id: 6D38fe78-", "id.uuid", "id", "uuidgen"),
    (RESIDENT, "dataProduct: population", "dataProduct: populations", "topic.unknown", "dataProduct", "did you mean 'population'"),
    (RESIDENT, "tenant: '330100'", "tenant: '330200'", "tenant.city", "tenant", "'330100'"),
    (RESIDENT, "value: 101001/1", "value: 101002/9", "code.category", "govResourceCode", "101001/"),
    (RESIDENT, "value: 101001/1", "value: 101001-1", "field.value", "govResourceCode", "1272号"),
    (RESIDENT, "11330100MB9000000E", "11330100MB9000000A", "provider.checksum", "govProviderCode", "GB 32100"),
    (RESIDENT, "11330100MB9000000E", "11330100MB90000377", "provider.dept", "govProviderCode", "市公安局"),
    (RESIDENT, "value: '101001'", "value: '199001'", "category.unknown", "govCategory", "199"),
    (RESIDENT, "value: '101001'", "value: '101999'", "category.unknown", "govCategory", "101999"),
    ("gaj.vehicle", "value: '306001'", "value: '307001'", "category.dept", "govCategory", "市税务局"),
    (RESIDENT, "property: govOpen\n", "property: govOpne\n", "field.unknown", "govOpne", "did you mean 'govOpen'"),
    (RESIDENT, "property: govItem\n", "property: goItem\n", "custom.unknown", "resident_id.goItem", "did you mean 'govItem'"),
    (RESIDENT, "property: govReflow", "property: govOpen", "custom.duplicate", "govOpen", "twice"),
    (RESIDENT, "businessName: 姓名", "bussinessName: 姓名", "field.unknown", "person_name", "did you mean 'businessName'"),
    (RESIDENT, "status: active", "status: live", "field.value", "status", "'active'"),
    (RESIDENT, "version: 1.0.0", "version: 1", "field.type", "version", "in quotes: '1'"),
    (RESIDENT, "physicalType: varchar(50)", "physicalType: text", "field.value", "person_name.physicalType", "varchar(n)"),
    (RESIDENT, "physicalType: varchar(50)", "physicalType: decimal(39,2)", "field.value", "person_name.physicalType", "1..38"),
    (RESIDENT, "logicalType: date\n", "logicalType: string\n", "type.logical", "birth_date.logicalType", "write date"),
    (RESIDENT, "value: D\n", "value: C\n", "type.data_type", "birth_date.govDataType", "write D"),
    (RESIDENT, "value: D\n", "value: C\n", "item.data_type", "birth_date.govDataType", "birth_date (D)"),
    (RESIDENT, "value: person_name\n", "value: persn_name\n", "item.unknown", "person_name.govItem", "did you mean 'person_name'"),
    (RESIDENT, "classification: '3'", "classification: '2'", "item.grade", "resident_id.classification", "就高从严"),
    (RESIDENT, "value: ethnic\n", "value: ethnics\n", "code_list.unknown", "ethnic_code.govCodeList", "did you mean 'ethnic'"),
    (RESIDENT, "value: dsjj.division.division_code", "value: dsjj.divisions.division_code", "reference.resource", "division_code.govReference", "dsjj.division'"),
    (RESIDENT, "value: dsjj.division.division_code", "value: dsjj.division.code", "reference.column", "division_code.govReference", "division_code"),
    (RESIDENT, "value: dsjj.division.division_code", "value: dsjj.division.parent_code", "reference.key", "division_code.govReference", "neither a key"),
    ("gaj.household", "physicalType: varchar(24)", "physicalType: varchar(23)", "reference.type", "address_id.physicalType", "make the types equal"),
    (RESIDENT, "watermark: updated_at", "watermark: update_at", "watermark.unknown", "govSource.watermark", "not a column"),
    (RESIDENT, "watermark: updated_at", "watermark: phone", "watermark.type", "govSource.watermark", "varchar"),
    (RESIDENT, "watermark: updated_at", "sheet: x", "watermark.missing", "govSource", "upsert"),
    (RESIDENT, "      table: T_RK_HJRK\n", "", "source.incomplete", "govSource", "needs table"),
    (RESIDENT, "table: T_RK_HJRK", "table: T\n      sheet: S", "source.surplus", "govSource.sheet", "excel"),
    (RESIDENT, "path: gaj/gaj.db", "path: ../gaj.db", "source.path", "govSource.path", "'..'"),
    (RESIDENT, "primaryKey: true", "primaryKey: false", "key.missing", "properties", "primaryKey: true"),
    (RESIDENT, "        required: true\n        primaryKey", "        primaryKey", "key.required", "resident_id.primaryKey", "required: true"),
    ("sthj.device_reading", "primaryKeyPosition: 3", "primaryKeyPosition: 2", "key.position", "device_id.primaryKeyPosition", "1 to 3"),
    (RESIDENT, "      - name: person_name\n", "      - name: resident_id\n", "column.twice_name", "resident_id.name", "2 times"),
    (RESIDENT, "physicalName: XM\n", "physicalName: GMSFHM\n", "column.twice_physicalName", "person_name.physicalName", "2 times"),
    (RESIDENT, "          maxLength: 50\n", "          minLength: 1\n", "length.missing", "person_name.logicalTypeOptions.maxLength", "maxLength: 50"),
    (RESIDENT, "maxLength: 50", "maxLength: 51", "length.too_long", "person_name.logicalTypeOptions.maxLength", "varchar(50)"),
    ("gaj.household", "minimum: 1\n", "minimum: 31\n", "bounds.order", "member_count.logicalTypeOptions.minimum", "no value could pass"),
    ("gaj.household", "minimum: 1\n", "minimum: .nan\n", "field.value", "member_count.logicalTypeOptions.minimum", "number"),
    ("gaj.household", "minimum: 1\n", "maxLength: 3\n", "bounds.surplus", "member_count.logicalTypeOptions.maxLength", "take it away"),
    (RESIDENT, "maxLength: 50\n", "maxLength: 50\n          pattern: '['\n", "bounds.pattern", "person_name.logicalTypeOptions.pattern", "regular expression"),
    ("zjj.construction_project", "value: planned_start", "value: planed_start", "order.unknown", "planned_finish.govNotBefore", "did you mean 'planned_start'"),
    ("zjj.construction_project", "value: planned_start", "value: floor_area", "order.type", "planned_finish.govNotBefore", "dates"),
    (RESIDENT, "value: keep_1_0", "value: blur", "field.pattern", "person_name.govMask", "keep_"),
    (RESIDENT, "    value: 1\n    unit: d", "    value: 1\n    unit: y", "cycle.frequency", "slaProperties.frequency", "每日"),
    (RESIDENT, "value: '3'\n  - property: govShareType", "value: '7'\n  - property: govShareType", "source.format", "govFormat", "database"),
    (RESIDENT, "fact: person_name", "fact: alive", "authority.missing", "person_name.govAuthority", "第十九条"),
    (RESIDENT, "fact: person_name", "fact: alive", "authority.other", "person_name.govAuthority", "wjw.death"),
    (RESIDENT, "fact: person_name", "fact: person", "authority.fact", "person_name.govAuthority.fact", "facts.yaml"),
    (RESIDENT, "dept: gaj\n", "dept: mzj\n", "authority.dept", "person_name.govAuthority.dept", "is gaj"),
    ("gaj.household", "- 101001/1", "- 101001/9", "related.unknown", "govRelated", "101001/9"),
    ("gaj.household", "- 101001/1", "- 101002/1", "related.self", "govRelated", "itself"),
    (RESIDENT, "name: 户籍人口基本信息", "name: 待填", "todo.unfilled", "name", "待填"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "old", "new", "rule", "field", "word"), CASES)
def test_names_the_fault_with_its_field_line_and_source(
    tree, key: str, old: str, new: str, rule: str, field: str, word: str
) -> None:
    path = tree.contract(key)
    content = tree.edit(path, old, new)
    findings = lint(path)
    assert any(f.rule == rule and f.field.startswith(field) for f in findings), findings
    finding = next(f for f in findings if f.rule == rule and f.field.startswith(field))
    assert word in f"{finding.message} {finding.source} {finding.field}"
    assert 1 <= finding.line <= len(content.splitlines()) + 1
    assert finding.source


# The sharing law: contract, replaced, by, rule, article
LAW: list[tuple[str, str, str, str, str]] = [
    (RESIDENT, "property: govShareCondition", "property: govShareConditions", "share.condition", "第十五条"),
    ("gaj.vehicle", "govShareType\n    value: 2", "govShareType\n    value: 1", "share.condition", "第十五条"),
    (RESIDENT, "govShareType\n    value: 2", "govShareType\n    value: 3", "share.basis", "第十五条"),
    ("yjj.hazard_source", "govShareType\n    value: 3", "govShareType\n    value: 2", "share.basis", "第十五条"),
    ("yjj.hazard_source", "article: 第二十一条", "article: 附则", "share.article", "第十五条"),
    ("sthj.device", "govShareMethods\n    value:\n      - 服务接口\n      - 批量交换", "govShareMethods\n    value: []", "share.methods", "第二十二条"),
    ("yjj.hazard_source", "govOpen\n    value: false", "govOpen\n    value: true", "open.no_share", "第十五条"),
    (RESIDENT, "      secrecy: '2026-01-15'\n", "", "assessment.missing", "第十三条"),
    (RESIDENT, "sign_off: '2026-02-01'", "sign_off: '2026-01-16'", "assessment.order", "第十三条"),
    (RESIDENT, "govShareType\n    value: 2", "govShareType\n    value: 4", "field.value", "第十四条"),
    (RESIDENT, "  purpose: 公安", "  porpose: 公安", "field.missing", "第十三条"),
    (RESIDENT, "  - property: govReflow", "  - property: govSecrecy\n    value: 国家秘密\n  - property: govReflow", "secrecy.refused", "第三条"),
    (RESIDENT, "usage: 仅用于", "usage: 机密，仅用于", "secrecy.wording", "第三条"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "old", "new", "rule", "article"), LAW)
def test_names_the_article_of_the_law_that_is_broken(
    broken: Broken, key: str, old: str, new: str, rule: str, article: str
) -> None:
    found = [finding for finding in broken(key, old, new) if finding.rule == rule]
    assert found
    assert article in found[0].source
    assert found[0].severity == "error"


def test_a_text_that_denies_secrets_is_not_refused(broken: Broken) -> None:
    assert broken(RESIDENT, "usage: 仅用于", "usage: 不涉及国家秘密，仅用于") == []


def test_open_data_with_graded_columns_needs_a_condition(broken: Broken) -> None:
    found = broken("scjg.enterprise", "property: govOpenCondition", "property: govOpenConditions")
    assert {"open.grade", "field.unknown"} <= {finding.rule for finding in found}


def test_reports_the_faults_of_all_fields_and_files_in_one_go(tree) -> None:
    resident = tree.contract(RESIDENT)
    tree.edit(resident, "status: active", "status: live")
    tree.edit(resident, "property: govShareCondition", "property: govShareConditions")
    tree.edit(resident, "physicalType: varchar(50)", "physicalType: text")
    tree.edit(resident, "value: ethnic\n", "value: ethnics\n")
    tree.edit(tree.contract("mzj.marriage"), "watermark: registered_on", "watermark: nothing")
    tree.edit(tree.part("items"), "grade: 3", "grade: 5")
    rules = {(Path(f.path).name, f.rule) for f in tree.lint()}
    assert {
        ("resident.odcs.yaml", "field.value"),
        ("resident.odcs.yaml", "share.condition"),
        ("resident.odcs.yaml", "field.unknown"),
        ("marriage.odcs.yaml", "watermark.unknown"),
        ("items.yaml", "vocabulary.shape"),
    } <= rules


def test_line_and_column_point_at_the_field(tree) -> None:
    content = tree.edit(tree.contract(RESIDENT), "physicalType: varchar(50)", "physicalType: text")
    (finding,) = [f for f in tree.lint() if f.rule == "field.value"]
    line = content.splitlines()[finding.line - 1]
    assert line[finding.column - 1 :].startswith("physicalType: text")


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "file.empty"),
        (b"- a\n- b\n", "file.not_a_mapping"),
        (b"just words\n", "file.not_a_mapping"),
        (b"null\n", "file.not_a_mapping"),
        (b"a: [\n", "yaml.syntax"),
        (b"\xff\xfe\x00", "file.encoding"),
        (b"{}\n", "field.missing"),
    ],
)
def test_refuses_files_that_hold_no_contract(tree, content: bytes, rule: str) -> None:
    tree.contract(RESIDENT).write_bytes(content)
    assert rule in {finding.rule for finding in tree.lint() if finding.path.endswith("resident.odcs.yaml")}


def test_a_file_may_be_linted_alone_against_its_tree(tree) -> None:
    tree.edit(tree.contract(RESIDENT), "value: ethnic\n", "value: ethnics\n")
    tree.edit(tree.contract("mzj.marriage"), "status: active", "status: live")
    assert {finding.rule for finding in lint(tree.contract(RESIDENT))} == {"code_list.unknown"}


def test_a_file_outside_any_tree_is_judged_by_the_given_one(tree, tmp_path: Path) -> None:
    loose = tmp_path / "gaj" / "resident.odcs.yaml"
    loose.parent.mkdir()
    loose.write_bytes(tree.contract(RESIDENT).read_bytes())
    rules = {finding.rule for finding in lint(loose, root=tree.root)}
    assert rules == {"id.twice", "code.twice", "name.twice", "key.twice"}


@pytest.mark.parametrize("name", ["nothing.odcs.yaml", "empty"])
def test_a_path_without_contracts_is_a_fault(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    assert [finding.rule for finding in lint(tmp_path / name)] == ["file.missing"]


@pytest.mark.parametrize(
    "place",
    [
        "contracts/gaj/resident.yaml",
        "contracts/gaj/people.odcs.yml",
        "contracts/gaj/old/x.odcs.yaml",
        "vocabulary/item.yaml",
    ],
)
def test_a_file_that_nothing_would_load_is_a_fault(tree, place: str) -> None:
    path = tree.root / place
    path.parent.mkdir(exist_ok=True)
    path.write_text("a: 1\n", encoding="utf-8")
    assert "file.name" in {finding.rule for finding in tree.lint() if finding.path.endswith(place)}


def test_a_file_of_another_kind_is_a_fault_not_a_clean_bill(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text("# words\n", encoding="utf-8")
    assert {finding.rule for finding in lint(path)} == {"file.name"}


def test_ids_codes_and_names_are_unique(tree) -> None:
    copied = tree.contract(RESIDENT).read_text(encoding="utf-8")
    copied = copied.replace("name: resident\n", "name: resident_two\n").replace("gaj.resident\n", "gaj.resident_two\n")
    tree.contract("gaj.resident_two").write_text(copied, encoding="utf-8")
    found = {f.rule for f in tree.lint() if f.path.endswith("resident_two.odcs.yaml") and f.severity == "error"}
    assert {"id.twice", "code.twice", "name.twice"} <= found


def test_other_yaml_beside_contracts_and_vocabulary_is_not_looked_at(tree) -> None:
    (tree.root / "web").mkdir()
    (tree.root / "web" / "words.yaml").write_text("a: &x 1\n", encoding="utf-8")
    assert tree.lint() == []
