# SPDX-License-Identifier: MIT
"""Pulses for the monostable at every feed; the chip's watchdog between plug and unplug."""

from drivers.watchdog import Watchdog

from host_tests.drivers.parts import Pin


class Chip:
    def __init__(self, stops=True):
        self.log = []
        self.stops = stops

    def make(self, ms):
        self.log.append(("make", ms))
        return self

    def feed(self):
        self.log.append("feed")

    def stop(self):
        self.log.append("stop")

    def mark(self, on):
        self.log.append(("mark", on))


def test_pulses_without_a_chip():
    pin = Pin()
    dog = Watchdog(pin)
    for _ in range(4):
        dog.feed()
    dog.attend(True)
    assert pin.log == [1, 0, 1, 0] and not dog.armed


def test_armed_between_plug_and_unplug():
    chip = Chip()
    dog = Watchdog(Pin(), chip.make, 1000, chip.stop, chip.mark)
    dog.attend(False)
    dog.feed()
    assert chip.log == []
    dog.attend(True)
    dog.attend(True)
    dog.feed()
    assert chip.log == [("mark", True), ("make", 1000), "feed"]
    dog.attend(False)
    dog.feed()
    assert chip.log[3:] == ["stop", ("mark", False)]
    dog.attend(True)
    assert chip.log[5:] == [("mark", True), ("make", 1000)]


def test_one_that_cannot_be_stopped_is_fed_for_ever():
    chip = Chip()
    dog = Watchdog(Pin(), chip.make, 1000)
    assert dog.sticky
    dog.attend(True)
    dog.attend(False)
    dog.feed()
    dog.attend(True)
    assert dog.armed and chip.log == [("make", 1000), "feed"]
    assert dog.disarm() is False and dog.armed


def test_disarmed_before_a_reset_also_while_plugged_in():
    chip = Chip()
    dog = Watchdog(Pin(), chip.make, 1000, chip.stop, chip.mark)
    assert dog.disarm() and chip.log == []
    dog.attend(True)
    assert dog.disarm() and chip.log[2:] == ["stop", ("mark", False)]
    never = Watchdog(Pin(), chip.make, 1000)
    assert never.sticky and never.disarm()


def test_switched_off_by_its_setting():
    chip = Chip()
    dog = Watchdog(Pin(), chip.make, 0, chip.stop)
    dog.attend(True)
    dog.feed()
    assert chip.log == []
