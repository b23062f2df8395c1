# SPDX-License-Identifier: MIT
"""The oracle as a fixture, and how many messages are drawn (slow: UEVCC_EXAMPLES changes it)."""

import os

import pytest
from hypothesis import HealthCheck, settings

from host_tests.conftest import peer
from host_tests.exi.oracle import exificient

_SLOW = int(os.environ.get("UEVCC_EXAMPLES", "600"))
# Drawing a -20 message takes hundreds of choices; that is no fault of the test.
_CALM = {
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "database": None,
    "print_blob": True,
    "report_multiple_bugs": False,
}


@pytest.fixture(scope="session")
def schemas():
    """The XSDs are there."""
    return peer("schemas")


@pytest.fixture(scope="session")
def oracle(schemas):
    """One JVM with EXIficient for all tests of the run."""
    peer("jre")
    with exificient.Exificient() as running:
        yield running


def drawn(count):
    """Settings of a hypothesis test that draws `count` messages."""
    return settings(max_examples=count, **_CALM)


def amounts(quick, slow=None):
    """Parameters for a test's number of examples: a quick one and one marked slow."""
    return pytest.mark.parametrize(
        "count",
        [
            pytest.param(quick, id="quick"),
            pytest.param(slow or _SLOW, id="slow", marks=pytest.mark.slow),
        ],
    )
