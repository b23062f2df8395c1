# SPDX-License-Identifier: MIT
"""The same frames go out on a 32-bit MicroPython as on CPython, with and without the checksum
kernel.
"""

import pytest

from host_tests.net.recorded import CHECK, record, record_global, script
from tools.vm import micropython

pytestmark = pytest.mark.vm
MODULES = ("evcc/__init__.py", "evcc/compat.py", "evcc/net", "evcc/sdp.py", "evcc/v2gtp.py")


def replay(lines, code, folder, arch):
    done = micropython(
        code + CHECK,
        path=[folder],
        heap="160k",
        stdin="\n".join(lines) + "\n\n",
        timeout=60,
    )
    want = f"same {len(lines) // 2} {arch is not None}\n"
    assert done.stdout == want, done.stdout + done.stderr


@pytest.mark.parametrize("arch", [None, "x86"])
@pytest.mark.parametrize("seed", [1, 2])
def test_same_on_micropython(mpy, arch, seed):
    lines, counters = record(seed)
    assert counters["tcp_again"] and counters.get("tcp_old"), "the line was not bad enough"
    replay(lines, script(), mpy(MODULES, arch), arch)


def test_global_addresses_on_micropython(mpy):
    lines, _ = record_global()
    replay(lines, script(True), mpy(MODULES, None), None)
