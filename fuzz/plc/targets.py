# SPDX-License-Identifier: MIT
"""What fuzzing of the power-line layers feeds, and what must hold: no exception, no growth.

`spi`: the bytes a modem answers on the bus, right or wrong. `mme`: frames to the car's SLAC and to
the decoders. `evse`: frames to the station's SLAC. An input is a list of records: length
(2 bytes), mode (1), content; what a mode means stands at the target.
"""

from drivers.qca7000 import Qca7000
from evcc.homeplug import decode, diagnose, local, mmtype
from evcc.params import Params
from evcc.slac import Slac

from fuzz.records import records
from tools.charger.slac import EvseSlac

EV, EVSE = bytes.fromhex("0200000e0e01"), bytes.fromhex("0200005e5e02")
RUN = bytes(range(1, 9))


class Bus:
    """A modem whose waiting bytes come from the input, and whose registers can be made to lie."""

    def __init__(self):
        self.waiting = b""
        self.lies = {}
        self.size = 0
        self.writes = 0

    def exchange(self, out, into=None):
        if into is None:
            self.writes += 1
            if out[0] == 0x41:
                self.size = out[2] << 8 | out[3]
            return
        if out[0] == 0x80:
            assert len(into) == self.size <= 3172
            into[:] = self.waiting[: len(into)].ljust(len(into), b"\0")
            self.waiting = b""
            return
        value = {0xDA: 0xAA55, 0xC2: 3163, 0xCD: 0x47, 0xC3: len(self.waiting)}.get(out[0], 0)
        value = self.lies.pop(out[0], value)
        into[:] = value.to_bytes(2, "big")


def framed(frame):
    """A frame as the modem puts it on the bus."""
    n = len(frame)
    head = (n + 10).to_bytes(4, "big") + b"\xaa" * 4 + n.to_bytes(2, "little") + b"\0\0"
    return head + frame + b"\x55\x55"


def spi(data):
    """Bursts of any bytes, registers that lie.

    Mode bit 0: content is a frame, to be framed right, which must come out if everything before
    was right too; bit 1: content is (register, value) that lie once; bit 2: time goes on by 300
    ms, else 20; bit 3: send a frame of that length as well; else the content is the burst."""
    bus = Bus()
    port = Qca7000(bus)
    now = 0
    port.poll(now)
    clean, wanted, got = True, [], []
    for mode, c in records(data):
        now += 300 if mode & 4 else 20
        if mode & 2:
            for i in range(0, len(c) - 2, 3):
                bus.lies[(0xDA, 0xC2, 0xCD, 0xC3, 0xCC, 0xC4)[c[i] % 6]] = c[i + 1] << 8 | c[i + 2]
                clean = False
        elif mode & 1 and 60 <= len(c) <= 1522:
            bus.waiting = (bus.waiting + framed(c))[:3167]
            clean = clean and len(bus.waiting) < 3167
            wanted.append(c)
        else:
            bus.waiting = (bus.waiting + c)[:3167]
            clean = clean and not c
        if mode & 8:
            port.send(bytes(len(c)))
        port.poll(now)
        while (frame := port.receive()) is not None:
            assert 60 <= len(frame) <= 1522
            got.append(bytes(frame))
        assert 0 <= port._pos <= port._end <= 3172
        assert port.next_poll(now) <= now + 100 and len(port.counters) < 30
        assert bus.writes < 40 * (now // 20 + 1)
    if clean:
        assert got == wanted
    bus.lies.clear()
    for _ in range(3000):  # whatever was, a good modem comes back
        if port.ready:
            break
        now += 20
        port.poll(now)
    assert port.ready


def _mme(c):
    """kind (1 byte: which), flags (1), body: a frame for the car with a good header"""
    kinds = (0x6065, 0x606E, 0x6079, 0x607D, 0x601C, 0x6009, 0xA0B9, 0xA039, 0xA001, 0xA0B1)
    kind, flags = kinds[c[0] % len(kinds)], c[1]
    vendor = kind >= 0xA000 and not flags & 4
    head = (EVSE if flags & 1 else EV) + (EV if flags & 2 else EVSE) + b"\x88\xe1"
    head += bytes((0 if vendor else 1,)) + kind.to_bytes(2, "little")
    return bytearray(head + (b"\0\xb0\x52" if vendor else b"\0\0") + c[2:])


_RUN_AT = {0x6065: (36, 28), 0x606E: (27, 21), 0x607D: (69, 40)}


def mme(data):
    """Frames to the car's SLAC at any step, and to the decoders.

    Mode bit 0: content is kind, flags, body (else a raw frame); bit 1: RunID and MACs are made
    right; bits 2-5: time that passes (7 ms each, squared); bit 6: leave, bit 7: start again."""
    sent = []
    params = Params()
    params.set("slac_retry_s", 10)
    slac = Slac(EV, lambda f: sent.append(bytes(f)) or True, lambda n: (RUN * 3)[:n], params)
    now = 0
    slac.start(now)
    for mode, c in records(data):
        now += (mode >> 2 & 15) ** 2 * 7
        frame = bytearray(c)
        if mode & 1 and len(c) > 2:
            frame = _mme(c)
            row = _RUN_AT.get(frame[15] | frame[16] << 8)
            if mode & 2 and row and len(frame) > row[0] + 8:
                frame[row[0] : row[0] + 8] = slac.run_id
                frame[row[1] : row[1] + 6] = EV
                if frame[15] == 0x7D:
                    frame[63:69] = EVSE
        before = len(sent)
        slac.feed(memoryview(frame), now)
        assert len(sent) - before <= 3
        if mode & 0xC0 == 0x40:
            slac.leave(now)
        elif mode & 0xC0 == 0x80:
            slac.start(now)
        due = slac.step(now)
        assert now <= due <= now + 60_000, due
        assert len(slac.evses) <= 8 and len(slac.counters) < 12
        decode.decode(frame)
        if mmtype(frame):
            for read in (local.get_sw, local.module_read, diagnose.nw_info, diagnose.nw_stats):
                read(frame)
            diagnose.op_attributes(frame)
    for _ in range(3000):
        if slac.state not in ("matching", "joining", "leaving"):
            break
        now = max(now + 1, slac.step(now))
    assert slac.state in ("ready", "failed", "idle")
    for frame in sent:
        assert 60 <= len(frame) <= 85 and frame[6:12] == EV and frame[12:14] == b"\x88\xe1"


def evse(data):
    """Frames to the station's SLAC.

    Mode: bits 0-3 which message (15: raw), bits 4-7 time that passes (16 ms each, squared)."""
    kinds = (0x6064, 0x606A, 0x6076, 0x6086, 0x606F, 0x6078, 0x607C, 0x6009)
    sent = []
    slac = EvseSlac(EVSE, sent.append, lambda n: bytes(n))
    now = 0
    slac.start(now)
    slac.plugged(now)
    for mode, c in records(data):
        now += (mode >> 4) ** 2 * 16
        if mode & 15 < 15:
            kind = kinds[mode & 7]
            c = EVSE + EV + b"\x88\xe1\1" + kind.to_bytes(2, "little") + b"\0\0" + c
        slac.feed(c, now)
        assert slac.step(now) > now or slac.step(now) >= now
        assert len(slac.runs) <= 5 and len(slac.counters) < 30
    for frame in sent:
        assert frame[6:12] == EVSE and len(frame) >= 60


TARGETS = {"spi": spi, "mme": mme, "evse": evse}
LATE = ()
