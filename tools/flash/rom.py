# SPDX-License-Identifier: MIT
"""The ROMFS image of a board that has a partition for it: made and written by mpremote itself."""

import subprocess
import sys
import tempfile
from pathlib import Path

from tools import ROOT

from . import FlashError
from .deploy import VERSION
from .image import short

OUTSIDE = ("main.py",)  # what a ROM image cannot hold


def size(link):
    """Bytes of the first ROM partition, 0 without one."""
    return link.eval(
        "0 if isinstance(_r,int) else _r.ioctl(4,0)*_r.ioctl(5,0) if hasattr(_r,'ioctl') "
        "else len(_r)",
        "import vfs\n"
        "_r=vfs.rom_ioctl(2,0) if hasattr(vfs,'rom_ioctl') and vfs.rom_ioctl(1)>0 else -1",
    )


def build(image):
    """The ROMFS image, packed by mpremote itself."""
    with tempfile.TemporaryDirectory(prefix="uevcc-rom-") as folder:
        source, out = Path(folder, "rom"), Path(folder, "rom.romfs")
        image.write(source, OUTSIDE)
        (source / VERSION).write_bytes(image.marker())
        _mpremote("romfs", "-o", out, "build", source)
        return out.read_bytes()


def holds(link, data):
    """Is exactly this image in the partition?"""
    code = (
        "import vfs,hashlib,binascii\n"
        "def _rom(n):\n"
        " s=hashlib.sha256();d=vfs.rom_ioctl(2,0)\n"
        " if hasattr(d,'ioctl'):\n"
        "  z=d.ioctl(5,0);b=bytearray(z)\n"
        "  for i in range(0,n,z):\n"
        "   d.readblocks(i//z,b);s.update(memoryview(b)[:min(z,n-i)])\n"
        " else:\n"
        "  s.update(memoryview(d)[:n])\n"
        " return binascii.hexlify(s.digest()[:8]).decode()\n"
    )
    return link.eval(f"_rom({len(data)})", code) == short(data)


def write(port, data, progress=lambda n: None):
    """Write the partition with `mpremote romfs deploy`. Raises FlashError."""
    with tempfile.TemporaryDirectory(prefix="uevcc-rom-") as folder:
        file = Path(folder, "uevcc.romfs")
        file.write_bytes(data)
        _mpremote("connect", port, "resume", "romfs", "deploy", file, progress=progress)


def _mpremote(*words, progress=None, timeout=300):
    """Run mpremote; `progress(n)`: bytes since the last call, as it tells them."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mpremote", *map(str, words)], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=ROOT,
    )  # fmt: skip
    heard, told = b"", 0
    try:
        while part := process.stdout.read1(4096):
            heard += part
            at = heard.rpartition(b"Writing at offset ")[2].split()
            if progress and b"Writing at offset " in heard and at and at[0].isdigit():
                progress(int(at[0]) - told)
                told = int(at[0])
        process.wait(timeout)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()
    if process.returncode:
        last = heard.decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
        raise FlashError(f"mpremote {words[0]} failed: {last[0]}")
    return heard
