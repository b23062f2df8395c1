# SPDX-License-Identifier: MIT
"""The board that `tools.serial_board` emulates: modem, pins and clock behind its border.

It differs from `tools/vm/device/uevcc_board.py` in its terminal, which is the real standard input,
and in its watchdog, which is the drivers' one on `machine.WDT`. Without a world behind it (no
border) it cannot be built, and says so. With `sd_card` it has an SD card, empty after each start,
if tools/emulator/sd_card.py was copied onto it.
"""

try:
    import border as _border

    border = _border.Border()
    _Board = _border.Board
except ImportError:
    border = None
    _Board = object

NAME = "EMULATED"
PINS = {"SD_CS": 0}


def safe():
    """S2, contactors: as after power-on."""
    if border:
        for pin in (0, 1):
            border.drive(pin, False)


class Board(_Board):
    """Safety's ports with a chip's watchdog, see drivers.board."""

    def __init__(self, settings):
        import machine
        from drivers.watchdog import Watchdog
        from evcc import params_board

        _Board.__init__(self, border)
        params_board.defaults(settings)

        def pulse(level):
            border.drive(3, level)

        def make(ms):
            return machine.WDT(timeout=ms)

        stop = getattr(machine.WDT, "deinit", None)
        self._watchdog = Watchdog(pulse, make, settings.watchdog_ms, stop)
        self.raw = None
        self.watchdog = self._watchdog.feed
        self.clock = self._clock

    def _clock(self):
        if self.raw:
            self._watchdog.attend(self.raw[0] != 65)
        return border.clock()

    def disarm(self):
        return self._watchdog.disarm()


class Parts:
    """See the boards' page."""

    can = card = led = timer = reset_cause = None

    def __init__(self, settings):
        from os import urandom

        import machine
        from drivers.qca7000 import Qca7000
        from drivers.terminal import terminal

        if machine.reset_cause() == machine.WDT_RESET:
            self.reset_cause = "watchdog"
        self.port = Qca7000(border, irq=border.irq, reset=border.reset)
        self.board = Board(settings)
        self.clock = self.board.clock
        self.terminal = terminal()
        self.urandom = urandom
        self.unix = 1767225600 + border.clock() // 1000
        if getattr(settings, "sd_card", "none") != "none":
            self.card = _card

    def idle(self, ms):
        border.sleep_until(border.clock() + ms)

    def restart(self):
        import machine

        machine.reset()


def _card(now, within):
    import sd_card
    from drivers.sd_mount import Card
    from drivers.sd_spi import SdSpi

    if not hasattr(sd_card, "inserted"):
        import vfs

        sd_card.inserted = sd_card.SdCard(2048)
        vfs.VfsFat.mkfs(SdSpi(sd_card.Wires(sd_card.inserted), now, 60000))
    return Card(SdSpi(sd_card.Wires(sd_card.inserted), now, within))


def build(settings):
    if border is None:
        raise OSError("no hardware behind this board: start it with a world")
    return Parts(settings)
