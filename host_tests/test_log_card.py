# SPDX-License-Identifier: MIT
"""The log on a card, whatever becomes of the card: a device in the emulated world, the card's
files in a folder. FAT and SD commands are tested in vm/test_sd_card.py, drivers/test_sd_spi.py."""

import os

import pytest
from evcc import ports, selftest

from host_tests.device_rig import DeviceRig, Module


class FolderCard:
    """drivers.sd_mount.Card on a folder. `slot`: what may be wrong with it, see Slot."""

    megabytes = 7580

    def __init__(self, slot):
        self.slot = slot
        self.folder = str(slot.path) + "/"
        slot.mounted += 1
        slot.most = max(slot.most, slot.mounted)

    def limit(self, ms):
        self.most_ms = ms

    def again(self):
        if self.slot.forgets:
            for path in self.slot.path.rglob("*"):
                if path.is_file():
                    path.write_bytes(path.read_bytes()[:-1] + b"?")

    def close(self):
        if self.slot is not None:
            self.slot.mounted -= 1
        self.slot = None

    def why(self, error):
        return "it is full" if error.args[0] == 28 else "errno %s" % error.args[0]


class Slot:
    """`path`: the card's files; `trouble`: None, or what `card()` raises; `forgets`: the last byte
    of each file; `used`: (ms, limit) of each time."""

    def __init__(self, path, world=None):
        path.mkdir()
        self.path = path
        self.trouble = None
        self.forgets = False
        self.mounted = self.most = 0
        self.used = []
        self.looked = []
        self.plant = None

    def card(self, now, within):
        self.used.append((now(), within))
        if self.plant is not None:
            assert not self.plant.contactors.closed, "with closed contactors"
        if self.trouble:
            raise self.trouble
        return FolderCard(self)

    @property
    def log(self):
        return self.path / "log" / "last.pcapng"


class CardRig(DeviceRig):
    def __init__(self, folder, slot, **more):
        self.slot = slot
        super().__init__(folder, **more)
        slot.plant = self.plant

    def _device(self):
        plain = Module.build

        def build(module, settings):
            parts = plain(module, settings)
            settings.sd_card = "spi"
            parts.card = self.slot.card
            return parts

        Module.build = build
        try:
            return super()._device()
        finally:
            Module.build = plain

    @property
    def flash(self):
        return self.folder / "log" / "last.pcapng"

    @property
    def d(self):
        return self.device.device


@pytest.fixture
def rig(tmp_path):
    return CardRig(tmp_path / "device", Slot(tmp_path / "sd"))


def session(rig, before=1500):
    rig.world.run(rig.world.now + before)
    ended = rig.controller.sessions + 1
    rig.board.plug()
    assert rig.world.run_until(lambda: rig.controller.sessions == ended, rig.world.now + 200_000)
    rig.world.run(rig.world.now + 2000)
    assert rig.controller.result == "STATION_TERMINATE", rig.controller.detail
    assert not rig.violations() and rig.controller.safety.forced_openings == 0
    rig.board.unplug()
    rig.world.run(rig.world.now + 1000)


def test_it_is_looked_at_once_the_modem_is_up_and_nothing_is_plugged_in(rig):
    assert rig.d.card == "" and rig.slot.used == []  # boot has not touched it
    assert "card: not looked at yet" in rig.answer("status()", 100)
    rig.world.run_until(lambda: rig.slot.used, 5000)
    assert rig.controller.port.ready and rig.controller.state == "unplugged"
    rig.world.run(8000)
    assert len(rig.slot.used) == 1 and rig.slot.mounted == 0
    assert "card: good" in rig.answer("status()")


def test_a_plug_at_power_on_comes_first(tmp_path):
    rig = CardRig(tmp_path / "device", Slot(tmp_path / "sd"))
    rig.board.plug()
    assert rig.world.run_until(lambda: rig.controller.sessions, 200_000)
    assert len(rig.slot.used) == 1 and rig.slot.log.exists()  # by the log itself
    assert rig.d.card == "good"


def test_the_log_is_on_the_card_and_nothing_in_flash(rig):
    session(rig)
    data = rig.slot.log.read_bytes()
    assert b"SessionStopRes OK" in data and not rig.flash.exists()
    assert rig.slot.mounted == 0  # between uses it may be pulled
    assert rig.answer("trace()") == str(rig.slot.log)
    session(rig)
    assert (rig.slot.path / "log" / "last.pcapng.old").read_bytes() == data
    assert rig.slot.log.read_bytes() != data
    assert not list(rig.folder.glob("log/*"))


@pytest.mark.parametrize(
    "trouble, words",
    [
        (OSError("no card answers"), "no card answers"),
        (ValueError("invalid pin"), "invalid pin"),
        (OSError(5), "5"),
    ],
)
def test_without_a_card_it_goes_to_flash_and_says_so(rig, trouble, words):
    rig.slot.trouble = trouble
    session(rig)
    assert b"SessionStopRes OK" in rig.flash.read_bytes() and not rig.slot.log.exists()
    assert f"card: {words}; the log goes to flash" in rig.answer("status()")
    assert rig.answer("trace()") == str(rig.flash)
    # it comes back: the next log is there again, and the one in flash is the one before
    rig.slot.trouble = None
    before = rig.flash.read_bytes()
    session(rig)
    assert rig.answer("trace()") == str(rig.slot.log) and rig.slot.log.exists()
    assert not rig.flash.exists()
    assert (rig.folder / "log" / "last.pcapng.old").read_bytes() == before
    assert "card: good" in rig.answer("status()")


def test_a_card_that_does_not_keep_what_is_written(rig):
    rig.slot.forgets = True
    session(rig)
    assert "card: it does not keep what is written; the log" in rig.answer("status()")
    assert b"SessionStopRes OK" in rig.flash.read_bytes()
    assert rig.answer("trace()") == str(rig.flash) and rig.slot.mounted == 0


@pytest.mark.parametrize("error, words", [(28, "it is full"), (5, "errno 5"), (30, "errno 30")])
def test_a_card_that_is_full_or_pulled_while_it_is_written(rig, monkeypatch, error, words):
    from evcc import store

    plain = open

    class Full:
        def __init__(self, *how):
            self.file = plain(*how)
            self.left = 3000

        def write(self, data):
            self.left -= len(data)
            if self.left < 0:
                raise OSError(error, "no more")
            return self.file.write(data)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

    def opened(path, mode="r"):
        on_card = str(path).startswith(str(rig.slot.path)) and "w" in mode
        return Full(path, mode) if on_card else plain(path, mode)

    monkeypatch.setattr(store, "open", opened, raising=False)
    session(rig)
    assert f"card: {words}; the log goes to flash" in rig.answer("status()")
    assert b"SessionStopRes OK" in rig.flash.read_bytes() and not rig.slot.log.exists()
    assert rig.slot.mounted == 0
    # what was torn is gone with the next good one
    monkeypatch.undo()
    session(rig)
    assert sorted(os.listdir(rig.slot.path / "log")) == ["last.pcapng"]


def test_after_a_power_cut_on_the_card_the_log_before_is_there_again(tmp_path):
    slot = Slot(tmp_path / "sd")
    (slot.path / "log").mkdir()
    (slot.path / "log" / "last.pcapng.old").write_bytes(b"before")
    (slot.path / "log" / "last.pcapng.new").write_bytes(b"whole")  # cut between two renames
    rig = CardRig(tmp_path / "device", slot)
    rig.world.run(2000)
    assert slot.log.read_bytes() == b"whole"
    assert rig.answer("trace()") == str(slot.log)


def test_after_a_start_the_younger_of_two_logs_is_the_last(tmp_path):
    slot = Slot(tmp_path / "sd")
    rig = CardRig(tmp_path / "device", slot)
    session(rig)
    again = CardRig(tmp_path / "device", slot)
    again.world.run(2000)
    assert again.answer("trace()") == str(slot.log)
    slot.trouble = OSError("no card answers")
    session(again)
    slot.trouble = None
    third = CardRig(tmp_path / "device", slot)
    third.world.run(2000)
    assert third.answer("trace()") == str(third.flash) and slot.log.exists()


def test_trace_at_the_repl_mounts_it_for_the_reader(rig):
    from evcc import repl

    session(rig)
    rig.d.running = False
    assert repl.trace() == str(rig.slot.log)
    assert rig.slot.mounted == 1 and rig.d.mounted.most_ms > 3600_000  # a person takes time
    assert repl.trace() == str(rig.slot.log) and rig.slot.mounted == 1
    rig.d.begin_run()  # the loop goes on
    assert rig.slot.mounted == 0 and rig.d.mounted is None
    rig.d.running = False
    rig.slot.trouble = OSError("no card answers")
    assert repl.trace() == "on the card, but: no card answers"
    other = rig.folder / "mine.pcapng"
    assert repl.trace(str(other)) == str(other) and other.exists()


def test_the_selftest_has_a_row(rig):
    def row():
        return selftest.card(rig.d)

    rig.world.run(2000)
    assert row()[1] == "good" and "7580 MB, written and read back in" in row()[2]
    assert os.listdir(rig.slot.path) == [] and rig.slot.mounted == 0
    rig.d.mounted = rig.slot.card(lambda: 0, 0)  # at the REPL
    assert row()[1] == "good" and rig.slot.mounted == 0 and rig.d.mounted is None
    rig.slot.forgets = True
    assert row()[1:] == ("wrong", "it does not keep what is written")
    rig.slot.forgets = False
    rig.slot.trouble = OSError("no card answers")
    assert row()[1:] == ("not wired", "no card answers")
    rig.slot.trouble = OSError("it is write-protected")
    assert row()[1:] == ("wrong", "it is write-protected")
    rig.d.card = None
    assert row()[1:] == ("not wired", "no SD_CS here, or no code for it")
    rig.d.settings.sd_card = "none"
    assert row()[1:] == ("not wired", "sd_card is none: the log goes to flash")


def test_a_board_without_a_slot_says_so_and_logs_to_flash(tmp_path):
    rig = DeviceRig(tmp_path / "device")
    d = rig.device.device
    assert d.card is None and not any("SD_CS" in note for note in d.notes)
    from evcc import device_rare

    d.settings.sd_card = "spi"
    device_rare.begin(d)
    assert "no SD_CS here, or no code for it: the log goes to flash" in d.notes[-1]


def test_a_slow_card_leaves_safety_ticking(rig):
    """No timer here: while the card is looked at, its clock ticks safety (and feeds the dog)."""
    ticks = []
    plain = rig.controller.safety.tick
    rig.controller.safety.tick = lambda now: (ticks.append(now), plain(now))
    heard = []

    def card(now, within):
        begun = rig.world.now
        ticks.clear()
        while rig.world.now < begun + 400:
            rig.world.now += 1
            heard.append(now())
        raise OSError("no card answers")

    rig.slot.card = rig.d.parts.card = card
    rig.world.run(2000)
    assert len(ticks) >= 19 and max(b - a for a, b in zip(ticks, ticks[1:])) <= 20
    assert heard[-1] - heard[0] >= 399 and rig.controller.board.raw[ports.CP] == ord("A")
