# SPDX-License-Identifier: MIT
"""A line console beside the controller: commands of evcc.repl while a session runs.

`step` reads and writes a few bytes and returns; one whole line runs one command. A line is
`name(...)` with plain values, nothing else: no Python, so no loop of a person can stop the
controller's. Control bytes of mpremote (Ctrl-A raw REPL, Ctrl-C, Ctrl-D soft reset) go to the
device's gate: what follows a Ctrl-C that ends the loop is not read here, it is for the REPL. Else
Ctrl-C empties the line. Not here: history, cursor keys (their bytes are dropped).
"""

from evcc.compat import const

_IN = const(24)  # bytes taken in a step
_OUT = const(48)  # characters given in a step
_LINE = const(120)
_ROUND_MS = const(20)

PROMPT = "uEVCC> "
_FAILED = const("\r\nthat failed; no memory?\r\nuEVCC> ")


class Console:
    """`terminal`: drivers.terminal; `run(line) -> text`; `ask(wish) -> text` of the gate, whose
    wish is "repl", "reset" or None, a Ctrl-C."""

    def __init__(self, terminal, run, ask):
        self.terminal = terminal
        self._run = run
        self._ask = ask
        self._line = bytearray(_LINE)
        self._length = 0
        self._out = PROMPT
        self._at = 0
        self._last = 0

    def step(self, now):
        """Returns when to come back."""
        if self._out:
            self._give()
            if self._out:
                return now + _ROUND_MS  # nobody is heard before he has read
        for _ in range(_IN):
            byte = self.terminal.read()
            if byte is None:
                return now + 2 * _ROUND_MS
            if self._take(byte):
                break
        return now + _ROUND_MS

    def say(self, text):
        self._out += text.replace("\n", "\r\n")

    def reset(self):
        """What was to be said or done could not be: said in a text that is there already."""
        self._length = self._at = 0
        self._out = _FAILED

    def _give(self):
        end = self._at + _OUT
        self.terminal.write(self._out[self._at : end])
        self._at = end
        if end >= len(self._out):
            self._out = ""
            self._at = 0

    def _take(self, byte):
        """One byte; True when there is something to say first."""
        last, self._last = self._last, byte
        if byte == 13 or (byte == 10 and last != 13):
            text = str(memoryview(self._line)[: self._length], "utf-8")
            self._length = 0
            self.say("\n")
            if text.strip():
                self.say(self._run(text) + "\n")
            self.say(PROMPT)
        elif byte == 3:
            self._length = 0
            self._ask(None)
            self.say("\n" + PROMPT)
        elif byte == 1 or byte == 4:
            self._length = 0
            text = self._ask("repl" if byte == 1 else "reset")
            if text:
                self.say("\n%s\n%s" % (text, PROMPT))
        elif byte == 8 or byte == 127:
            if self._length:
                self._length -= 1
                self.say("\b \b")
        elif 32 <= byte < 127 and self._length < _LINE:
            self._line[self._length] = byte
            self._length += 1
            self.terminal.write(chr(byte))
            return False
        else:
            return False
        return True
