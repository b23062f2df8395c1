# SPDX-License-Identifier: MIT
"""A board's own code in MicroPython as a part of the demo's world: pins, SPI, converters cross."""

import struct

from host_tests.boards.car import PlantWiring
from host_tests.boards.wiring import Fault
from host_tests.sim import rig
from tools import ROOT, vm
from tools.boards import load
from tools.vm import bridge


def build(folder, name):
    """All device code, the board's own file and vm_main.py, compiled into `folder`."""
    bridge.build(folder, "i386")
    for source, target in (
        (load(name).folder / "uevcc_board.py", "uevcc_board.mpy"),
        (ROOT / "host_tests/boards/vm_main.py", "main.mpy"),
    ):
        vm._cross(source, folder / target, source.name, None, 3)
    return folder


class Device(bridge.VmDevice):
    """VmDevice with another border: pins by their place in the sorted list of names."""

    def __init__(self, car, folder, heap):
        pins = load(car.name).module.PINS
        self.wiring = PlantWiring(pins, car, 0.0005)
        self.pins = [pins[name] for name in sorted(pins)]
        self.wiring.sd = car.sd
        self.wiring.passing = self._pass
        self._passed = 0  # ms that the SD card took since the last sleep
        car.board._drive = lambda: None
        super().__init__(
            car.world, car.modem, car.board, car.params, heap=heap, folder=folder, fresh=True
        )

    def _pass(self, ms):
        self._passed += ms

    def _serve(self, now):
        wiring = self.wiring
        while True:
            kind, out, n = self._request()
            into = None
            if kind == "X":
                if n:
                    into = bytearray(n)
                    wiring.readinto(into, 0xFF)
                else:
                    wiring.write(out)
            elif kind == "I":
                into = bytes((wiring.read(self.pins[out[0]]),))
            elif kind == "O":
                wiring.drive(self.pins[out[0]], out[1])
            elif kind == "A":
                into = struct.pack("<H", self.word(self.pins[out[0]]))
            elif kind == "C":
                into = struct.pack("<I", now + self._passed)
            elif kind == "S":
                self.process.errors()
                self._asleep = True
                self._passed = 0
                return max(struct.unpack("<I", out)[0], now + 1)
            else:
                raise Fault(f"message {kind}")
            if into:
                self.process.answer(into)

    def word(self, pin):
        """A converter's reading; of the pilot's digital input the width of a pulse in us."""
        if self.wiring.names[pin] == "CP_DUTY":
            duty = self.wiring.duty()
            return 0 if duty is None else round(duty * 10)
        return self.wiring.analog(pin)


class Car(rig.Rig):
    """`heap`: of the VM; `folder`: see build; `sd`: an SdCard. Settings as for the demo."""

    def __init__(self, name, folder, heap, sd=None, **settings):
        self.name, self.folder, self.heap, self.sd = name, folder, heap, sd
        super().__init__(settings=settings)

    def _device(self):
        return Device(self, self.folder, self.heap)
