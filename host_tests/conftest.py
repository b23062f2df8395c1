# SPDX-License-Identifier: MIT
"""What all tests share: independent programs (`peer`), MicroPython (`vm`), a clean random seed.

With CI set, a missing peer is a failure; without it a skip that says what is missing and
how to get it.
"""

import gc
import os

import pytest

from tools import peers
from tools.table.plugin import (  # noqa: F401  hooks of the mark `shows`
    pytest_collection_modifyitems,
    pytest_runtest_logreport,
    pytest_sessionfinish,
)
from tools.vm import VMError, build_mpy, missing


def pytest_collection_finish(session):
    """What thousands of tests are made of is not to be looked through for garbage again, and
    what a session leaves behind may wait: there is memory."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Tests of one module stay together, so that what they share is made once."""
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log)


def need(text):
    """Skip, or fail with CI set, unless `text` is None: the words say what is missing."""
    if text is None:
        return
    if os.environ.get("CI"):
        pytest.fail(text, pytrace=False)
    pytest.skip(text)


def peer(name):
    """The peer of that name, ready to use; else this test is skipped (fails with CI set).

    For tests marked `peer`: `from host_tests.conftest import peer`, or the fixture of that name.
    """
    wanted = peers.get(name)
    for one in (*wanted.needs, name):
        need(peers.get(one).missing())
    return wanted


@pytest.fixture(name="peer")
def peer_fixture():
    return peer


@pytest.fixture
def field_data():
    """The folder of captured field data (`UEVCC_FIELD_DATA`); skipped without it."""
    from pathlib import Path

    folder = os.environ.get("UEVCC_FIELD_DATA")
    if not folder:
        pytest.skip("set UEVCC_FIELD_DATA to the folder of captured field data")
    return Path(folder)


@pytest.fixture(scope="session")
def mpy(tmp_path_factory):
    """`mpy(modules, arch=None)`: a folder with those modules of lib/ compiled, once per run."""
    made = {}

    def build(modules, arch=None):
        key = tuple(modules), arch
        if key not in made:
            need(missing("i386"))
            folder = tmp_path_factory.mktemp("mpy")
            try:
                build_mpy(modules, folder, arch)
            except VMError as error:
                pytest.fail(str(error), pytrace=False)
            made[key] = folder
        return made[key]

    return build


@pytest.fixture
def machine():
    """`machine("armhf")`: skipped (fails with CI set) unless that MicroPython is there."""

    def check(name):
        need(missing(name))
        return name

    return check
