"""The 31 provincial-level units of mainland China with some of their cities, and how their names are written in addresses."""

from __future__ import annotations

from dataclasses import dataclass

_SUFFIXES = ("壮族自治区", "回族自治区", "维吾尔自治区", "自治区", "省", "市")


@dataclass(frozen=True, slots=True)
class Place:
    """A province or a city: its full name, and its name in Latin letters, by which no two places are confused."""

    name: str
    latin: str

    @property
    def short(self) -> str:
        """The name without 省, 市 or 自治区."""
        return next((self.name.removesuffix(suffix) for suffix in _SUFFIXES if self.name.endswith(suffix)), self.name)


@dataclass(frozen=True, slots=True)
class Province:
    """A provincial-level unit; the first of its cities is the seat of its government."""

    place: Place
    cities: tuple[Place, ...]


# name latin: city latin, … A municipality is its own only city.
_TABLE = """
北京市 beijing: 北京市 beijing
天津市 tianjin: 天津市 tianjin
河北省 hebei: 石家庄市 shijiazhuang, 唐山市 tangshan, 保定市 baoding, 邯郸市 handan
山西省 shanxi: 太原市 taiyuan, 大同市 datong, 长治市 changzhi, 运城市 yuncheng
内蒙古自治区 neimenggu: 呼和浩特市 huhehaote, 包头市 baotou, 赤峰市 chifeng
辽宁省 liaoning: 沈阳市 shenyang, 大连市 dalian, 鞍山市 anshan, 锦州市 jinzhou
吉林省 jilin: 长春市 changchun, 四平市 siping, 通化市 tonghua
黑龙江省 heilongjiang: 哈尔滨市 haerbin, 齐齐哈尔市 qiqihaer, 大庆市 daqing, 佳木斯市 jiamusi
上海市 shanghai: 上海市 shanghai
江苏省 jiangsu: 南京市 nanjing, 苏州市 suzhou, 无锡市 wuxi, 徐州市 xuzhou
浙江省 zhejiang: 杭州市 hangzhou, 宁波市 ningbo, 温州市 wenzhou, 绍兴市 shaoxing
安徽省 anhui: 合肥市 hefei, 芜湖市 wuhu, 蚌埠市 bengbu, 马鞍山市 maanshan
福建省 fujian: 福州市 fuzhou, 厦门市 xiamen, 泉州市 quanzhou
江西省 jiangxi: 南昌市 nanchang, 九江市 jiujiang, 赣州市 ganzhou, 景德镇市 jingdezhen
山东省 shandong: 济南市 jinan, 青岛市 qingdao, 烟台市 yantai, 潍坊市 weifang
河南省 henan: 郑州市 zhengzhou, 洛阳市 luoyang, 开封市 kaifeng, 新乡市 xinxiang
湖北省 hubei: 武汉市 wuhan, 宜昌市 yichang, 襄阳市 xiangyang, 黄石市 huangshi
湖南省 hunan: 长沙市 changsha, 株洲市 zhuzhou, 湘潭市 xiangtan, 衡阳市 hengyang
广东省 guangdong: 广州市 guangzhou, 深圳市 shenzhen, 佛山市 foshan, 东莞市 dongguan
广西壮族自治区 guangxi: 南宁市 nanning, 柳州市 liuzhou, 桂林市 guilin
海南省 hainan: 海口市 haikou, 三亚市 sanya
重庆市 chongqing: 重庆市 chongqing
四川省 sichuan: 成都市 chengdu, 绵阳市 mianyang, 自贡市 zigong, 德阳市 deyang
贵州省 guizhou: 贵阳市 guiyang, 遵义市 zunyi, 六盘水市 liupanshui
云南省 yunnan: 昆明市 kunming, 曲靖市 qujing, 玉溪市 yuxi
西藏自治区 xizang: 拉萨市 lasa, 日喀则市 rikaze
陕西省 shaanxi: 西安市 xian, 宝鸡市 baoji, 咸阳市 xianyang, 汉中市 hanzhong
甘肃省 gansu: 兰州市 lanzhou, 天水市 tianshui, 白银市 baiyin
青海省 qinghai: 西宁市 xining, 海东市 haidong
宁夏回族自治区 ningxia: 银川市 yinchuan, 石嘴山市 shizuishan
新疆维吾尔自治区 xinjiang: 乌鲁木齐市 wulumuqi, 克拉玛依市 kelamayi
"""


def _place(words: str) -> Place:
    name, latin = words.split()
    return Place(name, latin)


def _province(line: str) -> Province:
    head, _, tail = line.partition(":")
    return Province(_place(head), tuple(_place(words) for words in tail.split(",")))


PROVINCES = tuple(_province(line) for line in _TABLE.strip().splitlines())
