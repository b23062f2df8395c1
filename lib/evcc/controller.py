# SPDX-License-Identifier: MIT
"""Where everything meets: from plug-in over SLAC, IPv6, SDP, TCP and the session to unplug.

`step(now)` does what is to do and says when to come back; any loop can drive it. The story is one
generator, a yield is "look again later". Its parts (bring_up, securing, opening, ending, paused)
are modules that are imported when their phase begins and dropped from memory with it: code lives
in RAM on boards without ROMFS. What they do to the controller stands there, with `c` for it.
"""

from evcc.compat import Settings, const, forget, get_logger, parse_mac
from evcc.reasons import GOOD, V2GError
from evcc.safety import Safety
from evcc.wishes import Wishes

_TICK_MS = const(20)
_EARLY_MS = const(10)
_IDLE_MS = const(50)  # vehicle data at least this often
_SESSION = const(("evcc.iso20", "evcc.exchange", "evcc.exi"))
_FIELDS = const(
    (
        "selected",
        "evseid",
        "loops",
        "charged",
        "discharged",
        "stop",
        "state",
        "session_id",
        "renegotiable",
    )
)
_BRING_UP = const(("evcc.bring_up", "evcc.securing", "evcc.slac", "evcc.homeplug", "evcc.sdp"))

log = get_logger("evcc.controller")


class Controller(Wishes):
    """The car's charging communication on one port; what a person may ask of it: wishes.py.

    `port`: frame port (modem driver, raw link). `board`: safety's ports. `vehicle`: see
    vehicle.py. `urandom(n) -> bytes`. `trace`: None or a trace object. `slac`: False on a link
    that is there already (bench). `unix`: Unix time at `now` = 0, None when no clock is known.
    `reset`: "watchdog" when the board knows that this start follows a bite of its watchdog.
    `store`: None, or where a paused session survives power loss (store.Store).
    `timer`: None, or starts a timer that calls what it is given every 20 ms: then safety is ticked
    by it, also while this Python computes, and no longer by `step`.

    `state`: phase, in words. `result`: None while a session runs or before, then its StopReason;
    `detail` with it. `sessions`: how many have ended; one that is paused and one that resumes it
    are two. `session`: the running ISO 15118-20 session, or what is kept of the last.

    For the parts of its story: `enter`, `talk`, `transmit`, `send`, `tcp_send`, `message`, `now`,
    and the attributes that they hand on to one another.
    """

    def __init__(
        self, port, board, vehicle, params, urandom, trace=None, slac=True, unix=None, reset=None,
        store=None, timer=None,
    ):  # fmt: skip
        self.port = port
        self.board = board
        self.vehicle = vehicle
        self.params = params
        self.safety = Safety(board, vehicle, params)
        self.state = "unplugged"
        self.result = None
        self.detail = ""
        self.sessions = 0  # that have ended, since the start
        self.session = None
        self.protocol = None
        self.slac = None
        self.host = None
        self.urandom = urandom
        self.trace = trace
        self.use_slac = slac
        self.keyed = False  # the modem may hold a station's key
        self.unix = unix
        self.store = store
        self.kept = None  # the paused session to resume, see paused.py
        self.network = None  # (NID, NMK) of the station's power line, where the modem took it
        self.asks_tls = True
        self.leaf = None  # SHA-256 of the station's leaf certificate, hex
        self.resumed = False  # the driver wants the paused session to go on
        self.calls = False  # a station that signals 5 % wants that too
        self.mac = parse_mac(params.mac)
        self.sdp = None
        self.tcp = None
        self.tls = None
        self.verified = []  # digests of sub CAs whose signatures were good, see pki.path
        self.pairs = []  # digests of own certificates and keys that belong together
        self.keylog = None  # gets the lines of an NSS key log; bench only
        self.framer = None
        self._exchange = None
        self.stopped = None
        self._due = 0
        self.setup_end = None
        self._story = self._run(False)
        self._wake = 0
        if reset == "watchdog":
            # The outputs fell, whatever flowed: counted, and said until the next plug-in.
            self.result = "WATCHDOG_RESET"
            self.safety.forced_openings += 1
        self.now = 0
        if timer:
            self.safety.timed = True
            timer(self.safety.on_timer)

    def enter(self, state):
        """A phase of the story begins."""
        self.state = state
        log.info("%s", state)
        if self.trace:
            self.trace.step(state, self.now)

    # --- the loop --------------------------------------------------------------------------------

    def step(self, now):
        """Do what is to do at `now`; returns the time by which to call again."""
        self.now = now
        # A little early is fine: so ticks fall in step with the modem's polling.
        if not self.safety.timed and now + _EARLY_MS >= self._due:
            self._due = now + _TICK_MS
            self.safety.tick(now)
        try:
            self.vehicle.update(now)
            self.safety.poll()
            return self._protocol(now)
        except Exception as error:  # a fault of ours must not keep contactors closed
            self._broken(error)
            return now + 20

    def _protocol(self, now):
        self._receive(now)
        wake = min(now + _IDLE_MS, self.port.next_poll(now))
        if not self.safety.timed:
            wake = min(wake, self._due)
        if self.slac:
            wake = min(wake, self.slac.step(now))
        if self.host:
            wake = min(wake, self.host.step(now))
        if self.sdp:
            wake = min(wake, self.sdp.step(now))
        if self.tls:
            wake = min(wake, self.tls.step(now))
        exchange = self._exchange
        if exchange:
            self._watch(now)
            wake = min(wake, exchange.step(now))
            if exchange.done:
                self._wake = now
        if now >= self._wake:
            self._wake = now + next(self._story)
        return max(min(wake, self._wake), now)

    def _broken(self, error):
        """Something raised where nothing may: end this session, keep safety and the loop alive."""
        log.error("internal: %r", error)
        self.safety.release()
        self.slac = self.sdp = self._exchange = self.tcp = self.tls = self.framer = self.host = (
            None
        )
        self.result = "INTERNAL_ERROR"
        self.detail = repr(error)
        self.sessions += 1
        self.enter("finished")
        self._story = self._run(True)
        self._wake = 0

    def _receive(self, now):
        port = self.port
        port.poll(now)
        while True:
            frame = port.receive()
            if frame is None:
                return
            if self.trace:
                self.trace.frame(False, frame, now)
            kind = frame[12] << 8 | frame[13]
            if kind == 0x88E1:
                if self.slac:
                    self.slac.feed(frame, now)
            elif kind == 0x86DD and self.host:
                self.host.feed(frame, now)

    def transmit(self, frame):
        if self.trace:
            self.trace.frame(True, frame, self.now)
        return self.port.send(frame)

    def _watch(self, now):
        """What ends a session from outside: safety, link, unplug, set-up time."""
        exchange = self._exchange
        if exchange.done:
            return
        fault = self.safety.fault
        if fault:
            exchange.throw(V2GError(fault[0], fault[1]), now)
        elif self.safety.pilot == "A":
            exchange.throw(V2GError("UNPLUGGED"), now)
        elif self.framer.error:
            exchange.throw(V2GError("UNDECODABLE", self.framer.error), now)
        elif self.tcp.error or self.tcp.state == "CLOSED":
            exchange.throw(V2GError("LINK_LOST", self.tcp.error or "closed"), now)
        elif self.tls and self.tls.state != "ready":
            exchange.throw(V2GError("LINK_LOST", self.tls.error or "TLS closed"), now)
        elif self.setup_end is not None:
            if exchange.state not in ("supportedAppProtocol", "SessionSetup"):
                self.setup_end = None
            elif now > self.setup_end:
                exchange.throw(V2GError("SETUP_TIMEOUT"), now)

    # --- the story -------------------------------------------------------------------------------

    def _run(self, broken):
        """Plug-in to unplug, for ever. `broken`: first wait for the connector to be pulled."""
        data = self.store.read("session") if self.store and not broken else None
        if data is not None:
            from evcc import paused

            paused.recall(self, data)
            paused = data = None
            forget("evcc.paused")
        while True:
            if broken:
                yield from self._until_open()
                self.safety.unlock()
                while self.safety.pilot != "A":
                    yield 20
            broken = False
            if not self.kept:
                self.enter("unplugged")
                # B, no current: after a reset in mid-session the station may not have stopped yet.
                while self.safety.pilot != "B" or self.safety.current() or not self.port.ready:
                    if self.safety.pilot == "A":
                        self.stopped = None  # a wish from here on is for this plug-in
                    yield 20
                yield from self._plugged()
            while self.kept:
                from evcc import paused

                if (yield from paused.wait(self)):
                    paused = None
                    forget("evcc.paused")
                    yield from self._plugged()
            paused = None
            forget("evcc.paused")
            # No second session before the connector was out: the driver decides.
            while self.safety.pilot != "A":
                yield 20
            self.vehicle.notify("unplugged")

    def _plugged(self):
        """One session, whatever becomes of it; ends with safe outputs and a result."""
        self.safety.reset()
        self.result = self.session = self.protocol = self.tls = self.leaf = None
        self.detail = ""
        self.asks_tls = self.params.sdp_tls
        if self.trace:
            self.trace.clear()
        self.vehicle.notify("plugged")
        reason, detail = None, ""
        try:
            if self.params.basic_charging:
                from evcc import basic_charging

                reason = yield from basic_charging.charge(self)
                basic_charging = None
                forget("evcc.basic_charging", "evcc.safety_ac")
            again = False
            while reason is None:
                from evcc import bring_up

                yield from bring_up.bring_up(self, again)
                bring_up = None
                forget(*_BRING_UP)
                again = yield from self._session(again)
                if not again:
                    reason, detail = self.session.stop, self.session.detail
        except V2GError as error:
            reason, detail = error.reason, error.detail
        # Section 9's order: pilot B, wait for no current, contactors open, only then close TCP.
        self.safety.release()
        good, end = reason in GOOD, self.now
        if good or not self.safety.timed:  # no code is loaded before, where nothing else ticks
            yield from self._until_open()
        if self.session and not good:
            try:
                from evcc.iso20 import farewell

                good = yield from farewell.say(self, reason, end)
            except Exception as error:  # what ended the session stays its reason
                log.error("%r", error)
            farewell = None
            yield from self._until_open()
        self._forget_session()
        from evcc import ending

        yield from ending.end(self, reason, detail, good)
        ending = None
        forget("evcc.ending", *_BRING_UP)

    def _forget_session(self):
        """Keep what summary and pause need; the session's code makes room for the ending."""
        if self.session:
            kept = Settings()
            for name in _FIELDS:
                setattr(kept, name, getattr(self.session, name, None))
            self.session = kept
        forget(*_SESSION)

    def _until_open(self):
        """Safety's own deadlines bound this."""
        while self.safety.state not in ("open", "stuck"):
            yield 10

    def _session(self, again):
        """The session, once both agree. True: they do not, and there is another offer to make
        (once: `again` is False)."""
        from evcc import opening

        self.enter("session")
        if (yield from opening.choose(self, again)):
            forget("evcc.sap", "evcc.iso20.service")
            opening.begin(self)
            opening = None
            forget("evcc.opening")
            yield from self.talk(self.session.exchange)
            return False
        opening = None
        from evcc import ending

        yield from ending.close(self, False)
        ending = None
        forget("evcc.opening", "evcc.ending")
        return True

    def talk(self, exchange):
        """Run one story to its end. Raises its V2GError."""
        self._exchange = exchange
        exchange.start(self.now)
        while not exchange.done:  # `_protocol` wakes us when it is
            yield 100
        self._exchange = None
        if exchange.error:
            raise exchange.error

    def send(self, message, now):
        """One V2GTP message into the connection; False: no room now."""
        return self.tls.write(message) if self.tls else self.tcp.send(message, now)

    def tcp_send(self, data):
        return self.tcp.send(data, self.now)

    def message(self, payload_type, payload, now):
        if self._exchange:
            self._exchange.feed(payload_type, payload, now)
