import pytest

from mailer.salutation import salutation


@pytest.mark.parametrize(
    ("name", "institute", "greeting"),
    [
        ("王伟", "物理研究所", "王伟老师"),
        ("欧阳修文", "", "欧阳修文老师"),
        ("Zhang Wei", "物理研究所", "Zhang Wei 老师"),
        ("王伟教授", "物理研究所", "王伟教授"),
        ("李主任", "", "李主任"),
        ("科研处", "物理研究所", "科研处"),
        ("综合办公室", "", "综合办公室"),
        ("", "物理研究所", "物理研究所"),
        ("", "", "各位同仁"),
    ],
)
def test_everybody_is_greeted_as_they_would_be_in_a_letter(name, institute, greeting):
    assert salutation(name, institute) == greeting
