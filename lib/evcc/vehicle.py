# SPDX-License-Identifier: MIT
"""What a vehicle (BMS, energy management, inverter, dashboard) gives the charging stack, and gets.

Plain methods, no async: return cached values at once. SI units; SOC in percent. Positive current
and power charge the battery, negative discharge it; limits named `..discharge..` are positive
magnitudes. Signs on the wire are converted in `iso20.units` only. `SimVehicle` (sim_vehicle.py) is
the reference implementation; any object with these methods is a vehicle.
"""


class Limits:
    """What battery and inlet stand now. All zero = no power; the loop sends that at once."""

    def __init__(self):
        self.charge_power = 0.0  # W, maximum
        self.charge_current = 0.0  # A, maximum
        self.discharge_power = 0.0  # W, maximum, magnitude; 0 = never give back
        self.discharge_current = 0.0  # A, maximum, magnitude
        self.min_charge_power = 0.0  # W
        self.min_charge_current = 0.0  # A
        self.min_discharge_power = 0.0  # W
        self.min_discharge_current = 0.0  # A
        self.max_voltage = 0.0  # V, never to be exceeded at the inlet
        self.min_voltage = 0.0  # V, lowest voltage of the pack under load, > 0


class Demand:
    """What the car wants, energies in Wh relative to now (negative: may be taken out)."""

    def __init__(self):
        self.target_current = 0.0  # A, Scheduled mode; negative asks to discharge
        self.target_voltage = 0.0  # V
        self.target_energy = 0.0  # Wh to the target SOC
        self.max_energy = 0.0  # Wh to the highest SOC allowed
        self.min_energy = 0.0  # Wh to the lowest SOC allowed; > 0: must charge first
        self.max_v2x_energy = None  # Wh to the upper end of the V2X window, None = no window
        self.min_v2x_energy = None  # Wh to the lower end
        self.target_soc = 80  # %
        self.min_soc = 10  # %
        self.max_soc = 100  # %
        self.departure_s = 86400  # s from now
        self.own_energy = 0.0  # Wh that the car itself will use before (cabin, battery heating)
        # Scheduled mode: "now" takes what it gets, "cheap" waits for it, "trade" also gives back
        self.strategy = "now"
        self.plan_charge_W = None  # powers to plan with, W; None: what limits say now
        self.plan_discharge_W = None


class Measured:
    """What the car measures on its own side."""

    def __init__(self):
        self.pack_voltage = None  # V, battery side of the contactors
        self.current = None  # A into the battery
        self.soc = 0.0  # %
        self.capacity = 0.0  # Wh, usable
        self.temperature = None  # °C of the battery; None: its limits follow it, nobody else


class Vehicle:
    """The interface: what each call wants, its rate, and what None means.

    Every vehicle has:

    update(now)    take in new data (CAN mailbox, sensors). At least every 50 ms; `now` in ms
    limits()       `Limits`, every charge loop (0.2 s) and by safety (each step). Never None
    demand()       `Demand`, every charge loop. Never None
    measured()     `Measured`, every charge loop. A `pack_voltage` of None forbids closing
    wants_power()  False ends the session by the car's wish. Every charge loop
    offer(evse)    the station's last values: dict of its response's fields in SI units. Every
                   loop. Where the station decides about needs also `departure_s` from now,
                   `min_soc`, `target_soc`

    What follows may be left out. `forms_grid`: True when car and driver are ready to be the source
    of an island (V2L, service parameter GeneratorMode = GridForming). Read once per session, at
    the choice of the service. `stays`: set by energy management: stay connected when full,
    `wants_power` says no only for other reasons.
    """

    forms_grid = False
    stays = False

    def identity(self):
        """EVCCID text, or None: the host MAC is used. Once per session."""

    def wish(self):
        """What the car would rather do, as long as it would: "pause" (keep the session, sleep),
        "standby" (stay connected without energy), "renegotiate" (another schedule), "resume"
        (while paused); else None. Called every charge loop, and every 20 ms in a pause."""

    def notify(self, event):
        """Event text: "plugged", "cable_check" (own isolation monitor off), "precharge", "closed",
        "stopping" (converters to nothing), "opened" (monitor on again), "ended " and the session's
        StopReason, "unplugged"."""

    def charger(self):
        """The on-board charger, see sim_charger.SimCharger; None: no AC. Once per AC session."""

    def fault(self):
        """Text of a fault that must end charging, or None. Called at least every 50 ms."""
