"""The closed value lists of the government catalogue, with the names that people read.

Source: 《政务信息资源目录编制指南（试行）》 (发改高技〔2017〕1272号); grades by GB/T 43697-2024.
"""

from __future__ import annotations

FORMAT_NAMES = {
    "1": "电子文件",
    "2": "电子表格",
    "3": "数据库",
    "4": "图形图像",
    "5": "流媒体",
    "6": "自描述格式",
    "7": "服务接口",
}
SHARE_TYPE_NAMES = {1: "无条件共享", 2: "有条件共享", 3: "不予共享"}
DATA_TYPE_NAMES = {
    "C": "字符型",
    "N": "数值型",
    "Y": "货币型",
    "D": "日期型",
    "T": "日期时间型",
    "L": "逻辑型",
    "M": "备注型",
    "G": "通用型",
    "B": "双精度型",
    "I": "整型",
    "F": "浮点型",
}
GRADE_NAMES = {1: "一般数据（1级）", 2: "一般数据（2级）", 3: "重要数据（3级）", 4: "核心数据（4级）"}
