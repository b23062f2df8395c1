# SPDX-License-Identifier: MIT
"""Stations that follow a script, message by message, and the EV at them without a modem."""

import random

from evcc.params import Params
from evcc.slac import Slac

EV, EVSE, EVSE2, MODEM = (
    bytes.fromhex(x) for x in ("0200000e0e01", "0200005e5e02", "0200005e5e03", "0200000ef1f1")
)
NMK, NID = bytes(range(16)), bytes.fromhex("11223344556607")
LOCAL, ALL = bytes.fromhex("00b052000001"), b"\xff" * 6
PARM, START, SOUND, RSP, VALIDATE, MATCH, KEY = (
    0x6064,
    0x606A,
    0x6076,
    0x606F,
    0x6078,
    0x607C,
    0x6008,
)
STATUS, INFO, AMP = 0xA0B8, 0xA038, 0x601D


def mme(kind, body, src=EVSE, dst=EV, mmv=1):
    head = dst + src + b"\x88\xe1" + bytes((mmv,)) + kind.to_bytes(2, "little")
    return (head + (b"\0\0" if mmv else b"\0\xb0\x52") + body).ljust(60, b"\0")


def parm_cnf(run, src=EVSE, dst=EV, sounds=10, timeout=6, ev=EV, types=b"\0\0"):
    body = ALL + bytes((sounds, timeout, 1)) + ev + types + run
    return mme(0x6065, body, src, dst)


def atten(run, dB=10, src=EVSE, dst=EV, sounds=10, groups=58, ev=EV, types=b"\0\0"):
    aag = bytes((dB,)) * groups if isinstance(dB, int) else bytes(dB)
    return mme(0x606E, types + ev + run + bytes(34) + bytes((sounds, groups)) + aag, src, dst)


def match_cnf(run, src=EVSE, dst=EV, ev=EV, evse=None, types=b"\0\0"):
    body = types + b"\x56\0" + bytes(17) + ev + bytes(17) + (evse or src) + run + bytes(8)
    return mme(0x607D, body + NID + b"\0" + NMK, src, dst)


def validate_cnf(toggles, result, src=EVSE):
    return mme(0x6079, bytes((0, toggles, result)), src)


def key_cnf(result=1):
    return mme(0x6009, bytes((result,)) + bytes(12), MODEM)


def status(up):
    return mme(0xA0B9, bytes((0, up)), MODEM, mmv=0)


def info(role=0, nid=NID, stations=1):
    net = nid + bytes((1, 2, role)) + EVSE + bytes((1, stations)) + bytes(15)
    return mme(0xA039, b"\1" + net, MODEM, mmv=0)


class Rig:
    """A Slac whose frames are kept with their times; `script` may answer each of them.

    script(rig, kind, frame) -> list of (delay ms, frame) to be fed back.
    """

    def __init__(self, script=None, accept=None, **settings):
        self.now = 0
        self.sent = []
        self.coming = []
        self.script = script
        self.accept = accept or (lambda rig, kind: True)
        self.toggled = []
        params = Params()
        for name, value in settings.items():
            params.set(name, value)
        toggle = lambda n: self.toggled.append((self.now, n))  # noqa: E731
        self.slac = Slac(EV, self.send, random.Random(1).randbytes, params, toggle)

    def send(self, frame):
        frame = bytes(frame)
        kind = frame[15] | frame[16] << 8
        if not self.accept(self, kind):
            return False
        self.sent.append((self.now, kind, frame))
        if self.script is not None:
            for delay, answer in self.script(self, kind, frame) or ():
                self.coming.append((self.now + delay, answer))
        return True

    def start(self):
        self.slac.start(self.now)
        return self

    def run(self, ms=None, until=None):
        """Go on for `ms`, or until the state is one of `until` (at most 5 minutes)."""
        end = self.now + (ms if ms is not None else 300_000)
        while self.now < end:
            due = self.slac.step(self.now)
            if until and self.slac.state in until:
                break
            assert due > self.now, self.slac.doing
            self.now = min(end, due, *(t for t, _ in self.coming))
            for item in [x for x in self.coming if x[0] <= self.now]:
                self.coming.remove(item)
                self.slac.feed(memoryview(item[1]), self.now)
        return self

    def times(self, kind):
        return [t for t, k, _ in self.sent if k == kind]

    def frames(self, kind):
        return [f for _, k, f in self.sent if k == kind]

    @property
    def run_id(self):
        return self.frames(PARM)[-1][21:29]


def station(dB=10, mac=EVSE, **other):
    """A station that answers everything as it should, but for `other`: type -> answers."""
    state = {"sounds": 0, "tries": 0}

    def script(rig, kind, frame):
        if kind in other:
            return other[kind](rig, frame)
        if kind == PARM:
            return [(10, parm_cnf(rig.run_id, mac))]
        if kind == SOUND and frame[38] == 0:
            return [(30, atten(rig.run_id, dB, mac))]
        if kind == MATCH and frame[:6] == mac:
            return [(20, match_cnf(rig.run_id, mac))]
        if kind == VALIDATE and frame[:6] == mac:
            return (
                [(2100, validate_cnf(2, 2, mac))] if frame[20] else [(9, validate_cnf(0, 1, mac))]
            )
        if kind == KEY:
            return [(15, key_cnf())]
        if kind == STATUS:
            state["tries"] += 1
            return [(2, status(state["tries"] > 2))]
        return None

    return script


def several(*scripts):
    return lambda rig, kind, frame: sum((s(rig, kind, frame) or [] for s in scripts), [])


def with_(script, other):
    """`script`, but for the kinds of frames in `other`: {kind: call(rig, frame)}."""

    def both(rig, kind, frame):
        return other[kind](rig, frame) if kind in other else script(rig, kind, frame)

    return both
