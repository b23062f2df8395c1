# SPDX-License-Identifier: MIT
"""The tick: it allocates nothing in any state (MicroPython), and a tick may fall between any two
lines of what the protocol calls.
"""

import ast
import sys

import pytest
from evcc import safety, safety_ac
from evcc.params import Params
from evcc.reasons import V2GError
from evcc.safety import Safety
from evcc.safety_ac import AcPower
from evcc.sim_vehicle import SimVehicle

from host_tests.fakes import FakeBoard
from tools.vm import micropython

MODULES = (
    "evcc/__init__.py", "evcc/compat.py", "evcc/ports.py", "evcc/reasons.py", "evcc/safety.py",
    "evcc/safety_ac.py", "evcc/safety_tick.py", "evcc/vehicle.py",
)  # fmt: skip

# Runs in MicroPython: every tick with the heap locked, through every state and every fault.
LOCKED = """
import micropython
from evcc import ports
from evcc.safety import Safety
from evcc.safety_ac import AcPower
from evcc.vehicle import Limits, Measured

class Board:
    def __init__(self):
        self.see = ports.new()
        self.outs = [None, None, None, 0]
        self.answers = True
        self.rest()
    def rest(self):
        for i, value in enumerate((66, 50, 0, 0, 0, 0, 250, ports.NONE)):
            self.see[i] = value
    def sample(self, raw):
        see = self.see
        for i in range(8):
            raw[i] = see[i]
    def set_state_c(self, on):
        self.outs[0] = on
        if self.see[0] in (66, 67):
            self.see[0] = 67 if on else 66
    def contactors(self, on):
        self.outs[1] = on
        if self.answers:
            self.see[4] = 1 if on else 0
    def lock(self, on):
        self.outs[2] = on
        self.see[5] = 1 if on else 0
    def watchdog(self):
        self.outs[3] += 1
    def ticks(self):
        return now[0]

class Vehicle:
    def __init__(self):
        self.lim, self.m, self.bad = Limits(), Measured(), None
        self.lim.charge_current = 100.0
        self.lim.max_voltage = 450.0
        self.m.pack_voltage, self.m.current = 400.0, 0.0
    def limits(self): return self.lim
    def measured(self): return self.m
    def notify(self, event): pass
    def fault(self): return self.bad

class Charger:
    charge_power, discharge_power, active_power = 11000.0, 0.0, 0.0
    def set(self, watts): pass

class P:
    inlet_max_C = 90.0
    precharge_tolerance_V = 20.0

now = [0x3ffff000]  # it wraps on the way
board, seen = Board(), set()
s = Safety(board, Vehicle(), P)

def run(ms, polled=True):
    for _ in range(ms // 20):
        now[0] = now[0] + 20 & 0x3fffffff
        before = s.state
        micropython.heap_lock()
        try:
            s.on_timer()
        finally:
            micropython.heap_unlock()
        seen.add((before, s.state, s.trip))
        if polled:
            s.poll()

def begin(upto):
    board.rest()
    board.answers = True
    s.vehicle.bad = None
    run(100)
    s.release(); run(3000); s.reset(); s.lock(); run(40)
    assert s.state == "open" and s.fault is None, (s.state, s.fault)
    if upto:
        s.ready(); run(40)
        assert s.state == "ready"
    if upto > 1:
        board.see[2] = 400_000; run(20); s.close(); run(60)
        assert s.state == "closed"

def end():
    s.release(); s.unlock()
    run(2500)
    board.see[4] = 0
    board.see[2] = 0
    run(1000)

def fault(upto, ms=200, polled=True, answers=True, **values):
    begin(upto)
    board.answers = answers
    for name in values:
        board.see[getattr(ports, name)] = values[name]
    run(ms, polled)
    end()

s.toggle(2); run(2000)
begin(2); board.see[3] = 50_000; run(500); s.release(); run(200); board.see[3] = 0; end()
begin(2); s.release(); board.see[3] = 50_000; run(2500); end()     # forced
fault(2, CP=65); fault(2, CP=69, DUTY=ports.NONE); fault(1, DUTY=ports.NONE)
fault(2, INLET_mV=600_000); fault(2, INLET_mA=300_000); fault(2, INLET_mV=ports.NONE)
fault(2, HOTTEST_dC=950); fault(2, ISOLATION=0); fault(2, FEEDBACK=0)
fault(2, 4500, False); begin(1); run(241_000); end()
begin(1); board.see[2] = 400_000; run(20); s.close(); board.see[2] = 300_000; run(100); end()
begin(1); board.answers = False; board.see[2] = 400_000; run(20); s.close(); run(700); end()
fault(2, answers=False, ISOLATION=0)    # does not open
begin(2); board.answers = False; s.release(); run(1000); end()
begin(2); s.vehicle.bad = "crash"; run(100); end()
begin(2); board.see[4] = ports.NONE; run(100); end()
begin(0); c = Charger(); AcPower(s, c); run(200)
assert s.state == "ac"
c.active_power = 7000.0; run(200); s.release(); run(100)
assert s.state == "ac_off"
c.active_power = 0.0; run(100)
begin(0); AcPower(s, c); run(200); c.active_power = 17000.0; run(3000); c.active_power = 0.0; end()
begin(0); AcPower(s, c); run(200); c.active_power = 7000.0; run(100); s.release(); run(3000)
assert s.state == "stuck"
c.active_power = 0.0; end()
begin(0); run(70_000, False)
fed = board.outs[3]
run(5000, False)
assert board.outs[:2] == [False, False] and board.outs[3] == fed    # nobody lives: it starves
print(sorted(seen, key=str), s.forced_openings)
"""
STATES = {
    "open", "ready", "closing", "closed", "releasing", "opening", "stuck", "ac_wait", "ac",
    "ac_off",
}  # fmt: skip
TRIPS = {
    None, "UNPLUGGED", "PILOT_LOST", "OVER_TEMPERATURE", "ISOLATION_FAULT", "NO_INLET_SENSOR",
    "LIMIT_EXCEEDED", "CONTACTOR_FAILED", "WELD_SUSPECTED", "PRECHARGE_FAILED", "PHASE_TIMEOUT",
    "PROTOCOL_STALLED", "VEHICLE_FAULT",
}  # fmt: skip


@pytest.mark.vm
def test_a_tick_allocates_nothing_in_any_state(mpy):
    done = micropython(LOCKED, path=[mpy(MODULES)], heap="96k", timeout=60)
    assert done.returncode == 0, done.stderr[-600:]
    text, _, rest = done.stdout.partition("] ")
    seen = ast.literal_eval(text + "]")
    assert {state for row in seen for state in row[:2]} == STATES
    assert {row[2] for row in seen} == TRIPS
    assert int(rest) >= 2  # forced openings, and their count, are among what was run


# ---- a tick between any two bytecodes of the other side -----------------------------------------


class Rig:
    """Safety on a fake board; `tick` is what an interrupt does, `poll` what the loop does."""

    def __init__(self):
        self.board = FakeBoard()
        self.params = Params()
        self.vehicle = SimVehicle(self.board, self.params)
        self.safety = Safety(self.board, self.vehicle, self.params)
        self.now = 0
        self.tripped = None  # len(board.log) when a fault was first seen
        self.run(3)

    def tick(self, n=1):
        for _ in range(n):
            self.now += 20
            self.safety.tick(self.now)
            if self.tripped is None and self.safety.trip:
                self.tripped = len(self.board.log)

    def run(self, n):
        for _ in range(n):
            self.vehicle.update(self.now)
            self.tick()
            self.safety.poll()

    def ready(self):
        self.safety.lock()
        self.safety.ready()
        self.run(3)
        self.board.volts = self.vehicle.measured().pack_voltage
        self.run(2)

    def closed(self):
        self.ready()
        self.safety.close()
        self.run(3)
        assert self.safety.state == "closed"

    def ac(self):
        self.power = AcPower(self.safety, self.vehicle.charger())

    def switched_on(self, since):
        return [entry for entry in self.board.log[since:] if entry[0] != "lock" and entry[1]]


FILES = (safety.__file__, safety_ac.__file__)


def between(call, at, act):
    """call(), with act() before the at-th bytecode in safety's files. Returns (came, error)."""
    count = 0

    def line(frame, event, arg):
        nonlocal count
        if event == "opcode":
            count += 1
            if count == at:
                act()
        return line

    def enter(frame, event, arg):
        if frame.f_code.co_filename not in FILES:
            return None
        frame.f_trace_opcodes = True
        return line

    error = None
    before = sys.gettrace()
    sys.settrace(enter)
    try:
        call()
    except V2GError as caught:
        error = caught
    finally:
        sys.settrace(before)
    return count >= at, error


def nothing(board):
    pass


def pulled(board):
    board.pilot, board.duty = "A", None


def faulty(board):
    board.pilot, board.duty = "F", None


def too_high(board):
    board.volts = 700.0


def hot(board):
    board.celsius = 99.0


ACTS = (nothing, pulled, faulty, too_high, hot)
CALLS = {  # name: (what went before, the call, whether it asks for more than there was)
    "ready": (lambda rig: rig.safety.lock(), lambda rig: rig.safety.ready(), True),
    "close": (Rig.ready, lambda rig: rig.safety.close(), True),
    "release from ready": (Rig.ready, lambda rig: rig.safety.release(), False),
    "release": (Rig.closed, lambda rig: rig.safety.release(), False),
    "fail": (Rig.closed, lambda rig: rig.safety.fail("VEHICLE_FAULT", ""), False),
    "poll": (Rig.closed, lambda rig: rig.safety.poll(), True),
    "reset": (nothing, lambda rig: rig.safety.reset(), False),
    "reset when closed": (Rig.closed, lambda rig: rig.safety.reset(), True),
    "toggle": (nothing, lambda rig: rig.safety.toggle(1), True),
    "AcPower": (nothing, Rig.ac, True),
    "release AC": (lambda rig: (Rig.ac(rig), rig.run(8)), lambda rig: rig.safety.release(), False),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("name", CALLS)
def test_a_tick_between_any_two_bytecodes(name, act):
    before, call, asks = CALLS[name]
    at = 0
    while True:
        at += 1
        rig = Rig()
        before(rig)
        was = len(rig.board.log)

        def interrupt(rig=rig):
            act(rig.board)
            rig.tick(1 if act is nothing else 6)

        came, error = between(lambda rig=rig: call(rig), at, interrupt)
        if not came:
            break
        after = len(rig.board.log)
        told = (name, at, rig.board.log)
        rig.run(6)
        # a fault acts, whatever the other side was about to do, and nothing comes on after it
        if rig.tripped is not None:
            assert rig.safety.trip and rig.safety.fault, told
            assert not rig.board.c and not rig.board.closed, told
            assert not rig.switched_on(rig.tripped), told
        elif act is nothing:
            assert error is None and rig.safety.fault is None or name == "fail", told
        if not asks:
            assert not rig.switched_on(after if act is nothing else was), told
            rig.run(5)
            assert rig.safety.state == "open" and not rig.board.c and not rig.board.closed, told
        elif act is nothing:
            state = {"ready": "ready", "close": "closed", "poll": "closed", "AcPower": "ac"}
            state["reset when closed"] = "closed"
            assert rig.safety.state == state.get(name, "open"), told
        # whatever it was, the next session can begin
        rig.safety.release()
        rig.board.pilot, rig.board.duty, rig.board.celsius, rig.board.volts = "B", 5, 25.0, 0.0
        rig.run(30)
        rig.safety.reset()
        rig.board.log.clear()
        assert rig.safety.fault is None and rig.safety.state == "open", told
    assert at > 5, "nothing was traced"
