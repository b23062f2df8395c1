# SPDX-License-Identifier: MIT
"""CircuitPython's modules on a wired board: small, and strict, after adafruit/circuitpython.

A pin can be taken once; a direction has to be given before a value; `busio.SPI` works while
locked. Blinka has the same API without `analogio`, `pulseio` and `watchdog`.
"""

import types

from host_tests.boards.wiring import Fault


class _Name:
    def __init__(self, name):
        self.name = name


def modules(board, wiring, watchdog_reset=False):
    """The modules for sys.modules."""
    facts = board.facts
    blinka = board.about["api"] == "blinka"
    used = {}
    names = [n for n in facts["gpio"] if n not in facts["reserved"]]
    module = types.ModuleType("board")
    for name in names:
        setattr(module, name, _Name(name))
    module.used = used

    def take(pin, use):
        if not isinstance(pin, _Name):
            raise TypeError("pin expected")
        if pin.name in used:
            raise ValueError(f"{pin.name} in use")
        if pin.name not in wiring.names:
            raise Fault(f"{pin.name} is wired to nothing")
        used[pin.name] = use
        return pin.name

    class DigitalInOut:
        def __init__(self, pin):
            self.pin = take(pin, "digital")
            self.way = "in"

        def switch_to_output(self, value=False, drive_mode=None):
            self.way = "out"
            wiring.drive(self.pin, value)

        def switch_to_input(self, pull=None):
            self.way = "in"

        @property
        def value(self):
            return (
                bool(wiring.level[wiring.names[self.pin]])
                if self.way == "out"
                else bool(wiring.read(self.pin))
            )

        @value.setter
        def value(self, level):
            if self.way != "out":
                raise AttributeError("Cannot set value when direction is input.")
            wiring.drive(self.pin, level)

    digitalio = types.ModuleType("digitalio")
    digitalio.DigitalInOut = DigitalInOut

    class SPI:
        def __init__(self, clock, MOSI=None, MISO=None):
            lines = {
                "SCK": take(clock, "spi"),
                "MOSI": take(MOSI, "spi"),
                "MISO": take(MISO, "spi"),
            }
            self.unit = [
                n
                for n, want in facts["spi"].items()
                if all(lines[key] in pins for key, pins in want.items())
            ]
            if not self.unit:
                raise ValueError(f"Invalid pins {lines}")
            self.locked = False

        def try_lock(self):
            self.locked, before = True, self.locked
            return not before

        def unlock(self):
            if not self.locked:
                raise Fault("unlocked twice")
            self.locked = False

        def configure(self, *, baudrate, polarity, phase):
            if not self.locked:
                raise RuntimeError("Function requires lock")
            self.settings = baudrate, polarity, phase

        def write(self, data):
            self._check()
            wiring.write(data)

        def readinto(self, data, *, write_value=0):
            self._check()
            wiring.readinto(data, write_value)

        def _check(self):
            if not self.locked:
                raise RuntimeError("Function requires lock")
            if self.unit != ["0"]:
                if wiring.selected not in (None, "SD_CS") or self.settings[1:] != (0, 0):
                    raise Fault(f"{wiring.selected} on SPI {self.unit} with {self.settings}")
                wiring.sd.hz = self.settings[0]
                return
            mode = {"QCA_CS": (1, 1), "ADC_CS": (0, 0)}[wiring.selected]
            most = {"QCA_CS": 12_000_000, "ADC_CS": 1_000_000}[wiring.selected]
            if self.settings[1:] != mode or self.settings[0] > most:
                raise Fault(f"{wiring.selected} with {self.settings}")

    busio = types.ModuleType("busio")
    busio.SPI = SPI
    found = {"board": module, "digitalio": digitalio, "busio": busio}
    if blinka:
        return found

    class AnalogIn:
        def __init__(self, pin):
            self.pin = take(pin, "adc")
            if self.pin not in facts["adc"]:
                raise ValueError("Pin must support ADC")

        @property
        def value(self):
            return wiring.analog(self.pin)

    analogio = types.ModuleType("analogio")
    analogio.AnalogIn = AnalogIn

    class PulseIn:
        """Records while not paused: as many pulses as the time allows, then runs over."""

        def __init__(self, pin, maxlen=2, *, idle_state=False):
            take(pin, "pulses")
            self.maxlen = maxlen
            self.since = wiring.world.now
            self.paused = False

        def pause(self):
            self.paused = True

        def clear(self):
            self.since = wiring.world.now

        def resume(self):
            self.paused = False
            self.since = wiring.world.now

        def __len__(self):
            if wiring.duty() is None:
                return 0
            return min(self.maxlen, 2 * (wiring.world.now - self.since))

        def __getitem__(self, i):
            if not self.paused or i >= len(self):
                raise IndexError("pop from empty PulseIn")
            high = round(wiring.duty() * 10 + wiring.rng.uniform(-2, 2))
            return 1000 - high if i & 1 else high

    pulseio = types.ModuleType("pulseio")
    pulseio.PulseIn = PulseIn

    class Dog:
        timeout = mode = fed = None

        def feed(self):
            if self.mode is None:
                raise ValueError("WatchDogTimer is not currently running")
            if wiring.world.now - (self.fed or wiring.world.now) > self.timeout * 1000:
                raise Fault("the watchdog has bitten before")
            self.fed = wiring.world.now

        def deinit(self):
            self.mode = self.fed = None

    watchdog = types.ModuleType("watchdog")
    watchdog.WatchDogMode = types.SimpleNamespace(RESET="reset")
    micro = types.ModuleType("microcontroller")
    micro.ResetReason = types.SimpleNamespace(WATCHDOG="watchdog", POWER_ON="power")
    reason = "watchdog" if watchdog_reset else "power"
    micro.cpu = types.SimpleNamespace(reset_reason=reason)
    micro.watchdog = Dog()
    found.update(analogio=analogio, pulseio=pulseio, watchdog=watchdog, microcontroller=micro)
    return found


def fake_time(wiring):
    """`time` of CircuitPython on simulated time."""
    world = wiring.world
    return types.SimpleNamespace(
        monotonic_ns=lambda: 1_000_000_000 + world.now * 1_000_000,
        sleep=lambda s: world.run(world.now + max(1, round(s * 1000))),
        time=lambda: 0,
    )
