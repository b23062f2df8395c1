# SPDX-License-Identifier: MIT
"""Safety alone: what it grants, what it refuses, what it does without being asked."""

import pytest
from evcc.params import Params
from evcc.reasons import V2GError
from evcc.safety import Safety
from evcc.sim_vehicle import SimVehicle

from host_tests.fakes import FakeBoard


class Rig:
    """Safety on a fake board, with a clock that ticks it."""

    def __init__(self, **settings):
        self.board = FakeBoard()
        self.params = Params()
        for name, value in settings.items():
            self.params.set(name, value)
        self.vehicle = SimVehicle(self.board, self.params)
        self.safety = Safety(self.board, self.vehicle, self.params)
        self.now = 0
        self.alive = True
        self.run(40)

    def run(self, ms):
        end = self.now + ms
        while self.now < end:
            self.now += 20
            self.vehicle.update(self.now)
            self.safety.tick(self.now & 0x3FFFFFFF)  # as a port counts
            if self.alive:
                self.safety.poll()

    def to_closed(self):
        self.safety.lock()
        self.safety.ready()
        self.run(40)
        self.board.volts = self.vehicle.measured().pack_voltage
        self.run(20)
        self.safety.close()
        self.run(40)
        assert self.safety.state == "closed"

    def openings(self):
        """Current at each opening of contactors that were closed."""
        closed, found = False, []
        for entry in self.board.log:
            if entry[0] == "contactors":
                if closed and not entry[1]:
                    found.append(entry[2])
                closed = entry[1]
        return found


def test_outputs_are_off_after_construction():
    board = FakeBoard()
    board.c = board.closed = True
    params = Params()
    Safety(board, SimVehicle(board, params), params)
    assert not board.c and not board.closed


def test_ordinary_life():
    rig = Rig()
    rig.to_closed()
    assert rig.board.closed and rig.board.c and rig.vehicle.events == ["cable_check", "closed"]
    rig.board.amps = 100.0
    rig.run(1000)
    assert rig.safety.fault is None and rig.safety.state == "closed"
    rig.safety.release()
    assert not rig.board.c and rig.board.closed  # pilot at once, contactors not under load
    rig.run(500)
    assert rig.board.closed
    rig.board.amps = 0.4
    rig.run(100)
    assert rig.safety.state == "open" and not rig.board.closed
    assert rig.openings() == [0.4] and rig.safety.forced_openings == 0
    rig.safety.unlock()
    rig.run(100)
    assert rig.board.is_locked  # the inlet is still hot
    rig.board.volts = 20.0
    rig.run(100)
    assert not rig.board.is_locked


def test_current_that_stays_is_forced_and_counted():
    rig = Rig()
    rig.to_closed()
    rig.board.amps = 80.0
    rig.safety.release()
    rig.run(1900)
    assert rig.board.closed
    rig.run(200)
    assert not rig.board.closed and rig.safety.forced_openings == 1 and rig.safety.forced


def test_discharge_current_counts_as_current():
    rig = Rig()
    rig.to_closed()
    rig.board.amps = -30.0
    rig.safety.release()
    rig.run(1000)
    assert rig.board.closed
    rig.board.amps = -0.5
    rig.run(100)
    assert not rig.board.closed and rig.safety.forced_openings == 0


@pytest.mark.parametrize("amps, forced", [(0.0, 0), (50.0, 1)])
def test_unplugged_opens_at_once(amps, forced):
    rig = Rig()
    rig.to_closed()
    rig.board.amps = amps
    rig.board.pilot = "A"
    rig.run(100)
    assert not rig.board.closed and rig.safety.fault[0] == "UNPLUGGED"
    assert rig.safety.forced_openings == forced


@pytest.mark.parametrize("pilot, duty", [("E", None), ("F", None), ("B", None)])
def test_lost_pilot(pilot, duty):
    rig = Rig()
    rig.to_closed()
    rig.board.pilot, rig.board.duty = pilot, duty
    rig.run(40)
    assert rig.safety.fault is None  # a glitch is no loss
    rig.run(100)
    assert rig.safety.fault[0] == "PILOT_LOST" and not rig.board.closed


def test_pilot_glitches_do_not_add_up():
    rig = Rig()
    rig.to_closed()
    for _ in range(20):
        rig.board.duty = None
        rig.run(40)
        rig.board.duty = 5
        rig.run(20)
    assert rig.safety.fault is None


@pytest.mark.parametrize("name, value", [("volts", 470.0), ("amps", 215.0), ("amps", -45.0)])
def test_limit_passed_on_own_measurement_within_100_ms(name, value):
    rig = Rig()
    rig.to_closed()
    setattr(rig.board, name, value)
    rig.run(100)
    assert rig.safety.fault[0] == "LIMIT_EXCEEDED" and not rig.board.c


def test_limit_judged_by_the_vehicle_not_by_settings():
    """A vehicle that lowers its current limit is obeyed, whatever the settings say."""
    rig = Rig()
    rig.to_closed()
    rig.vehicle.pack.soc = 0.95  # tapered to a quarter of 200 A
    rig.board.amps = 150.0
    rig.run(10000)
    assert rig.safety.fault and rig.safety.fault[0] == "LIMIT_EXCEEDED"


def test_heat_and_vehicle_fault():
    rig = Rig()
    rig.to_closed()
    rig.board.celsius = 95.0
    rig.run(20)
    assert rig.safety.fault[0] == "OVER_TEMPERATURE"
    rig = Rig()
    rig.to_closed()
    rig.vehicle.trouble = "isolation"
    rig.run(20)
    assert rig.safety.fault == ("VEHICLE_FAULT", "isolation")


def test_dead_protocol_opens():
    rig = Rig()
    rig.to_closed()
    rig.alive = False
    rig.run(3900)
    assert rig.safety.trip is None and rig.board.closed
    rig.run(200)
    assert rig.safety.trip == "PROTOCOL_STALLED" and not rig.board.c and not rig.board.closed
    rig.alive = True
    rig.run(20)
    assert rig.safety.fault[0] == "PROTOCOL_STALLED"


def test_no_closing_without_sensor_precharge_or_state_c():
    rig = Rig()
    with pytest.raises(V2GError) as error:
        rig.safety.close()
    assert error.value.reason == "PRECHARGE_FAILED"
    rig.board.volts = None
    rig.run(20)
    with pytest.raises(V2GError) as error:
        rig.safety.ready()
    assert error.value.reason == "NO_INLET_SENSOR"
    rig.board.volts = 0.0
    rig.run(20)
    rig.safety.ready()
    rig.run(20)
    rig.board.volts = rig.vehicle.measured().pack_voltage - 21
    rig.run(20)
    with pytest.raises(V2GError) as error:
        rig.safety.close()
    assert error.value.reason == "PRECHARGE_FAILED"
    rig.board.volts = None
    rig.run(20)
    with pytest.raises(V2GError) as error:
        rig.safety.close()
    assert error.value.reason == "NO_INLET_SENSOR"
    rig.run(60)
    assert rig.safety.fault[0] == "NO_INLET_SENSOR" and not rig.board.c
    assert ("contactors", True, 0.0) not in rig.board.log


def test_voltage_that_falls_after_the_request_does_not_close():
    """The tick judges once more: what close() saw may be 20 ms old."""
    rig = Rig()
    rig.safety.ready()
    rig.run(20)
    rig.board.volts = rig.vehicle.measured().pack_voltage
    rig.run(20)
    rig.safety.close()
    rig.board.volts -= 30
    rig.run(20)
    assert rig.safety.fault[0] == "PRECHARGE_FAILED" and not rig.board.closed


def test_voltage_before_cable_check_is_refused():
    rig = Rig()
    rig.board.volts = 61.0
    rig.run(20)
    with pytest.raises(V2GError) as error:
        rig.safety.ready()
    assert error.value.reason == "INLET_VOLTAGE"


def test_contactor_that_does_not_close():
    rig = Rig()
    rig.board.dead_contactors = True
    rig.safety.ready()
    rig.run(20)
    rig.board.volts = rig.vehicle.measured().pack_voltage
    rig.run(20)
    rig.safety.close()
    rig.run(600)
    assert rig.safety.fault[0] == "CONTACTOR_FAILED"
    assert rig.board.log[-1][:2] == ("contactors", False) and not rig.board.c


def test_weld_keeps_the_connector_locked():
    rig = Rig()
    rig.to_closed()
    rig.board.welded = True
    rig.safety.release()
    rig.safety.unlock()
    rig.board.volts = 0.0
    rig.run(1000)
    assert rig.safety.state == "stuck" and rig.safety.fault[0] == "WELD_SUSPECTED"
    assert rig.board.is_locked


def test_a_fault_forbids_the_next_start_until_reset():
    rig = Rig()
    rig.to_closed()
    rig.board.celsius = 95.0
    rig.run(100)
    rig.board.celsius, rig.board.volts = 25.0, 0.0
    rig.run(20)
    with pytest.raises(V2GError):
        rig.safety.ready()
    rig.safety.reset()
    rig.safety.ready()
    rig.run(20)
    assert rig.board.c


def test_validation_toggles_only_at_five_percent_and_ends_in_b():
    rig = Rig()
    rig.safety.toggle(2)
    rig.run(2000)
    assert [e[1] for e in rig.board.log if e[0] == "c"][1:] == [True, False, True, False]
    rig.board.log.clear()
    rig.board.duty = 50
    rig.run(20)
    rig.safety.toggle(1)
    rig.run(1000)
    assert rig.board.log == []


@pytest.mark.parametrize(
    "field, value, reason",
    [
        ("amps", 5.0, "WELD_SUSPECTED"),  # a station that has not let go since a reset
        ("closed", True, "WELD_SUSPECTED"),
        ("pilot", "C", "PILOT_LOST"),
        ("pilot", "F", "PILOT_LOST"),
        ("pilot", "A", "PILOT_LOST"),
        ("isolation", False, "ISOLATION_FAULT"),
    ],
)
def test_no_start_before_b_without_current(field, value, reason):
    rig = Rig()
    setattr(rig.board, field, value)
    rig.run(20)
    with pytest.raises(V2GError) as error:
        rig.safety.ready()
    rig.run(100)
    assert error.value.reason == reason and not rig.board.c and rig.safety.wish == 0


def test_a_contactor_that_is_closed_at_the_start_keeps_the_connector():
    rig = Rig()
    rig.safety.lock()
    rig.board.closed = True
    rig.run(40)
    with pytest.raises(V2GError):
        rig.safety.ready()
    rig.board.closed = False  # the mirror contact says this now
    rig.safety.unlock()
    rig.run(200)
    assert rig.board.is_locked


def test_isolation_counts_but_not_while_the_station_measures():
    rig = Rig()
    rig.safety.lock()
    rig.safety.ready()
    rig.run(40)
    assert rig.vehicle.events == ["cable_check"]
    rig.board.isolation = False
    rig.run(2000)
    assert rig.safety.fault is None and rig.safety.state == "ready"
    rig.board.isolation = True
    rig.board.volts = rig.vehicle.measured().pack_voltage
    rig.run(20)
    rig.safety.close()
    rig.run(100)
    assert rig.safety.state == "closed"
    rig.board.isolation = False
    rig.run(40)
    assert rig.board.c  # a glitch is none
    rig.run(60)
    assert rig.safety.fault[0] == "ISOLATION_FAULT" and not rig.board.c
    rig.run(100)
    assert not rig.board.closed


@pytest.mark.parametrize(
    "field, value, reason",
    [("volts", None, "NO_INLET_SENSOR"), ("closed", False, "CONTACTOR_FAILED")],
)
def test_what_breaks_in_the_loop(field, value, reason):
    rig = Rig()
    rig.to_closed()
    setattr(rig.board, field, value)
    rig.run(100)
    assert rig.safety.fault[0] == reason and not rig.board.c


def test_state_c_that_the_pilot_does_not_show_is_a_lost_pilot():
    """S2 or its enable has failed."""
    rig = Rig()
    rig.to_closed()
    rig.board.set_state_c = lambda on: None
    rig.board.c = False
    rig.run(100)
    assert rig.safety.fault[0] == "PILOT_LOST"


def test_share_of_a_warm_inlet():
    rig = Rig(inlet_max_C=90.0)
    shares = []
    for celsius in (-20.0, 70.0, 75.0, 77.5, 84.9, 85.0, 95.0, None):
        rig.board.celsius = celsius
        rig.run(20)
        shares.append(rig.safety.share())
    assert shares[:2] == [1, 1] and shares[5:] == [0, 0, 1]
    assert shares[2] == pytest.approx(2 / 3) and shares[3] == 0.5 and 0 < shares[4] < 0.01


@pytest.mark.parametrize(
    "pilot, volts, free",
    [
        ("B", 59.0, True), ("B", 60.0, False), ("A", 0.0, True), ("C", 0.0, False),
        ("F", 0.0, True), ("F", 61.0, False), ("B", None, True), ("F", None, False),
    ],
)  # fmt: skip
def test_unlocking(pilot, volts, free):
    rig = Rig()
    rig.safety.lock()
    rig.run(40)
    rig.board.pilot, rig.board.volts = pilot, volts
    rig.run(100)
    assert rig.board.is_locked  # only on request
    rig.safety.unlock()
    rig.run(100)
    assert rig.board.is_locked is not free


def test_a_board_without_current_sensor_is_judged_by_the_vehicle():
    rig = Rig()
    rig.to_closed()
    rig.board.amps = None
    rig.vehicle.update = lambda now: None
    measured = rig.vehicle._measured
    measured.current = 50.0
    rig.run(100)
    assert rig.safety.fault is None and rig.safety.current()
    measured.current = 300.0
    rig.run(100)
    assert rig.safety.fault[0] == "LIMIT_EXCEEDED" and rig.board.closed
    measured.current = 0.2
    rig.run(60)
    assert not rig.board.closed and rig.safety.forced_openings == 0


def test_times_that_wrap():
    """A port's milliseconds come back to 0 after 12 days."""
    rig = Rig()
    rig.now = (1 << 30) - 1000
    rig.run(20)
    rig.to_closed()
    rig.board.amps = 50.0
    rig.safety.release()
    rig.now = (1 << 30) - 500
    rig.run(1900)
    assert rig.board.closed and rig.now > 1 << 30
    rig.run(200)
    assert not rig.board.closed and rig.safety.forced_openings == 1
