# SPDX-License-Identifier: MIT
"""The line console alone: editing, control bytes, budgets of a step, noise."""

import random

import pytest
from evcc.console import PROMPT, Console


class Terminal:
    def __init__(self):
        self.typed, self.shown, self.reads = bytearray(), "", 0

    def read(self):
        self.reads += 1
        return self.typed.pop(0) if self.typed else None

    def write(self, text):
        self.shown += text


class Seat:
    """A console, what it ran and what it asked."""

    def __init__(self, answer="done"):
        self.ran, self.asked = [], []
        self.terminal = Terminal()
        self.console = Console(
            self.terminal,
            lambda line: self.ran.append(line) or answer,
            lambda wish: self.asked.append(wish) or "refused",
        )
        self.now = 0

    def type(self, data):
        self.terminal.typed += data
        for _ in range(2000):
            before = len(self.terminal.typed), self.terminal.shown
            self.now = self.console.step(self.now)
            if before == (len(self.terminal.typed), self.terminal.shown):
                return
        raise AssertionError("it never settles")


@pytest.mark.parametrize(
    "typed, ran",
    [
        (b"status()\r", ["status()"]),
        (b"status()\r\nstop()\n", ["status()", "stop()"]),
        (b"statux\x7fs()\x08)\r", ["status()"]),
        (b"\x7f\x7fa\r", ["a"]),
        (b"   \r\r\n", []),
        (b"wrong\x03right\r", ["right"]),
        (b"wrong\x01right\r", ["right"]),
        (b"a\xff\x00\x1b\x9fb\r", ["ab"]),
        (b"x" * 500 + b"\r", ["x" * 120]),
    ],
)
def test_lines(typed, ran):
    seat = Seat()
    seat.type(typed)
    assert seat.ran == ran
    assert seat.terminal.shown.startswith(PROMPT) and seat.terminal.shown.endswith(PROMPT)
    assert seat.terminal.shown.count("done") == len(ran)


def test_control_bytes_go_to_the_gate():
    seat = Seat()
    seat.type(b"\x01\x04\x03")
    assert seat.asked == ["repl", "reset", None] and seat.terminal.shown.count("refused") == 2


def test_nobody_is_heard_before_he_has_read():
    seat = Seat("long " * 100)
    seat.type(b"")
    seat.terminal.typed += b"a\rb\r"
    while not seat.ran:
        seat.console.step(0)
    reads, steps = seat.terminal.reads, 0
    while seat.terminal.shown.count("long ") < 90:
        before = len(seat.terminal.shown)
        seat.console.step(0)
        assert len(seat.terminal.shown) - before <= 48
        steps += 1
    assert steps >= 9 and seat.terminal.reads == reads and seat.ran == ["a"]


def test_noise_runs_nothing_that_was_not_typed_and_ends():
    seed = random.randrange(1 << 30)
    print("seed", seed)
    rng = random.Random(seed)
    seat = Seat()
    seat.type(bytes(rng.randrange(256) for _ in range(5000)))
    assert all(0 < len(line) <= 120 and line.isascii() for line in seat.ran)
