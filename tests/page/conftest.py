"""Programs that some tests need, and that a machine may lack."""

from collections.abc import Iterator

import pytest

from tests.page._browser import Browser, find_browser
from tests.page._node import Node, find_node


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    path = find_node()
    if path is None:
        pytest.skip("node is not installed; the page's scripts cannot be run outside a browser")
    process = Node(path)
    yield process
    process.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = find_browser()
    if path is None:
        pytest.skip("no Chromium is installed (or named by PATHFLOW_CHROMIUM)")
    started = Browser(path)
    yield started
    started.close()
