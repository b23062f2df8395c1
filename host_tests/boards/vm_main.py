# SPDX-License-Identifier: MIT
"""Runs in MicroPython: firmware's boot of a real board, `machine` and `time` behind the border.

Pins cross as their place in the sorted list of names, SPI byte for byte with its chip select,
converters as 16 bits; nothing of it knows what a pin means. No interrupts here: `timer` is None.
"""

import gc
import sys

import uevcc_board
from border import Border

border = Border()
INDEX = {}
for i, name in enumerate(sorted(uevcc_board.PINS)):
    INDEX[uevcc_board.PINS[name]] = i
one, two = bytearray(1), bytearray(2)


class Pin:
    IN, OUT = 0, 1

    def __init__(self, pin, mode=-1, value=None):
        self.id, self.mode = INDEX[pin], mode
        if mode == 1:
            border.drive(self.id, value)

    def __call__(self, value=None):
        if value is not None:
            border.drive(self.id, value)
            return None
        border.ask(73, bytes((self.id,)), one)
        return one[0]


def word(index):
    border.ask(65, bytes((index,)), two)
    return two[0] | two[1] << 8


class ADC:
    ATTN_11DB = 3

    def __init__(self, pin, **more):
        self.id = pin.id

    def read_u16(self):
        return word(self.id)


class SPI:
    def __init__(self, *args, **more):
        pass

    def init(self, **more):
        pass

    def write(self, out):
        border.ask(88, out)

    def readinto(self, into, fill=0):
        border.ask(88, b"", into)


class WDT:
    def __init__(self, timeout):
        pass

    def feed(self):
        pass


class StateMachine:
    def __init__(self, number, program, freq, in_base, jmp_pin):
        self.id, self.high, self.told = in_base.id, 0, False

    def active(self, on):
        pass

    def rx_fifo(self):
        self.told = not self.told
        if self.told:
            self.high = word(self.id)
        return self.told and self.high

    def get(self):
        return self.high << 16 | 1000 - self.high


class Module:
    pass


machine, rp2, clock = Module(), Module(), Module()
machine.Pin, machine.ADC, machine.SPI, machine.WDT = Pin, ADC, SPI, WDT
machine.mem32 = {0x4005800C: 0, 0x400D800C: 0}
machine.reset_cause = lambda: 1
machine.WDT_RESET = 3
machine.time_pulse_us = lambda pin, level, wait: word(pin.id) or -2
rp2.PIO = Module()
rp2.PIO.SHIFT_LEFT = 0
rp2.asm_pio = lambda in_shiftdir: lambda program: program
rp2.StateMachine = StateMachine
sys.modules["machine"] = machine
sys.modules["rp2"] = rp2
clock.ticks_ms = lambda: border.clock() & 0x3FFFFFFF
clock.ticks_diff = lambda a, b: a - b
clock.time = lambda: 0
clock.gmtime = lambda s: (2000,)

uevcc_board.safe()
plain = uevcc_board.build


def build(settings):
    from drivers import assemble_machine

    assemble_machine.time = clock
    parts = plain(settings)
    parts.timer = parts.terminal = None
    parts.idle = lambda ms: border.sleep_until(border.clock() + ms)
    return parts


uevcc_board.build = build
uevcc_board.ROOT = ""


def say(kind, *words):
    sys.stderr.write(kind + " " + " ".join([str(w) for w in words]) + "\n")


def run():
    from evcc.boot import boot
    from evcc.compat import forget

    device = boot(uevcc_board)
    boot = None
    forget("evcc.boot", "evcc.store")
    if device.refused:
        say("refused:", device.refused)
    device.begin_run()
    parts, c = device.parts, device.controller
    told = state = None
    heap = 0
    while True:
        now = parts.clock()
        wake = device.step(now)
        if (c.state, c.session and c.session.state) != state:
            state = c.state, c.session and c.session.state
            gc.collect()
            if gc.mem_alloc() > heap:
                heap = gc.mem_alloc()
                say("H", heap, c.state)
        if c.result != told:
            told = c.result
            if told is not None:
                import json

                say("=", json.dumps(c.summary()))
        parts.idle(max(1, wake - now))


run()
