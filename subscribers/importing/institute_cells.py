"""The institutes that a table names: a key for each row, and once for each institute what is known of it."""

from __future__ import annotations

from collections.abc import Mapping, MutableSequence, Sequence
from dataclasses import dataclass
from itertools import repeat

from subscribers.importing.headers import Field
from subscribers.institutes import key_of

_MOST = 100_000
_KNOWN = (Field.PROVINCE, Field.CITY, Field.INSTITUTE_KIND, Field.MEMBERSHIP_NUMBER)


@dataclass(frozen=True, slots=True)
class NewName:
    """An institute as a table names it, and what stands beside it where it is first met; `key` is how names are compared."""

    key: str
    name: str
    province: str = ""
    city: str = ""
    kind: str = ""
    membership_number: str = ""


class InstituteCells:
    """Finds out the key of an institute once, and tells of it once. Texts come through `texts`, ready for COPY."""

    def __init__(self, places: Mapping[Field, int], texts: Mapping[str, str]) -> None:
        self._place = places.get(Field.INSTITUTE)
        self._known = [places.get(one) for one in _KNOWN]
        self._texts = texts
        self._keys: dict[str, str] = {"": ""}

    def keys(self, cells: Sequence[Sequence[str]], told: MutableSequence[NewName]) -> Sequence[str] | repeat[str]:
        """The key of each row's institute; those not met before are added to `told`."""
        if self._place is None:
            return repeat("")
        names = cells[self._place]
        new = set(names).difference(self._keys)
        if len(self._keys) + len(new) > _MOST:
            self._keys, new = {"": ""}, set(names)
        for number, cell in enumerate(names if new else ()):
            if cell in new:
                new.remove(cell)
                self._keys[cell] = self._met(cell, number, cells, told)
        return list(map(self._keys.__getitem__, names))

    def _met(self, cell: str, number: int, cells: Sequence[Sequence[str]], told: MutableSequence[NewName]) -> str:
        name = self._texts[cell]
        key = key_of(name) if name else ""
        if key:
            told.append(
                NewName(key, name, *(self._texts[cells[place][number]] if place is not None else "" for place in self._known))
            )
        return key
