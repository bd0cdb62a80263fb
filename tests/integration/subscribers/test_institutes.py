"""Institutes by their names, against a real PostgreSQL."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, insert, update

from subscribers import institutes
from subscribers.errors import InputError
from subscribers.institutes import NewInstitute, key_of
from subscribers.models import InstituteName

YUNNAN = NewInstitute("云南省农业科学院", short_name="云南农科院", province="云南省")
SICHUAN = NewInstitute("四川省农业科学院", short_name="省农科院")


@pytest.mark.parametrize("written", ["云南省 农业科学院", "云南省农业科学院　", "「云南省农业科学院」", "云南农科院"])
def test_an_institute_is_found_however_its_name_is_written(engine: Engine, written: str) -> None:
    with engine.begin() as connection:
        made = institutes.ensure_institutes(connection, [YUNNAN, SICHUAN])
        assert institutes.find_institute(connection, written) == made[YUNNAN.name]
        assert institutes.ensure_institutes(connection, [NewInstitute(written)]) == {written: made[YUNNAN.name]}


def test_one_that_two_spellings_bring_at_once_is_made_once(engine: Engine) -> None:
    with engine.begin() as connection:
        made = institutes.ensure_institutes(connection, [NewInstitute("中国科学院（昆明）"), NewInstitute("中国科学院(昆明)")])
        assert len(made) == 2
        assert len(set(made.values())) == 1


def test_a_name_that_may_be_two_institutes_is_no_name(engine: Engine) -> None:
    with engine.begin() as connection:
        made = institutes.ensure_institutes(connection, [YUNNAN, SICHUAN])
        connection.execute(
            update(InstituteName).where(InstituteName.kind == "short").values(name="农科院", key=key_of("农科院"))
        )
        with pytest.raises(InputError, match="may be 云南省农业科学院 or 四川省农业科学院"):
            institutes.find_institute(connection, "农科院")
        named = institutes.by_names(connection, ["农科院", YUNNAN.name, "无此院"])
    assert (dict(named.ids), set(named.ambiguous)) == ({YUNNAN.name: made[YUNNAN.name]}, {"农科院"})


def test_the_name_of_today_goes_before_another_institutes_former_one(engine: Engine) -> None:
    with engine.begin() as connection:
        made = institutes.ensure_institutes(connection, [YUNNAN, SICHUAN])
        former = {"name": YUNNAN.name, "key": key_of(YUNNAN.name), "kind": "former"}
        connection.execute(insert(InstituteName).values(institute_id=made[SICHUAN.name], **former))
        assert institutes.find_institute(connection, YUNNAN.name) == made[YUNNAN.name]
