from __future__ import annotations

import pytest

CASES = [
    ("city", "west: 118.34", "west: 128.34", "city.bounds", "bounds.west"),
    ("city", "code: '330100'", "code: '33010'", "city.code", "code"),
    ("departments", "11330100MB9000000E", "11330100MB9000000A", "provider.checksum", "gaj.credit_code"),
    ("departments", "11330100MB90000377", "11330100MB9000000E", "dept.twice", "mzj.credit_code"),
    ("departments", "gaj:\n", "Gaj:\n", "dept.code", "Gaj"),
    ("departments", "  system: 公安局业务系统\n", "", "vocabulary.shape", "gaj"),
    ("items", "  name: 姓名\n", "  name: 姓名\n  grad: 2\n", "vocabulary.shape", "person_name"),
    ("items", "mask: keep_6_4", "mask: blur", "item.mask", "resident_id.mask"),
    ("items", "min: '1900-01-01'", "min: '2099-01-01'", "item.bounds", "birth_date.min"),
    ("items", "format: phone", "format: telephone", "vocabulary.shape", "phone"),
    ("code_lists", "'1': 男性", "'1': 女性", "code_list.label", "sex.values.2"),
    ("code_lists", "    '1': 男性\n", "    1: 男性\n", "yaml.key", "sex.values"),
    ("code_lists", "    '0': 未知的性别\n", "    '1': 未知的性别\n", "yaml.duplicate_key", "sex.values.1"),
    ("categories", "'101001': 户籍人口", "'1010': 户籍人口", "category.code", "entries.1010"),
    ("categories", "'101': 人口", "'401': 人口", "category.parent", "groups.401"),
    ("facts", "authority: wjw.death", "authority: wjw.deaths", "fact.authority", "alive.authority"),
    ("facts", "authority: wjw.death", "authority: wjw.birth", "fact.authority", "alive.authority"),
    ("facts", "- wjw.death.death_date", "- wjw.death.died_on", "fact.assertion", "alive.assertions[0]"),
    ("facts", "entity: credit_code", "entity: resident_id", "fact.assertion", "enterprise_name.assertions"),
]


@pytest.mark.parametrize(("part", "old", "new", "rule", "field"), CASES)
def test_names_faults_of_the_vocabulary(tree, part: str, old: str, new: str, rule: str, field: str) -> None:
    content = tree.edit(tree.part(part), old, new)
    found = [f for f in tree.lint() if f.rule == rule and f.path.endswith(f"{part}.yaml")]
    assert any(f.field.startswith(field) for f in found), tree.lint()[:5]
    assert all(1 <= f.line <= len(content.splitlines()) for f in found)


def test_a_missing_vocabulary_file_is_named(tree) -> None:
    tree.part("facts").unlink()
    assert "file.unreadable" in {f.rule for f in tree.lint() if f.path.endswith("facts.yaml")}


def test_unused_items_are_a_warning_and_empty_descriptions_too(tree) -> None:
    path = tree.part("items")
    added = "moon_phase:\n  name: 月相\n  data_type: C\n  grade: 1\n  description: 月相。\n"
    path.write_text(path.read_text(encoding="utf-8") + added, encoding="utf-8")
    found = {(f.rule, f.severity) for f in tree.lint()}
    assert found == {("vocabulary.unused", "warning"), ("item.description", "warning")}
