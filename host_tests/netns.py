# SPDX-License-Identifier: MIT
"""Runs a command in a network namespace of its own with a veth pair s0 - e0, no root needed.

s0 is the kernel's end (address fe80::ff:fe5e:5e02, no DAD), e0 the raw end for our own stack: the
kernel's IPv6 is off there. Checksum and segmentation offloads are off on both, so that frames look
as on a wire.

    from host_tests import netns
    out = netns.run([sys.executable, "-c", "..."], timeout=60)     # CompletedProcess, text

Everything inside is killed at the time limit. `require()` skips the calling test where the system
has neither user namespaces nor root, saying what is missing; with CI set it fails instead. No
tunnel to the outside.
"""

import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
S0_MAC, E0_MAC = "02:00:00:5e:5e:02", "02:00:00:0e:0e:01"
S0_ADDRESS = "fe80::ff:fe5e:5e02"

_SETUP = f"""
ip link set lo up
ip link add s0 address {S0_MAC} type veth peer name e0 address {E0_MAC}
echo 1 > /proc/sys/net/ipv6/conf/e0/disable_ipv6
echo 0 > /proc/sys/net/ipv6/conf/s0/accept_dad
echo 0 > /proc/sys/net/ipv6/conf/s0/router_solicitations
ip link set e0 up
ip link set s0 up
exec "$@"
"""

_SIOCETHTOOL = 0x8946
_OFFLOADS = (
    0x17,
    0x1F,
    0x22,
    0x24,
    0x2C,
    0x15,
)  # set tx checksum, TSO, UFO, GSO, GRO, rx checksum


def offloads_off(interface):
    """What `ethtool -K IF tx off tso off gso off gro off rx off` does; unknown ones are passed
    over.
    """
    import ctypes

    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        for command in _OFFLOADS:
            value = ctypes.create_string_buffer(struct.pack("II", command, 0), 8)
            request = struct.pack("16sP", interface.encode(), ctypes.addressof(value)).ljust(
                40, b"\0"
            )
            try:
                fcntl.ioctl(s, _SIOCETHTOOL, request)
            except OSError:
                pass


@cache
def _unshare():
    """(the command line that works here, None) or (None, why not)"""
    for tool in ("unshare", "ip"):
        if shutil.which(tool, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") is None:
            return None, f"{tool} is missing: apt-get install util-linux iproute2"
    text = ""
    for words in (["unshare", "-Urn"], ["unshare", "-n"]):
        p = subprocess.run([*words, "true"], capture_output=True, text=True, timeout=20)
        if p.returncode == 0:
            return words, None
        text = text or p.stderr.strip()
    return None, f"no network namespace here ({text}): allow user namespaces, or run as root"


def unavailable():
    """None, or why no namespace can be made here."""
    return _unshare()[1]


def require():
    """Skips the test (fails with CI set) where no namespace can be made."""
    from host_tests.conftest import need

    need(unavailable())


def run(argv, timeout=60, env=None, cwd=ROOT, stdin=None):
    """Runs argv inside; returns CompletedProcess with text. Raises subprocess.TimeoutExpired, with
    output.
    """
    words, why = _unshare()
    if words is None:
        raise RuntimeError(why)
    argv = [*words, "sh", "-ec", _SETUP, "sh", sys.executable, __file__, *map(str, argv)]
    env = dict(os.environ if env is None else env)
    env["PATH"] = env.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"
    env["PYTHONPATH"] = os.pathsep.join(
        [str(ROOT), str(ROOT / "lib"), env.get("PYTHONPATH", "")]
    ).strip(":")
    p = subprocess.Popen(
        argv, env=env, cwd=cwd, text=True, start_new_session=True, errors="replace",
        stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        out, err = p.communicate(stdin, timeout=timeout)
    except subprocess.TimeoutExpired as e:
        os.killpg(p.pid, signal.SIGKILL)
        e.stdout, e.stderr = p.communicate()
        raise
    finally:
        try:
            os.killpg(p.pid, signal.SIGKILL)  # whatever it left behind
        except ProcessLookupError:
            pass
    return subprocess.CompletedProcess(argv, p.returncode, out, err)


def run_script(code, *args, timeout=60, env=None):
    """Runs Python source inside, with this interpreter."""
    return run([sys.executable, "-c", code, *args], timeout=timeout, env=env)


if __name__ == "__main__":  # inside: last step of the set-up, then the command
    offloads_off("s0")
    offloads_off("e0")
    os.execvp(sys.argv[1], sys.argv[1:])
