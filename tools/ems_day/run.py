# SPDX-License-Identifier: MIT
"""A day on session core, EMS and vehicle: one exchange per 10 s of the day, no EXI, no TCP.

Before and after the charge loop time passes as in reality. `Day` keeps a row for each loop, and
sums energy from the station's answers alone, to be held against the battery's own account.
"""

from evcc.bench_board import BenchBoard
from evcc.ems import Ems
from evcc.iso20.session import Session
from evcc.iso20.units import number
from evcc.params import Params
from evcc.safety import Safety
from evcc.sim_vehicle import SimVehicle

from tools.ems_day import house

STEP_MS = 10_000
MIDNIGHT = 1_790_000_000 // 86400 * 86400
START_H, HOURS = 7.5, 23.5

SETTINGS = {
    "services": "DC_BPT",
    "ems_mode": "v2h",
    "ems_departure": "07:00",
    "ems_reserve_soc": 55,
    "ems_v2x_max_soc": 95,
    "ev_soc": 45.0,
    "ev_target_soc": 80,
    "ev_charge_power_W": 11000.0,
    "ev_charge_current_A": 35.0,
    "ev_discharge_power_W": 11000.0,
    "ev_discharge_current_A": 35.0,
    "market_profile": "* * DC_BPT 11000 11000",
    "scheduled_discharge": True,
    "ems_wear_per_kWh": 0.05,
}


class Cable(BenchBoard):
    """The bench board; what flows is what the station sets at this moment."""

    station = None

    def _inlet_current(self):
        return self.station.amps if self.closed and self.state_c else 0.0


class Day:
    """`mode`: Dynamic or Scheduled. `hours`: how long. `meter`: the car sees the house's meter.
    `step_ms`: from one exchange of the loop to the next.

    After `play()`: `rows` (hour since start, W into the car, SOC %, W of sun, W of load, price),
    `message_Wh`: energy into the car by the station's answers; `cost`: of the house, and
    `cost_without`: had there been no car.
    """

    def __init__(
        self, mode="Dynamic", hours=HOURS, meter=False, start_h=START_H, step_ms=STEP_MS,
        **settings,
    ):  # fmt: skip
        self.params = Params()
        values = {**SETTINGS, "control_mode": mode, **settings}
        for name, value in values.items():
            self.params.set(name, value)
        self.hours, self.meter, self.start_h = hours, meter, start_h
        self.step_ms = step_ms
        self.soc_at_departure = None
        self.now = 0
        unix = MIDNIGHT + int(start_h * 3600)
        self.board = Cable(lambda: self.now)
        self.vehicle = SimVehicle(self.board, self.params)
        self.board.vehicle = self.vehicle
        self.ems = Ems(self.vehicle, self.params, unix)
        self.safety = Safety(self.board, self.ems, self.params)
        self.session = Session(self.ems, self.safety, self.params, "EVCC1", unix=unix)
        self.house = house.House(self.vehicle.pack, lambda: unix + self.now // 1000, mode)
        self.board.station = self.house
        self.pack = self.vehicle.pack
        self.stored_before = self.pack.soc * self.pack.capacity
        self.rows = []
        self.message_Wh = self.turned_Wh = 0.0
        self.cost = self.cost_without = 0.0
        self.exchanges = 0
        self.lowest = 100.0
        self._pass(100)
        self.ems.notify("plugged")

    def _pass(self, ms, step=20):
        end = self.now + ms
        while self.now < end:
            self.now = min(self.now + step, end)
            self.ems.update(self.now)
            self.safety.tick(self.now)
            self.safety.poll()

    def play(self):
        """To the departure, where the driver ends the session."""
        story = self.session.story()
        wish = next(story)
        rests = False  # between two loops: that time is in their 10 s
        while True:
            if isinstance(wish, int):
                if not rests:
                    self._pass(wish)
                rests = False
                wish = story.send(None)
                continue
            name, body = wish
            self.session.limits(name)
            self.session.sent = self.now
            self.session.now = self.now
            rests = looping = name == "DC_ChargeLoop"
            response = self.house.answer(name, body)
            if looping:
                self._note(response)
                self._pass(self.step_ms, self.step_ms)
            else:
                self._pass(20)
            self.session.now = self.now
            if self.now >= self.hours * 3600_000 and not self.session.stop:
                self.soc_at_departure = self.pack.soc * 100
                self.session.wish_stop("USER_STOP")
            try:
                wish = story.send(response)
            except StopIteration:
                if self.soc_at_departure is None:
                    self.soc_at_departure = self.pack.soc * 100
                return self

    def _note(self, response):
        hour = self.house.hour()
        volts = number(response["EVSEPresentVoltage"])
        watts = volts * number(response["EVSEPresentCurrent"])
        energy = watts * self.step_ms / 3600_000
        self.message_Wh += energy
        self.turned_Wh += abs(energy)
        self.exchanges += 1
        sun, load, price = house.sun(hour), house.load(hour), house.price(hour)
        hours = self.step_ms / 3600_000
        self.cost += _bill(load + watts - sun, price) * hours
        self.cost_without += _bill(load - sun, price) * hours
        soc = self.pack.soc * 100
        self.lowest = min(self.lowest, soc)
        if self.meter:
            self.ems.house(load - sun)
        if self.exchanges % 6 == 1:
            self.rows.append((self.now / 3600_000, watts, soc, sun, load, price))

    @property
    def stored_Wh(self):
        """What the battery holds more than before."""
        return self.pack.soc * self.pack.capacity - self.stored_before

    @property
    def lost_Wh(self):
        """Energy that the messages name and the battery does not account for."""
        return self.message_Wh - self.stored_Wh - self.pack.heat


def _bill(watts, price):
    """Money for an hour of `watts` from the grid, negative: into it."""
    return watts / 1000 * (price if watts > 0 else house.FEED_IN)
