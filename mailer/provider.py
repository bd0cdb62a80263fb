"""Who runs a recipient's mailboxes: by the address's domain, or by the host that takes the domain's mail."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from mailer.rate import Bounds, Rate
from subscribers.errors import InputError

OTHER = "other"
_SHIPPED = Path(__file__).with_name("providers.toml")
_KEYS = frozenset(
    {"key", "name_zh", "domains", "mx_suffixes", "connections", "messages", "pace", "per_hour", "per_day", "source"}
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How gently to begin. `rate` is (messages, seconds); `connections_at_most` is what the provider was seen to bear.

    `per_hour` and `per_day` are what it takes of us by the clock, where somebody knows.
    """

    connections: int
    connections_at_most: int
    messages_per_connection: int
    rate: tuple[int, int]
    source: str
    per_hour: int | None = None
    per_day: int | None = None

    @property
    def bounds(self) -> Bounds:
        """The same as what bounds a mailing: as many messages on their way at once as there are connections to begin with."""
        return Bounds(Rate(*self.rate), self.connections, self.per_hour, self.per_day)


@dataclass(frozen=True, slots=True)
class Provider:
    """One row of providers.toml; domains and hosts are in lower case, without a dot at either end."""

    key: str
    name_zh: str
    domains: frozenset[str]
    mx_suffixes: frozenset[str]
    limits: Limits


class ProviderTable:
    """The providers that are known, by key, domain and MX host; whatever is not known is OTHER's."""

    def __init__(self, providers: Iterable[Provider]) -> None:
        self._by_key = {provider.key: provider for provider in providers}
        self.keys = frozenset(self._by_key)
        self.provider_of_domain: Mapping[str, str] = MappingProxyType(
            {domain: provider.key for provider in self._by_key.values() for domain in provider.domains}
        )
        self._by_suffix = {suffix: provider for provider in self._by_key.values() for suffix in provider.mx_suffixes}

    @classmethod
    def load(cls, extra: Path | None = None) -> ProviderTable:
        """The table as shipped, with what `extra` adds: new providers, or domains and hosts of those shipped.

        Raises InputError naming the file, the row and the cure.
        """
        known = {provider.key: provider for provider in _read(_SHIPPED, {})}
        added = _read(extra, known) if extra else ()
        return cls((known | {provider.key: provider for provider in added}).values())

    def provider(self, key: str) -> Provider:
        """The provider called `key`; OTHER for a key that nobody has."""
        return self._by_key.get(key, self._by_key[OTHER])

    def require(self, key: str) -> None:
        """InputError, with those that there are, where no provider is called `key`."""
        if key not in self.keys:
            raise InputError(f"there is no provider {key!r}. There are: {', '.join(sorted(self.keys))}.")

    def provider_of_address(self, address: str) -> Provider:
        """The provider by the address's domain alone; a domain of one's own is OTHER's until its MX is asked."""
        domain = address.rpartition("@")[2].rstrip(".").lower()
        return self.provider(self.provider_of_domain.get(domain, OTHER))

    def provider_of_mx(self, host: str) -> Provider | None:
        """The provider whose host takes a domain's mail, by whole labels from the right; None where nobody knows the host."""
        labels = host.rstrip(".").lower().split(".")
        suffixes = (".".join(labels[start:]) for start in range(len(labels)))
        return next((self._by_suffix[suffix] for suffix in suffixes if suffix in self._by_suffix), None)


def _read(path: Path, known: Mapping[str, Provider]) -> tuple[Provider, ...]:
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8")).get("provider", [])
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(
            f"{path.name}: cannot be read ({error}). Give a TOML file in UTF-8 with [[provider]] tables."
        ) from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(f"{path.name}: `provider` is no list of tables. Write each as [[provider]], one key = value a line.")
    return tuple(_provider(row, f"{path.name}: [[provider]] {number}", known) for number, row in enumerate(rows, start=1))


def _provider(row: dict[str, object], where: str, known: Mapping[str, Provider]) -> Provider:
    if unknown := sorted(row.keys() - _KEYS):
        raise InputError(f"{where}: unknown key {unknown[0]!r}. Use one of: {', '.join(sorted(_KEYS))}.")
    key = _text(row, "key", where)
    domains, suffixes = _names(row, "domains", where), _names(row, "mx_suffixes", where)
    if key in known:
        before = known[key]
        domains, suffixes = before.domains | domains, before.mx_suffixes | suffixes
        limits = _limits(row, where) if "pace" in row else _with_allowances(before.limits, row, where)
        return replace(before, domains=domains, mx_suffixes=suffixes, limits=limits)
    return Provider(key, _text(row, "name_zh", where), domains, suffixes, _limits(row, where))


def _limits(row: dict[str, object], where: str) -> Limits:
    begin, most = _pair(row, "connections", where)
    messages = row.get("messages")
    if not isinstance(messages, int) or messages < 1:
        raise InputError(f"{where}: messages is no number above 0. Write messages = 10.")
    limits = Limits(begin, most, messages, _pair(row, "pace", where), _text(row, "source", where))
    return _with_allowances(limits, row, where)


def _with_allowances(limits: Limits, row: dict[str, object], where: str) -> Limits:
    """The limits with what the row says of hours and days, if anything."""
    hour = _allowance(row, "per_hour", limits.per_hour, where)
    return replace(limits, per_hour=hour, per_day=_allowance(row, "per_day", limits.per_day, where))


def _allowance(row: dict[str, object], key: str, default: int | None, where: str) -> int | None:
    value = row.get(key, default)
    if value is not None and (not isinstance(value, int) or value < 1):
        raise InputError(f"{where}: {key} is no number above 0. Write {key} = 500.")
    return value


def _pair(row: dict[str, object], key: str, where: str) -> tuple[int, int]:
    match row.get(key):
        case [int(first), int(second)] if first > 0 and second > 0:
            return first, second
        case _:
            raise InputError(f"{where}: {key} is no pair of numbers above 0. Write {key} = [1, 5].")


def _text(row: dict[str, object], key: str, where: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value:
        raise InputError(f'{where}: {key} is missing or no text. Write {key} = "…".')
    return value


def _names(row: dict[str, object], key: str, where: str) -> frozenset[str]:
    value = row.get(key, [])
    if not isinstance(value, list) or not all(isinstance(name, str) and name.strip(".") for name in value):
        raise InputError(f'{where}: {key} is no list of names. Write {key} = ["example.org"].')
    return frozenset(name.strip(".").lower() for name in value)
