# SPDX-License-Identifier: MIT
"""Random stations and cars, whole sessions in simulated time: what must never happen does not.

A station of any power plan, with any faults, delays, notifications and limits passed; a car of
any pack and limits, whose battery lowers them, whose driver stops or pulls the plug. In each run:
no commanded opening above 1 A, nothing closed or locked or in state C afterwards, nothing asked
above a limit of battery or station, and a limit passed is answered within 100 ms.
"""

from types import SimpleNamespace

import pytest
from evcc import ports
from evcc.iso20.units import number
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from host_tests.fakes import GIVES_BACK
from host_tests.sim import rig, rig_ac
from host_tests.sim.test_faults import FAULTS, MESSAGES, other
from tools.charger.secc.session import NOTIFICATIONS
from tools.emulator.plant import Violation

DEADLINE_MS = 100
CEASED_A = 1.0
LOOP = "DC_ChargeLoop"

messages = st.sampled_from([m for m in MESSAGES if m[:3] == "DC_" or "Power" in m] * 2 + MESSAGES)
watts = st.integers(-15000, 30000)
ACTS = ["stop", "unplug", "pause", "standby", "renegotiate", "resume"]


def rounded(value):
    """The most that a RationalNumber of `value` may be: 16 bits signed, exponent -3 at least."""
    return value * 1.0002 + 0.0005


@st.composite
def faults(draw):
    """Rows of a scenario: what the station does wrong, at most two things."""
    rows = []
    for _ in range(draw(st.integers(0, 2))):
        kind = draw(st.sampled_from([*FAULTS, "slow", "notify", "exceed", "deaf", "pilot", "cut"]))
        at = {"at": draw(messages), "nth": draw(st.integers(1, 6))}
        after = {"after_s": draw(st.floats(0.1, 2.5))}
        if kind in FAULTS:
            row = {**FAULTS[kind][0], **at}
            if kind == "wrong type":
                row["message"] = other(at["at"])
        elif kind == "slow":
            row = {"do": "delay", "ms": draw(st.integers(50, 900)), **at, "times": 3}
        elif kind == "notify":
            wish = draw(st.sampled_from(sorted(NOTIFICATIONS)))
            row = {"do": "notify", "notification": wish, "delay_s": 5, **after}
        elif kind == "exceed":
            factor = draw(st.floats(1.2, 3.0))
            row = {"do": "exceed", draw(st.sampled_from(["current", "voltage"])): factor, **after}
        elif kind == "deaf":
            row = {"do": "ignore_pilot_b", **after}
        elif kind == "pilot":
            row = {"do": "pilot", "to": draw(st.sampled_from(["off", "E", "F"])), **after}
        else:
            row = {"do": "power_cut", **after}
        rows.append(row)
    return rows


@st.composite
def worlds(draw):
    """One car at one station, as a namespace."""
    bpt = draw(st.booleans())
    times = sorted(set(draw(st.lists(st.integers(1, 25), max_size=3))))
    return SimpleNamespace(
        seed=draw(st.integers(0, 9999)),
        energy=draw(st.sampled_from(["DC", "DC", "DC", "AC"])),
        bpt=bpt,
        mode=draw(st.sampled_from(["Dynamic", "Scheduled"])),
        needs=draw(st.sampled_from([1, 2])),
        steps=[(0, draw(watts))] + [(t / 10, draw(watts)) for t in times],
        rows=draw(faults()),
        soc=draw(st.floats(6, 97)),
        charge_A=draw(st.floats(5, 200)),
        discharge_A=draw(st.floats(1, 60)),
        charge_W=draw(st.floats(2000, 80000)),
        station_A=draw(st.floats(10, 200)),
        station_W=draw(st.floats(3000, 80000)),
        lowered=draw(st.none() | st.tuples(st.integers(2, 10), st.floats(0.1, 0.9))),
        act=draw(st.none() | st.tuples(st.sampled_from(ACTS), messages)),
        standby=draw(st.booleans()),
    )


class Watch:
    """Every millisecond of closed contactors: when a limit of the battery was passed clearly."""

    def __init__(self, made):
        self.rig = made
        self.passed = None  # first ms of an excess that lasted
        self.reacted = None
        self._limit = made.params.ev_charge_current_A
        made.world.add(self)

    def step(self, now):
        r, p = self.rig, self.rig.params
        if self.passed is None and not r.plant.contactors.closed:
            return now + 5
        over = r.plant.contactors.closed and r.pilot.s2
        lim = r.device.vehicle.limits()
        # what was allowed fades slowly once the battery allows less: only the first limits count
        most_A = max(self._limit, lim.charge_current) * 1.1 + 5
        over = over and (r.plant.current > most_A or r.plant.inlet_voltage > p.ev_max_V * 1.05 + 5)
        if not over:
            if self.passed and self.reacted is None and not r.pilot.s2:
                self.reacted = now
            elif self.reacted is None:
                self.passed = None
        elif self.passed is None:
            self.passed = now
        if self.passed and self.reacted is None:
            assert now - self.passed <= DEADLINE_MS, "a limit was passed and nothing happened"
        return now + 1


def build(w):
    bpt = "_BPT" if w.bpt else ""
    car = {
        **GIVES_BACK,
        "ev_soc": w.soc,
        "ev_target_soc": 100,
        "ev_min_soc": 5,
        "ev_charge_current_A": w.charge_A,
        "ev_discharge_current_A": w.discharge_A,
        "ev_charge_power_W": w.charge_W,
        "control_mode": w.mode,
        "mobility_needs_mode": w.needs,
    }
    outlet = {
        "max_current_A": w.station_A,
        "max_power_W": w.station_W,
        "cable_check_ms": 300,
        "authorization_ms": 100,
        "standby": w.standby,
    }
    if w.energy == "AC":
        rows = [dict(r) for r in w.rows if r["do"] not in ("exceed", "power_cut")]
        for row in rows:
            if row.get("at", "").startswith("DC_"):
                row["at"] = "AC_ChargeLoop" if row["at"] == LOOP else "AC_ChargeParameterDiscovery"
        return rig_ac.Rig(
            "AC" + bpt, w.mode, w.needs, car,
            faults=rows, seed=w.seed, steps=w.steps,
            station={"authorization_ms": 100, "standby": w.standby},
        )  # fmt: skip
    car["services"] = "DC" + bpt
    return rig.Rig(w.rows, car, w.seed, w.steps, {"services": ["DC_BPT", "DC"], **outlet})


def act(made, what):
    """What the driver does."""
    if what == "unplug":
        made.board.unplug(force=True)
    else:
        getattr(made.controller, what)()


def play(w):
    made = build(w)
    note(repr(w))
    watch = Watch(made) if w.energy == "DC" else None
    changed = []

    def lower():
        changed.append(made.world.now)
        made.params.ev_charge_current_A *= w.lowered[1]

    loop = w.energy + "_ChargeLoop"
    # A station whose notice the car cannot follow may wait for ever: then the driver ends it.
    made.at(loop, lambda: made.controller.stop(), nth=80)
    if w.lowered:
        made.at(loop, lower, nth=w.lowered[0])
    if w.act:
        what, message = w.act
        if message.startswith("DC_"):
            message = message if w.energy == "DC" else loop
        made.at(message, lambda: act(made, what), nth=1)
    made.run()
    return made, watch, changed


def check(w):
    made, watch, changed = play(w)
    outcome = made.outcome
    assert outcome["result"], outcome
    if made.controller.kept:  # paused: the connector stays locked
        assert outcome["result"] in ("STATION_PAUSE", "USER_PAUSE")
    elif outcome["result"] != "WELD_SUSPECTED":
        made.check_safe()
    assert not made.plant.contactors.closed and not made.pilot.s2
    # openings: what was not forced (and counted) happened without current
    pulled = w.act is not None and w.act[0] == "unplug"
    under = [amps for amps in made.plant.opened_at if abs(amps) >= CEASED_A]
    assert len(under) <= outcome["forced_openings"], made.plant.opened_at
    deaf = any(row["do"] in ("ignore_pilot_b", "power_cut", "exceed") for row in w.rows)
    if outcome["forced_openings"]:
        assert outcome["result"] == "FORCED_OPENING" and (deaf or pulled), outcome
    if watch and watch.passed:
        assert watch.reacted - watch.passed <= DEADLINE_MS
        assert outcome["result"] not in ("COMPLETED", "USER_STOP")
    asked_within_limits(w, made, changed)
    if not (deaf or pulled):
        kinds = {v.kind for v in made.plant.violations} - {Violation.VOLTAGE_IN_B}
        assert not kinds, made.plant.violations


def asked_within_limits(w, made, changed):
    """Each request of the loop against what battery and station allowed at that time."""
    if w.energy != "DC":
        return
    limits = made.device.vehicle.limits()
    volts = limits.max_voltage
    most = w.charge_A
    count = 0
    for entry in made.station.log:
        if entry.name == "DC_PreChargeReq":
            assert number(entry.message["EVTargetVoltage"]) <= rounded(volts)
        if entry.name != LOOP + "Req":
            continue
        count += 1
        if changed and count > w.lowered[0]:  # that one was under way when it was lowered
            most = w.charge_A * w.lowered[1]
        block = next(v for k, v in entry.message.items() if k.endswith("CLReqControlMode"))
        if "EVMaximumChargeCurrent" in block:
            assert number(block["EVMaximumChargeCurrent"]) <= rounded(most), count
            assert number(block["EVMaximumChargePower"]) <= rounded(w.charge_W)
        if "EVMaximumDischargeCurrent" in block:
            assert abs(number(block["EVMaximumDischargeCurrent"])) <= rounded(w.discharge_A)
        if "EVTargetCurrent" in block:
            target = number(block["EVTargetCurrent"])
            assert target <= rounded(min(most, w.station_A)), (count, target)
            assert target * number(entry.message["EVPresentVoltage"]) <= w.station_W * 1.02
            assert number(block["EVTargetVoltage"]) <= rounded(volts)
            if not w.bpt:
                assert target >= 0
            else:
                assert -target <= rounded(w.discharge_A)


def run(examples, **more):
    @settings(
        max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), **more
    )
    @given(worlds())
    def some(w):
        check(w)

    some()


@pytest.mark.shows("random stations and cars", peer="our station")
def test_some_worlds():
    run(20, derandomize=True, database=None)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_many_worlds():
    run(250, print_blob=True)


def test_the_watch_sees_an_excess_that_nobody_answers():
    """The property can fail: a car whose sensor sees no excess is found out."""
    w = SimpleNamespace(
        seed=1, energy="DC", bpt=False, mode="Dynamic", needs=1, steps=[(0, 20000)],
        rows=[{"do": "exceed", "after_s": 1, "current": 3.0}], soc=50.0, charge_A=40.0,
        discharge_A=10.0, charge_W=60000.0, station_A=100.0, station_W=60000.0, lowered=None,
        act=None, standby=False,
    )  # fmt: skip
    made = build(w)
    watch = Watch(made)
    made.run()
    assert watch.passed and watch.reacted - watch.passed <= DEADLINE_MS
    assert made.outcome["result"] == "LIMIT_EXCEEDED"
    made = build(w)
    Watch(made)
    sample = made.board.sample

    def blind(raw):
        sample(raw)
        raw[ports.INLET_mA] = min(raw[ports.INLET_mA], 40000)

    made.board.sample = blind
    with pytest.raises(AssertionError, match="nothing happened"):
        made.run()
