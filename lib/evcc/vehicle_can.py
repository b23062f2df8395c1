# SPDX-License-Identifier: MIT
"""A vehicle on CAN: BMS, inverter and control unit as signals, by a mapping file (can_map.py).

Stale or implausible signals are a fault of the vehicle, with a text that names signal and frame:
no charging begins, and a running one ends. What the file does not map comes from the settings
(capacity, SOC limits) or is not there (discharging, current, AC). Times of day are not on CAN.

Signals that come (units SI, percent, degrees Celsius; powers and currents of discharging are
magnitudes): IN. `fault`: not 0 ends charging. `alive`: a counter that must change. `wants_power`:
0 ends the session. `ac_..`: the on-board charger. Signals that go: OUT. `state`: STATES;
`counter`: 0 to 15, each frame one more; `stop_reason`: number of the last session's StopReason.
Frames that go have 8 bytes.
"""

from evcc.can_map import MapError, load
from evcc.compat import const, forget, get_logger
from evcc.ports import NONE, INLET_mA, INLET_mV
from evcc.vehicle import Demand, Limits, Measured, Vehicle

IN = (
    "pack_voltage current soc capacity charge_power charge_current discharge_power "
    "discharge_current min_charge_power min_charge_current max_voltage min_voltage temperature "
    "target_soc min_soc max_soc departure_s wants_power fault alive ac_charge_power "
    "ac_min_charge_power ac_discharge_power ac_active_power ac_reactive_power"
).split()
OUT = (
    "state counter stop_reason plugged closed inlet_voltage inlet_current evse_voltage "
    "evse_current evse_max_power evse_max_current evse_max_voltage ac_target_power"
).split()
NEEDED = "pack_voltage soc charge_power charge_current max_voltage".split()
STATES = ("unplugged", "plugged", "cable_check", "precharge", "closed", "stopping", "opened")
_FRAMES = const(20)  # a step takes so many at most: a babbling bus must not stop the loop

log = get_logger("evcc.can")


class CanVehicle(Vehicle):
    """`bus`: see can_port. `board`: its `raw` holds what safety measured. `params`: settings.

    `lines`: of the mapping file, which `source` names in errors. A part of the vehicle, as the
    on-board charger, reads its signals by `value`.

    Raises can_map.MapError for a line that is wrong or a signal that is missing.
    """

    def __init__(self, bus, board, params, lines, source="vehicle_can.txt"):
        self.bus = bus
        self.board = board
        self.params = params
        found = load(lines, {"in": IN, "out": OUT}, source)
        self._in = {s.name: s for s in found["in"]}
        for name in NEEDED:
            if name not in self._in:
                raise MapError("%s: no line for %s, which charging needs" % (source, name))
        self._frames = {}  # identifier -> its signals
        for s in found["in"]:
            self._frames.setdefault(s.identifier, []).append(s)
        self._out = {}  # identifier -> [next ms, its signals]
        for s in found["out"]:
            self._out.setdefault(s.identifier, [0, []])[1].append(s)
        self._data = bytearray(8)
        self._eight = bytearray(8)
        self._limits = Limits()
        self._demand = Demand()
        self._measured = Measured()
        self._charger = None
        self._evse = {}
        self._alive = None, 0
        self._trouble = "no CAN data yet"
        self._counter = 0
        self.event = STATES[0]
        self.stop_reason = 0
        bus.listen(list(self._frames))

    # --- CAN -------------------------------------------------------------------------------------

    def update(self, now):
        bus = self.bus
        bus.poll(now)
        for _ in range(_FRAMES):
            identifier = bus.receive(self._data)
            if identifier is None:
                break
            for signal in self._frames.get(identifier, ()):
                signal.take(self._data, bus.length, now)
        self._judge(now)
        for identifier, entry in self._out.items():
            if now >= entry[0] and self._send(identifier, entry[1]):
                entry[0] = now + entry[1][0].ms

    def _judge(self, now):
        """What is wrong now: the text of the first fault, or None."""
        trouble = None if self.bus.ready else "no CAN bus"
        for signal in self._in.values():
            if trouble:
                break
            trouble = signal.stale(now)
        alive = self._in.get("alive")
        if alive:
            if alive.value != self._alive[0]:
                self._alive = alive.value, now
            elif now - self._alive[1] > alive.ms:
                trouble = trouble or "alive: the counter stands still"
        code = self.value("fault", 0)
        if code:
            trouble = trouble or "fault %d of the vehicle" % code
        if trouble != self._trouble:
            log.warning("%s", trouble or "all signals are good")
            self._trouble = trouble

    def value(self, name, default):
        """The last good value of a signal of IN, in its unit; `default` where the file does not
        map it or nothing good has come yet. Whether it is stale is a matter of `fault`."""
        signal = self._in.get(name)
        return default if signal is None or signal.value is None else signal.value

    def _send(self, identifier, signals):
        eight = self._eight
        for i in range(8):
            eight[i] = 0
        for signal in signals:
            signal.give(eight, self._tell(signal.name))
        return self.bus.send(identifier, eight)

    def _tell(self, name):
        """The value of a signal that goes."""
        if name == "counter":
            self._counter = self._counter + 1 & 15
            return self._counter
        if name == "state":
            return STATES.index(self.event)
        if name == "stop_reason":
            return self.stop_reason
        if name == "plugged":
            return self.event != "unplugged"
        if name == "closed":
            return self.event == "closed"
        if name[:6] == "inlet_":
            return self._inlet(name)
        if name == "ac_target_power":
            return self._charger.target if self._charger else 0.0
        return self._evse.get(name[5:])

    def _inlet(self, name):
        raw = getattr(self.board, "raw", None)
        milli = NONE if raw is None else raw[INLET_mV if name == "inlet_voltage" else INLET_mA]
        return None if milli == NONE else milli / 1000

    # --- the vehicle -----------------------------------------------------------------------------

    def identity(self):
        return self.params.evccid or None

    def fault(self):
        return self._trouble

    def limits(self):
        lim, good = self._limits, self._trouble is None
        for name in (
            "charge_power", "charge_current", "discharge_power", "discharge_current",
            "min_charge_power", "min_charge_current",
        ):  # fmt: skip
            setattr(lim, name, self.value(name, 0.0) if good else 0.0)
        # What nobody may be discharged by: the settings bound what the bus says.
        p = self.params
        lim.discharge_power = min(lim.discharge_power, p.ev_discharge_power_W)
        lim.discharge_current = min(lim.discharge_current, p.ev_discharge_current_A)
        lim.max_voltage = self.value("max_voltage", 0.0)
        lim.min_voltage = self.value("min_voltage", p.ev_min_V)
        return lim

    def demand(self):
        p, d = self.params, self._demand
        soc, capacity = self.value("soc", 0.0), self.value("capacity", p.ev_capacity_Wh)
        d.target_soc = int(self.value("target_soc", p.ev_target_soc))
        d.min_soc = int(self.value("min_soc", p.ev_min_soc))
        d.max_soc = int(self.value("max_soc", p.ev_max_soc))
        d.target_energy = capacity * (d.target_soc - soc) / 100
        d.max_energy = capacity * (d.max_soc - soc) / 100
        d.min_energy = capacity * (d.min_soc - soc) / 100
        d.max_v2x_energy, d.min_v2x_energy = d.max_energy, d.min_energy
        d.departure_s = int(self.value("departure_s", p.departure_s))
        lim = self.limits()
        d.target_voltage = lim.max_voltage
        d.target_current = lim.charge_current if soc < d.target_soc else 0.0
        return d

    def measured(self):
        m = self._measured
        # A pack voltage that is not sure forbids closing.
        m.pack_voltage = self.value("pack_voltage", None) if self._trouble is None else None
        m.current = self.value("current", None)
        m.soc = self.value("soc", 0.0)
        m.capacity = self.value("capacity", self.params.ev_capacity_Wh)
        m.temperature = self.value("temperature", None)
        return m

    def wants_power(self):
        if "wants_power" in self._in:
            return bool(self.value("wants_power", 1))
        return (
            self.value("discharge_power", 0) > 0 or self.measured().soc < self.demand().target_soc
        )

    def offer(self, evse):
        self._evse = evse

    def notify(self, event):
        if event in STATES:
            self.event = event
            for entry in self._out.values():
                entry[0] = 0  # what changed goes at once
        elif event[:6] == "ended ":
            from evcc.reason_texts import number

            self.stop_reason = number(event[6:])
            number = None
            forget("evcc.reason_texts")

    def charger(self):
        if self._charger is None and "ac_charge_power" in self._in:
            from evcc.charger_can import CanCharger

            self._charger = CanCharger(self)
        return self._charger
