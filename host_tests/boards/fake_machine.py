# SPDX-License-Identifier: MIT
"""MicroPython's `machine`, `rp2` and `time` on a wired board: small, and strict.

A pin that the chip has not, that something else uses, that goes the wrong way: an error, as it
would be on the board or worse. Which pin can do what comes from board.json.
"""

import types

from host_tests.boards.wiring import Fault

WDT_RESET, PWRON_RESET = 3, 1


def modules(board, wiring, reset_cause=PWRON_RESET):
    """{"machine": ..., "rp2": ...} for sys.modules, and the fake `time`."""
    facts = board.facts
    used = {}  # pin -> ("in" | "out" | "adc" | "spi0" ...)
    machine = types.ModuleType("machine")
    machine.used = used

    def take(pin, use):
        if pin not in facts["gpio"] or str(pin) in facts["reserved"]:
            raise ValueError(f"no pin {pin!r} on {board.name}")
        if pin not in wiring.names:
            raise Fault(f"{pin} is wired to nothing")
        if used.setdefault(pin, use) != use:
            raise Fault(f"{wiring.names[pin]} on {pin} is {used[pin]}, and now {use}")

    class Pin:
        IN, OUT, PULL_UP, PULL_DOWN = 0, 1, 1, 2

        def __init__(self, pin, mode=-1, pull=-1, *, value=None):
            if pin not in facts["gpio"]:
                raise ValueError(f"no pin {pin!r} on {board.name}")
            self.id, self.mode = pin, mode
            if mode == Pin.OUT:
                if pin in facts["input_only"]:
                    raise Fault(f"{pin} is an input only")
                take(pin, "out")
                if value is None:
                    raise Fault(f"{pin} becomes an output at an unknown level")
                wiring.drive(pin, value)
            elif mode == Pin.IN:
                take(pin, "in")

        def __call__(self, value=None):
            if value is None:
                if self.mode != Pin.IN:
                    raise Fault(f"{wiring.names[self.id]} is read and is no input")
                return wiring.read(self.id)
            if self.mode != Pin.OUT:
                raise Fault(f"{wiring.names[self.id]} is driven and is no output")
            return wiring.drive(self.id, value)

    class ADC:
        ATTN_11DB = 3

        def __init__(self, pin, **more):
            pin = pin.id if isinstance(pin, Pin) else pin
            if pin not in facts["adc"]:
                raise ValueError(f"{pin!r} is no converter input")
            if set(more) - ({"atten"} if board.about["port"] == "esp32" else set()):
                raise TypeError("extra keyword arguments given")
            take(pin, "adc")
            self.pin = pin

        def read_u16(self):
            return wiring.analog(self.pin)

    class SPI:
        def __init__(self, number, *, baudrate, polarity, phase, **lines):
            where = facts["spi"].get(str(number))
            if where is None:
                raise ValueError(f"SPI({number}) doesn't exist")
            if board.about["port"] == "stm32":
                if lines:
                    raise TypeError("extra keyword arguments given")
                lines = {key.lower(): value[0] for key, value in where.items()}
            lines = {k: pin.id if isinstance(pin, Pin) else pin for k, pin in lines.items()}
            for key, pin in lines.items():
                if pin not in where[key.upper()]:
                    raise ValueError(f"bad {key} pin {pin}")
                take(pin, f"spi{number}")
            self.modem = wiring.pins["QCA_SCK"] in lines.values()
            self.init(baudrate=baudrate, polarity=polarity, phase=phase)
            self.write, self.readinto = wiring.write, wiring.readinto

        def init(self, *, baudrate, polarity, phase):
            if (polarity, phase) != ((1, 1) if self.modem else (0, 0)) or baudrate > 10_000_000:
                raise Fault("the modem wants mode 3, a CAN chip mode 0, both at most 10 MHz")
            if wiring.sd and not self.modem:
                wiring.sd.hz = baudrate

    class SoftSPI(SPI):
        """Any pins; it is no faster than the processor."""

        def __init__(self, *, baudrate, polarity, phase, sck, mosi, miso):
            for pin in (sck, mosi, miso):
                take(pin.id, "soft")
            self.modem = False
            self.init(baudrate=baudrate, polarity=polarity, phase=phase)
            self.write, self.readinto = wiring.write, wiring.readinto

    class Timer:
        PERIODIC, ONE_SHOT = 1, 0

        def __init__(self, number=-1):
            if number != (0 if board.about["port"] == "esp32" else -1):
                raise ValueError("Timer doesn't exist")

        def init(self, *, mode, period, callback, hard=False):
            if hard and board.about["port"] == "esp32":
                raise TypeError("extra keyword arguments given")
            self.hard, self.period = hard, period
            self.callback = lambda: callback(self)
            wiring.world.add(self, wiring.world.now + period)

        def deinit(self):
            wiring.world.remove(self)

        def step(self, now):
            self.callback()
            return now + self.period

    class WDT:
        def __init__(self, id=0, timeout=5000):
            if not 0 < timeout <= 8388:
                raise ValueError("timeout too long")
            machine.watchdogs.append(self)
            self.timeout, self.fed = timeout, wiring.world.now

        def feed(self):
            if wiring.world.now - self.fed > self.timeout:
                raise Fault("the watchdog has bitten before")
            self.fed = wiring.world.now

    class CAN:
        FILTERS_MAX = 28

        def __init__(self, number, bitrate):
            if "CAN_TX" not in wiring.pins:
                raise AttributeError("module has no attribute 'CAN'")
            for name in ("CAN_TX", "CAN_RX"):
                take(wiring.pins[name], "can")
            self.number, self.bitrate = number, bitrate

        def set_filters(self, filters):
            self.filters = filters

    machine.CAN = CAN

    def time_pulse_us(pin, level, timeout=1000000):
        """A 1 kHz pilot; the moment of the call is any of its period."""
        if pin.mode != Pin.IN or wiring.names[pin.id] != "CP_DUTY":
            raise Fault("pulses are timed at the pilot only")
        duty = wiring.duty()
        if duty is None:
            high = wiring.pilot.state in "BCD"
            return -1 if high == bool(level) else -2
        return round(duty * 10 + wiring.rng.uniform(-2, 2))

    machine.watchdogs, machine.mem32 = [], {}
    for scratch in (0x4005800C, 0x400D800C):
        machine.mem32[scratch] = 0
    machine.Pin, machine.ADC, machine.SPI, machine.Timer, machine.WDT = Pin, ADC, SPI, Timer, WDT
    machine.SoftSPI = SoftSPI
    machine.time_pulse_us = time_pulse_us
    machine.reset_cause = lambda: reset_cause
    machine.WDT_RESET, machine.PWRON_RESET = WDT_RESET, PWRON_RESET
    return {"machine": machine, "rp2": _rp2(machine, wiring)}


def _rp2(machine, wiring):
    """`rp2` as far as the state machine's queue goes; its program is checked elsewhere."""
    rp2 = types.ModuleType("rp2")
    rp2.PIO = types.SimpleNamespace(SHIFT_LEFT=0, SHIFT_RIGHT=1)
    rp2.asm_pio = lambda **how: lambda program: program

    class StateMachine:
        def __init__(self, number, program, *, freq, in_base, jmp_pin):
            if wiring.names[in_base.id] != "CP_DUTY" or in_base.mode != machine.Pin.IN:
                raise Fault("the state machine watches the pilot only")
            self.on = 0
            self.count = 0

        def active(self, on):
            self.on = on

        def rx_fifo(self):
            duty = wiring.duty() if self.on else None
            self.count = 0 if duty is None else (self.count or 3) - 1
            return self.count

        def get(self):
            high = round(wiring.duty() * 10)
            return high << 16 | 1000 - high

    rp2.StateMachine = StateMachine
    return rp2


def fake_time(wiring):
    """`time` of MicroPython: ticks of simulated time that wrap, and begin shortly before."""
    time = types.SimpleNamespace()
    world = wiring.world
    time.ticks_ms = lambda: world.now + (1 << 30) - 700 & (1 << 30) - 1
    time.ticks_diff = lambda a, b: ((a - b + (1 << 29)) & (1 << 30) - 1) - (1 << 29)
    time.sleep_ms = lambda ms: world.run(world.now + ms)
    time.time = lambda: 0
    time.gmtime = lambda s: (2000, 1, 1, 0, 0, 0, 5, 1)
    return time
