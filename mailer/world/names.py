"""What invented institutes work on, what they are called, and what invented people are called."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class InstituteKind(StrEnum):
    """What an institute calls itself."""

    ACADEMY = "研究院"
    INSTITUTE = "研究所"
    DESIGN = "设计院"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of work: in the full name, in the short name, in an address."""

    name: str
    short: str
    latin: str


@dataclass(frozen=True, slots=True)
class NamePart:
    """A family name or a given name, with its spelling in Latin letters."""

    name: str
    latin: str


KIND_SHORT = {InstituteKind.ACADEMY: "院", InstituteKind.INSTITUTE: "所", InstituteKind.DESIGN: "设计院"}
KIND_LATIN = {InstituteKind.ACADEMY: "yjy", InstituteKind.INSTITUTE: "yjs", InstituteKind.DESIGN: "sjy"}

_FIELDS = """
机械工业 机械 jixie, 冶金 冶金 yejin, 化工 化工 huagong, 农业工程 农工 nonggong, 林业 林业 linye, 水利 水利 shuili
交通 交通 jiaotong, 建筑科学 建科 jianke, 环境科学 环科 huanke, 地质工程 地质 dizhi, 医药工业 医药 yiyao, 轻工 轻工 qinggong
纺织 纺织 fangzhi, 电子技术 电子 dianzi, 自动化 自动化 zidonghua, 计量测试 计量 jiliang, 标准化 标准 biaozhun, 能源 能源 nengyuan
煤炭 煤炭 meitan, 食品发酵 食品 shipin, 粮油 粮油 liangyou, 畜牧 畜牧 xumu, 园林 园林 yuanlin, 生物技术 生物 shengwu
新材料 材料 cailiao, 有色金属 有色 youse, 光学仪器 光仪 guangyi, 信息技术 信息 xinxi, 测绘 测绘 cehui, 安全生产 安科 anke
包装 包装 baozhuang, 造纸 造纸 zaozhi, 日用化学 日化 rihua, 橡胶塑料 橡塑 xiangsu, 家具木材 木材 mucai, 中药 中药 zhongyao
城市规划 规划 guihua, 科技情报 情报 qingbao, 焊接 焊接 hanjie, 机床 机床 jichuang
"""
_FAMILY_NAMES = """
王 wang, 李 li, 张 zhang, 刘 liu, 陈 chen, 杨 yang, 赵 zhao, 黄 huang, 周 zhou, 吴 wu, 徐 xu, 孙 sun, 胡 hu, 朱 zhu, 高 gao
林 lin, 何 he, 郭 guo, 马 ma, 罗 luo, 梁 liang, 宋 song, 郑 zheng, 谢 xie, 韩 han, 唐 tang, 冯 feng, 董 dong, 萧 xiao, 程 cheng
曹 cao, 袁 yuan, 邓 deng, 许 xu, 傅 fu, 沈 shen, 曾 zeng, 彭 peng, 吕 lv, 欧阳 ouyang
"""
_GIVEN_NAMES = """
明远 mingyuan, 思齐 siqi, 若谷 ruogu, 文博 wenbo, 致远 zhiyuan, 怀瑾 huaijin, 清和 qinghe, 书恒 shuheng, 景行 jingxing
知新 zhixin, 广源 guangyuan, 长庚 changgeng, 立言 liyan, 守正 shouzheng, 望舒 wangshu, 嘉树 jiashu, 云舟 yunzhou, 冬青 dongqing
雨桐 yutong, 晓岚 xiaolan, 静姝 jingshu, 若兰 ruolan, 映雪 yingxue, 采薇 caiwei, 令仪 lingyi, 南星 nanxing, 川柏 chuanbai
沛 pei, 朗 lang, 岳 yue, 宁 ning, 溪 xi, 峤 qiao
"""


def _rows(table: str) -> list[list[str]]:
    return [words.split() for words in table.strip().replace("\n", ",").split(",")]


FIELDS = tuple(Field(*words) for words in _rows(_FIELDS))
FAMILY_NAMES = tuple(NamePart(*words) for words in _rows(_FAMILY_NAMES))
GIVEN_NAMES = tuple(NamePart(*words) for words in _rows(_GIVEN_NAMES))
