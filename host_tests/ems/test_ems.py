# SPDX-License-Identifier: MIT
"""Modes, needs, permits: what a station may see of the car in each of them."""

import pytest
from evcc.ems import Ems, hours
from evcc.ems.permit import Permit
from evcc.params import Params
from evcc.sim_vehicle import Pack
from evcc.vehicle import Demand, Limits, Measured, Vehicle
from hypothesis import given, settings
from hypothesis import strategies as st

MIDNIGHT = 1_790_000_000 // 86400 * 86400
OPEN = "* * DC_BPT - 11000; * * AC_BPT - 4600; * * GridForming - 3000"


class Car(Vehicle):
    """A battery of 60 kWh at 400 V whose every value a test sets."""

    forms_grid = True

    def __init__(self):
        self.soc, self.amps, self.celsius = 50.0, 0.0, 25.0
        self.charge_W = self.discharge_W = 11000.0
        self.own_energy = 0.0
        self.power = True
        self.trouble = None
        self.events = []
        self.inverter = None

    def update(self, now):
        pass

    def identity(self):
        return "CAR"

    def limits(self):
        lim = Limits()
        lim.charge_power, lim.discharge_power = self.charge_W, self.discharge_W
        lim.charge_current = lim.discharge_current = 30.0
        lim.min_charge_power, lim.max_voltage, lim.min_voltage = 500.0, 450.0, 300.0
        return lim

    def demand(self):
        d = Demand()
        d.target_soc, d.min_soc, d.max_soc = 80, 20, 100
        d.target_current, d.target_voltage = 30.0, 410.0
        d.own_energy = self.own_energy
        return d

    def measured(self):
        m = Measured()
        m.pack_voltage, m.current, m.soc, m.capacity = 400.0, self.amps, self.soc, 60000.0
        m.temperature = self.celsius
        return m

    def wants_power(self):
        return self.power

    def wish(self):
        return None

    def offer(self, evse):
        pass

    def notify(self, event):
        self.events.append(event)

    def charger(self):
        return self.inverter

    def fault(self):
        return self.trouble


class Inverter:
    charge_power, discharge_power, phases = 11000.0, 7000.0, 3

    def __init__(self):
        self.forming = None

    def form(self, on):
        self.forming = on


class Store:
    def __init__(self):
        self.files = {}

    def read(self, name):
        return self.files.get(name)

    def write(self, name, data):
        self.files[name] = data


class Rig:
    """`mode` at `clock` of a day, in s of simulated time."""

    def __init__(self, mode, clock=12.0, store=None, unix=True, **settings):
        self.params = Params()
        values = {
            "ems_mode": mode,
            "market_profile": OPEN,
            "services": "DC_BPT,AC_BPT,DC",
            "ev_discharge_power_W": 11000.0,
            "ev_discharge_current_A": 30.0,
            "ev_ac_discharge_power_W": 7000.0,
            "ems_efficiency": 1.0,
            **settings,
        }
        for name, value in values.items():
            self.params.set(name, value)
        self.car = Car()
        self.start = MIDNIGHT + int(clock * 3600)
        self.ems = Ems(self.car, self.params, self.start if unix else None, store)
        self.now = 0
        self.ems.update(0)
        self.ems.notify("plugged")
        self.run(10)

    def run(self, seconds, step=0.1):
        end = self.now + int(seconds * 1000)
        while self.now < end:
            self.now = min(self.now + int(step * 1000), end)
            self.ems.update(self.now)

    def at(self, clock):
        """Let time pass to this hour of the same day."""
        self.run((clock * 3600 + MIDNIGHT - self.start) - self.now / 1000, 60)
        self.run(10)

    @property
    def caps(self):
        lim = self.ems.limits()
        return lim.charge_power, lim.discharge_power


def test_off_is_the_vehicle_itself_within_the_market():
    rig = Rig("off")
    assert rig.caps == (11000, 11000)
    assert rig.ems.demand().target_current == 30 and rig.ems.identity() == "CAR"
    assert not rig.ems.forms_grid and rig.car.stays is False
    rig = Rig("off", market_profile="* * DC_BPT 9000 4000", services="DC_BPT")
    assert rig.caps == (9000, 4000)
    rig = Rig("off", market_profile="")
    assert rig.caps == (11000, 0) and rig.ems.limits().discharge_current == 0


def test_nothing_managed_loads_nothing():
    """What a board without ROMFS must not pay for."""
    import subprocess
    import sys

    code = (
        "import sys; sys.path.insert(0, 'lib')\n"
        "from evcc.ems import Ems; from evcc.params import Params\n"
        "from evcc.vehicle import Vehicle\n"
        "Ems(Vehicle(), Params())\n"
        "print([m for m in sys.modules if m.startswith(('evcc.ems.', 'evcc.market'))])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    assert out.stdout.strip() == "[]", out


@pytest.mark.parametrize("mode", ["now", "departure", "cheap", "solar"])
def test_modes_that_only_charge_give_nothing_back(mode):
    rig = Rig(mode)
    assert rig.caps[1] == 0 and rig.ems.limits().discharge_current == 0
    assert rig.ems.demand().max_v2x_energy is None


@pytest.mark.parametrize("mode", ["v2h", "v2g"])
def test_modes_that_give_back(mode):
    rig = Rig(mode)
    assert rig.caps == (11000, 11000)
    d = rig.ems.demand()
    assert (d.min_v2x_energy, d.max_v2x_energy) == (-12000, 18000)  # 30 % and 80 %
    assert (d.min_energy, d.target_energy, d.max_energy) == (-18000, 18000, 30000)
    assert d.strategy == "trade" and rig.car.stays


def test_market_bounds_what_any_mode_gives():
    rig = Rig("v2h", market_profile="* * DC_BPT - 5000", services="DC_BPT")
    assert rig.caps[1] == 5000
    assert Rig("v2h", market_profile="").caps[1] == 0


def test_needs_are_of_one_snapshot():
    """SOC moves between two calls of one request; its energies do not."""
    rig = Rig("now")
    first = rig.ems.demand().target_energy
    rig.car.soc = 51.0
    assert rig.ems.demand().target_energy == first
    rig.run(1)
    assert rig.ems.demand().target_energy == first - 600


def test_own_demand_is_added_to_the_target():
    rig = Rig("departure", ems_own_Wh=1500.0)
    assert rig.ems.demand().target_energy == 18000 + 1500
    rig.car.own_energy = 500.0
    rig.run(1)
    assert rig.ems.demand().target_energy == 18000 + 2000


def test_departure_by_clock_setting_and_wish():
    rig = Rig("departure", clock=22, ems_departure="07:00")
    assert rig.ems.demand().departure_s == pytest.approx(9 * 3600, abs=15)
    rig.ems.want(departure_s=7200)
    rig.run(1)
    assert rig.ems.demand().departure_s == pytest.approx(7200, abs=2)
    rig.ems.notify("unplugged")
    rig.ems.notify("plugged")
    rig.run(1)
    assert rig.ems.demand().departure_s == pytest.approx(9 * 3600, abs=15)
    rig = Rig("departure", unix=False, ems_departure="07:00", departure_s=5000)
    assert rig.ems.demand().departure_s == pytest.approx(4990, abs=2)
    rig.run(6000, 60)
    assert rig.ems.demand().departure_s == 0


def test_local_time_is_an_offset():
    rig = Rig("departure", clock=5, ems_departure="07:00", utc_offset_min=60)
    assert rig.ems.demand().departure_s == pytest.approx(3600, abs=15)


def test_a_station_that_decides_the_needs_is_believed():
    rig = Rig("departure")
    rig.ems.offer({"departure_s": 1234, "target_soc": 60})
    rig.run(1)
    d = rig.ems.demand()
    assert d.departure_s == 1234 and d.target_soc == 60 and d.target_energy == 6000
    rig.ems.offer({"target_soc": 5})  # below what the car keeps in any case
    rig.run(1)
    assert rig.ems.demand().target_soc == 20


def test_even_charging_until_the_departure():
    rig = Rig("departure", departure_s=36000)
    assert rig.caps[0] == pytest.approx(18000 / 9.75 * 1.15, rel=0.01)
    rig.car.soc = 75.0
    rig.run(10)
    assert rig.caps[0] == pytest.approx(3000 / 9.75 * 1.15, rel=0.01)


def test_cheap_hours_and_the_departure_that_does_not_wait():
    rig = Rig("cheap", clock=20, ems_cheap_hours="23:00-02:00", departure_s=36000)
    assert rig.caps[0] == 0 and "cheap" in rig.ems.status()["why"]
    rig.at(22.9)
    assert rig.caps[0] == 0
    rig.at(23.1)
    assert rig.caps[0] == 11000
    rig.at(26.5)  # 02:30, and nothing came in
    assert rig.caps[0] == 0
    rig.at(28.2)  # 18 kWh at 11 kW take 1.64 h; with the margin that is begun at 03:52
    assert rig.caps[0] == 11000 and "departure" in rig.ems.status()["why"]


def test_without_a_clock_there_are_no_cheap_hours():
    assert Rig("cheap", unix=False, ems_cheap_hours="23:00-02:00").caps[0] == 11000


def test_solar_follows_the_meter_and_forgets_a_silent_one():
    rig = Rig("solar")
    rig.ems.house(-3000.0)
    rig.run(10)
    assert rig.caps[0] == 3000
    d = rig.ems.demand()
    assert (
        d.target_energy == 0 and d.max_energy == 18000
    )  # sun to the target, nothing from the grid
    rig.ems.house(500.0)
    rig.run(10)
    assert rig.caps[0] == 0
    rig.run(20)  # no reading any more: the station steers
    assert rig.caps[0] == 11000


def test_v2h_feeds_the_house_and_not_the_street():
    rig = Rig("v2h")
    rig.ems.house(2500.0)
    rig.run(10)
    assert rig.caps[1] == 2500
    rig.ems.house(-2500.0)
    rig.run(10)
    assert rig.caps[1] == 0


def test_v2g_sells_in_its_hours():
    rig = Rig("v2g", clock=16, ems_sell_hours="17:00-19:00")
    assert rig.caps[1] == 0
    rig.at(17.1)
    assert rig.caps[1] == 11000
    rig.at(19.1)
    assert rig.caps[1] == 0


def test_below_the_minimum_everything_else_waits():
    for mode in ("cheap", "solar", "v2h", "v2g"):
        rig = Rig(mode, clock=12, ems_cheap_hours="23:00-02:00")
        rig.car.soc = 15.0
        rig.ems.house(3000.0)
        rig.run(10)
        assert rig.caps == (11000, 0), mode
        assert rig.ems.demand().min_energy == 3000


def test_giving_back_leaves_time_to_charge():
    rig = Rig("v2h", departure_s=3 * 3600)
    assert rig.caps[1] == 11000
    rig.run(3600, 60)
    assert rig.caps[1] == 0 and "departure" in rig.ems.status()["why"]


def test_a_station_that_steers_by_its_limit_is_not_too_weak():
    """It grants no charging while it asks energy back."""
    rig = Rig("v2h")
    rig.ems.offer({"max_power": 11000.0, "current": 20.0})
    rig.ems.offer({"max_power": 0.0, "current": -20.0})
    rig.run(5)
    assert rig.caps[1] == 11000 and "may give" in rig.ems.status()["why"]
    rig.ems.notify("plugged")
    rig.ems.offer({"max_power": 1.0})  # a weak one from the start
    rig.run(5)
    assert "departure" in rig.ems.status()["why"]


def test_wishes_of_driver_and_grid():
    rig = Rig("v2h")
    rig.ems.want(target_soc=60, min_soc=40)
    rig.ems.grid(charge_W=4200, discharge_W=1000)
    rig.run(10)
    assert rig.caps == (4200, 1000)
    d = rig.ems.demand()
    assert (d.target_energy, d.min_energy, d.min_v2x_energy) == (6000, -6000, -6000)
    rig.ems.grid()
    rig.run(10)
    assert rig.caps == (11000, 11000)


def test_modes_change_in_the_middle_and_falling_caps_do_so_in_steps():
    rig = Rig("v2h")
    rig.ems.set_mode("now")
    seen = []
    for _ in range(60):
        rig.run(0.1)
        seen.append(rig.caps[1])
    assert seen[-1] == 0
    falls = [a - b for a, b in zip(seen, seen[1:])]
    assert max(falls) < 1000 and sum(1 for x in falls if x) > 10
    rig.ems.set_mode("off")
    assert rig.caps == (11000, 11000) and rig.car.stays is False
    rig.ems.set_mode("v2g")
    rig.run(10)
    assert rig.car.stays
    with pytest.raises(ValueError, match="ems_mode"):
        rig.ems.set_mode("party")


def test_who_stays_and_who_leaves_when_full():
    for mode, stays in (("now", False), ("cheap", False), ("solar", True), ("v2h", True)):
        rig = Rig(mode)
        rig.car.soc = 81.0
        rig.run(1)
        assert rig.ems.wants_power() is stays, mode
        rig.car.power = False
        assert not rig.ems.wants_power()


def test_a_change_asks_for_another_schedule_where_there_are_schedules():
    for mode, wish in (("Scheduled", "renegotiate"), ("Dynamic", None)):
        rig = Rig("v2h", control_mode=mode)
        rig.ems.offer({"current": 1.0})
        assert rig.ems.wish() is None
        rig.ems.want(target_soc=70)
        assert rig.ems.wish() == wish
        rig.run(3)
        assert rig.ems.wish() is None


def test_permit_floor_with_a_way_back():
    rig = Rig("v2h", ems_reserve_soc=40)
    rig.car.soc = 40.0
    rig.run(10)
    assert rig.caps[1] == 0 and rig.ems.status()["no_discharge"] == "SOC"
    rig.car.soc = 40.5
    rig.run(10)
    assert rig.caps[1] == 0
    rig.car.soc = 41.5
    rig.run(10)
    assert rig.caps[1] == 11000


@pytest.mark.parametrize("celsius", [-1.0, 46.0])
def test_permit_temperature(celsius):
    rig = Rig("v2h")
    rig.car.celsius = celsius
    rig.run(10)
    assert rig.caps[1] == 0 and rig.ems.status()["no_discharge"] == "temperature"
    rig.car.celsius = None
    rig.run(10)
    assert rig.caps[1] == 11000


def test_permit_cycles_of_session_and_day():
    rig = Rig("v2h", ems_session_cycles=0.1, ems_day_cycles=0.15)
    rig.car.amps = -25.0  # 10 kW; 6 kWh take 36 min
    rig.run(2100, 1)
    assert rig.caps[1] == 11000
    rig.run(120, 1)
    assert rig.caps[1] == 0 and "session" in rig.ems.status()["no_discharge"]
    rig.car.amps = 0.0
    rig.ems.notify("unplugged")
    rig.ems.notify("plugged")
    rig.run(10)
    assert rig.caps[1] == 11000
    rig.car.amps = -25.0
    rig.run(1140, 1)
    assert rig.caps[1] == 0 and "day" in rig.ems.status()["no_discharge"]
    rig.car.amps = 0.0
    rig.at(24.5)
    assert rig.caps[1] == 11000


def test_the_days_cycles_survive_power_off():
    store = Store()
    rig = Rig("v2h", store=store, ems_day_cycles=0.1)
    rig.car.amps = -25.0
    rig.run(2400, 1)
    rig.ems.notify("unplugged")
    rig = Rig("v2h", store=store, ems_day_cycles=0.1)
    assert rig.caps[1] == 0
    store.files["ems"] = b"\xff nonsense"
    assert Rig("v2h", store=store, ems_day_cycles=0.1).caps[1] == 11000


def test_permit_counts_by_the_calendar():
    permit = Permit(Params())
    permit.count(100.0, 86399)
    permit.count(100.0, 86400)
    assert (permit.session, permit.day) == (200, 100)


# --- V2L -----------------------------------------------------------------------------------------


def test_island_only_by_mode_market_and_inverter():
    rig = Rig("v2l")
    assert rig.ems.forms_grid
    rig.car.forms_grid = False
    assert not rig.ems.forms_grid
    assert not Rig("v2h").ems.forms_grid and not Rig("off").ems.forms_grid
    assert not Rig("v2l", market_profile="* * AC_BPT - 4600").ems.forms_grid


def island(**settings):
    rig = Rig("v2l", **settings)
    rig.car.inverter = Inverter()
    rig.ems.offer({"max_power": 11000.0})
    assert rig.car.inverter.forming is None  # not before the charge loop
    rig.ems.offer({"max_power": 11000.0, "power": 0.0})
    assert rig.car.inverter.forming is True
    assert rig.caps == (0, 11000)
    return rig


@pytest.mark.parametrize("profile, limit", [("strict", 0.5), ("field", 2.0)])
def test_a_silent_station_stops_the_source_within_the_loop_timeout(profile, limit):
    rig = island(timing_profile=profile)
    for _ in range(20):
        rig.run(limit * 0.8, 0.05)
        rig.ems.offer({"power": -500.0})
    assert rig.car.inverter.forming and rig.ems.fault() is None
    rig.run(limit + 0.06, 0.05)
    assert rig.car.inverter.forming is False
    assert rig.caps == (0, 0) and "silent" in rig.ems.fault()
    rig.ems.offer({"power": 0.0})  # back again: not within this session
    assert rig.car.inverter.forming is False and rig.ems.fault()
    rig.ems.notify("plugged")
    rig.run(10)
    assert rig.ems.fault() is None


def test_the_end_of_the_session_stops_the_source():
    rig = island()
    rig.ems.notify("stopping")
    assert rig.car.inverter.forming is False
    rig.run(5)
    assert rig.ems.fault() is None  # silence after the end is none


def test_an_island_keeps_the_reserve():
    rig = island(ems_reserve_soc=40)
    rig.car.soc = 39.0
    for _ in range(60):
        rig.run(0.2)
        rig.ems.offer({"power": -500.0})
    assert rig.caps == (0, 0)


# --- AC ------------------------------------------------------------------------------------------


def test_on_board_charger_within_mode_battery_and_market():
    rig = Rig("v2h")
    rig.car.inverter = Inverter()
    charger = rig.ems.charger()
    assert (charger.charge_power, charger.discharge_power, charger.phases) == (11000, 4600, 3)
    rig.ems.grid(charge_W=2000)
    rig.ems.set_mode("now")
    rig.run(10)
    assert (charger.charge_power, charger.discharge_power) == (2000, 0)
    rig.ems.set_mode("off")
    assert (charger.charge_power, charger.discharge_power) == (11000, 4600)


def test_no_charger_no_ac():
    assert Rig("v2h").ems.charger() is None


# --- properties ----------------------------------------------------------------------------------

numbers = st.floats(-50000, 50000)


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(("now", "departure", "cheap", "solar", "v2h", "v2g", "v2l")),
    st.floats(0, 100),
    st.floats(0, 15000),
    st.floats(0, 15000),
    st.integers(0, 100),
    st.integers(0, 100),
    st.one_of(st.none(), numbers),
    st.integers(0, 90000),
    st.floats(-30, 70),
)
def test_never_more_than_the_bms_and_energies_in_order(
    mode, soc, up, down, target, least, house, departure, celsius
):
    rig = Rig(mode, ems_cheap_hours="10:00-11:30", ems_sell_hours="12:00-13:00")
    rig.car.soc, rig.car.charge_W, rig.car.discharge_W = soc, up, down
    rig.car.celsius = celsius
    rig.ems.want(target, least, departure)
    if house is not None:
        rig.ems.house(house)
    for _ in range(8):
        rig.run(1, 0.5)
        lim, d = rig.ems.limits(), rig.ems.demand()
        assert 0 <= lim.charge_power <= up and 0 <= lim.discharge_power <= min(down, 11000)
        assert 0 <= lim.charge_current <= 30 and 0 <= lim.discharge_current <= 30
        assert d.min_energy <= d.target_energy <= max(d.max_energy, d.min_energy)
        if d.max_v2x_energy is not None:
            assert d.min_energy <= d.min_v2x_energy <= d.max_v2x_energy <= d.max_energy + 1e-9
        assert d.departure_s >= 0
    if soc < max(rig.params.ems_reserve_soc if mode.startswith("v2") else 0, least):
        assert lim.discharge_power == 0


# --- hours and the battery model -----------------------------------------------------------------


def test_hours():
    spans = hours.spans("22:00-06:00, 13:00-15:30")
    found = [h for h in range(24) if hours.inside(spans, h * 60)]
    assert found == [0, 1, 2, 3, 4, 5, 13, 14, 15, 22, 23]
    assert hours.inside(hours.spans("22:00-24:00"), 1439)
    assert not hours.inside(hours.spans("22:00-24:00"), 0)
    assert hours.spans("") == []


def test_pack_curve_rises_and_heat_is_what_the_resistance_takes():
    pack = Pack()
    volts = []
    for percent in range(101):
        pack.soc = percent / 100
        volts.append(pack.ocv())
    assert volts == sorted(volts) and volts[0] == 340 and volts[-1] == 400
    pack = Pack(soc=0.5)
    before = pack.soc * pack.capacity
    terminal = 0.0
    for _ in range(3600):
        terminal += pack.voltage(50.0) * 50.0 / 3600
        pack.integrate(50.0, 1.0)
    stored = pack.soc * pack.capacity - before
    assert stored + pack.heat == pytest.approx(terminal, rel=1e-3)
    assert pack.heat == pytest.approx(50 * 50 * 0.08, rel=1e-6)
    assert 25.5 < pack.celsius < 35
    for _ in range(1000):
        pack.integrate(0.0, 60.0)
    assert pack.celsius == pytest.approx(25, abs=0.1)
