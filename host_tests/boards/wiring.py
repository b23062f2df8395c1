# SPDX-License-Identifier: MIT
"""What is soldered to a board in tests: modem, pilot front end, contactors, lock, sensors.

Pins are names of the board's table; levels and readings are those that the circuits on the wiring
pages give, computed here from volts and ohms a second time. The fakes of each API stand between.
"""

import math
import random

from tools.emulator.board import LockMotor, Pilot
from tools.emulator.modem import Modem
from tools.emulator.world import World

PILOT_V = {"A": 0.0, "B": 9.0, "C": 6.0, "D": 3.0, "E": 0.0, "F": -12.0}
RANGE = 65535


class Fault(AssertionError):
    """The board's code did to a pin what would not work, or do harm, on the board."""


class Wiring:
    """One car around one board. Change the attributes to make faults.

    `world`, `modem`, `pilot`, `motor`: those of a larger world; new ones without. S2 and coils are
    behind the two monostables that CONT_ENABLE's edges keep up.
    """

    S2_MS, COILS_MS = 150, 950

    def __init__(self, pins, noise=0.0, seed=1, world=None, modem=None, pilot=None, motor=None):
        self.pins = pins
        self.names = {pin: name for name, pin in pins.items()}
        self.world = world or World(seed)
        self.modem = modem or Modem(self.world, bytes.fromhex("00b052000e01"))
        self.pilot = pilot or Pilot(self.world)
        self.motor = motor or LockMotor()
        self.s2_until = self.coils_until = -1
        self.closed = [False, False]
        self.welded = False
        self.volts, self.amps = 0.0, 0.0
        self.celsius = [25.0, 25.0]
        self.coding_ohm = 1500.0
        self.isolation_good = True
        self.noise = noise
        self.rng = random.Random(seed)
        self.level = {}  # of outputs, by name
        self.history = []  # (ms, name, level)
        self.broken = {}  # name of an input -> level or reading it is stuck at
        self.can = None  # a chip of host_tests.drivers.can_chips
        self.sd = None  # an SdCard of the emulator
        self.us = 0  # of bytes with it: time goes on by `passing` when a millisecond is full
        self.passing = lambda ms: None
        self.selected = None
        self.out = b""
        self.spi = []  # (name of chip select, bytes)

    # ---- digital -------------------------------------------------------------------------------

    def drive(self, pin, level):
        name, level = self.names[pin], int(bool(level))
        if self.level.get(name) != level:
            self.history.append((self.world.now, name, level))
        before = self.level.get(name)
        self.level[name] = level
        if name.endswith("_CS"):
            self._select(name, level, before)
        elif name == "QCA_RST":
            self.modem.reset(not level)
        elif name == "CONT_ENABLE" and level and not before:
            self.s2_until = self.world.now + self.S2_MS
            self.coils_until = self.world.now + self.COILS_MS
            self.world.at(self.s2_until, self.settle)
            self.world.at(self.coils_until, self.settle)
            self.settle()
        elif name in ("CP_STATE_C", "CONT1", "CONT2"):
            self.settle()
        elif name in ("LOCK_A", "LOCK_B"):
            a, b = self.level.get("LOCK_A", 0), self.level.get("LOCK_B", 0)
            if a and b:
                raise Fault("both inputs of the lock's bridge are high")
            if a or b:
                self.motor.command(bool(a), self.world.now)

    def settle(self):
        """What outputs and monostables make together."""
        s2 = bool(self.level.get("CP_STATE_C")) and self.world.now < self.s2_until
        if s2 != self.pilot.s2:
            self.pilot.switch(s2)
        level = self.level.get
        on = bool(level("CONT1") and level("CONT2", 1)) and self.world.now < self.coils_until
        self.coils(on)

    def coils(self, on):
        self.closed = [on or self.welded] * 2

    def read(self, pin):
        name = self.names[pin]
        if name in self.broken:
            return self.broken[name]
        if name == "QCA_INT":
            return int(self.modem.irq())
        if name == "CONT_FB1":
            return int(self.closed[0])
        if name == "CONT_FB2":
            return int(self.closed[1])
        if name == "LOCK_FB":
            return 0 if self.motor.at(self.world.now) else 1
        if name == "ISO_OK":
            return int(self.isolation_good)
        if name == "CP_DUTY":
            return int(self._pilot_V() > 1.5 and self.rng.random() * 100 < (self.duty() or 100))
        raise Fault(f"{name} is read as a digital input")

    # ---- analogue ------------------------------------------------------------------------------

    def analog(self, pin):
        """Reading 0..65535 of a converter input."""
        name = self.names[pin]
        if name == "AMUX":
            channel = self.level["AMUX_A"] | self.level["AMUX_B"] << 1
            name = self.names[f"MUX:{channel}"]
        if name in self.broken:
            return self.broken[name]
        part = getattr(self, "_" + name.rstrip("12").lower())(name)
        part += self.rng.uniform(-self.noise, self.noise)
        return max(0, min(RANGE, round(part * RANGE)))

    def _pilot_V(self):
        state = self.pilot.state
        return PILOT_V[state]

    def duty(self):
        """Percent of a running oscillator, else None."""
        return None if self.pilot.state in "AEF" else self.pilot.duty

    def _cp_level(self, _):
        return (self._pilot_V() + 15) / 30

    def _cp_duty(self, _):
        """The comparator's average, for boards that read that."""
        if self.duty() is None:
            return 1.0 if self.pilot.state in "BCD" else 0.0
        return self.duty() / 100

    def _inlet_v(self, _):
        return 0.1 + 0.9 * self.volts / 1000

    def _inlet_i(self, _):
        return 0.5 + 0.5 * self.amps / 500

    def _temp(self, name):
        t = self.celsius[int(name[-1]) - 1]
        ohm = 1000 * (1 + 3.9083e-3 * t - 5.775e-7 * t * t)
        return ohm / (ohm + 2200)

    def _pp(self, _):
        if not self.pilot.plugged or math.isinf(self.coding_ohm):
            return 1.0
        return self.coding_ohm / (self.coding_ohm + 1000)

    # ---- SPI -----------------------------------------------------------------------------------

    def _select(self, name, level, before):
        if level:
            if self.selected == name and self.out and not self.answered:
                self._transfer(None)
            if self.selected == name:
                self.selected = None
        elif before != 0:
            if self.selected:
                raise Fault(f"{name} and {self.selected} are low together")
            self.selected, self.out, self.answered = name, b"", False

    def write(self, data):
        if self._card(data):
            return
        if self.selected is None:
            raise Fault("SPI without a chip select")
        self.out += bytes(data)

    def readinto(self, into, fill=0):
        if self._card(bytes((fill,)) * len(into), into):
            return
        self.answered = True
        self._transfer(into)

    def _card(self, out, into=None):
        """Bytes of the bus for the SD card; was it for nobody else?"""
        if self.sd is None or self.selected not in (None, "SD_CS"):
            return False
        self.sd.select(self.selected == "SD_CS")
        self.sd.exchange(out, into)
        self.us += 20 + len(out) * 8_000_000 // self.sd.hz
        if self.us >= 1000:
            ms, self.us = divmod(self.us, 1000)
            self.passing(ms)
        return True

    def _transfer(self, into):
        if self.selected == "QCA_CS":
            self.modem.exchange(self.out, into)
        elif self.selected == "ADC_CS" and into is not None:
            self._mcp3208(into)
        elif self.selected == "CAN_CS" and self.can is not None:
            self.can.exchange(self.out, into)

    def _mcp3208(self, into):
        """Bit by bit as Microchip's figure 5-1: start, single, D2 D1 D0, sample, null, B11.."""
        bits = "".join(f"{byte:08b}" for byte in self.out) + "0" * 8 * len(into)
        start = bits.index("1")
        if bits[start + 1] != "1":
            raise Fault("the converter is asked for a differential reading")
        channel = int(bits[start + 2 : start + 5], 2)
        value = self.analog(f"ADC:{channel}") >> 4
        answer = "0" * (start + 7) + f"{value:012b}" + f"{value:012b}"[::-1][1:]
        answer = answer.ljust(len(bits), "0")[: len(bits)]
        skip = 8 * len(self.out)
        for i in range(len(into)):
            into[i] = int(answer[skip + 8 * i : skip + 8 * i + 8], 2)

    # ---- the person ----------------------------------------------------------------------------

    def plug(self):
        self.pilot.plug(True)
        self.pilot.pwm(5)
