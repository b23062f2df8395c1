# SPDX-License-Identifier: MIT
"""Every board of boards/: its table, its safe outputs, and its way to the first SLAC message."""

import json
import types

import pytest
from evcc import ports

from host_tests.boards.bench import Bench
from tools.boards import DANGEROUS, NAMES, boards, load, problems
from tools.boards.drawing import svg

ALL = boards()
SLAC_PARM_REQ = bytes.fromhex("6460")
MACHINE = [name for name in ALL if load(name).about["api"] == "machine"]


def test_the_boards_that_are_promised_are_there():
    assert {load(name).about["mcu"] for name in ALL} >= {
        "rp2040",
        "rp2350",
        "esp32s3",
        "stm32h743",
    }
    assert {load(name).about["api"] for name in ALL} == {"machine", "circuitpython", "blinka"}


@pytest.mark.parametrize("name", ALL)
def test_pin_table(name):
    board = load(name)
    assert list(problems(board)) == []
    assert board.about["sources"]


@pytest.mark.parametrize("name", ALL)
def test_pins_csv_and_drawing_are_those_of_the_table(name):
    board = load(name)
    assert (board.folder / "pins.csv").read_text() == board.csv()
    assert (board.folder / "wiring.svg").read_text(encoding="utf-8") == svg(board)


@pytest.mark.parametrize("name", ALL)
def test_page_names_every_pin(name):
    board = load(name)
    page = (board.folder / "README.md").read_text()
    rows = [line.split("|")[1:3] for line in page.splitlines() if line.startswith("| `")]
    table = {a.strip(" `"): b.strip(" `") for a, b in rows}
    assert table == {key: str(pin) for key, pin in board.module.PINS.items()}


def changed(name, drop=(), **more):
    board = load(name)
    pins = {k: v for k, v in board.module.PINS.items() if k not in drop}
    pins.update(more)
    board.module = types.SimpleNamespace(NAME=name, PINS=pins, SAFE=board.module.SAFE)
    return "; ".join(problems(board))


def test_problems_are_found():
    assert "CP_LEVEL is missing" in changed("RPI_PICO2", drop=["CP_LEVEL"])
    assert "INLET_V and CP_LEVEL are both on 26" in changed("RPI_PICO2", INLET_V=26)
    assert "CP_LEVEL on 22: no converter input" in changed("RPI_PICO2", CP_LEVEL=22)
    assert "CONT1 on 24: the board's own" in changed("RPI_PICO2", CONT1=24)
    assert "CONT1 on 77: no such pin" in changed("RPI_PICO2", CONT1=77)
    assert "are on no one SPI" in changed("RPI_PICO2", QCA_SCK=14)
    assert "CONT1 on 45: decides how the chip boots" in changed("ESP32_GENERIC_S3", CONT1=45)
    assert "LOCK_A on D4: pulled up" in changed("RASPBERRY_PI_BLINKA", LOCK_A="D4")
    assert "PP on MUX:4" in changed("RPI_PICO2", PP="MUX:4")
    assert "CONT_9: no such name" in changed("RPI_PICO2", CONT_9=0)
    assert "SAFE is" in changed("RPI_PICO2", drop=["CAN_CS", "CAN_SCK", "CAN_MISO", "CAN_MOSI"])
    assert "go together" in changed("RPI_PICO2", drop=["CAN_CS"])


@pytest.mark.parametrize("name", ALL)
def test_safe_comes_first_and_leaves_every_output_at_rest(monkeypatch, name):
    bench = Bench(monkeypatch, name)
    bench.board.module.safe()
    want = {n: int(k.split()[1][0]) for n, k in NAMES.items() if k[:3] == "out"}
    want = {n: level for n, level in want.items() if n in bench.board.module.PINS}
    assert bench.wiring.level == want
    first = [name for _, name, _ in bench.wiring.history]
    count = sum(name in DANGEROUS for name in first)
    assert set(first[:count]) <= set(DANGEROUS)
    bench.board.module.safe()  # again: whatever was, it is at rest
    bench.wiring.level.clear()
    bench.board.module.safe()
    assert bench.wiring.level == want


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_driven_off_its_rest_by_building(monkeypatch, name):
    bench = Bench(monkeypatch, name, isolation_line="high", inlet_full_A=500)
    bench.start()
    moved = [x for x in bench.wiring.history if x[2] and x[1] in DANGEROUS]
    assert moved == []
    free = [p for p in bench.board.module.PINS.values() if p not in used(bench)]
    # CAN and the SD card are tested alone; MUX and ADC are no pins
    names = {bench.wiring.names[p] for p in free if ":" not in str(p)}
    assert not [n for n in names if n[:3] not in ("CAN", "SD_")]


def used(bench):
    module = bench.modules.get("machine") or bench.modules["board"]
    return module.used


def until_slac(bench, controller, limit=15000):
    """Loop as main.py does; ms from the plug to the first SLAC message on the modem's SPI."""
    world, parts = bench.world, bench.parts
    first = []
    plain = bench.wiring.modem.from_host

    def from_host(frame):
        if frame[12:14] == b"\x88\xe1" and frame[15:17] == SLAC_PARM_REQ and not first:
            first.append(world.now)
        plain(frame)

    bench.wiring.modem.from_host = from_host
    plugged = None
    while not first and world.now < limit:
        if plugged is None and world.now >= 2000:
            bench.wiring.plug()
            plugged = world.now
        now = parts.clock()
        wake = controller.step(now)
        parts.idle(max(1, wake - parts.clock()))
    return first[0] - plugged if first else None


@pytest.mark.parametrize("name", ALL)
def test_from_power_on_to_the_first_slac_message(monkeypatch, name):
    bench = Bench(monkeypatch, name, noise=0.001)
    controller = bench.controller()
    took = until_slac(bench, controller)
    bench.parts.clock()
    for _ in range(5):
        controller.step(bench.parts.clock())
        bench.world.run(bench.world.now + 20)
    assert took is not None and took < 200, took
    raw = bench.parts.board.raw
    assert chr(raw[ports.CP]) == "B" and abs(raw[ports.DUTY] - 50) <= 5
    assert raw[ports.INLET_mV] < 2000 and abs(raw[ports.HOTTEST_dC] - 250) < 20
    assert raw[ports.FEEDBACK] == 0 and raw[ports.LOCKED] == 0
    assert bench.wiring.level["CONT1"] == 0 and bench.wiring.level["CP_STATE_C"] == 0


@pytest.mark.parametrize("name", ALL)
def test_the_firmware_boots_to_the_first_slac_message(monkeypatch, name, tmp_path):
    """As firmware/main.py and code.py do: safe(), then boot with its settings file, then steps."""
    from evcc.boot import boot

    from tools.settings_example import text

    bench = Bench(monkeypatch, name)
    module = bench.board.module
    module.ROOT = f"{tmp_path}/"
    settings = text().replace('vehicle = "none"', 'vehicle = "sim"')
    (tmp_path / "settings.toml").write_text(settings, encoding="utf-8")
    module.safe()
    device = boot(module)
    assert device.refused is None, device.refused
    bench.parts = device.parts
    took = until_slac(bench, device)
    assert took is not None and took < 200, took


@pytest.mark.parametrize("name", MACHINE)
def test_the_timer_pulses_and_feeds_without_the_loop(monkeypatch, name):
    bench = Bench(monkeypatch, name)
    bench.controller()
    timer = bench.parts._timer
    assert timer.hard == (bench.board.about["port"] != "esp32")
    bench.wiring.history.clear()
    bench.world.run(bench.world.now + 1000)  # nobody calls step
    edges = [t for t, n, _ in bench.wiring.history if n == "CONT_ENABLE"]
    assert len(edges) == 50 and max(b - a for a, b in zip(edges, edges[1:])) == 20


@pytest.mark.parametrize("name", ALL)
def test_watchdog_is_armed_by_the_plug(monkeypatch, name):
    bench = Bench(monkeypatch, name)
    bench.start()
    wiring, board = bench.wiring, bench.parts.board
    raw = ports.new()

    def pass_by(ms):
        for _ in range(ms // 20):
            board.clock()
            board.sample(raw)
            board.watchdog()
            bench.world.run(bench.world.now + 20)

    pass_by(200)
    assert not armed(bench)
    wiring.plug()
    pass_by(200)
    sticky = "cannot" in bench.board.about["watchdog"]
    assert armed(bench) == (bench.board.about["api"] != "blinka")
    wiring.pilot.plug(False)
    pass_by(3000)
    assert armed(bench) == sticky
    wiring.plug()  # and again
    pass_by(200)
    assert armed(bench) == (bench.board.about["api"] != "blinka")


def armed(bench):
    if "machine" in bench.modules:
        machine = bench.modules["machine"]
        stopped = [a for a, bits in machine.mem32.items() if a & 0x3000 and bits == 1 << 30]
        if stopped:  # rp2: the enable bit was cleared; making a WDT sets it again
            for address in stopped:
                del machine.mem32[address]
            machine.watchdogs.clear()
        return bool(machine.watchdogs)
    if "microcontroller" in bench.modules:
        return bench.modules["microcontroller"].watchdog.mode is not None
    return False


@pytest.mark.parametrize("name", [n for n in ALL if n != "RASPBERRY_PI_BLINKA"])
def test_a_bite_is_told(monkeypatch, name):
    bench = Bench(monkeypatch, name, bitten=True)
    if bench.board.about["port"] == "rp2":
        # a wanted reset looks the same to the chip: without the mark it is none
        assert bench.start().reset_cause is None
        bench = Bench(monkeypatch, name, bitten=True)
        for address in (0x4005800C, 0x400D800C):
            bench.modules["machine"].mem32[address] = 0x0E5CC
    assert bench.start().reset_cause == "watchdog"
    again = Bench(monkeypatch, name)
    assert again.start().reset_cause is None


@pytest.mark.parametrize("name", ALL)
def test_every_part_of_the_board_reaches_its_pin(monkeypatch, name):
    bench = Bench(monkeypatch, name, isolation_line="high", inlet_full_A=500)
    bench.start()
    wiring, board, raw = bench.wiring, bench.parts.board, ports.new()

    def look(ms=400):
        for _ in range(ms // 20):
            board.sample(raw)
            board.watchdog()
            bench.world.run(bench.world.now + 20)
        return raw

    look()
    assert (
        chr(raw[ports.CP]) == "A" and raw[ports.ISOLATION] == 1 and raw[ports.DUTY] == ports.NONE
    )
    wiring.plug()
    wiring.volts, wiring.amps = 400.0, -30.0
    wiring.celsius = [31.0, 63.0]
    look()
    assert chr(raw[ports.CP]) == "B"
    assert abs(raw[ports.INLET_mV] - 400_000) < 1500 and abs(raw[ports.INLET_mA] + 30_000) < 500
    assert abs(raw[ports.HOTTEST_dC] - 630) < 10
    assert board.cable_A == 13
    board.set_state_c(True)
    board.contactors(True)
    board.lock(True)
    wiring.isolation_good = False
    look(1500)
    assert chr(raw[ports.CP]) == "C" and raw[ports.FEEDBACK] == 1 and raw[ports.LOCKED] == 1
    assert raw[ports.ISOLATION] == 0
    assert wiring.level["LOCK_A"] == wiring.level["LOCK_B"] == 0  # the motor is off again
    wiring.welded = True
    board.contactors(False)
    board.set_state_c(False)
    board.lock(False)
    look(1500)
    assert chr(raw[ports.CP]) == "B" and raw[ports.FEEDBACK] == 1 and raw[ports.LOCKED] == 0
    bench.parts.led(True)
    assert wiring.level["LED"] == 1


@pytest.mark.parametrize("name", ["RPI_PICO2", "ADAFRUIT_FEATHER_RP2350"])
def test_the_pilot_wakes_the_modem(monkeypatch, name):
    bench = Bench(monkeypatch, name, sleep_after_s=5)
    controller, parts, wiring = bench.controller(), bench.parts, bench.wiring

    def run(ms):
        end = bench.world.now + ms
        while bench.world.now < end:
            wake = controller.step(parts.clock())
            parts.idle(max(1, wake - parts.clock()))

    run(4000)
    assert parts.port.ready
    run(3000)
    assert not parts.port.ready and wiring.level["QCA_RST"] == 0
    run(20_000)
    assert wiring.level["QCA_RST"] == 0
    wiring.plug()
    at = bench.world.now
    run(1500)
    assert parts.port.ready and controller.state == "matching"
    assert bench.world.now - at < 10_000  # TP_EV_SLAC_init
    wiring.pilot.plug(False)
    run(20_000)
    assert not parts.port.ready
    wiring.plug()
    run(1500)
    assert parts.port.ready


WITH_CHIP = [name for name in ALL if "CAN_CS" in load(name).module.PINS]


@pytest.mark.parametrize("chip", ["mcp2515", "mcp251xfd"])
@pytest.mark.parametrize("name", WITH_CHIP)
def test_a_can_chip_on_spi(monkeypatch, name, chip):
    from host_tests.drivers.can_chips import Mcp2515Chip, Mcp2518FdChip

    clock = 16_000_000 if chip == "mcp2515" else 40_000_000
    bench = Bench(monkeypatch, name, can_chip=chip, can_clock_Hz=clock)
    bench.wiring.can = {"mcp2515": Mcp2515Chip, "mcp251xfd": Mcp2518FdChip}[chip]()
    can = bench.start().can
    assert can.ready and can.send(0x123, b"\1\2")
    assert bench.wiring.can.sent == [(0x123, False, b"\1\2")]


@pytest.mark.parametrize("name", ALL)
def test_can_of_a_board_that_has_none_is_none(monkeypatch, name):
    assert Bench(monkeypatch, name).start().can is None
    if name in WITH_CHIP:
        assert Bench(monkeypatch, name, can_chip="own").start().can is None


def test_the_nucleos_own_can(monkeypatch):
    bench = Bench(monkeypatch, "NUCLEO_H743ZI", can_chip="own", can_bitrate=250000)
    can = bench.start().can
    assert can.ready and can._can.bitrate == 250000


def test_every_json_is_json():
    for name in ALL:
        about = json.loads((load(name).folder / "board.json").read_text())
        assert {"id", "mcu", "product", "vendor", "url", "can", "adc"} <= set(about)
