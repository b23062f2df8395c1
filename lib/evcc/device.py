# SPDX-License-Identifier: MIT
"""The device between its controller and its person: loop, console, LED, log, the way to the REPL.

`boot` makes it, `main` runs it. While it runs Ctrl-C interrupts nothing (`micropython.kbd_intr`):
it is a byte of the console, which ends the loop at rest and never in the middle of a step, a
transfer or safety's tick. While the pilot is not A or contactors are not open, who asks for the
raw REPL or a soft reset gets a safe stop first. It decides nothing about charging. The log of a
session is written when its contactors are open.
"""

from evcc.compat import forget

current = None  # the Device of this boot, for the REPL


def main(module):
    """firmware/main.py and code.py: `module` is uevcc_board, its outputs are safe already.

    Returns when somebody at the terminal wants the REPL, which is given at rest only.
    """
    from evcc.boot import boot

    device = boot(module)
    boot = None
    forget("evcc.boot", "evcc.store")
    go(device)


def go(device):
    """Run a device until somebody wants something else; outputs are safe then."""
    try:
        from evcc.controller_async import run  # where aiorepl is installed
    except ImportError:
        run = Device.run
    try:
        device.rare("sample")
        run(device)
    finally:
        device.close()
    from evcc import leave

    leave.leave(device)


class Device:
    """`module`: the board's; `parts`: what its build() returned; `settings`; `root`: of
    the files.

    `controller`: None when `refused` says why. `notes`: what a person should know about this boot.
    A Device is its own store (see store.Store): its code is loaded while it is used.
    `left`: None while the loop goes on, then "repl" or "reset". `secrets`: lines of the TLS key
    log, on the bench.
    """

    def __init__(self, module, parts, settings, root):
        global current
        current = self
        self.module = module
        self.parts = parts
        self.settings = settings
        self.root = root
        self.controller = None
        self.refused = None
        self.notes = []
        self.trace = None
        self.secrets = []
        self.terminal = None
        self.console = None
        self.led = None
        self.running = False
        self.saved = False  # the last session is in its file,
        self.log_at = self.log_path()  # and this is it
        # None: the board has no SD card, "": nobody has looked yet; else "good", or what is wrong
        self.card = None if getattr(parts, "card", None) is None else ""
        self.mounted = None  # the card, for a person at the REPL
        self.left = None
        self.wish = None  # "reset": asked for, goes through a safe stop
        self.open = None  # the gate: at rest, and service mode
        self.sessions = 0
        self._fresh = True  # the ring has nothing of an ended session

    # --- the loop --------------------------------------------------------------------------------

    def step(self, now):
        """Do what is to do at `now`; returns the time by which to call again."""
        c = self.controller
        if c:
            wake = c.step(now)
            try:
                self._beside(c)
            except Exception as error:  # no memory for the log, say: charging goes on without it
                note = "log: %r" % error
                if note not in self.notes:
                    self.notes.append(note)
        else:
            wake = now + 50
        self.guard()
        if self.console:
            try:
                wake = min(wake, self.console.step(now))
            except Exception:  # no memory for an answer, say: charging goes on
                self.console.reset()
        if self.led:
            wake = min(wake, self.led.step(now))
        return wake

    def run(self):
        """Step until somebody at the terminal wants the REPL or a reset."""
        self.begin_run()
        while self.left is None:
            self.turn()
        return self.left

    def begin_run(self):
        self.left = None
        self.running = True
        if self.mounted:
            self.rare("card", "hide")
        self.tick(True)
        self.guard(True)
        if self.console:
            self.rare("hear")

    def turn(self):
        """One step, and the wait after it."""
        clock = self.parts.clock
        try:
            wait = self.step(clock()) - clock()
            if wait > 0:
                self.parts.idle(wait)
        except KeyboardInterrupt:  # a port that cannot switch Ctrl-C off
            self.ask("repl")

    def close(self):
        """The loop is over: safe outputs, no pulses, Ctrl-C as it was."""
        self.running = False
        try:
            self.tick(False)
        finally:
            self.module.safe()
        if self.left is None and not self.settings.service_mode:
            self.parts.restart()  # an error of ours must not give a locked device's REPL away
        if self.terminal:
            self.terminal.interrupt(True)

    def tick(self, on):
        """The board's timer, where it has one, ticks safety while the loop runs."""
        if self.parts.timer:
            self.rare("tick", on)

    # --- the log ---------------------------------------------------------------------------------

    def _beside(self, c):
        if c.sessions != self.sessions or self._fresh is not (c.result is None):
            self.session(c)
        elif self.card == "" and c.port.ready and c.at_rest:
            self.card = "nobody could look at it"
            self.rare("card", "look")

    def session(self, c):
        """A session has ended: into the file. A new one begins: it has other secrets."""
        if c.sessions != self.sessions:
            self.sessions = c.sessions
            if self.trace and c.released:
                self.saved = self.rare("save_log", None, False)
        if self._fresh and c.result is not None:
            self._fresh = False
        elif c.result is None:
            self._fresh = True
            self.saved = False
            self.secrets.clear()

    def log_path(self):
        """Where the last session's log is in flash; the one before has .old behind it."""
        return self.root + self.settings.log_dir.strip("/") + "/last.pcapng"

    def command(self, line):
        """A line of the console; its text. The commands' code is in memory only meanwhile."""
        return self.rare("command", line)

    def rare(self, what, *arguments):
        """A function of device_rare, its code in memory only meanwhile."""
        from evcc import device_rare

        result = getattr(device_rare, what)(self, *arguments)
        device_rare = None
        forget("evcc.device_rare", "evcc.command", "evcc.repl", "evcc.store")
        return result

    def read(self, name):
        return self.rare("store", "read", name)

    def write(self, name, data):
        return self.rare("store", "write", name, data)

    def remove(self, name):
        return self.rare("store", "remove", name)

    # --- the gate --------------------------------------------------------------------------------

    def at_rest(self):
        """Pilot A and contactors open: nothing that a person does now can switch anything."""
        c = self.controller
        if c is None:
            return True
        if not self.running:
            self.rare("sample")
        return c.at_rest

    def ask(self, wish):
        """Somebody wants the "repl" or a "reset", None: typed Ctrl-C. Returns what to tell."""
        if wish is None:
            if self.open:
                self.left = "repl"
            return None
        return self.rare("ask", wish)

    def guard(self, again=False):
        """Is the REPL to be had? What was wished for happens once contactors are open.

        `again`: whatever Ctrl-C was told last, somebody else may have told it something.
        """
        self.open = self.at_rest() and self.settings.service_mode
        if again and self.terminal:
            self.terminal.interrupt(False)
        c = self.controller
        if self.wish and c.released and (c.result is not None or c.state == "unplugged"):
            self.left, self.wish = self.wish, None
