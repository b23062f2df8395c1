# SPDX-License-Identifier: MIT
"""Makes MicroPython on a PC behave as a board: flash, ROM partition, terminal, boot order.

Runs in the VM before anything else. The root file system becomes a littlefs in the simulated
flash, `vfs.rom_ioctl` serves a ROM partition that lies outside the heap, `micropython.kbd_intr`
switches Ctrl-C of the terminal, `machine` can reset. Then boot.py, main.py and the REPL, in the
order of a real board. Arguments: flash file, its 4 kB blocks, ROM file, its bytes (0: none),
two numbers of open files of the border to the emulated hardware (-1: none), "raw" or "friendly",
"power", "reset", "soft" or "watchdog", "sticky" (of the watchdog) or "stoppable". What it cannot
show: a port's own C code for USB and REPL.
"""

import struct
import sys
import termios

import machine
import micropython
import vfs

_BLOCK = 4096
SOFT, HARD = 201, 203  # exit status: reset the interpreter; 202: in the raw REPL
FIRST = sys.argv[8]


class Flash:
    """Block device over the flash file: what a cut of power leaves is what was written."""

    def __init__(self, name, blocks):
        self._file = open(name, "r+b")
        self._blocks = blocks

    def readblocks(self, block, buf, offset=0):
        self._file.seek(block * _BLOCK + offset)
        self._file.readinto(buf)

    def writeblocks(self, block, buf, offset=0):
        self._file.seek(block * _BLOCK + offset)
        self._file.write(buf)

    def ioctl(self, op, arg):
        return {4: self._blocks, 5: _BLOCK, 6: 0}.get(op)


class Shim:
    """A built-in module with some attributes of its own."""

    def __init__(self, module):
        self._module = module

    def __getattr__(self, name):
        return getattr(self._module, name)


class Terminal:
    """What the UART or USB driver of a port does: which byte interrupts, how a line ends."""

    def __init__(self):
        self.intr = -1
        self.raw = False
        self.running = False

    def set(self, intr, cooked=False):
        """`intr`: the byte that raises KeyboardInterrupt (-1: none); cooked: LF goes as CR LF."""
        self.intr = intr
        wants = termios.tcgetattr(0)
        wants[0] = 0
        wants[1] = 5 if cooked else 0  # OPOST, ONLCR
        wants[3] = 0x80 if intr < 0 else 0x81  # NOFLSH, ISIG
        wants[6] = [b"\0"] * 32
        wants[6][0] = bytes((intr,)) if intr >= 0 else b"\0"
        wants[6][5], wants[6][6] = 0, 1
        termios.tcsetattr(0, 0, wants)


def rom_partition(name, size):
    """The ROM file as memory, and `rom_ioctl` on it as a port with memory-mapped flash has it."""
    import ffi
    import uctypes

    libc = ffi.open(None)
    file = libc.func("i", "open", "si")(name, 2)
    rom = uctypes.bytearray_at(libc.func("p", "mmap", "pIiiii")(0, size, 3, 1, file, 0), size)
    empty = b"\xff" * 256

    def rom_ioctl(op, segment=0, *more):
        if op == 1:
            return 1
        if segment:
            return -22
        if op == 2:
            return memoryview(rom)
        if op == 3:  # prepare (offset, length), or (length): erase
            offset, length = more if len(more) == 2 else (0, more[0])
            if offset + length > size:
                return -22
            for at in range(offset, min(size, -(-(offset + length) // _BLOCK) * _BLOCK), 256):
                rom[at : at + 256] = empty
            return 8
        if op == 4:
            offset, data = more
            # bytes beyond the end are the padding of the last write
            data = memoryview(data)[: max(0, size - offset)]
            rom[offset : offset + len(data)] = data
            return 0
        return {5: 0, 6: _BLOCK}.get(op, -22)

    return rom_ioctl


class Wire:
    """The two files of the border. A Ctrl-C may come anywhere, also when bytes were just taken.

    So after a message that did not come to its end the other side is asked for a mark, and what
    comes before the mark is dropped.
    """

    def __init__(self, read, write):
        self._read, self._write = read.readinto, write.write
        self._out = bytearray(2048)  # in one write, which a pipe takes whole
        self._one = bytearray(1)
        self._cut = False
        self._mark = 0

    def ask(self, kind, out, into=None):
        if self._cut:
            self._mark = self._mark + 1 & 255
            mark = b"border%02x" % self._mark
            self._send(121, mark, 8)  # y
            seen = b""
            while seen != mark:
                self._take(self._one)
                seen = seen[-7:] + self._one
        self._cut = True
        self._send(kind, out, len(into) * (4 if kind == 65 else 1) if into else 0)
        if into:
            self._take(into)
        self._cut = False

    def _send(self, kind, out, want):
        n = len(out)
        struct.pack_into("<BHH", self._out, 0, kind, n, want)
        self._out[5 : 5 + n] = out
        self._write(memoryview(self._out)[: 5 + n])

    def _take(self, into):
        if not self._read(into):
            sys.exit(3)  # nobody is outside any more


def border(read, write):
    """What `border.Border` uses to reach the emulated hardware."""
    if read < 0:
        return
    import border

    files = open("/dev/fd/%d" % read, "rb"), open("/dev/fd/%d" % write, "wb")
    wire = Wire(*files)

    def ask(self, kind, out, into=None):
        wire.ask(kind, out, into)

    border.Border.files, border.Border.ask = files, ask


class WDT:
    """`machine.WDT`: one for the chip, in the world outside; without a world nothing bites.

    `deinit` stops it where the chip can (`main` takes it away where not).
    """

    ask = None

    def __init__(self, id=0, timeout=5000):
        WDT.ms = struct.pack("<H", timeout)
        self.feed()

    def feed(self):
        if WDT.ask:
            WDT.ask(119, WDT.ms)  # w

    def deinit(self=None):
        if WDT.ask:
            WDT.ask(119, b"\0\0")


def shims(terminal, rom_ioctl):
    micropython.kbd_intr(3)  # the signal raises KeyboardInterrupt; when it comes is the terminal's

    def kbd_intr(char):
        # who takes Ctrl-C away exchanges bytes, as mpremote's mount does
        terminal.set(char, char >= 0 and not terminal.raw)

    def reset():
        leave(HARD)

    def soft_reset():
        leave(SOFT)

    small, files, chip = Shim(micropython), Shim(vfs), Shim(machine)
    small.kbd_intr = kbd_intr
    if rom_ioctl:
        files.rom_ioctl = rom_ioctl
    chip.reset, chip.soft_reset = reset, soft_reset
    chip.PWRON_RESET, chip.HARD_RESET, chip.WDT_RESET, chip.SOFT_RESET = 1, 2, 3, 5
    chip.reset_cause = lambda: {"power": 1, "reset": 2, "watchdog": 3}.get(FIRST, 5)
    chip.WDT = WDT
    if "border" in sys.modules:
        WDT.ask = sys.modules["border"].Border().ask
    if sys.argv[9] == "sticky":
        del WDT.deinit
    chip.unique_id = lambda: b"emulated"
    sys.modules.update({"micropython": small, "vfs": files, "machine": chip})


def leave(status):
    """Out at once, also from within `exec`: nothing may catch it as an exception."""
    import ffi

    ffi.open(None).func("v", "_exit", "i")(status)


def main():
    flash = Flash(sys.argv[1], int(sys.argv[2]))
    rom_ioctl = rom_partition(sys.argv[3], int(sys.argv[4])) if int(sys.argv[4]) else None
    border(int(sys.argv[5]), int(sys.argv[6]))
    import serial_repl

    terminal = Terminal()
    terminal.raw = sys.argv[7] == "raw"
    vfs.umount("/")
    try:
        root = vfs.VfsLfs2(flash)
    except OSError:  # a new flash
        vfs.VfsLfs2.mkfs(flash)
        root = vfs.VfsLfs2(flash)
    vfs.mount(root, "/")
    sys.path[:] = ["", ".frozen", "/lib"]
    if rom_ioctl and bytes(rom_ioctl(2, 0)[:3]) == b"\xd2\xcd\x31":
        vfs.mount(vfs.VfsRom(rom_ioctl(2, 0)), "/rom")
        sys.path.extend(("/rom", "/rom/lib"))
    shims(terminal, rom_ioctl)
    argv = sys.argv
    del argv[:]
    serial_repl.Repl(terminal, leave).run()


main()
