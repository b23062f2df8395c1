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


def seeded(seed):
    """urandom that repeats, for tests only: SHA-256 over seed and counter."""
    from hashlib import sha256

    state = [0]

    def urandom(n):
        out = b""
        while len(out) < n:
            state[0] += 1
            out += sha256(b"%s %d" % (seed, state[0])).digest()
        return out[:n]

    return urandom


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


def mark(border, names):
    """Tell the border whenever one of these functions begins and ends: for profiles only."""

    def marked(call, number):
        begin, end = bytes((number, 1)), bytes((number, 0))

        def wrapped(*args, **more):
            border.ask(109, begin)  # m
            try:
                return call(*args, **more)
            finally:
                border.ask(109, end)

        return wrapped

    for number, name in enumerate(names):
        module, _, path = name.partition(":")
        __import__(module)
        owner = sys.modules[module]
        *classes, last = path.split(".")
        for part in classes:
            owner = getattr(owner, part)
        if hasattr(owner, last):
            setattr(owner, last, marked(getattr(owner, last), number))
        else:
            say("L", 30, "main", "nothing to mark:", name)


def report_modules(seen):
    """Where each module came from, once; and what is mounted."""
    for name in sys.modules:
        if name not in seen:
            seen.append(name)
            say("M", name, getattr(sys.modules[name], "__file__", "builtin"))


def run(border, more):
    if "mark" in more:
        mark(border, more["mark"])
    controller = wire(border, more)
    check = [] if "check" in more else None
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
