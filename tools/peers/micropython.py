# SPDX-License-Identifier: MIT
"""MicroPython 1.25 of Debian 13, the 32-bit builds.

i386 stands in for the microcontroller: every object has the size it has on a 32-bit ARM. armhf
runs under qemu-user (`qemu.py`), where instructions can be counted. Debian's package
`micropython`, MIT.
"""

from .base import Debian


class _MicroPython(Debian):
    def command(self, program="usr/bin/micropython"):
        root = self.dir / "root"
        if self.arch == "i386":
            lib = root / "usr/lib/i386-linux-gnu"
            loader = lib / "ld-linux.so.2"
        else:
            lib = root / "usr/lib/arm-linux-gnueabihf"
            loader = root / "usr/lib/ld-linux-armhf.so.3"
        return [str(loader), "--library-path", str(lib), str(root / program)]


def _peer(name, arch, text):
    return _MicroPython(
        name,
        "1.25.0 (Debian 13)",
        "mp-" + arch,
        "root/usr/bin/micropython",
        text,
        "trixie",
        arch,
        ["micropython"],
    )


I386 = _peer("micropython-i386", "i386", "MicroPython, 32-bit x86")
ARMHF = _peer("micropython-armhf", "armhf", "MicroPython, 32-bit ARM")
