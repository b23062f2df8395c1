# SPDX-License-Identifier: MIT
"""Inside a network namespace: an emulated modem pair between a foreign SLAC program and ours.

    python -m host_tests.slac.bridge car|station SECONDS CAPTURE PEER-COMMAND...

`car`: our modem driver and SLAC on one modem, the peer (an EVSE on interface s0) on the other.
`station`: our EVSE side, the peer is a car. At the wall clock's pace. Prints one JSON line; writes
all frames, those to and from the local modems too, as a pcap file. Everything ends with the limit.
"""

import json
import struct
import subprocess
import sys
import time

from host_tests.slac.rig import Car, Station
from tools.emulator.modem import EVSE_ROLE, PEV_ROLE, StationModem
from tools.emulator.powerline import PowerLine
from tools.emulator.world import World
from tools.rawlink import RawLink


class Capture:
    """A classic pcap file of Ethernet frames."""

    def __init__(self, path):
        self.file = open(path, "wb")
        self.file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))

    def __call__(self, frame, now):
        head = struct.pack("<IIII", now // 1000, now % 1000 * 1000, len(frame), len(frame))
        self.file.write(head + bytes(frame))
        self.file.flush()


def tapped(port, capture, world):
    """Our own host's frames into the capture: driver or station modem."""
    send = port.send

    def taped(frame):
        ok = send(frame)
        if ok:
            capture(bytes(frame).ljust(60, b"\0"), world.now)
        return ok

    port.send = taped


def main(role, seconds, path, *command):
    world = World(seed=1, realtime=True)
    line = PowerLine(world)
    capture = Capture(path)
    link = RawLink("e0")
    peer = StationModem(
        world, bytes.fromhex("0200005ef2f2"), EVSE_ROLE if role == "car" else PEV_ROLE
    )
    peer.on_receive = lambda frame: (link.send(frame), capture(frame, world.now))
    line.attach(peer)
    if role == "car":
        ours = Car(world, line)
        tapped(ours.port, capture, world)
    else:
        ours = Station(world, line)
        tapped(ours.modem, capture, world)
    log = open(path + ".log", "w")
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    ends = time.monotonic() + float(seconds)
    done, started = None, False
    try:
        while time.monotonic() < ends and (done is None or world.now < done):
            link.poll(world.now)
            while (frame := link.receive()) is not None:
                if bytes(frame[12:14]) == b"\x88\xe1":
                    capture(bytes(frame).ljust(60, b"\0"), world.now)
                    peer.send(frame)
            world.run(world.now + 1)
            if role == "car":
                if not started and peer.keys_set and ours.port.ready:
                    started = True
                    world.after(500, ours.plug)
                over = ours.slac.state in ("ready", "failed")
            else:
                over = ours.slac.linked
            if over and done is None:
                done = world.now + 1500
    finally:
        process.kill()
        process.wait(10)
    slac = ours.slac
    print(
        json.dumps(
            {
                "state": slac.state,
                "counters": slac.counters,
                "same_key": peer.nmk == (ours.modem.nmk),
                "joined": peer.joined and ours.modem.joined,
                "evse": slac.evse.hex() if role == "car" and slac.evse else None,
                "attenuation": [e[1] for e in slac.evses] if role == "car" else None,
                "failure": slac.failure if role == "car" else None,
                "peer": slac.peer.hex() if role == "station" and slac.peer else None,
                "linked": role == "station" and slac.linked,
                "ms": world.now,
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
