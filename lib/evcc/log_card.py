# SPDX-License-Identifier: MIT
"""The log of the last session on an SD card, where the board has one and `sd_card` asks for it.

The card is mounted for each use and not between: it may be pulled at any other time, and a session
carries nothing of it. Whatever is wrong with it, the log goes to flash and `Device.card` says why.
All together is bounded in time, and happens with open contactors only. `d`: the Device.
"""

import os
from binascii import crc32

from evcc.compat import const, forget
from evcc.store import recover

_LOOK_MS = const(1500)
_SAVE_MS = const(3000)
_DAY_MS = const(86400000)
_TICK_MS = const(20)
_SIZE = const(512)
_TEST = b"uEVCC"


def look(d):
    """Once after the start: is it there, and where is the last log?"""
    card = _open(d, _LOOK_MS)
    if card is None:
        return
    try:
        path = _path(d, card)
        # one that went to flash is the younger one: see `save`
        if _exists(path) and not _exists(d.log_path()):
            d.log_at = path
    except OSError as error:
        d.card = card.why(error)
    finally:
        _close(card)


def save(d, write):
    """The log onto the card: `write(path, wrap)` as logfile.write. True: it is there, and read
    back; False: `Device.card` says why not."""
    card = _open(d, _SAVE_MS)
    if card is None:
        return False
    crc = [0, 0]
    try:
        path = _path(d, card)
        write(path, lambda out: _tee(out, crc))
        card.again()
        if _read(path) != crc:
            raise OSError("it does not keep what is written")
        _outdated(d.log_path())
        d.log_at = path
    except OSError as error:
        card.close()  # first: a file of it is open still
        text = error.args[0]
        d.card = text if type(text) is str else card.why(error)
        return False
    finally:
        _close(card)
    return True


def show(d):
    """Mount it for a person at the REPL, who reads the log; see Device.begin_run."""
    card = d.mounted = _open(d, _LOOK_MS)
    if card:
        card.limit(_DAY_MS)  # each single wait has its own


def hide(d):
    """The REPL is over."""
    card, d.mounted = d.mounted, None
    _close(card)


def row(d):
    """(verdict, text) of the self-test: written, read back, removed."""
    if d.mounted:
        hide(d)
    start = d.parts.clock()
    card = _open(d, _LOOK_MS)
    if card is None:
        return "not wired" if d.card.startswith("no card") else "wrong", d.card
    path = card.folder + "uevcc.tst"
    try:
        with open(path, "wb") as file:
            file.write(_TEST * 200)
        card.again()
        good = _read(path) == [crc32(_TEST * 200), len(_TEST) * 200]
        os.remove(path)
        text = "%d MB, written and read back in %d ms"
        text %= card.megabytes, d.parts.clock() - start
        return ("good", text) if good else ("wrong", "it does not keep what is written")
    except OSError as error:
        card.close()
        return "wrong", card.why(error)
    finally:
        _close(card)


def _path(d, card):
    """Of the log on it; what a power cut has left there is put in order first."""
    folder = card.folder + d.settings.log_dir.strip("/")
    recover(folder)
    return folder + "/last.pcapng"


def _open(d, within):
    """The mounted Card; None, and the reason in `d.card`."""
    try:
        card = d.parts.card(_clock(d), within)
    except (OSError, ValueError) as error:  # ValueError: a pin or an SPI that this chip lacks
        d.card = str(error.args[0])
        forget("drivers.sd_mount", "drivers.sd_spi")
        return None
    d.card = "good"
    return card


def _close(card):
    card.close()
    forget("drivers.sd_mount", "drivers.sd_spi")


def _clock(d):
    """The board's clock; where no timer ticks safety, a look at it does."""
    clock, c = d.parts.clock, d.controller
    if c is None or c.safety.timed:
        return clock
    at = [clock()]

    def now():
        ms = clock()
        if ms - at[0] >= _TICK_MS:
            at[0] = ms
            c.safety.tick(ms)
        return ms

    return now


def _tee(out, crc):
    """`out`, counting along."""

    def write(data):
        crc[0] = crc32(data, crc[0])
        crc[1] += len(data)
        return out(data)

    return write


def _read(path):
    """[CRC-32, length] of a file. Raises OSError."""
    crc = [0, 0]
    buf = bytearray(_SIZE)
    view = memoryview(buf)
    with open(path, "rb") as file:
        while n := file.readinto(buf):
            crc[0] = crc32(view[:n], crc[0])
            crc[1] += n
    return crc


def _exists(path):
    try:
        os.stat(path)
    except OSError:
        return False
    return True


def _remove(path):
    try:
        os.remove(path)
    except OSError:
        pass


def _outdated(path):
    """The log in flash is no more the last one."""
    if _exists(path):
        _remove(path + ".old")
        os.rename(path, path + ".old")
