# SPDX-License-Identifier: MIT
"""firmware/main.py for the emulated board, with instruments: boot, step to a session's end.

Arguments: port ("spi" or "frames"), then name=value: seed (of urandom; without it the system's),
unix (time at clock 0), speed (of the pack), reset (its cause), terminal (there is one), loops
(then stop), log (level), check (report where modules came from), heap (report the live heap), mark
(functions, for profiles), idle (milliseconds to go on after the end), keylog (report the secrets
of TLS), timer (file numbers of the interrupt's pipes), busy (loops,ms: compute so long then),
names (so many more than the session's).
Lines on standard error: "L level layer text", "M module file", "H bytes", "K secret", "= summary".
"""

import gc
import sys

# first, so that nothing of it is bought later: the way out
import uevcc_board

uevcc_board.safe()


def say(kind, *words):
    sys.stderr.write(kind + " " + " ".join([str(word) for word in words]) + "\n")


def options():
    found = {"port": sys.argv[1]}
    for word in sys.argv[2:]:
        name, _, value = word.partition("=")
        if name == "mark":
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    return found


def tell_key(line):
    say("K", line)


def start(more):
    """The device, booted."""
    from evcc import compat

    level = int(more.get("log", 0))
    if level:
        compat._Logger.level = level
        compat._Logger.sink = lambda level, name, text: say("L", level, name, text)
    from evcc.boot import boot

    device = boot(uevcc_board)
    boot = None
    compat.forget("evcc.boot", "evcc.store")
    if device.refused:
        say("refused:", device.refused)
    if "keylog" in more:
        device.controller.keylog = tell_key
    return device


def run(border, more):
    extra = None
    for name in ("check", "mark", "loops", "busy", "names"):
        if name in more and extra is None:
            from instruments import Instruments

            extra = Instruments(border, more)
    device = start(more)
    device.begin_run()
    controller = device.controller
    told = None
    heap = 0
    now = border.clock()
    end = None
    while device.left is None and (end is None or now < end):
        if extra:
            now = extra.before(device, now)
        wake = device.step(now)
        if extra:
            extra.after(controller)
        if controller and controller.result != told:
            told = controller.result
            if told is not None:
                import json

                say("=", json.dumps(controller.summary()))
                end = now + int(more.get("idle", 0))
        if "heap" in more:
            gc.collect()
            if gc.mem_alloc() > heap:
                heap = gc.mem_alloc()
                say("H", heap, controller.state)
        now = border.sleep_until(wake)
    device.close()
    if device.left == "reset":
        device.terminal.reset()


uevcc_board.more = options()
run(uevcc_board.border, uevcc_board.more)
