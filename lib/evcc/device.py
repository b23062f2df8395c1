# SPDX-License-Identifier: MIT
"""The device between its controller and its person: loop, console, LED, log, the way to the REPL.

`boot` makes it, `main` runs it. While the pilot is not A or contactors are not open, Ctrl-C is off
(`micropython.kbd_intr`), and who asks for the raw REPL or a soft reset gets a safe stop first. It
decides nothing about charging. The log of a session is written when its contactors are open.
"""

from evcc.compat import forget, get_logger

log = get_logger("evcc.device")
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
        left = run(device)
    finally:
        device.close()
    if left == "reset":
        device.terminal.reset()


class Shelf:
    """evcc.store.Store of a folder, its code in memory only while it is used."""

    def __init__(self, folder):
        self.folder = folder

    def _do(self, what, *arguments):
        from evcc.store import Store

        result = getattr(Store(self.folder), what)(*arguments)
        Store = None
        forget("evcc.store")
        return result

    def read(self, name):
        return self._do("read", name)

    def write(self, name, data):
        return self._do("write", name, data)

    def remove(self, name):
        return self._do("remove", name)


class Device:
    """`module`: the board's; `parts`: what its build() returned; `settings`; `root`: of
    the files.

    `controller`: None when `refused` says why. `notes`: what a person should know about this boot.
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
        self.saved = False  # the last session is in its file
        self.left = None
        self.wish = None  # "reset": asked for, goes through a safe stop
        self.open = None  # the gate: at rest, and service mode
        self._sessions = 0
        self._fresh = True  # the ring has nothing of an ended session

    def begin(self):
        """Everything is wired: say what is to say."""
        for note in self.notes:
            log.warning("%s", note)
        if self.refused:
            log.error("%s: it will not charge", self.refused)
        self.guard()

    # --- the loop --------------------------------------------------------------------------------

    def step(self, now):
        """Do what is to do at `now`; returns the time by which to call again."""
        c = self.controller
        if c:
            wake = c.step(now)
            if c.sessions != self._sessions or self._fresh is not (c.result is None):
                self._session(c)
        else:
            wake = now + 50
        self.guard()
        if self.console:
            wake = min(wake, self.console.step(now))
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
        self.guard(True)

    def turn(self):
        """One step, and the wait after it."""
        clock = self.parts.clock
        try:
            wait = self.step(clock()) - clock()
            if wait > 0:
                self.parts.idle(wait)
        except KeyboardInterrupt:  # at rest; or a port that cannot switch Ctrl-C off
            self.ask("repl")

    def close(self):
        """The loop is over: safe outputs, Ctrl-C as it was."""
        self.running = False
        self.module.safe()
        if self.terminal:
            self.terminal.interrupt(True)

    # --- the log ---------------------------------------------------------------------------------

    def _session(self, c):
        """A session has ended: into the file. A new one begins: it has other secrets."""
        if c.sessions != self._sessions:
            self._sessions = c.sessions
            if self.trace and c.released:
                self.saved = self.save_log(self.log_path())
        if self._fresh and c.result is not None:
            self._fresh = False
        elif c.result is None:
            self._fresh = True
            self.saved = False
            self.secrets.clear()

    def log_path(self):
        """Where the last session's log is; the one before has .old behind it."""
        return self.root + self.settings.log_dir.strip("/") + "/last.pcapng"

    def save_log(self, path, ids=False):
        """Write the ring as pcapng; False, and an error in the log, if the medium refuses."""
        from evcc import logfile

        try:
            unix = self.controller.unix if self.controller else None
            logfile.write(path, self.trace, ids or self.settings.log_ids, unix, self.secrets)
        except OSError as error:
            log.error("log not written to %s: %s", path, error)
            return False
        finally:
            logfile = None
            forget("evcc.logfile", "evcc.pcap", "evcc.store")
        return True

    def command(self, line):
        """A line of the console; its text. The commands' code is in memory only meanwhile."""
        from evcc.command import run

        text = run(line)
        run = None
        forget("evcc.command", "evcc.repl")
        return text

    # --- the gate --------------------------------------------------------------------------------

    def at_rest(self):
        """Pilot A and contactors open: nothing that a person does now can switch anything."""
        c = self.controller
        if c is None:
            return True
        if not self.running and not self.parts.timer:  # nobody has looked since the loop ended
            self.parts.board.sample(self.parts.board.raw)
        return c.at_rest

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

    def guard(self, again=False):
        """Ctrl-C is on at rest only. What was wished for happens once contactors are open.

        `again`: whatever Ctrl-C was told last, somebody else may have told it something.
        """
        is_open = self.at_rest() and self.settings.service_mode
        if again or is_open is not self.open:
            self.open = is_open
            if self.terminal:
                self.terminal.interrupt(is_open)
        c = self.controller
        if self.wish and c.released and (c.result is not None or c.state == "unplugged"):
            self.left, self.wish = self.wish, None
