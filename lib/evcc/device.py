# SPDX-License-Identifier: MIT
"""The device between its controller and its person: the loop, Ctrl-C, the way to the REPL.

`boot` makes it, firmware/main.py runs it. While the pilot is not A or contactors are not open,
Ctrl-C is off (`micropython.kbd_intr`), and who asks for the raw REPL or a soft reset gets a safe
stop first. It decides nothing about charging.
"""

from evcc.compat import forget, get_logger

log = get_logger("evcc.device")
current = None  # the Device that runs, for the REPL


def main(module):
    """firmware/main.py and code.py: `module` is uevcc_board, its outputs are safe already.

    Returns when somebody at the terminal wants the REPL, which is given at rest only.
    """
    from evcc.boot import boot

    device = boot(module)
    boot = None
    forget("evcc.boot")
    try:
        left = device.run()
    finally:
        device.close()
    if left == "reset":
        device.terminal.reset()


class Device:
    """`module`: the board's; `parts`: what its build() returned; `settings`; `store`; `root`.

    `controller`: None when `refused` says why. `notes`: what a person should know about this boot.
    `left`: None while the loop goes on, then "repl" or "reset".
    """

    def __init__(self, module, parts, settings, store, root):
        global current
        current = self
        self.module = module
        self.parts = parts
        self.settings = settings
        self.store = store
        self.root = root
        self.controller = None
        self.refused = None
        self.notes = []
        self.trace = None
        self.console = None
        self.left = None
        self.wish = None  # "reset": asked for, goes through a safe stop
        self._shut = None
        self.terminal = None

    def begin(self):
        """Everything is wired: say what is to say."""
        for note in self.notes:
            log.warning("%s", note)
        if self.refused:
            log.error("%s: it will not charge", self.refused)
        self._guard()

    # --- the loop --------------------------------------------------------------------------------

    def step(self, now):
        """Do what is to do at `now`; returns the time by which to call again."""
        c = self.controller
        wake = c.step(now) if c else now + 50
        self._guard()
        return wake

    def run(self):
        """Step until somebody at the terminal wants the REPL, which is given at rest only."""
        clock, idle = self.parts.clock, self.parts.idle
        while self.left is None:
            try:
                wait = self.step(clock()) - clock()
                if wait > 0:
                    idle(wait)
            except KeyboardInterrupt:  # at rest; or a port that cannot switch Ctrl-C off
                self.ask("repl")
        return self.left

    def close(self):
        """The loop is over: safe outputs, Ctrl-C as it was."""
        global current
        current = None
        self.module.safe()
        if self.terminal:
            self.terminal.interrupt(True)

    # --- the gate --------------------------------------------------------------------------------

    def at_rest(self):
        """Pilot A and contactors open: nothing that a person does now can switch anything."""
        c = self.controller
        return c is None or c.at_rest

    def ask(self, wish):
        """Somebody wants the "repl" or a "reset". Returns what to tell."""
        if wish == "repl" and not self.settings.service_mode:
            return "refused: service_mode is off"
        if self.at_rest():
            self.left = wish
            return None
        self.controller.stop("USER_STOP")
        if wish == "reset":
            self.wish = wish
            return "plugged in: charging is stopped first"
        return "refused while plugged in: charging is stopped; draw the plug, then again"

    def _guard(self):
        """Ctrl-C is on at rest only. What was wished for happens once contactors are open."""
        shut = not (self.at_rest() and self.settings.service_mode)
        if shut is not self._shut:
            self._shut = shut
            if self.terminal:
                self.terminal.interrupt(not shut)
        if self.wish and self.controller.released:
            self.left = self.wish
