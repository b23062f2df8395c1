# SPDX-License-Identifier: MIT
"""What only tests and profiles ask of main.py; loaded when they do: else it would cost heap."""

import sys


class Instruments:
    """Of main.py's options: check, mark, loops, busy, names (so many more, as of drivers)."""

    def __init__(self, border, more):
        self._border = border
        self._loops = int(more.get("loops", 0))
        self._busy = [int(word) for word in more["busy"].split(",")] if "busy" in more else None
        for i in range(int(more.get("names", 0))):
            setattr(self, "name%d" % i, None)
        if "mark" in more:
            mark(border, more["mark"])
        if "check" in more:
            try:
                import vfs

                sys.stderr.write("V %s %s\n" % (sys.path, vfs.mount()))
            except ImportError:  # as in CircuitPython
                pass
            report_modules()

    def before(self, device, now):
        """Before a step at `now`; the time after it."""
        c, busy = device.controller, self._busy
        if busy and c.session and c.session.loops >= busy[0]:
            import interrupt

            done = interrupt.compute(self._border, c.board, busy[1])
            sys.stderr.write("busy %d\n" % done)
            self._busy = None
            now = self._border.clock()
        return now

    def after(self, controller):
        """After a step."""
        if self._loops:
            session = controller.session
            if session and session.loops >= self._loops and not session.stop:
                controller.stop()


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
            sys.stderr.write("L 30 main nothing to mark: %s\n" % name)


def report_modules():
    """Tell where each module came from, once, those too that are soon dropped again."""
    import builtins

    seen, real = [], builtins.__import__

    def load(*arguments):
        result = real(*arguments)
        for name in sys.modules:
            if name not in seen:
                seen.append(name)
                where = getattr(sys.modules[name], "__file__", "builtin")
                sys.stderr.write("M %s %s\n" % (name, where))
        return result

    builtins.__import__ = load
