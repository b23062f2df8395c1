# SPDX-License-Identifier: MIT
"""The raw frame port: words for what is wrong, and a real interface in a namespace."""

import shutil
import subprocess
import sys

import pytest

from host_tests import netns
from tools import ROOT

SCRIPT = """
import subprocess, time
from tools.rawlink import RawLink
mac = bytes.fromhex("0200000e0e01")
a, b = RawLink("e0", mac), RawLink("s0")
assert a.ready and a.restarts == 1 and a.receive() is None and a.fileno() >= 0
def wait(link):
    for _ in range(100):
        link.poll(0)
        while (f := link.receive()) is not None:
            if f[12:14] == b"\\x88\\xe1":
                return bytes(f)
        time.sleep(0.01)
frame = b"\\xff" * 6 + mac + b"\\x88\\xe1hello"
assert a.send(memoryview(frame))
got = wait(b)
assert got == frame.ljust(60, b"\\0"), got
assert a.counters["tx"] == 1
time.sleep(0.05)
a.poll(0)
assert all(bytes(f[6:12]) != mac for f in iter(a.receive, None))      # not our own
assert b.send(b"\\xff" * 6 + mac + b"\\x88\\xe1" + bytes(60))         # ours, sent back by a bridge
assert b.send(b"\\xff" * 6 + b"\\2\\0\\0\\0\\0\\7" + b"\\x88\\xe1" + bytes(1486))
got = wait(a)
assert got[11] == 7 and len(got) == 1500
only = RawLink("e0", mac, ethertypes=(0x88E1,))
b.send(b"\\xff" * 6 + b"\\2\\0\\0\\0\\0\\7" + b"\\x08\\0" + bytes(60))
b.send(b"\\xff" * 6 + b"\\2\\0\\0\\0\\0\\7" + b"\\x88\\xe1" + bytes(60))
time.sleep(0.05)
only.poll(0)
assert bytes(only.receive()[12:14]) == b"\\x88\\xe1" and only.receive() is None
ip = lambda *w: subprocess.run(["ip", "link", "set", "e0", *w], check=True, timeout=5)
ip("down")
a.poll(0)
while a.ready: a.poll(0)
assert not a.send(frame) and a.counters["tx_refused"] == 1 and a.counters["down"] == 1
ip("up")
for _ in range(100):
    a.poll(0)
    if a.ready: break
    time.sleep(0.01)
assert a.ready and a.restarts == 2 and a.send(frame)
assert a.next_poll(100) == 120
a.close()
print("good")
"""

OPEN = """
from tools.rawlink import LinkError, RawLink
import sys
try:
    RawLink(sys.argv[1])
except LinkError as e:
    print(e)
"""


@pytest.mark.peer
def test_on_a_virtual_cable():
    netns.require()
    done = netns.run_script(SCRIPT, timeout=30)
    assert done.stdout == "good\n", done.stderr


@pytest.mark.peer
def test_no_such_interface():
    netns.require()
    done = netns.run_script(OPEN, "plc7", timeout=30)
    assert done.stdout.startswith("no interface plc7; there are: lo"), done.stderr


@pytest.mark.peer
def test_no_permission():
    if shutil.which("unshare") is None or netns.unavailable():
        netns.require()
    command = ["unshare", "-U", sys.executable, "-c", OPEN, "lo"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=ROOT)
    assert done.stdout.startswith("no permission for raw frames on lo: run with sudo"), done.stderr


def test_no_such_system(monkeypatch):
    import socket

    from tools.rawlink import LinkError, RawLink

    monkeypatch.delattr(socket, "AF_PACKET", raising=False)
    with pytest.raises(LinkError, match="need Linux"):
        RawLink("eth0")
