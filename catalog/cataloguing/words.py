"""What lint finds, in the words of a cataloguer: the field by its name in the form, what is wrong, what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping

from catalog.contract.finding import Finding
from catalog.contract.message import Message
from catalog.contract.scaffold import HINTS

FIELDS: Mapping[str, str] = {
    "name": "数据目录名称",
    "domain": "提供单位",
    "id": "合同标识",
    "version": "版本",
    "status": "状态",
    "dataProduct": "所属主题库",
    "tenant": "行政区划",
    "description": "摘要",
    "purpose": "摘要",
    "usage": "使用条件",
    "limitations": "限制说明",
    "schema": "数据项",
    "properties": "数据项",
    "businessName": "名称",
    "physicalName": "源字段名",
    "physicalType": "存储类型",
    "logicalType": "逻辑类型",
    "logicalTypeOptions": "取值约束",
    "maxLength": "最大长度",
    "required": "必填",
    "primaryKey": "主键",
    "primaryKeyPosition": "主键次序",
    "classification": "数据分级",
    "slaProperties": "更新频率承诺",
    "team": "责任人",
    "govResourceCode": "信息资源代码",
    "govCategory": "信息资源分类",
    "govProviderCode": "提供方代码",
    "govFormat": "数据格式",
    "govShareType": "共享属性",
    "govShareCondition": "共享条件",
    "scope": "共享范围",
    "purposes": "使用用途",
    "govNoShareBasis": "不予共享依据",
    "law": "法律法规名称",
    "article": "条款",
    "reason": "理由",
    "govShareMethods": "共享方式",
    "govOpen": "是否向社会开放",
    "govOpenCondition": "开放条件",
    "govUpdateCycle": "更新频率",
    "govSource": "报送方式",
    "govQuality": "质量门槛",
    "govAssessments": "评估与签发",
    "secrecy": "保密风险评估",
    "personal_information": "个人信息保护影响评估",
    "sign_off": "负责人签发",
    "govSecrecy": "涉密情况",
    "govReflow": "是否回流数据",
    "govRelated": "关联资源代码",
    "govItem": "信息项",
    "govDataType": "数据类型",
    "govCodeList": "代码集",
    "govReference": "引用",
    "govNotBefore": "不早于",
    "govMask": "脱敏方式",
    "govAuthority": "数源",
}
SAID: Mapping[str, str] = {
    "assessment.missing": "尚未完成，填写完成日期",
    "assessment.order": "评估须在负责人签发之前完成，改正日期",
    "authority.dept": "数源部门与本目录的提供单位不一致",
    "authority.fact": "没有登记过这个事实",
    "authority.missing": "按一数一源清单，本列是数源，补充数源说明",
    "authority.other": "按一数一源清单，数源是别的目录",
    "bounds.order": "下限大于上限",
    "bounds.pattern": "不是正确的正则表达式",
    "bounds.surplus": "这一类型用不上该约束，删去",
    "category.dept": "部门类目录应使用本部门自己的项",
    "category.unknown": "分类中没有这个类目，重新选择",
    "code.category": "信息资源代码须以分类开头：类目/顺序号",
    "code.scheme": "信息资源代码不符合本市编码方案",
    "code.twice": "信息资源代码 {quoted} 已被别的目录使用，换一个顺序号",
    "code_list.length": "存储类型放不下代码集里最长的代码",
    "code_list.type": "代码是文本，存储类型应为 varchar",
    "code_list.unknown": "没有名为 {quoted} 的代码集",
    "column.twice_businessName": "名称 {quoted} 重复",
    "column.twice_name": "列名 {quoted} 重复",
    "column.twice_physicalName": "源字段名 {quoted} 重复",
    "custom.duplicate": "重复填写，保留一处",
    "custom.unknown": "不认识的字段",
    "cycle.frequency": "更新频率承诺与更新周期不一致",
    "dept.unknown": "没有这个部门",
    "field.missing": "没有填写",
    "field.pattern": "格式有误",
    "field.type": "填写的类型有误",
    "field.unknown": "不认识的字段",
    "field.value": "填写的值不在允许范围内",
    "file.path": "部门或资源名与目录所在位置不一致",
    "id.twice": "合同标识已被别的目录使用",
    "id.uuid": "合同标识不是 UUID",
    "item.data_type": "数据类型与信息项 {quoted} 不一致，同一信息项只有一种类型",
    "item.grade": "分级低于信息项规定的级别（就高从严）",
    "item.mask": "该信息项应脱敏展示，未写脱敏方式时整列隐藏",
    "item.unknown": "信息项字典里没有 {quoted}，从列表中选择",
    "key.missing": "至少选一列作主键，否则无法更正和查找",
    "key.position": "联合主键的次序须从 1 连续编号",
    "key.required": "主键列须为必填",
    "key.twice": "该部门已有同名资源",
    "length.missing": "文本列须写明最大长度",
    "length.too_long": "最大长度超过存储类型",
    "name.business": "表名与数据目录名称不一致",
    "name.physical": "物理表名须为 部门.资源",
    "name.twice": "数据目录名称 {quoted} 已被别的目录使用",
    "open.grade": "含 3 级及以上数据项，向社会开放须在开放条件写明如何脱敏或剔除",
    "open.no_share": "不予共享的数据不得向社会开放",
    "order.type": "须是两个同类的日期或日期时间列",
    "order.unknown": "没有名为 {quoted} 的列",
    "provider.checksum": "统一社会信用代码校验位有误",
    "provider.dept": "不是本部门的统一社会信用代码",
    "reference.column": "被引用的目录没有这一列",
    "reference.key": "被引用的列不是主键也不唯一",
    "reference.resource": "没有被引用的目录",
    "reference.type": "与被引用列的存储类型不一致",
    "related.self": "不能关联自己",
    "related.unknown": "没有这个信息资源代码 {quoted}",
    "secrecy.refused": "国家秘密、工作秘密不得进入目录，请按保密规定另行处理",
    "secrecy.wording": "文字涉及国家秘密或工作秘密，不得进入目录；确不涉密的写“不涉及国家秘密”",
    "share.article": "须写到条，如 第八十四条",
    "share.basis": "不予共享须写明法律法规、条款和理由；其他共享属性不写",
    "share.condition": "有条件共享须写明共享范围和使用用途；无条件共享不得附加条件",
    "share.methods": "须至少写一种：服务接口、批量交换、文件下载；不予共享的不写",
    "source.format": "数据格式与报送方式不符",
    "source.incomplete": "报送方式的参数不全",
    "source.path": "报送位置写法有误",
    "source.surplus": "报送方式多写了参数",
    "tenant.city": "不是本市的行政区划代码",
    "todo.unfilled": "待填",
    "topic.unknown": "没有这个主题库",
    "type.data_type": "数据类型与存储类型不符",
    "type.logical": "逻辑类型与存储类型不符",
    "usage.missing": "没有填写，写明数据可用于什么",
    "watermark.missing": "按增量报送须指定更新时间列",
    "watermark.required": "更新时间列须为必填",
    "watermark.type": "更新时间列须是日期或日期时间",
    "watermark.unknown": "更新时间列不存在",
}
_HINTED = frozenset({"todo.unfilled", "field.missing", "field.value", "field.pattern"})
# What a hint says of the project's files, and of its source, which stands beside it anyway.
_FILES = re.compile(r"，见 vocabulary/[^；]*|（(?:条例|发改高技)[^）]*）")
_QUOTED = re.compile(r"'([^']*)'")
_SHOWN = 60
WHOLE_TABLE = "全表"  # of a fault that no field has


def field_label(field: str) -> str:
    """Return a field as the form calls it: ``resident_id.physicalType`` is ``resident_id · 存储类型``."""
    words = [word for word in re.split(r"[.\[]", field) if word and not word.endswith("]")]
    known = [FIELDS.get(word, "") for word in words]
    last = next((word for word in reversed(known) if word), field or WHOLE_TABLE)
    column = words[0] if len(words) > 1 and not known[0] else ""
    outer = known[0] if len(words) > 1 and known[0] not in ("", last, FIELDS["description"]) else ""
    before = column or outer
    return Message("{outer} · {field}", outer=before, field=last) if before else last


def said(finding: Finding) -> str:
    """Return what is wrong and what to do, in Chinese; a rule without words of its own is said as lint says it."""
    words = SAID.get(finding.rule)
    if words is None:
        return finding.message
    if finding.rule == "assessment.missing":
        return Message("{assessment}{words}", assessment=_assessment(finding), words=words)
    quoted = _QUOTED.search(finding.message)
    filled = Message(words, quoted=f"“{quoted[1][:_SHOWN]}”" if quoted else "") if "{quoted}" in words else words
    plain = hint_of(finding.field) if finding.rule in _HINTED else ""
    if not plain or plain == field_label(finding.field):
        return filled
    return Message("{fault}：{hint}", fault=filled, hint=plain)


def hint_of(field: str) -> str:
    """Return what to fill in, without what stands beside it anyway; ``""`` for a field without a hint."""
    return _FILES.sub("", HINTS.get(field.rpartition(".")[2], "")).removeprefix(f"{field_label(field)}：")


def _assessment(finding: Finding) -> str:
    return finding.message.removeprefix("active without ").partition(";")[0]
