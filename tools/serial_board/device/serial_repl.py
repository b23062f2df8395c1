# SPDX-License-Identifier: MIT
"""A REPL as boards have it, in Python: friendly, paste, raw and raw paste, over standard input.

Debian's unix build has no raw REPL, which is what mpremote talks to. Control bytes, answers and
their order are those of MicroPython's documentation, "Raw mode and raw-paste mode"; line editing
is only backspace. Ctrl-C interrupts code that runs, unless `micropython.kbd_intr` took it away,
and is a plain byte while a line is read.
"""

import gc
import os
import select
import sys

_WINDOW = 128


class Repl:
    """terminal: object with `set(intr)`, `raw`, `running`; leave(status): ends the process."""

    def __init__(self, terminal, leave):
        self.terminal, self.leave = terminal, leave
        self.names = {"__name__": "__main__"}
        self._byte = bytearray(1)
        self._read = sys.stdin.buffer.readinto
        self._poll = select.poll()
        self._poll.register(sys.stdin.buffer, 1)
        self.waiting = None  # tells the emulated world that only a person can go on now
        border = sys.modules.get("border")
        if border:
            self.waiting = border.Border().ask

    def run(self):
        self.file("boot.py")
        if not self.terminal.raw:
            self.file("main.py")
        self.terminal.set(-1)
        if self.terminal.raw:
            self.raw()
        self.banner()
        while True:
            self.friendly()
            self.raw()
            self.banner()

    # ---- what runs --------------------------------------------------------------------------

    def file(self, name):
        try:
            os.stat(name)
        except OSError:
            return
        with open(name) as file:
            text = file.read()
        self.execute(text, "exec", name)

    def execute(self, text, kind, name="<stdin>", end=False):
        """Run it as a board does; with `end` (raw) output and error each end with Ctrl-D."""
        terminal = self.terminal
        status, error = 0, None
        try:
            code = compile(text, name, kind)
            text = None
            terminal.running = True
            terminal.set(3, not terminal.raw)
            exec(code, self.names)
        except SystemExit:
            status = 202 if terminal.raw else 201
        except BaseException as caught:
            error = caught
        while terminal.running or terminal.intr >= 0:
            try:
                terminal.running = False
                terminal.set(-1, not terminal.raw)
            except KeyboardInterrupt as caught:  # just too late to stop it
                error = error or caught
        if end:
            self.say(b"\x04")
        if error:
            sys.print_exception(error, sys.stdout)
            error = None
        if end:
            self.say(b"\x04")
        terminal.set(-1)
        gc.collect()
        if status:
            self.reset()

    def reset(self):
        """Soft reset: a fresh process on the same terminal, outputs as they are."""
        self.say(b"MPY: soft reboot\r\n")
        self.leave(202 if self.terminal.raw else 201)

    # ---- bytes ------------------------------------------------------------------------------

    def say(self, data):
        sys.stdout.buffer.write(data)

    def next(self):
        """The next byte; the emulated world is told when there is none to wait for."""
        if self.waiting and not self._poll.poll(0):
            self.waiting(81, b"")  # Q
        if not self._read(self._byte):
            self.leave(0)  # the terminal is gone for good
        return self._byte[0]

    def banner(self):
        name = sys.implementation
        self.say(
            b"MicroPython v%d.%d.%d; emulated board with MicroPython\r\n"
            b'Type "help()" for more information.\r\n' % name.version[:3]
        )

    # ---- raw --------------------------------------------------------------------------------

    def raw(self):
        """Raw REPL until Ctrl-B."""
        self.terminal.raw = True
        self.terminal.set(-1)
        say = self.say
        say(b"raw REPL; CTRL-B to exit\r\n>")
        text = bytearray()
        while True:
            byte = self.next()
            if byte == 1:
                if len(text) == 2 and text[0] == 5:
                    if text[1] != 65:
                        say(b"R\x00")
                    else:
                        text = self.paste_raw()
                        if text is not None:
                            self.execute(text, "exec", end=True)
                    say(b">")
                else:
                    say(b"raw REPL; CTRL-B to exit\r\n>")
                text = bytearray()
            elif byte == 2:
                say(b"\r\n")
                self.terminal.raw = False
                self.terminal.set(-1)
                return
            elif byte == 3:
                text = bytearray()
            elif byte == 4:
                say(b"OK")
                if not text:
                    say(b"\r\n")
                    self.reset()
                self.execute(str(text, "utf8"), "exec", end=True)
                text = bytearray()
                say(b">")
            else:
                text.append(byte)

    def paste_raw(self):
        """Text of raw paste with its flow control, None when Ctrl-C ended it."""
        self.say(b"R\x01" + bytes((_WINDOW, 0)) + b"\x01")
        text, room = bytearray(), _WINDOW
        while True:
            byte = self.next()
            if byte == 3:
                self.say(b"\x04")
                return None
            if byte == 4:
                self.say(b"\x04")
                return str(text, "utf8")
            text.append(byte)
            room -= 1
            if not room:
                room = _WINDOW
                self.say(b"\x01")

    # ---- friendly ---------------------------------------------------------------------------

    def friendly(self):
        """Prompt and lines until Ctrl-A."""
        while True:
            text = self.line(b">>> ")
            if text is None:
                return
            lines = [text]
            while goes_on(lines):
                text = self.line(b"... ", auto=False)
                if text is None:
                    return
                if text is False:
                    lines = [""]
                    break
                lines.append(text)
            text = "\n".join(lines)
            if text.strip():
                self.execute(text + "\n", "single")

    def line(self, prompt, auto=True):
        """One line; None after Ctrl-A, False after Ctrl-C in a block."""
        self.say(prompt)
        text = bytearray()
        last = 0
        while True:
            byte = self.next()
            if byte == 10 and last == 13:
                last = byte
                continue
            last = byte
            if byte == 1:
                return None
            if byte == 2 and not text:
                self.say(b"\r\n")
                self.banner()
                self.say(prompt)
            elif byte == 3:
                self.say(b"\r\n")
                if not auto:
                    return False
                text = bytearray()
                self.say(prompt)
            elif byte == 4 and not text and auto:
                self.say(b"\r\n")
                self.reset()
            elif byte == 5 and not text and auto:
                self.paste()
                self.say(prompt)
            elif byte in (10, 13):
                self.say(b"\r\n")
                return str(text, "utf8")
            elif byte in (8, 127):
                if text:
                    text = text[:-1]
                    self.say(b"\b \b")
            elif byte >= 32 or byte == 9:
                text.append(byte)
                self.say(bytes((byte,)))

    def paste(self):
        self.say(b"\r\npaste mode; Ctrl-C to cancel, Ctrl-D to finish\r\n=== ")
        text = bytearray()
        while True:
            byte = self.next()
            if byte == 3:
                self.say(b"\r\n")
                return
            if byte == 4:
                self.say(b"\r\n")
                self.execute(str(text, "utf8"), "exec")
                return
            text.append(10 if byte == 13 else byte)
            self.say(b"\r\n=== " if byte == 13 else bytes((byte,)))


def goes_on(lines):
    """Does the prompt ask for another line? In brackets, and in a block until an empty line."""
    first = lines[0]
    text = "\n".join(lines)
    if sum([text.count(c) for c in "([{"]) > sum([text.count(c) for c in ")]}"]):
        return True
    if first.rstrip().endswith(":") or first.startswith("@"):
        return bool(lines[-1].strip()) if len(lines) > 1 else True
    return first.rstrip().endswith("\\") and len(lines) == 1
