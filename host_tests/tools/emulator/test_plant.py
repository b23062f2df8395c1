# SPDX-License-Identifier: MIT
"""The DC power path: physics, energies, faults, and that every violation is written down."""

import pytest
from evcc.sim_vehicle import Pack

from tools.emulator.board import Pilot
from tools.emulator.plant import Plant, Violation
from tools.emulator.world import World


class Bench:
    """A plugged car at an output, in state C, and the moves of a session."""

    def __init__(self, soc=0.5, pack_speed=1, capacity=60000):
        self.world = World(1)
        self.pilot = Pilot(self.world)
        self.pilot.plug(True)
        self.pilot.switch(True)
        self.pack = Pack(capacity, soc)
        self.plant = Plant(self.world, self.pilot, self.pack, pack_speed)
        self.output = self.plant.output

    def run(self, ms):
        self.world.run(self.world.now + ms)

    def target(self, volts, amps):
        self.output.target(volts, amps, self.world.now)

    def close(self, current=20.0):
        """Precharge, close, ask for `current`."""
        self.output.enable(True)
        self.target(self.pack.ocv(), 2)
        self.run(1000)
        self.plant.command(True)
        self.run(100)
        self.target(450 if current >= 0 else 300, current)
        self.run(1000)
        return self

    def kinds(self):
        return [v.kind for v in self.plant.violations]


def test_an_open_inlet_follows_the_output_with_its_slew_rate_and_carries_no_current():
    b = Bench()
    b.output.enable(True)
    b.target(370, 2)
    b.run(100)
    assert b.output.voltage == pytest.approx(150, abs=20)  # 1500 V/s
    b.run(1000)
    assert b.plant.inlet_voltage == pytest.approx(370)
    assert b.output.current == 0 and b.plant.current == 0
    assert b.pack.soc == 0.5


def test_without_a_source_the_inlet_is_below_60_V_within_a_second():
    b = Bench()
    b.output.enable(True)
    b.target(400, 2)
    b.run(1000)
    b.output.enable(False)
    b.run(20)
    assert b.plant.inlet_voltage > 300  # not at once
    b.run(980)
    assert b.plant.inlet_voltage < 60
    assert b.output.voltage == b.plant.inlet_voltage


def test_charging_raises_and_discharging_lowers_the_pack():
    b = Bench().close(50)
    assert b.plant.current == pytest.approx(50)
    up = b.pack.soc
    b.run(60_000)
    assert b.pack.soc > up
    assert b.plant.inlet_voltage == pytest.approx(b.pack.ocv() + 50 * b.pack.resistance)
    b.target(300, -30)
    b.run(1000)
    assert b.output.current == pytest.approx(-30)
    top = b.pack.soc
    b.run(60_000)
    assert b.pack.soc < top
    assert not b.plant.violations


def test_a_source_stops_at_its_voltage_and_a_sink_too():
    b = Bench().close(50)
    b.target(b.pack.ocv() + 1.0, 50)
    b.run(1000)
    assert b.plant.current == pytest.approx(1.0 / (b.pack.resistance + Plant.CABLE_OHM), rel=0.05)
    assert b.output.voltage <= b.output.voltage_set + 1e-6
    b.target(b.pack.ocv() + 5, -50)  # a sink that must not pull the outlet below what it has
    b.run(1000)
    assert b.plant.current == 0


@pytest.mark.parametrize("amps", [60, -40])
def test_energy_is_conserved_between_meter_and_cells(amps):
    b = Bench().close(amps)
    stored = b.pack.soc
    p = b.plant
    before = p.station_Wh_in - p.station_Wh_out, p.pack_Wh_in - p.pack_Wh_out, p.loss_Wh
    b.run(600_000)
    station = p.station_Wh_in - p.station_Wh_out - before[0]
    pack = p.pack_Wh_in - p.pack_Wh_out - before[1]
    loss = p.loss_Wh - before[2]
    assert station == pytest.approx(pack + loss, rel=1e-6)
    assert loss == pytest.approx(amps**2 * p.CABLE_OHM * 600 / 3600, rel=1e-3)
    cells = (b.pack.soc - stored) * b.pack.capacity
    heat = amps**2 * b.pack.resistance * 600 / 3600
    assert cells == pytest.approx(pack - heat, rel=2e-3)


def test_pack_speed_ages_the_pack_only():
    slow, fast = Bench(pack_speed=1).close(50), Bench(pack_speed=10).close(50)
    start = slow.pack.soc, fast.pack.soc
    slow.run(30_000)
    fast.run(30_000)
    assert fast.plant.station_Wh_in == pytest.approx(slow.plant.station_Wh_in, rel=0.01)
    assert fast.pack.soc - start[1] == pytest.approx(10 * (slow.pack.soc - start[0]), rel=0.01)
    assert fast.world.now == slow.world.now


def test_opening_under_current_is_written_down_with_the_amperes():
    b = Bench().close(50)
    b.plant.command(False)
    b.run(100)
    assert b.kinds() == [Violation.UNDER_CURRENT]
    assert b.plant.violations[0].value == pytest.approx(50)
    assert b.plant.opened_at == [pytest.approx(50)]
    assert "50.0 A" in repr(b.plant.violations[0])
    assert b.plant.current == 0


def test_opening_without_current_is_no_violation():
    b = Bench().close(50)
    b.output.enable(False)
    b.run(50)
    b.plant.command(False)
    b.run(100)
    assert not b.plant.violations and b.plant.opened_at == [0.0]
    b.run(1000)
    assert b.plant.inlet_voltage < 60


def test_closing_onto_a_difference_is_written_down():
    b = Bench()
    b.output.enable(True)
    b.target(300, 2)
    b.run(1000)
    b.plant.command(True)
    b.run(100)
    assert b.kinds() == [Violation.DIFFERENCE]
    assert b.plant.violations[0].value == pytest.approx(b.pack.ocv() - 300, abs=1)


def test_contactors_need_time_and_feed_back():
    b = Bench()
    c = b.plant.contactors
    b.output.enable(True)
    b.target(b.pack.ocv(), 2)
    b.run(1000)
    b.plant.command(True)
    b.run(10)
    assert not c.closed and c.feedback() is False
    b.run(30)
    assert c.closed and c.feedback() is True


def test_current_in_state_b_is_written_down_once():
    b = Bench().close(50)
    b.pilot.switch(False)
    b.run(300)
    assert not b.plant.violations
    b.run(3000)
    assert b.kinds().count(Violation.CURRENT_IN_B) == 1


def test_voltage_in_state_b_is_written_down_when_it_stays():
    b = Bench()
    b.output.enable(True)
    b.target(400, 1)
    b.run(500)
    b.pilot.switch(False)
    b.run(Plant.VOLTAGE_IN_B_MS - 100)
    assert not b.plant.violations
    b.run(500)
    assert b.kinds() == [Violation.VOLTAGE_IN_B]


def test_welded_contactors_stay_closed_and_the_feedback_says_so():
    b = Bench().close(10)
    b.output.enable(False)
    b.plant.contactors.weld = True
    b.plant.command(False)
    b.run(2000)
    assert b.plant.contactors.feedback() is True
    assert b.plant.inlet_voltage == pytest.approx(b.pack.ocv())


def test_a_hidden_weld_shows_only_as_voltage():
    b = Bench().close(10)
    b.output.enable(False)
    b.plant.contactors.weld_hidden = True
    b.plant.command(False)
    b.run(2000)
    assert b.plant.contactors.feedback() is False
    assert b.plant.inlet_voltage > 300


def test_stuck_open_contactors_never_conduct():
    b = Bench()
    b.plant.contactors.stuck_open = True
    b.close(50)
    assert b.plant.contactors.feedback() is False
    assert b.plant.current == 0 and b.pack.soc == 0.5


def test_a_live_plug_in_the_hand_is_written_down():
    b = Bench().close(50)
    b.pilot.plug(False)
    b.plant.unplugged()
    assert b.kinds() == [Violation.UNPLUGGED_LIVE]
    assert b.plant.current == 0


def test_overcharged_pack_is_written_down():
    b = Bench(soc=1.0).close(5)
    b.target(500, 190)
    b.run(3000)
    b.pack.resistance = 0.2
    b.run(3000)
    assert Violation.OVER_VOLTAGE in b.kinds()
