"""What every test has: the markers by which `make quick` chooses, and the order in which files are tested."""

from collections import Counter

import pytest

BROWSERS = frozenset({"browser"})
"""Fixtures that open a browser."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Mark what opens a browser, so that nobody has to remember it, and put files with many dear tests first.

    A worker that takes a long file last keeps everybody waiting. Tests of one file stay in their order.
    """
    dear = Counter()
    for item in items:
        if BROWSERS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.browser)
        dear[item.path] += bool(item.get_closest_marker("slow") or item.get_closest_marker("browser"))
    items.sort(key=lambda item: -dear[item.path])
