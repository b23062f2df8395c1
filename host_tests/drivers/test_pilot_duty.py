# SPDX-License-Identifier: MIT
"""The ways to measure the duty cycle, at a simulated oscillator with phase, drift and jitter."""

import random
import subprocess

import pytest
from drivers.pilot_duty import AverageDuty, PulseInDuty, PulseTime
from evcc.ports import NONE

from host_tests.drivers.parts import Adc
from tools import ROOT


class Oscillator:
    """`us`: time. A pin to call, and `time_pulse_us` that moves time, after MicroPython's docs."""

    def __init__(self, duty, period=1000.0, phase=0, jitter=0, seed=1):
        self.duty, self.period, self.us = duty, period, phase
        self.jitter, self.rng = jitter, random.Random(seed)

    def level(self, us):
        if self.duty is True or self.duty is False:
            return int(self.duty)
        return int(us % self.period < self.duty * self.period)

    def __call__(self):
        self.us += 3
        return self.level(self.us)

    def time_pulse_us(self, pin, level, timeout):
        self.us += 8  # a call
        start = self.us
        while self.level(self.us) != level:
            self.us += 1
            if self.us - start > timeout:
                return -2
        start = self.us
        while self.level(self.us) == level:
            self.us += 1
            if self.us - start > timeout:
                return -1
        return self.us - start + self.rng.randint(-self.jitter, self.jitter)


@pytest.mark.parametrize("duty", [0.05, 0.03, 0.08, 0.10, 0.5, 0.85, 0.96])
def test_timed_pulse_from_every_phase(duty):
    for phase in range(0, 1000, 7):
        pin = Oscillator(duty, phase=phase, jitter=2)
        before = pin.us
        # a pulse that begins during the call is short by a call; the pilot's median takes it out
        assert -14 <= PulseTime(pin, pin.time_pulse_us).read() - duty * 1000 <= 4
        assert pin.us - before < 2200  # of the tick's 20 ms


@pytest.mark.parametrize("steady", [True, False])
def test_timed_pulse_of_a_steady_pilot(steady):
    pin = Oscillator(steady)
    assert PulseTime(pin, pin.time_pulse_us).read() == NONE
    assert pin.us < 2300


@pytest.mark.parametrize("duty", [0.05, 0.1, 0.53, 0.96])
def test_average(duty):
    assert abs(AverageDuty(Adc(lambda: duty, 0.002)).read() - duty * 1000) <= 4
    assert abs(AverageDuty(Adc(lambda: duty * 0.9), 58982).read() - duty * 1000) <= 2


@pytest.mark.parametrize("part", [0.0, 0.005, 1.0, 0.995])
def test_average_of_a_steady_pilot(part):
    assert AverageDuty(Adc(lambda: part)).read() == NONE


class Pulses(list):
    maxlen = 128

    def pause(self):
        self.paused = True

    def resume(self):
        self.paused = False


def test_recorded_pulses():
    pulses = Pulses([51, 950, 50, 951, 50])
    duty = PulseInDuty(pulses)
    assert duty.read() == 49 and pulses == [] and not pulses.paused
    for wrong in (
        [50, 950, 50],  # too few to know
        [50, 950, 50, 700],  # not 1 kHz
        [50, 950] * 64,  # run over: which one is high?
        [],
    ):
        pulses[:] = wrong
        assert duty.read() == NONE and pulses == []


# ---- the PIO program, assembled and run by programs that are not ours ---------------------------

PIO = """
import sys
sys.path.insert(0, sys.argv[1])
from drivers import pilot_pio
import types
lines = []
class Word(str):
    pass
def op(text):
    def call(*args):
        lines.append(text % tuple(args) if args else text)
    return call
names = dict(
    wrap_target=op(".wrap_target"), wrap=op(".wrap"), label=op("%s:"), wait=op("wait %s %s %s"),
    mov=op("mov %s, %s"), in_=op("in %s, %s"), push=op("push %s"),
    jmp=lambda *a: lines.append("jmp " + ", ".join(a)), invert=lambda x: "~" + x,
    pin="pin", x="x", y="y", null="null", noblock="noblock", x_dec="x--", y_dec="y--",
)
def asm_pio(in_shiftdir):
    assert in_shiftdir == 0
    def run(program):
        kept = dict(program.__globals__)
        program.__globals__.update(names)
        program()
        for name in names:
            program.__globals__.pop(name)
        program.__globals__.update(kept)
    return run
sys.modules["rp2"] = types.SimpleNamespace(
    asm_pio=asm_pio, PIO=types.SimpleNamespace(SHIFT_LEFT=0))
pilot_pio._program()
import adafruit_pioasm
program = adafruit_pioasm.Program("\\n".join(lines))
code = list(program.assembled)
wrap = program.pio_kwargs
from pioemu import emulate, State
def measure(duty, period=1000):
    high = duty * period * 2  # two instructions a microsecond
    def source(clock):
        return 1 if (clock + 700) % (period * 2) < high else 0
    last = None
    for before, after in emulate(
        code, input_source=source, jmp_pin=0, stop_when=lambda opcode, state: state.clock > 9000,
        wrap_target=wrap["wrap_target"], wrap_top=wrap["wrap"],
        initial_state=State(), shift_isr_right=False,
    ):
        if len(after.receive_fifo):
            last = list(after.receive_fifo)
    return last
class Queue:
    def __init__(self, words):
        self.words = words or []
    def rx_fifo(self):
        return len(self.words)
    def get(self):
        return self.words.pop(0)
cases = (0.05, 1000), (0.1, 1000), (0.5, 1000), (0.96, 1000), (0.05, 1005), (0.3, 800)
for duty, period in cases:
    reader = pilot_pio.PioDuty.__new__(pilot_pio.PioDuty)
    queue = Queue(measure(duty, period))
    reader._waiting, reader._get = queue.rx_fifo, queue.get
    print(duty, period, reader.read(), queue.rx_fifo(), reader.read())
print(len(code))
"""


@pytest.mark.peer
def test_pio_program(peer):
    python = peer("blinka").python
    done = subprocess.run(
        [python, "-c", PIO, ROOT / "lib"], capture_output=True, text=True, timeout=100
    )
    assert not done.returncode, done.stderr[-2000:]
    lines = [line.split() for line in done.stdout.splitlines()]
    assert int(lines.pop()[0]) <= 32
    for duty, period, got, left, again in lines:
        if period == "800":
            assert int(got) == NONE  # 1.25 kHz is no pilot
        else:
            assert abs(int(got) - float(duty) * 1000) <= 3, lines
        assert left == "0" and int(again) == NONE  # nothing new since
