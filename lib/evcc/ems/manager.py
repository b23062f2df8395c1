# SPDX-License-Identifier: MIT
"""The managed vehicle: needs from one snapshot, caps from the mode, permits from the battery.

Needs (`Demand`, feeds Scheduled and Dynamic alike) come from one reading of SOC and capacity,
taken in `update`; everything that one request says is made of that. Caps only ever lower what the
BMS allows, and fall in steps that a station can follow. What each mode means is in README.md.
"""

from evcc.compat import const, forget, get_logger
from evcc.ems import hours
from evcc.ems.permit import Permit
from evcc.vehicle import Demand, Limits

_EVERY_MS = const(200)  # caps and needs: once a charge loop
_METER_MS = const(15000)  # a reading of the house's meter is good for so long
_ANEW_MS = const(2000)
_RAMP_S = const(5)  # a cap moves from all to nothing in
_LATE = const(1.15)  # charging to the target is begun with so much more time than it takes
_LATE_S = const(900)
_ALL = const(1e9)  # W: no cap
_STAYS = const(("solar", "v2h", "v2g", "v2l"))
_GIVES = const(("v2h", "v2g", "v2l"))

log = get_logger("evcc.ems")


class Manager:
    """See `evcc.ems.Ems`, which owns one."""

    def __init__(self, vehicle, params, unix, store, charger):
        from evcc import params_ems

        params_ems.defaults(params)
        params_ems = None
        forget("evcc.params_ems")
        self.vehicle = vehicle
        self.params = params
        self.unix = unix
        self.permit = Permit(params, store)
        self.lost = False  # V2L: the station went silent
        self._now = None
        self._next = 0
        self._anew = 0  # until then another schedule is asked for
        self._loops = False  # the charge loop runs
        self._limits = Limits()
        self._demand = Demand()
        self._soc = self._capacity = 0.0
        self._wish = {}  # of the driver: target_soc, min_soc
        self._departure = None  # s, on the clock of `now`
        self._wished = False  # that is what the driver said
        self._house = self._house_at = None
        self._grid = (_ALL, _ALL)
        self._goal = self._cap = (0.0, 0.0)  # W that mode and permit let in and out
        self._charger = charger  # asks for the on-board charger
        self._evse = {}
        # W, the most that the station let in since plug-in: it steers by its limit, and one that
        # asks energy back or follows the sun has not become too weak for the departure
        self._granted = 0.0
        self._heard = 0  # when the station last spoke in the loop
        self._island = False
        self._why = ""
        self.mode_changed()

    # --- person, house and grid ------------------------------------------------------------------

    def mode_changed(self):
        p = self.params
        self.vehicle.stays = p.ems_mode in _STAYS
        self._change()
        self._hours = hours.spans(p.ems_sell_hours if p.ems_mode == "v2g" else p.ems_cheap_hours)

    def _change(self):
        self._next = 0
        if self.params.control_mode == "Scheduled":
            self._anew = (self._now or 0) + _ANEW_MS

    def want(self, target_soc=None, min_soc=None, departure_s=None):
        """The driver's wish, before the settings: SOC in %, departure in s from now."""
        for name, value in (("target_soc", target_soc), ("min_soc", min_soc)):
            if value is not None:
                self._wish[name] = min(max(int(value), 0), 100)
        if departure_s is not None:
            self._departure = (self._now or 0) // 1000 + int(departure_s)
            self._wished = True
        self._change()

    def house(self, watts):
        """W that the house draws without the car; negative: surplus. Again every 15 s."""
        self._house, self._house_at = watts, self._now or 0

    def grid(self, charge_W=None, discharge_W=None):
        """What the grid's operator allows at most; None: all."""
        self._grid = (
            _ALL if charge_W is None else max(0.0, charge_W),
            _ALL if discharge_W is None else max(0.0, discharge_W),
        )
        self._change()

    def status(self):
        """Mode, caps in W, needs in Wh, why nothing is given back, cycles used."""
        d, capacity = self._demand, self._capacity or 1.0
        return {
            "mode": self.params.ems_mode,
            "why": self._why,
            "charge_W": self._limits.charge_power,
            "discharge_W": self._limits.discharge_power,
            "target_Wh": d.target_energy,
            "departure_s": d.departure_s,
            "no_discharge": self.permit.why,
            "session_cycles": self.permit.session / capacity,
            "day_cycles": self.permit.day / capacity,
        }

    # --- the vehicle's methods -------------------------------------------------------------------

    @property
    def forms_grid(self):
        """The inverter can, the driver wishes it, and the market profile has a row for it."""
        if self.params.ems_mode != "v2l" or not self.vehicle.forms_grid:
            return False
        from evcc import market

        why = market.allowed(self.params, "GridForming")
        if why:
            log.warning("%s", why)
        return why is None

    def update(self, now):
        self.vehicle.update(now)
        was, self._now = self._now, now
        if was is None:
            was = now
        m = self.vehicle.measured()
        energy = 0.0
        if m.current is not None and m.current < 0 and m.pack_voltage:
            energy = -m.current * m.pack_voltage * (now - was) / 3600000
        self.permit.count(energy, (self.unix or 0) + now // 1000)
        if self._island:
            late = 2000 if self.params.timing_profile == "field" else 500
            if now - self._heard > late and not self.lost:
                self.lost = True
                self._source(False)
        if now >= self._next:
            self._next = now + _EVERY_MS
            self._soc, self._capacity = m.soc, m.capacity
            self._needs()
            self._decide(m)
            self._move(now - was if now - was > _EVERY_MS else _EVERY_MS)

    def identity(self):
        return self.vehicle.identity()

    def measured(self):
        return self.vehicle.measured()

    def caps(self):
        """(W in, W out) that mode and permits let through now."""
        return (0.0, 0.0) if self.lost else self._cap

    def limits(self):
        """The BMS's, lowered by the caps; copied, since the vehicle may keep its own."""
        bms, lim, volts = self.vehicle.limits(), self._limits, self.vehicle.measured().pack_voltage
        up, down = self.caps()
        lim.charge_power = min(bms.charge_power, up)
        lim.discharge_power = min(bms.discharge_power, down)
        lim.charge_current, lim.discharge_current = bms.charge_current, bms.discharge_current
        if volts:
            lim.charge_current = min(bms.charge_current, up / volts)
            lim.discharge_current = min(bms.discharge_current, down / volts)
        lim.min_charge_power = bms.min_charge_power
        lim.min_charge_current = bms.min_charge_current
        lim.min_discharge_power = bms.min_discharge_power
        lim.min_discharge_current = bms.min_discharge_current
        lim.max_voltage, lim.min_voltage = bms.max_voltage, bms.min_voltage
        return lim

    def demand(self):
        """Needs of the last snapshot; target current and voltage are the BMS's."""
        d, theirs = self._demand, self.vehicle.demand()
        d.target_voltage = theirs.target_voltage
        ceiling = d.max_energy if d.strategy == "trade" else d.target_energy
        d.target_current = 0.0
        if ceiling > 0:
            d.target_current = self.vehicle.limits().charge_current
            volts = self.vehicle.measured().pack_voltage
            if volts:
                d.target_current = min(d.target_current, self.caps()[0] / volts)
        return d

    def wants_power(self):
        if not self.vehicle.wants_power():
            return False
        return self.params.ems_mode in _STAYS or self._soc < self._demand.target_soc

    def wish(self):
        """The vehicle's; a plan in Scheduled mode is made anew when something has changed."""
        found = self.vehicle.wish()
        if found is None and (self._now or 0) < self._anew and self._loops:
            return "renegotiate"
        return found

    def offer(self, evse):
        self._evse = evse
        self._heard = self._now or 0
        self._granted = max(self._granted, evse.get("max_power", 0.0))
        self._loops = "current" in evse or "power" in evse  # only the charge loop names them
        if self.params.ems_mode == "v2l" and self._loops and not self._island and not self.lost:
            self._island = True
            self._source(True)
        self.vehicle.offer(evse)

    def notify(self, event):
        if event == "plugged":
            self.permit.plugged()
            self.lost = self._island = self._loops = False
            self._evse = {}
            self._granted = 0.0
            if self._departure is None:
                self._departure = (self._now or 0) // 1000 + self.params.departure_s
        elif event in ("stopping", "opened", "unplugged"):
            if self._island:
                self._source(False)
            self._island = self._loops = False
            if event == "unplugged":
                self._departure, self._wished = None, False
                self.permit.save()
        self.vehicle.notify(event)

    def fault(self):
        if self.lost:
            return "the station is silent while the car feeds an island"
        return self.vehicle.fault()

    def _source(self, on):
        """Be the source of an island, or stop at once: no ramp, the loads are alone."""
        charger = self._charger()
        if charger:
            charger.form(on)

    # --- needs and caps --------------------------------------------------------------------------

    def _left(self):
        """s until departure."""
        stations = self._evse.get("departure_s")
        if stations is not None:  # mobility needs mode 2: the station knows better
            return max(0, int(stations))
        now = self._now // 1000
        p = self.params
        if p.ems_departure and self.unix is not None and not self._wished:
            at = self.unix + now + 60 * p.utc_offset_min
            return (60 * hours.minute(p.ems_departure) - at) % 86400
        if self._departure is None:
            return p.departure_s
        return max(0, self._departure - now)

    def _needs(self):
        """`Demand` from one E(now); minimum <= target <= maximum, window inside."""
        p, d, evse = self.params, self._demand, self._evse
        per_cent = self._capacity / 100
        theirs = self.vehicle.demand()
        d.min_soc = self._wish.get("min_soc", theirs.min_soc)
        d.max_soc = theirs.max_soc
        d.min_soc = min(max(d.min_soc, evse.get("min_soc", 0)), d.max_soc)
        target = self._wish.get("target_soc", theirs.target_soc)
        target = evse.get("target_soc", target)
        d.target_soc = min(max(target, d.min_soc), d.max_soc)
        d.departure_s = self._left()
        mode = p.ems_mode
        d.own_energy = theirs.own_energy + p.ems_own_Wh
        d.max_energy = (d.max_soc - self._soc) * per_cent
        d.min_energy = (d.min_soc - self._soc) * per_cent
        d.target_energy = (d.target_soc - self._soc) * per_cent + d.own_energy
        if mode == "solar":  # the sun may fill it to the target; the grid only to the minimum
            d.max_energy = max(d.target_energy, 0.0)
            d.target_energy = max(d.min_energy, 0.0)
        d.target_energy = min(max(d.target_energy, d.min_energy), d.max_energy)
        if mode in _GIVES:
            low = max(p.ems_reserve_soc, d.min_soc)
            high = min(max(p.ems_v2x_max_soc, low), d.max_soc)
            d.min_v2x_energy = (low - self._soc) * per_cent
            d.max_v2x_energy = (high - self._soc) * per_cent
        else:
            d.min_v2x_energy = d.max_v2x_energy = None
        d.strategy = "now" if mode in ("now", "v2l") else "trade" if mode in _GIVES else "cheap"

    def _plans(self, up, late):
        """Powers to plan a schedule with: not those of this SOC and hour, but of the way there."""
        d, p = self._demand, self.params
        up = up if p.ems_mode == "departure" and not late else self.vehicle.limits().charge_power
        d.plan_charge_W = min(up, self._grid[0])
        d.plan_discharge_W = 0.0
        if d.strategy == "trade":
            d.plan_discharge_W = min(p.ev_discharge_power_W, self._grid[1])

    def _decide(self, m):
        """Goal of the caps, W in and out, and why."""
        d, mode, bms = self._demand, self.params.ems_mode, self.vehicle.limits()
        p = self.params
        power = min(bms.charge_power, self._granted or bms.charge_power) or 1.0
        needed = max(d.target_energy, 0.0) / p.ems_efficiency
        late = d.departure_s <= needed / power * 3600 * _LATE + _LATE_S
        up, down, why = _ALL, 0.0, "charging"
        surplus = self._surplus()
        if mode == "v2l":
            up, down, why = self._give(m)
        elif d.min_energy > 0:
            why = "below the minimum SOC: charging first"
        elif needed and late:
            why = "charging for the departure"
        elif mode == "departure":
            up = needed / max(d.departure_s - _LATE_S, 1) * 3600 * _LATE
            if up and "frequency" in self._evse:  # AC: less than it takes to run is nothing
                up = max(up, self._charger().min_charge_power)
            why = "charging evenly until the departure"
        elif mode == "cheap" and self._hours and self._minute() is not None:
            if not hours.inside(self._hours, self._minute()):
                up, why = 0.0, "waiting for cheap hours"
        elif mode == "solar" and surplus is not None:
            up, why = max(0.0, surplus), "charging from surplus"
        elif mode in _GIVES:
            up, down, why = self._give(m)
            if mode == "v2h" and surplus is not None:
                down = min(down, max(0.0, -surplus))  # the house's own load, nothing beyond
            elif mode == "v2g" and down and self._hours and self._minute() is not None:
                if not hours.inside(self._hours, self._minute()):
                    down, why = 0.0, "waiting for the hours to sell"
        self._plans(up, late)
        self._goal = min(up, self._grid[0]), min(down, self._grid[1])
        if why != self._why:
            self._why = why
            log.info("%s: %s", mode, why)

    def _give(self, m):
        """(W in, W out, why) of a mode that gives back."""
        floor = max(self.params.ems_reserve_soc, self._demand.min_soc)
        refused = self.permit.judge(m.soc, floor, m.temperature, m.capacity)
        up = 0.0 if self.params.ems_mode == "v2l" else _ALL
        if refused:
            return up, 0.0, "not giving back: " + refused
        return up, _ALL, "may give back"

    def _move(self, ms):
        """Caps towards their goals. What rises may jump; what falls goes in steps."""
        bms = self.vehicle.limits()
        most = max(bms.charge_power, bms.discharge_power, 1000.0) * ms / (1000 * _RAMP_S)
        self._cap = (
            max(self._goal[0], min(self._cap[0], bms.charge_power) - most),
            max(self._goal[1], min(self._cap[1], bms.discharge_power) - most),
        )

    def _surplus(self):
        """W of surplus in the house (negative: load), or None without a fresh reading."""
        if self._house is None or self._now - self._house_at > _METER_MS:
            return None
        return -self._house

    def _minute(self):
        """Minute of the local day, None without a clock."""
        if self.unix is None:
            return None
        return hours.local(self.params, self.unix + self._now // 1000)
