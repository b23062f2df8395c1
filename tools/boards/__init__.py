# SPDX-License-Identifier: MIT
"""What every board folder has to hold, and what is wrong with one: the rules of pin tables.

    from tools.boards import boards, load, problems
    for name in boards(): print(name, problems(load(name)))

A board is the folder boards/NAME: `uevcc_board.py` (pin table, safe(), build()), `board.json`
(what the board is and which pin can do what, with sources), README.md; `pins.csv` and `wiring.svg`
are made from the table.
"""

import importlib.util
import json

from tools import ROOT

BOARDS = ROOT / "boards"

# name -> kind. Outputs stand with their level at rest; "?" at the end: a board may lack it.
NAMES = {
    "QCA_CS": "out 1",
    "QCA_SCK": "spi",
    "QCA_MOSI": "spi",
    "QCA_MISO": "spi",
    "QCA_INT": "in",
    "QCA_RST": "out 1",
    "CP_LEVEL": "adc",
    "CP_DUTY": "pulse",
    "CP_STATE_C": "out 0",
    "PP": "adc",
    "CONT_ENABLE": "out 0",
    "CONT1": "out 0",
    "CONT2": "out 0?",
    "CONT_FB1": "in",
    "CONT_FB2": "in?",
    "LOCK_A": "out 0",
    "LOCK_B": "out 0",
    "LOCK_FB": "in",
    "INLET_V": "adc",
    "INLET_I": "adc",
    "TEMP1": "adc",
    "TEMP2": "adc",
    "AMUX": "adc?",
    "AMUX_A": "out 0?",
    "AMUX_B": "out 0?",
    "ADC_CS": "out 1?",
    "ISO_OK": "in",
    "CAN_CS": "out 1?",
    "CAN_SCK": "spi?",
    "CAN_MOSI": "spi?",
    "CAN_MISO": "spi?",
    "CAN_TX": "can?",
    "CAN_RX": "can?",
    "SD_CS": "select?",  # not at rest by safe(): its pull-up does that, sd_card alone drives it
    "SD_SCK": "spi?",
    "SD_MOSI": "spi?",
    "SD_MISO": "spi?",
    "LED": "out 0",
}
WORDS = {
    "QCA_CS": "modem: chip select, active low",
    "QCA_SCK": "modem: SPI clock, 8 MHz, mode 3",
    "QCA_MOSI": "modem: data to it",
    "QCA_MISO": "modem: data from it",
    "QCA_INT": "modem: interrupt, active high",
    "QCA_RST": "modem: reset, active low",
    "CP_LEVEL": "pilot: held positive peak, -15 to +15 V over the range",
    "CP_DUTY": "pilot: comparator, high while above 1 V",
    "CP_STATE_C": "pilot: S2, high is state C; pull-down",
    "PP": "proximity contact, pulled up",
    "CONT_ENABLE": "pulses for the monostable; pull-down",
    "CONT1": "coil driver of the contactors; pull-down",
    "CONT2": "coil driver of the second contactor; pull-down",
    "CONT_FB1": "mirror contact to ground, pull-up: low is open",
    "CONT_FB2": "mirror contact of the second contactor",
    "LOCK_A": "H-bridge of the lock, high locks; pull-down",
    "LOCK_B": "H-bridge of the lock, high unlocks; pull-down",
    "LOCK_FB": "lock's end switch to ground, pull-up: low is locked",
    "INLET_V": "isolated inlet voltage, 10 % of the range at 0 V",
    "INLET_I": "isolated inlet current, half of the range at 0 A",
    "TEMP1": "sensor at DC+, pulled up by 2.2 kΩ",
    "TEMP2": "sensor at DC-, pulled up by 2.2 kΩ",
    "AMUX": "common of the 4052 multiplexer",
    "AMUX_A": "multiplexer: select, low bit",
    "AMUX_B": "multiplexer: select, high bit",
    "ADC_CS": "MCP3208: chip select, active low",
    "ISO_OK": "isolation monitor, high is good; pull-down",
    "CAN_CS": "CAN controller: chip select, active low",
    "CAN_SCK": "CAN controller: SPI clock",
    "CAN_MOSI": "CAN controller: data to it",
    "CAN_MISO": "CAN controller: data from it",
    "CAN_TX": "to the CAN transceiver",
    "CAN_RX": "from the CAN transceiver",
    "SD_CS": "SD card: chip select, active low; pull-up",
    "SD_SCK": "SD card: SPI clock",
    "SD_MOSI": "SD card: data to it",
    "SD_MISO": "SD card: data from it; pull-up",
    "LED": "LED, high is on",
}
DANGEROUS = ("CP_STATE_C", "CONT_ENABLE", "CONT1", "CONT2", "LOCK_A", "LOCK_B")


class Board:
    """One folder: `module` (uevcc_board), `about` (board.json), `folder`, `name`."""

    def __init__(self, folder):
        self.folder = folder
        self.name = folder.name
        spec = importlib.util.spec_from_file_location("uevcc_board", folder / "uevcc_board.py")
        self.module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)
        self.about = json.loads((folder / "board.json").read_text())
        self.facts = self.about["pins"]

    def csv(self):
        """pins.csv as MicroPython's build reads it: our name, the pin's own."""
        lines = []
        for name, pin in self.module.PINS.items():
            if isinstance(pin, int):
                lines.append(f"{name},GPIO{pin}")
            elif ":" not in pin:
                lines.append(f"{name},{pin}")
        return "\n".join(lines) + "\n"

    def table(self):
        """The page's table: name, pin, what it is."""
        lines = ["| name | pin | what |", "|---|---|---|"]
        for name, pin in self.module.PINS.items():
            lines.append(f"| `{name}` | `{pin}` | {WORDS[name]} |")
        return "\n".join(lines) + "\n"


def boards():
    """Names of all board folders."""
    return sorted(path.parent.name for path in BOARDS.glob("*/uevcc_board.py"))


def load(name):
    """The Board of that name, freshly imported."""
    return Board(BOARDS / name)


def problems(board):
    """Texts of everything that is wrong with the table of a board."""
    pins, facts, module = board.module.PINS, board.facts, board.module
    if module.NAME != board.name or board.about["id"] != board.name:
        yield f"folder {board.name}, NAME {module.NAME}, id {board.about['id']}"
    for name, kind in NAMES.items():
        if name not in pins and kind[-1] != "?":
            yield f"{name} is missing"
    used = {}
    for name, pin in pins.items():
        kind = NAMES.get(name)
        if kind is None:
            yield f"{name}: no such name"
            continue
        if pin in used:
            yield f"{name} and {used[pin]} are both on {pin}"
        used[pin] = name
        yield from _pin(board, name, pin, kind.rstrip("?"))
    for group in (
        ("AMUX", "AMUX_A", "AMUX_B"),
        ("CAN_SCK", "CAN_MOSI", "CAN_MISO", "CAN_CS"),
        ("SD_SCK", "SD_MOSI", "SD_MISO"),
    ):
        there = [name for name in group if name in pins]
        if there and len(there) < len(group):
            yield f"{', '.join(group)} go together"
    if "SD_CS" in pins and "SD_SCK" not in pins and "CAN_SCK" not in pins:
        yield "SD_CS without a bus: SD_SCK, SD_MOSI, SD_MISO, or those of a CAN controller"
    if "SD_SCK" in pins and "SD_CS" not in pins:
        yield "SD_SCK without SD_CS"
    for bus in ("QCA", "CAN", "SD"):
        if bus in facts.get("soft_spi", ()):
            continue
        if f"{bus}_SCK" in pins and not any(
            all(pins[f"{bus}_{line}"] in where for line, where in lines.items())
            for lines in facts["spi"].values()
        ):
            yield f"{bus}_SCK, {bus}_MOSI, {bus}_MISO are on no one SPI"
    want = {n: int(k.split()[1][0]) for n, k in NAMES.items() if k[:3] == "out" and n in pins}
    if dict(module.SAFE) != want or len(module.SAFE) != len(want):
        yield f"SAFE is {dict(module.SAFE)}, should be {want}"
    first = [name for name, _ in module.SAFE]
    if first != sorted(first, key=lambda name: name not in DANGEROUS):
        yield "SAFE does not begin with the dangerous outputs"


def _pin(board, name, pin, kind):
    """What is wrong with one entry."""
    facts = board.facts
    at = f"{name} on {pin}"
    if isinstance(pin, str) and pin[:4] == "MUX:":
        if kind != "adc" or "AMUX" not in board.module.PINS or pin[4:] not in "0123":
            yield at + ": only analogue inputs 0 to 3 are behind the multiplexer"
        return
    if str(pin) in facts["reserved"]:
        yield f"{at}: the board's own ({facts['reserved'][str(pin)]})"
    elif kind == "adc" or isinstance(pin, str) and pin[:4] == "ADC:":
        if kind not in ("adc", "pulse") or pin not in facts["adc"]:
            yield at + ": no converter input"
    elif pin not in facts["gpio"]:
        yield at + ": no such pin"
    if pin in facts["input_only"] and kind not in ("in", "adc", "pulse"):
        yield at + ": an input only"
    if pin in facts["strap"] and name != "LED":
        yield at + ": decides how the chip boots"
    if pin in facts["pull_up"] and name in DANGEROUS:
        yield at + ": pulled up while nothing drives it"
