# SPDX-License-Identifier: MIT
"""Boot: which settings are used, what is refused and in which words, safe outputs first."""

import io
import os
import runpy
import sys
from pathlib import Path

import pytest
from evcc import device
from evcc.bench_board import BenchBoard
from evcc.boot import boot
from evcc.store import Store

from host_tests.cutdisk import Cut, Disk
from tools import ROOT

GOOD = 'vehicle = "sim"\nev_soc = 33\n# end\n'


class Port:
    ready = False
    restarts = 0
    counters = {}

    def poll(self, now):
        pass

    def receive(self):
        return None

    def next_poll(self, now):
        return now + 50

    def send(self, frame):
        return False


LOOKS = [lambda: None] * 3  # waits between looks at the pilot before the loop


class Terminal:
    def __init__(self):
        self.ctrl_c, self.resets = [], 0

    def interrupt(self, on):
        self.ctrl_c.append(on)
        return True

    def read(self):
        return None

    def write(self, text):
        pass

    def reset(self):
        self.resets += 1


class Module:
    """A uevcc_board on the files of one folder; `events` in order."""

    NAME = "test"
    PINS = {}
    urandom = staticmethod(os.urandom)

    def __init__(self, folder):
        self.ROOT = str(folder) + "/"
        self.events = []
        self.time = 0
        self.idles = []

    def safe(self):
        self.events.append("safe")

    def build(self, settings):
        self.events.append("build")
        self.settings = settings
        parts = type("Parts", (), {})()
        parts.clock = lambda: self.time
        parts.port = Port()
        parts.board = BenchBoard(parts.clock, plugged=False)
        parts.unix = parts.can = parts.led = parts.timer = parts.reset_cause = None
        parts.urandom = self.urandom
        parts.terminal = Terminal()
        parts.idle = self._idle
        return parts

    def _idle(self, ms):
        self.time += ms
        if self.idles:
            self.idles.pop(0)()


@pytest.fixture
def module(tmp_path):
    return Module(tmp_path)


def write(module, text, name="settings.toml"):
    Path(module.ROOT, name).write_text(text)


def test_good_settings_make_a_device_that_can_charge(module):
    write(module, GOOD)
    d = boot(module)
    assert d.refused is None and d.notes == [] and d.controller.vehicle.pack.soc == 0.33
    assert Store(module.ROOT + "store").read("settings") == GOOD.encode()
    d.step(0)
    assert d.at_rest() and d.controller.state == "unplugged"


@pytest.mark.parametrize(
    "text, words",
    [
        (None, "settings.toml is missing"),
        ("ev_soc = 33\n", "settings.toml does not end with '# end': it is not whole"),
        ("ev_soc = 33\nev_socks = 1\n# end\n", "settings.toml line 2: unknown key 'ev_socks'"),
        (
            "\n\nev_soc = 333\n# end\n",
            "settings.toml line 3: ev_soc: 333.0 is outside 0.0..100.0 %",
        ),
        (
            "ev_soc = 3\n# end\n",
            "settings.toml: no vehicle: set vehicle, or use bench() at the REPL",
        ),
        (
            "allow_iso20_without_tls = true\n# end\n",
            "settings.toml line 1: allow_iso20_without_tls: for the bench only, so in bench.toml",
        ),
        (
            "key_log = true\n# end\n",
            "settings.toml line 1: key_log: for the bench only, so in bench.toml",
        ),
        (
            'tls_profile = "bench"\n# end',
            "settings.toml line 1: tls_profile: for the bench only, so in bench.toml",
        ),
    ],
)
def test_what_is_refused_does_not_charge_and_says_why(module, text, words):
    if text is not None:
        write(module, text)
    d = boot(module)
    assert d.refused == words and d.controller is None
    assert d.step(10) > 10 and d.at_rest()  # the loop and the way to the REPL live on
    module.idles = [lambda: exec("raise KeyboardInterrupt")]
    assert d.run() == "repl"


def test_a_file_cut_off_gives_the_last_good_copy(module):
    write(module, GOOD)
    boot(module)
    for n in range(len(GOOD.rstrip())):
        write(module, GOOD[:n])
        d = boot(module)
        assert d.refused is None and d.controller.vehicle.pack.soc == 0.33, n
        assert d.notes == [
            "settings.toml does not end with '# end': it is not whole: the last good copy is used"
        ]
    Path(module.ROOT, "settings.toml").write_bytes(b"\xff\xfe\0" * 9)
    assert boot(module).controller.vehicle.pack.soc == 0.33
    Path(module.ROOT, "settings.toml").unlink()
    assert boot(module).notes == ["settings.toml is missing: the last good copy is used"]


def test_a_bad_value_is_not_replaced_by_an_older_good_one(module):
    write(module, GOOD)
    boot(module)
    write(module, GOOD.replace("33", "333"))
    assert "line 2" in boot(module).refused


def test_settings_half_committed_are_taken(module):
    write(module, "old\n", "settings.toml.old")
    write(module, GOOD, "settings.toml.new")
    assert boot(module).refused is None


def test_a_log_that_was_being_renamed_when_the_power_went_is_there_again(module):
    folder = Path(module.ROOT)
    (folder / "settings.toml").write_text(GOOD)
    (folder / "log").mkdir()
    (folder / "log" / "last.pcapng.old").write_bytes(b"before")
    (folder / "log" / "last.pcapng.new").write_bytes(b"whole")
    boot(module)
    assert (folder / "log" / "last.pcapng").read_bytes() == b"whole"
    assert (folder / "log" / "last.pcapng.old").read_bytes() == b"before"


def test_bench_settings_last_one_power_cycle(module):
    write(module, GOOD)
    write(module, 'allow_iso20_without_tls = true\ntls_profile = "bench"\n# end\n', "bench.toml")
    d = boot(module)
    assert d.settings.allow_iso20_without_tls and d.settings.tls_profile == "bench"
    assert d.notes == ["bench settings until power-off"]
    assert not Path(module.ROOT, "bench.toml").exists()
    d = boot(module)
    assert not d.settings.allow_iso20_without_tls and d.settings.tls_profile == "strict"
    assert b"allow" not in Store(module.ROOT + "store").read("settings")


def test_bench_settings_that_could_not_end_are_not_used(module, monkeypatch):
    write(module, GOOD)
    write(module, "allow_iso20_without_tls = true\n# end\n", "bench.toml")

    def refuse(path):
        raise OSError(30)

    monkeypatch.setattr("os.remove", refuse)
    d = boot(module)
    assert not d.settings.allow_iso20_without_tls
    assert d.notes == ["bench.toml cannot be removed, so it is not used"]


def test_bad_settings_do_not_open_a_locked_device(module):
    write(module, "service_mode = false\n" + GOOD)
    assert boot(module).settings.service_mode is False
    write(module, "nonsense\n# end\n")
    d = boot(module)
    assert d.refused and d.settings.service_mode is False
    assert d.ask("repl") == "refused: service_mode is off" and d.left is None


def test_random_numbers_start_anew_with_every_boot(module):
    write(module, GOOD)
    module.urandom = lambda n: bytes((i * 37 + i // 7 * 11 + len(seen)) & 255 for i in range(n))
    seen = []
    real = module.urandom

    def source(n):  # of a port whose numbers are the same after each reset
        seen.append(n)
        return real(n)

    module.urandom = source
    first = boot(module).controller.urandom(16)
    seen.clear()
    second = boot(module).controller.urandom(16)
    assert first != second and len(Store(module.ROOT + "store").read("seed")) == 32


def test_no_tls_with_a_stuck_random_source(module):
    write(module, GOOD)
    module.urandom = bytes
    assert boot(module).refused.startswith("no TLS with these random numbers: random source is st")
    write(module, "sdp_tls = false\n" + GOOD)
    assert boot(module).refused is None


@pytest.mark.parametrize("gone", ["evcc.sim_vehicle", "evcc.tls"])
def test_what_the_image_has_not_is_said(module, monkeypatch, gone):
    write(module, GOOD)
    monkeypatch.setitem(sys.modules, gone, None)
    there = boot(module)
    assert "not in this image" in there.refused and gone in there.refused
    assert there.controller is None


def test_a_board_whose_files_lie_elsewhere(module, monkeypatch):
    """MicroPython's stm32 port mounts its flash at /flash; "/" takes no files there."""
    from evcc import boot as boot_module
    from evcc import store

    disk = Disk({"/flash/settings.toml": GOOD.encode()})

    def text_open(path, mode="r"):
        file = disk.open(path, mode)
        return file if "b" in mode else io.StringIO(file.read().decode())

    for target in (store, boot_module):
        monkeypatch.setattr(target, "os", disk)
        monkeypatch.setattr(target, "open", text_open, raising=False)
    monkeypatch.setattr(store, "_SMALL", True)
    nucleo = runpy.run_path(str(ROOT / "boards" / "NUCLEO_H743ZI" / "uevcc_board.py"))
    module.ROOT = nucleo["ROOT"]
    there = boot(module)
    assert there.refused is None and there.settings.ev_soc == 33
    assert there.log_path().startswith("/flash/log/")
    there.write("seed", b"x" * 32)
    assert disk.files and all(path.startswith("/flash/") for path in disk.files)


@pytest.mark.parametrize("name", ["main.py", "code.py"])
def test_the_firmware_is_safe_first_and_last(module, monkeypatch, name):
    write(module, GOOD)
    monkeypatch.setitem(sys.modules, "uevcc_board", module)
    module.idles = [*LOOKS, lambda: exec("raise KeyboardInterrupt")]
    runpy.run_path(str(ROOT / "firmware" / name))
    assert module.events == ["safe", "build", "safe"] and not device.current.running
    assert device.current.terminal.ctrl_c[-1] is True


def test_an_exception_in_the_loop_leaves_safe_outputs(module, monkeypatch):
    write(module, GOOD)
    monkeypatch.setitem(sys.modules, "uevcc_board", module)
    module.idles = [*LOOKS, lambda: exec("raise SystemError")]
    with pytest.raises(SystemError):
        runpy.run_path(str(ROOT / "firmware" / "main.py"))
    assert module.events[-1] == "safe"


@pytest.mark.parametrize("whole", [True, False])
def test_power_cut_at_every_step_of_a_boot(module, monkeypatch, whole):
    """Settings are the new ones, or the old ones where the new file is torn; never none."""
    from evcc import boot as boot_module
    from evcc import store

    new = GOOD.replace("33", "44")
    if not whole:
        new = new[:-3]

    def on(disk):
        for target in (store, boot_module):
            monkeypatch.setattr(target, "os", disk)
            monkeypatch.setattr(target, "open", disk.text_open, raising=False)
        monkeypatch.setattr(store, "_SMALL", True)
        module.ROOT = "/"

    class TextDisk(Disk):
        def text_open(self, path, mode="r"):
            file = self.open(path, mode)
            return file if "b" in mode else io.StringIO(file.read().decode())

    first = TextDisk({"/settings.toml": GOOD.encode()}, fat=True)
    on(first)
    boot(module)
    files = {**first.files, "/settings.toml": new.encode(), "/bench.toml": b"ev_soc = 1\n# end\n"}
    for cut in range(1000):
        disk = TextDisk(files, cut, fat=True)
        on(disk)
        try:
            boot(module)
        except Cut:
            for text, found in disk.after():
                on(TextDisk(found, fat=True))
                settings = boot(module).settings
                bench = "/bench.toml" in found
                assert settings.ev_soc == (1 if bench else 44 if whole else 33), (cut, text)
            continue
        break
    assert cut > 2 and "/bench.toml" not in disk.files
