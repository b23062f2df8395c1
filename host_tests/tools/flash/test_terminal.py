# SPDX-License-Identifier: MIT
"""`make repl` and `make logs ARGS=--follow` at a real terminal, on a board that charges."""

import fcntl
import os
import select
import subprocess
import sys
import termios

import pytest

from host_tests.gate_rig import Seat, make_image
from tools import ROOT
from tools.serial_board import wait
from tools.serial_board.remote import Mpremote

pytestmark = pytest.mark.vm


class Person:
    """A program at a terminal of its own: `type(bytes)`, `shown`, `status` once it has ended."""

    def __init__(self, seat, *words):
        self.seat, self.shown = seat, b""
        self._near, far = os.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", *words, "--port", seat.board.port], cwd=ROOT,
            stdin=far, stdout=far, stderr=far, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(far)
        # the world stands still until it has the port
        real = os.path.realpath(seat.board.port)
        assert wait(lambda: self.ended or real in self._files()), self.shown

    def _files(self):
        group = str(self.process.pid)
        found = set()
        for one in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{one}/stat") as file:
                    if file.read().rpartition(")")[2].split()[3] != group:  # its session
                        continue
                folder = f"/proc/{one}/fd"
                found |= {os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)}
            except OSError:
                continue
        return found

    @property
    def ended(self):
        while select.select([self._near], [], [], 0)[0]:
            try:
                self.shown += os.read(self._near, 4096)
            except OSError:
                break
        return self.process.poll() is not None

    def type(self, data):
        os.write(self._near, data)

    def sees(self, text, ms=60_000):
        world = self.seat.rig.world
        return world.run_until(lambda: self.ended or text in self.shown, world.now + ms) and (
            text in self.shown
        )

    def leaves(self, ms=60_000):
        """Its exit status, once it has ended by itself."""
        world = self.seat.rig.world
        assert world.run_until(lambda: self.ended, world.now + ms), self.shown
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._near)


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return make_image(tmp_path_factory.mktemp("firmware"))


@pytest.fixture
def seat(image, tmp_path):
    """Charging, for an hour if nobody stops it."""
    with Mpremote() as remote:
        seat = Seat(image, remote, tmp_path / "board", 3600)
        seat.to("DC_ChargeLoopReq")
        seat.people = []
        yield seat
        for person in seat.people:
            person.close()
        seat.board.close()


def person(seat, *words):
    seat.people.append(Person(seat, *words))
    return seat.people[-1]


def goes_on(seat):
    """Power flows, and another exchange is made."""
    before = seat.sent["DC_ChargeLoopReq"]
    world = seat.rig.world
    assert world.run_until(lambda: seat.sent["DC_ChargeLoopReq"] > before + 3, world.now + 5000)
    assert seat.rig.plant.contactors.closed and seat.rig.plant.current > 5


def test_a_person_looks_leaves_comes_again_and_stops(seat):
    repl = person(seat, "tools.flash.repl")
    repl.type(b"status()\r")
    assert repl.sees(b"heap:"), repl.shown
    assert b"state: session DC_ChargeLoop" in repl.shown and b"contactors: closed" in repl.shown
    repl.type(b"\x03\x03\x03")  # a habit
    assert repl.sees(b"\r\nuEVCC> \r\nuEVCC> \r\nuEVCC> "), repl.shown
    goes_on(seat)
    repl.type(b"\x1d")  # Ctrl-]
    assert repl.leaves() == 0 and b"Traceback" not in repl.shown
    goes_on(seat)
    assert seat.board.cable.sent.endswith(b"status()\r\x03\x03\x03"), "it sent more than was typed"
    repl = person(seat, "tools.flash.repl")
    repl.type(b"stop()\r")
    assert repl.sees(b"stopping"), repl.shown
    world, motor = seat.rig.world, seat.rig.board.motor
    assert world.run_until(lambda: not motor.locked, world.now + 30_000)
    world.run(world.now + 1000)
    repl.type(b"status()\r")
    assert repl.sees(b"result: USER_STOP"), repl.shown
    seat.safe()
    repl.type(b"\x1d")
    assert repl.leaves() == 0
    seat.end(b"USER_STOP", stopped=False)
    # at rest Ctrl-C leads to Python's own prompt, start() back
    repl = person(seat, "tools.flash.repl")
    assert repl.sees(b"Use Ctrl-]"), repl.shown  # until then it is the program's Ctrl-C
    repl.type(b"\x03")
    assert repl.sees(b">>> "), repl.shown
    repl.type(b"6 * 7\r")
    assert repl.sees(b"\r\n42\r\n>>> "), repl.shown
    repl.type(b"from evcc.repl import *\rstart()\r")
    assert repl.sees(b"uEVCC> "), repl.shown
    repl.type(b"\x1d")
    assert repl.leaves() == 0 and b"Traceback" not in repl.shown
    seat.at_rest()


def somebody_types(seat, data):
    """At the board, past the program that has the port."""
    os.write(seat.board.cable.inner, data)


def test_who_follows_sees_the_terminal_and_disturbs_nothing(seat):
    sent = seat.board.cable.count
    logs = person(seat, "tools.flash.logs", "--follow")
    somebody_types(seat, b"status()\r")
    assert logs.sees(b"heap:"), logs.shown
    assert b"state: session DC_ChargeLoop" in logs.shown
    logs.type(b"\x03")
    assert logs.leaves() == 0
    assert b"Traceback" not in logs.shown and b"Error" not in logs.shown, logs.shown
    goes_on(seat)
    assert seat.board.cable.count == sent


@pytest.mark.slow
@pytest.mark.parametrize("words", [["tools.flash.repl"], ["tools.flash.logs", "--follow"]])
def test_the_cable_comes_out_of_who_looks_on(seat, words):
    looker = person(seat, *words)
    somebody_types(seat, b"limits()\r")
    assert looker.sees(b"max_voltage"), looker.shown
    seat.board.cable.pull()
    assert looker.leaves() == 1 and b"Traceback" not in looker.shown, looker.shown
    assert b"the port went away" in looker.shown
    goes_on(seat)
    seat.board.cable.plug()
    seat.ask(b"stop()", b"stopping")
    seat.end(b"USER_STOP", stopped=False)


@pytest.mark.slow
@pytest.mark.parametrize("words", [["tools.flash.repl"], ["tools.flash.logs", "--follow"]])
def test_ctrl_c_before_it_listens(seat, words):
    looker = person(seat, *words)  # it has opened the port just now
    looker.type(b"\x03")
    seat.rig.world.run(seat.rig.world.now + 500)
    looker.type(b"\x1d")
    looker.leaves()
    assert b"Traceback" not in looker.shown, looker.shown
    goes_on(seat)
