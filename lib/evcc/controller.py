# SPDX-License-Identifier: MIT
"""Where everything meets: from plug-in over SLAC, IPv6, SDP, TCP and the session to unplug.

`step(now)` does what is to do and says when to come back; any loop can drive it. The story is one
generator, a yield is "look again later". Packages of a phase are imported when it begins, and SLAC
is dropped from memory once matched: code lives in RAM on boards without ROMFS.
"""

import gc

from evcc.compat import Settings, const, forget, get_logger, parse_mac
from evcc.ports import FEEDBACK
from evcc.reasons import GOOD, PAUSES, V2GError
from evcc.safety import Safety

_TICK_MS = const(20)
_EARLY_MS = const(10)
_IDLE_MS = const(50)  # vehicle data at least this often
_LEAVE_MS = const(2000)  # after SessionStop: the station closes TCP, at most 5 s; then we do
_UNLOCK_MS = const(10000)
_SESSION = const(("evcc.iso20", "evcc.exchange", "evcc.exi", "evcc.v2gtp", "evcc.net", "evcc.tls"))
_FIELDS = const(("selected", "evseid", "loops", "charged", "discharged", "stop", "state"))
_BRING_UP = const(("evcc.bring_up", "evcc.securing", "evcc.slac", "evcc.homeplug", "evcc.sdp"))

log = get_logger("evcc.controller")


class Controller:
    """The car's charging communication on one port.

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
        self._trace = trace
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
        self._framer = None
        self._exchange = None
        self.stopped = None
        self._tick_at = 0
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

    # --- for the user ----------------------------------------------------------------------------

    @property
    def released(self):
        """Contactors open, as commanded and as their feedback says."""
        return self.safety.state == "open" and self.board.raw[FEEDBACK] != 1

    @property
    def at_rest(self):
        """Nothing plugged in, nothing closed: who works on the device harms nobody."""
        return self.safety.pilot == "A" and self.released

    def stop(self, reason="USER_STOP"):
        """End charging in order, by the shortest allowed path."""
        self.stopped = reason
        if self._exchange and self.session:
            self.session.wish_stop(reason)

    def pause(self):
        """Pause charging and keep the session; False where there is none to keep."""
        if not (self._exchange and self.session):
            return False
        self.session.wish_stop("USER_PAUSE")
        return True

    def resume(self):
        """Go on with the paused session, or leave standby."""
        self.resumed = True
        if self._exchange and self.session:
            self.session.wish = "ExitStandby"

    def standby(self):
        """Stay connected without energy until `resume()`."""
        if self._exchange and self.session:
            self.session.wish = "Standby"

    def renegotiate(self, service=False):
        """Ask the station for another schedule, or another service; False where it cannot be."""
        session = self.session
        if not (self._exchange and session) or service and not session.renegotiable:
            return False
        if service:
            session.wish_stop("SERVICE_RENEGOTIATION")
        else:
            session.wish = "ScheduleRenegotiation"
        return True

    def summary(self):
        """The session in a dict: protocol, service, control_mode, energies in Wh, result."""
        s = self.session
        chosen = s.selected if s else None
        return {
            "protocol": self.protocol,
            "service": chosen.name if chosen else None,
            "control_mode": chosen.control_mode if chosen else None,
            "mobility_needs_mode": chosen.mobility_needs_mode if chosen else None,
            "evseid": s.evseid if s else None,
            "loops": s.loops if s else 0,
            "charged_Wh": s.charged if s else 0.0,
            "discharged_Wh": s.discharged if s else 0.0,
            "forced_openings": self.safety.forced_openings,
            "result": self.result,
            "detail": self.detail,
        }

    def enter(self, state):
        """A phase of the story begins."""
        self.state = state
        log.info("%s", state)
        if self._trace:
            self._trace.step(state, self.now)

    # --- the loop --------------------------------------------------------------------------------

    def step(self, now):
        """Do what is to do at `now`; returns the time by which to call again."""
        self.now = now
        # A little early is fine: so ticks fall in step with the modem's polling.
        if not self.safety.timed and now + _EARLY_MS >= self._tick_at:
            self._tick_at = now + _TICK_MS
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
            wake = min(wake, self._tick_at)
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
        self.slac = self.sdp = self._exchange = self.tcp = self.tls = self._framer = self.host = (
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
            if self._trace:
                self._trace.frame(False, frame, now)
            kind = frame[12] << 8 | frame[13]
            if kind == 0x88E1:
                if self.slac:
                    self.slac.feed(frame, now)
            elif kind == 0x86DD and self.host:
                self.host.feed(frame, now)

    def transmit(self, frame):
        if self._trace:
            self._trace.frame(True, frame, self.now)
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
        elif self._framer.error:
            exchange.throw(V2GError("UNDECODABLE", self._framer.error), now)
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
        self.result = self.stopped = self.session = self.protocol = self.tls = self.leaf = None
        self.detail = ""
        self.asks_tls = self.params.sdp_tls
        if self._trace:
            self._trace.clear()
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
                again = yield from self._communicate(again)
                if again:
                    yield from self._close(False)
                else:
                    reason, detail = self.session.stop, self.session.detail
        except V2GError as error:
            reason, detail = error.reason, error.detail
        if self.kept:
            self._drop_kept()
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
        yield from self._close(good)
        if reason in PAUSES and not self.safety.fault:
            from evcc import paused

            paused.keep(self)
            paused = None
        self._forget_session()
        if self.safety.forced:
            reason, detail = "FORCED_OPENING", "%s %s" % (reason, detail)
        elif self.safety.fault and reason in GOOD:
            reason, detail = self.safety.fault
        if not self.kept:
            self.safety.unlock()
            if self.keyed:
                from evcc import bring_up

                yield from bring_up.leave(self)
                bring_up = None
                forget(*_BRING_UP)
            end = self.now + _UNLOCK_MS
            while self.safety.locked() and self.now < end:
                yield 20
        self.detail = detail
        self.result = reason
        self.sessions += 1
        self.vehicle.notify("ended " + reason)
        self.enter("finished")
        log.info("stop reason %s %s", reason, detail)
        if self._trace:
            self._trace.step("%s %s" % (reason, detail), self.now)

    def _drop_kept(self):
        """The session that was to be resumed is used up, whatever became of it."""
        from evcc import paused

        paused.drop(self)

    def _forget_session(self):
        """Keep what the summary tells; the code of the session makes room for leaving."""
        if self.session:
            kept = Settings()
            for name in _FIELDS:
                setattr(kept, name, getattr(self.session, name))
            self.session = kept
        forget(*_SESSION)

    def _until_open(self):
        """Safety's own deadlines bound this."""
        while self.safety.state not in ("open", "stuck"):
            yield 10

    def _communicate(self, again):
        """supportedAppProtocol and the session itself.

        True: nothing came of it, and there is another offer to make (once: `again` is False)."""
        from evcc.exchange import Exchange
        from evcc.sap import Sap, offer
        from evcc.v2gtp import Framer

        self.enter("session")
        self._framer = Framer(self._message)
        (self.tls or self.tcp).on_data = self._framer.feed
        sap = Sap(offer(self.params), self._trace)
        offer = None
        try:
            yield from self._exchanges(Exchange(sap.story(), sap, self._send))
        except V2GError as error:
            p = self.params
            if again or error.reason != "NO_PROTOCOL" or self.tls is None:
                raise
            if not (p.sdp_plain_ok and p.allow_iso20_without_tls):
                raise
            log.warning("%s: once more without TLS", error)
            self.asks_tls = False
            return True
        self.protocol = sap.agreed
        del sap
        forget("evcc.sap", "evcc.iso20.service")
        from evcc import exi
        from evcc.iso20.session import Session

        # What lives as long as the session is loaded now, together: later it would lie between
        # the garbage of messages, and a small heap would break into pieces.
        __import__("evcc.iso20." + self.protocol[-2:])
        exi.load("iso20_common")
        exi.load(self.protocol)
        gc.collect()
        evccid = self.vehicle.identity() or "".join(["%02X" % b for b in self.mac])
        session = Session(self.vehicle, self.safety, self.params, evccid, self.unix, self._trace)
        session.protocol = self.protocol
        session.kept = self.kept
        self.session = session
        if self.stopped:
            session.wish_stop(self.stopped)
        session.exchange = Exchange(session.story(), session, self._send)
        yield from self._exchanges(session.exchange)
        return False

    def _exchanges(self, exchange):
        """Run one story to its end. Raises its V2GError."""
        self._exchange = exchange
        exchange.start(self.now)
        while not exchange.done:  # `_protocol` wakes us when it is
            yield 100
        self._exchange = None
        if exchange.error:
            raise exchange.error

    def _send(self, message, now):
        """One V2GTP message into the connection; False: no room now."""
        return self.tls.write(message) if self.tls else self.tcp.send(message, now)

    def tcp_send(self, data):
        return self.tcp.send(data, self.now)

    def _message(self, payload_type, payload, now):
        if self._exchange:
            self._exchange.feed(payload_type, payload, now)

    def _close(self, good):
        """TCP: after a good end the station closes first, else we do."""
        self._exchange = None
        tcp = self.tcp
        if tcp:
            self.enter("closing")
            if self.tls:
                self.tls.close()
            end = self.now + (_LEAVE_MS if good else 0)
            while tcp.state == "ESTABLISHED" and self.now < end:
                yield 20
            tcp.close(self.now)
            end = self.now + _LEAVE_MS
            while tcp.state != "CLOSED" and self.now < end:
                yield 20
            tcp.abort(self.now)
        self.sdp = self.tcp = self.tls = self._framer = None
        self.host = None
