# SPDX-License-Identifier: MIT
"""firmware/main.py for the emulated board, with instruments: boot, step to a session's end.

Arguments: port ("spi" or "frames"), then name=value: seed (of urandom; without it the system's),
unix (time at clock 0), speed (of the pack), reset (its cause), terminal (there is one), loops
(then stop), log (level), check (report where modules came from), heap (report the live heap), mark
(functions, for profiles), idle (milliseconds to go on after the end), keylog (report the secrets
of TLS), timer (file numbers of the interrupt's pipes), busy (loops,ms: compute so long then).
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
    if "mark" in more:
        from aids import mark

        mark(border, more["mark"])
    device = start(more)
    controller = device.controller
    check = None
    if "check" in more:
        from aids import report_modules

        check = []
    heap = 0
    loops = int(more.get("loops", 0))
    busy = [int(word) for word in more["busy"].split(",")] if "busy" in more else None
    state = told = None
    if check is not None:
        try:
            import vfs

            say("V", sys.path, vfs.mount())
        except ImportError:  # as in CircuitPython
            pass
    now = border.clock()
    end = None
    while device.left is None and (end is None or now < end):
        if busy and controller.session and controller.session.loops >= busy[0]:
            import interrupt

            say("busy", interrupt.compute(border, controller.board, busy[1]))
            busy = None
            now = border.clock()
        wake = device.step(now)
        if check is not None:
            at = controller.state, controller.session and controller.session.state
            if at != state:
                state = at
                report_modules(check)
        if controller and controller.result != told:
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
    device.close()
    if device.left == "reset":
        device.terminal.reset()


uevcc_board.more = options()
run(uevcc_board.border, uevcc_board.more)
