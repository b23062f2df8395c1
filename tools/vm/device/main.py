# SPDX-License-Identifier: MIT
"""What firmware's main.py does, inside MicroPython on a PC: wire the parts together and step.

Arguments: settings file, port ("spi" or "frames"), then name=value: seed (of urandom; without it
the system's), unix (time at clock 0), speed (of the pack), loops (then stop), log (level), check
(report where modules came from), heap (report the live heap), mark (functions, for profiles),
idle (milliseconds to go on after the end), keylog (report the secrets of TLS). Lines on standard
error: "L level layer text", "M module file", "H bytes", "K secret", "= summary".
"""

import gc
import sys

# first, so that nothing of it is bought later: the way out
from border import Board, Border, FramePort


def say(kind, *words):
    sys.stderr.write(kind + " " + " ".join([str(word) for word in words]) + "\n")


def options():
    found = {}
    for word in sys.argv[3:]:
        name, _, value = word.partition("=")
        if name == "mark":
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    return found


def wire(border, more):
    """The controller on its port, board and vehicle; what firmware's main.py does."""
    from evcc import compat, params

    level = int(more.get("log", 0))
    if level:
        compat._Logger.level = level
        compat._Logger.sink = lambda level, name, text: say("L", level, name, text)
    with open(sys.argv[1]) as file:
        settings = params.load(file.read(), source=sys.argv[1])
    del params
    compat.forget("evcc.params")
    spi = sys.argv[2] == "spi"
    if spi:
        from drivers.qca7000 import Qca7000

        port = Qca7000(border, irq=border.irq, reset=border.reset)
        board = Board(border)
    else:
        from evcc.bench_board import BenchBoard

        port = FramePort(border)
        board = BenchBoard(border.clock)
    from evcc.controller import Controller
    from evcc.sim_vehicle import SimVehicle

    vehicle = SimVehicle(board, settings, speed=float(more.get("speed", 1)))
    board.vehicle = vehicle
    if "seed" in more:
        from aids import seeded

        urandom = seeded(more["seed"].encode())
    else:
        from os import urandom
    unix = int(more["unix"]) if "unix" in more else None
    controller = Controller(port, board, vehicle, settings, urandom, slac=spi, unix=unix)
    if "keylog" in more:
        controller.keylog = tell_key
    return controller


def tell_key(line):
    say("K", line)


def run(border, more):
    if "mark" in more:
        from aids import mark

        mark(border, more["mark"])
    controller = wire(border, more)
    check = None
    if "check" in more:
        from aids import report_modules

        check = []
    heap = 0
    loops = int(more.get("loops", 0))
    state = told = None
    if check is not None:
        import vfs

        say("V", sys.path, vfs.mount())
    now = border.clock()
    end = None
    while end is None or now < end:
        wake = controller.step(now)
        if check is not None and controller.state != state:
            state = controller.state
            report_modules(check)
        if controller.result != told:
            told = controller.result
            if told is not None:
                import json

                say("=", json.dumps(controller.summary()))
                end = now + int(more.get("idle", 0))
                if check is not None:
                    report_modules(check)
        if loops:
            session = controller.session
            if session and session.loops >= loops and not session.stop:
                controller.stop()
        if "heap" in more:
            gc.collect()
            if gc.mem_alloc() > heap:
                heap = gc.mem_alloc()
                say("H", heap, controller.state)
        now = border.sleep_until(wake)
    return 0


run(Border(), options())
