"""Names of persons, roads and firms, put together from common characters. Any likeness to a real one is chance."""

from __future__ import annotations

import numpy as np
import polars as pl

from lakehouse.sample_city.dice import Dice, Ints

SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石"
    "廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
SURNAME_WEIGHTS = [100.0 / (rank + 4) for rank in range(len(SURNAMES))]
DOUBLE_SURNAMES = ("欧阳", "上官", "诸葛", "司徒")
MALE_GIVEN = "伟强磊军洋勇杰涛明超刚平辉鹏华飞鑫波斌宇浩凯健俊帆帅旭宁龙林阳建成亮志文国海峰晨昊轩博睿泽航子涵铭哲瀚"
FEMALE_GIVEN = (
    "芳娜敏静丽艳娟霞秀燕玲桂英萍红玉兰凤洁梅琳素云莲真环雪荣爱妹香月莺媛瑞佳嘉琼勤珍贞莉倩怡悦彤欣梓妍诗语涵"
)
ROADS = (
    "文苑路", "学院路", "新华路", "建设路", "人民路", "解放路", "和平路",
    "翠苑路", "古墩路", "丰潭路", "莫干山路", "望江路", "清江路", "秋涛路",
    "钱江路", "之江路", "滨盛路", "江南大道", "市心路", "金城路", "通惠路",
    "育才路", "体育场路", "凤起路", "庆春路", "中河路", "东新路", "石祥路",
    "沈半路", "永福路", "天目山路", "文一路", "文二路", "文三路", "桂花路",
    "梅灵路", "云溪路", "虹桥路", "春江路", "富春路", "恩波路", "银湖路",
    "苕溪路", "锦城路", "临水路", "新安路", "千岛湖路", "排岭路", "桐君路",
    "瑶琳路",
)  # fmt: skip
BRANDS = "恒信博远嘉禾瑞丰中汇联合启明创新安泰宏图锦绣华晟东方天元金桥云帆智汇卓越盛世永昌泰和鼎新国瑞和美同创百川正阳海纳星辰"
BUSINESS = {
    "A": "农业开发",
    "B": "矿业",
    "C": "机械制造",
    "D": "热电",
    "E": "建筑工程",
    "F": "商贸",
    "G": "物流",
    "H": "餐饮管理",
    "I": "信息技术",
    "J": "投资",
    "K": "置业",
    "L": "商务服务",
    "M": "科技",
    "N": "环境工程",
    "O": "家政服务",
    "P": "教育科技",
    "Q": "健康管理",
    "R": "文化传媒",
}


def surnames(dice: Dice, count: int) -> pl.Series:
    """Draw family names by how common they are; one in 300 has two characters."""
    single = dice.pick(list(SURNAMES), count, SURNAME_WEIGHTS)
    double = dice.pick(DOUBLE_SURNAMES, count)
    rare = pl.Series(dice.chance(1 / 300, count))
    return single.zip_with(~rare, double)


def given_names(dice: Dice, sex: Ints) -> pl.Series:
    """Draw given names of one or two characters that suit the sex (1 male, 2 female)."""
    count = len(sex)
    male = pl.Series(sex == 1)
    first = dice.pick(list(MALE_GIVEN), count).zip_with(male, dice.pick(list(FEMALE_GIVEN), count))
    second = dice.pick(list(MALE_GIVEN), count).zip_with(male, dice.pick(list(FEMALE_GIVEN), count))
    short = pl.Series(dice.chance(0.25, count))
    return first.zip_with(short, first + second)


def misspelt(names: pl.Series) -> pl.Series:
    """Return each name as a clerk would mistype it: never equal to the original."""
    replaced = [name[:-1] + ("俊" if name[-1] != "俊" else "峻") for name in names.to_list()]
    return pl.Series(replaced, dtype=pl.String)


def firm_names(dice: Dice, city: str, industry: pl.Series) -> pl.Series:
    """Return firm names of city, brand, trade and form; the brand is long enough that few meet twice."""
    count = len(industry)
    characters = list(BRANDS)
    brand = dice.pick(characters, count) + dice.pick(characters, count)
    brand = brand.zip_with(pl.Series(dice.chance(0.4, count)), brand + dice.pick(characters, count))
    trade = industry.replace_strict(BUSINESS, return_dtype=pl.String)
    form = dice.pick(["有限公司", "股份有限公司", "有限责任公司"], count, [0.85, 0.05, 0.1])
    return pl.Series(np.full(count, city)) + brand + trade + form
