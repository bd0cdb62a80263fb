"""The browser of the tests that need one."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.e2e.browsers import CHROMIUM, chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    with chromium() as started:
        yield started
