# SPDX-License-Identifier: MIT
"""The device part on this Python: controller, bench board and raw link, by the wall clock."""

import os
import select
import time

from evcc.bench_board import BenchBoard
from evcc.controller import Controller
from evcc.ems import Ems
from evcc.params import parse_mac
from evcc.pcap import Writer
from evcc.sim_vehicle import SimVehicle

from tools.evcc.log import to_terminal
from tools.rawlink import RawLink


class Recorder:
    """Trace that writes the frames to a pcapng file, at Unix time. `clock` in ms."""

    def __init__(self, path, interface, clock):
        self._file = open(path, "wb")
        self._writer = Writer(self._file.write, epoch_us=int((time.time() - clock() / 1000) * 1e6))
        self._writer.interface(interface)

    def frame(self, out, frame, now):
        self._writer.frame(frame, now, out=out)

    def message(self, out, name, body, now):
        """Decoded messages are in the frames."""

    def step(self, text, now):
        """Steps are in the log."""

    def clear(self):
        """A file grows."""

    def close(self):
        self._file.close()


def clock():
    return int(time.monotonic() * 1000)


def run_here(args, params):
    """One session; returns the controller's summary. Raises LinkError."""
    to_terminal(args.debug)
    link = RawLink(args.interface, parse_mac(params.mac), (0x86DD, 0x88E1))
    trace = Recorder(args.trace, args.interface, clock) if args.trace else None
    board = BenchBoard(clock)
    board.vehicle = vehicle = SimVehicle(board, params)
    unix = int(time.time()) - clock() // 1000
    controller = Controller(
        link,
        board,
        Ems(vehicle, params, unix),
        params,
        os.urandom,
        trace,
        slac=not args.no_slac,
        unix=unix,
    )
    end = clock() + args.limit * 1000
    try:
        while controller.result is None and clock() < end:
            wake = controller.step(clock())
            session = controller.session
            if args.loops and session and session.loops >= args.loops and not session.stop:
                controller.stop()
            wait = max(0, wake - clock())
            if wait:
                select.select([link.fileno()], [], [], wait / 1000)
        if controller.result is None:
            controller.stop()
            grace = clock() + 20000
            while controller.result is None and clock() < grace:
                select.select(
                    [link.fileno()], [], [], max(0, controller.step(clock()) - clock()) / 1000
                )
            summary = controller.summary()
            summary["result"] = summary["result"] or "PROTOCOL_STALLED"
            summary["detail"] = f"no end after {args.limit:.0f} s"
            return summary
        return controller.summary()
    finally:
        if trace:
            trace.close()
        link.close()
