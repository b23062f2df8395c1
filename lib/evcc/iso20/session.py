# SPDX-License-Identifier: MIT
"""An ISO 15118-20 session: header, response codes, and the story from SessionSetup to SessionStop.

The part between ServiceSelection and SessionStop belongs to the energy service (dc.py, ac.py),
that before it to set_up.py. External identification (EIM) only.
"""

from evcc import exi, v2gtp
from evcc.compat import const, forget, get_logger
from evcc.iso20 import flow
from evcc.reasons import GOOD, PAUSES, V2GError

_POLL_MS = const(250)  # between repeats while the station says Ongoing
_LEAST_SHARE = const(0.5)
_LOCK_TRIES = const(20)  # of 0.1 s
NEEDS = (  # that a station in mode 2 may tell, and their names for the vehicle
    ("DepartureTime", "departure_s"),
    ("MinimumSOC", "min_soc"),
    ("TargetSOC", "target_soc"),
)
_SCHEMAS = {v2gtp.MAIN: "iso20_common", v2gtp.DC: "iso20_dc", v2gtp.AC: "iso20_ac"}

RENEWAL = "SERVICE_RENEGOTIATION"  # a value of Session.stop that is no StopReason
WEAK = PAUSES + (RENEWAL,)  # a wish for an end for good takes their place

log = get_logger("evcc.iso20")


class Stop(Exception):
    """Raised inside the story where the table allows the way to SessionStop. Never leaves it."""


class Session:
    """The dialect for `Exchange`, and what the story knows.

    `vehicle`, `safety`, `params`: see there. `unix`: Unix time in s at `now` = 0, or None when no
    clock is known: the station's is taken. `stop`: None, or the StopReason by which driver, car
    or station wish to end (or RENEWAL); the story reads it after each exchange. `kept`: None, or
    the paused session to resume (evcc.paused).
    """

    def __init__(self, vehicle, safety, params, evccid, unix=None, trace=None):
        self.vehicle = vehicle
        self.safety = safety
        self.params = params
        self.evccid = evccid
        self.stop = None
        self.detail = ""  # of a stop by `end`
        self.kept = None
        self.wish = None  # a way out of the charge loop: "Standby" or an EVSENotification
        self.heard = None  # the EVSENotification of the last answer
        self.exchange = None  # the Exchange that runs us, for side streams
        self.signer = None  # who signs for Plug and Charge, see metering.py
        self.share = 1.0  # of the schedule's power: less when the station saw us above it
        self.renegotiable = False  # ServiceRenegotiationSupported
        self.protocol = "iso20_dc"  # what supportedAppProtocol agreed on
        self.energy = v2gtp.DC  # stream of the energy service
        self.rows = ""  # of flow's table, where the energy service has its own
        self.selected = None  # a service.choice
        self.evseid = ""
        self.evse = {}  # the station's limits and present values in SI units, for the vehicle
        self.charged = 0.0  # Wh into the car, by the station's present values
        self.discharged = 0.0  # Wh out of it
        self.loops = 0
        self.plan = None  # (TimeAnchor, [s], [W]) of the selected schedule
        self.now = 0  # time of the last answer
        self.sent = 0  # time of the last request
        self.loop_at = 0
        self.parked = False  # ParkingStatus was selected
        self.tuple_id = None  # of the schedule selected
        self.departure = None  # s on the clock of `now`, where the station decides about it
        self._unix = unix
        self._trace = trace
        self._id = bytes(8)
        self.header = {"SessionID": self._id, "TimeStamp": 0}
        self._row = flow.row("SessionSetup")
        self._warning = None
        self._answered = ""  # name of the last good response, to know it when it comes again
        self._buffer = bytearray(512)

    @property
    def session_id(self):
        return self._id

    @property
    def state(self):
        """Name of the request in flight or last sent."""
        return self._row[0]

    # --- the dialect -----------------------------------------------------------------------------

    def limits(self, name):
        """Answer time and phase of a request, ms."""
        if self._row[0] != name:
            self._row = flow.row(name, self.rows)
        at = 4 if self.params.timing_profile == "field" else 2
        phase = self._row[at + 1]
        if type(phase) is str:
            phase = getattr(self.params, phase)
        return self._row[at], None if phase is None else phase * 1000

    def expects(self, payload_type, state):
        """Main and energy stream are open; side streams are not."""
        return payload_type == v2gtp.MAIN or payload_type == self.energy

    def encode(self, name, body, now):
        """The whole V2GTP message of a request; the result is valid until the next one."""
        header = self.header
        self.sent = now
        # Any value serves in the first request of a car without a clock.
        header["TimeStamp"] = (self._unix or 0) + now // 1000
        if name != "MeteringConfirmation":  # has a signature of its own in there
            body["Header"] = header
        stream = self._row[1]
        if self._trace:
            self._trace.message(True, name + "Req", body, now)
        while True:
            try:
                end = exi.encode_into(_SCHEMAS[stream], name + "Req", body, self._buffer, 8)
                break
            except exi.EXIError as error:
                # A request with a certificate chain needs up to 8 kB, others stay below 512 bytes.
                if "does not fit" not in str(error) or len(self._buffer) >= 8192:
                    raise
                self._buffer = bytearray(2 * len(self._buffer))
        v2gtp.pack_header(self._buffer, stream, end - 8)
        return memoryview(self._buffer)[:end]

    def decode(self, state, payload_type, payload, now):
        """The response to `state`. Raises EXIError, V2GError."""
        name, response = exi.decode(_SCHEMAS[payload_type], payload)
        if self._trace:
            self._trace.message(False, name, response, now)
        if name != state + "Res":
            again = name == self._answered
            reason = "UNEXPECTED_MESSAGE" if again else "WRONG_MESSAGE"
            raise V2GError(reason, "%s to %sReq" % (name, state))
        self._answered = name
        code = response["ResponseCode"]
        if code.startswith("FAILED"):
            paused = code == "FAILED_PauseNotAllowed"
            reason = "PAUSE_REFUSED" if paused else "RESPONSE_FAILED"
            raise V2GError(reason, "%s to %s" % (code, state))
        if code.startswith("WARNING"):
            self.warned(code, state)
        header = response["Header"]
        session_id = header["SessionID"]
        if state == "SessionSetup":
            if session_id == bytes(8):
                raise V2GError("WRONG_SESSION_ID", "all zero")
            self.join(bytes(session_id))
        elif session_id != self._id:
            raise V2GError("WRONG_SESSION_ID", state)
        if self._unix is None:
            self._unix = header["TimeStamp"] - now // 1000
        self.now = now
        return response

    def join(self, session_id):
        """Our headers carry this id from now on."""
        self._id = self.header["SessionID"] = session_id

    def unix(self):
        """Unix time in s at the last answer, on the clock that our headers carry."""
        return (self._unix or 0) + self.now // 1000

    # --- the story -------------------------------------------------------------------------------

    def ask(self, name, body):
        """One exchange. Raises Stop after it when a stop is wished and the table allows it."""
        response = yield name, body
        # a pause needs something to come back to: until then it waits
        if self.stop and (self.selected or self.stop not in WEAK):
            if "SessionStop" in flow.follows(name, self.rows):
                raise Stop
        return response

    def until_finished(self, name, body):
        """Repeat a request while the station says Ongoing; its phase limit ends that."""
        while True:
            response = yield from self.ask(name, body)
            if response["EVSEProcessing"] == "Finished":
                return response
            yield _POLL_MS

    def notice(self, response):
        """Take in EVSEStatus, where PowerDelivery and the charge loop may carry it."""
        status = response.get("EVSEStatus")
        wish = status and status["EVSENotification"]
        if wish == self.heard:  # it stands in every answer until we have reacted
            return
        self.heard = wish
        if wish is None:
            return
        log.info("station: %s within %d s", wish, status["NotificationMaxDelay"])
        if wish == "Terminate":
            self.wish_stop("STATION_TERMINATE")
        elif wish == "Pause":
            self.wish_stop("STATION_PAUSE")
        elif wish != "ServiceRenegotiation":
            self.wish = wish
        elif self.renegotiable:
            self.wish_stop(RENEWAL)
        else:
            log.warning("it said that it does not support that: ignored")

    def warned(self, code, name):
        """A WARNING_ answer: the session goes on, what was asked for is not fulfilled."""
        if code == "WARNING_EVPowerProfileViolation":
            self.share = max(_LEAST_SHARE, self.share * 0.95)
        if code != self._warning:
            self._warning = code
            log.warning("%s to %s", code, name)

    def end(self, reason, detail):
        """The car ends the session in order, for a reason of its own. Raises Stop."""
        log.error("%s: %s", reason, detail)
        self.detail = detail
        self.wish_stop(reason)
        raise Stop

    def wish_stop(self, reason):
        """Ask for an orderly end; the first wish counts, one for good more than a pause."""
        if self.stop is None or self.stop in WEAK and reason not in WEAK:
            log.info("stop: %s", reason)
            self.stop = reason

    def story(self):
        """SessionSetup to SessionStop; a renegotiation of the service goes back to its choice."""
        joined = None
        if self.protocol == "iso20_ac":
            self.energy = v2gtp.AC
            from evcc.iso20 import ac as charging
        else:
            from evcc.iso20 import dc as charging
        # Seen once and dropped: what comes later brings names, which stay, and their table grows
        # in one piece (9 kB) that a heap in use has no room for.
        later = ["evcc.iso20." + name for name in charging.LATER.split()]
        for name in later:
            __import__(name)
        forget(*later)
        while True:
            try:
                if joined is None:
                    from evcc.iso20 import set_up

                    joined = yield from set_up.begin(self)
                    set_up = None
                    forget("evcc.iso20.set_up")
                if not joined:
                    from evcc.iso20 import service

                    self.selected = yield from service.select(self)
                    service = None
                    exi.forget()
                    forget("evcc.iso20.service")
                joined = False
                yield from charging.charge(self)
            except Stop:
                pass
            finally:
                self.safety.release()  # whatever happened: pilot B, then open without current
            reason = self.stop or "COMPLETED"
            if self.parked and reason not in WEAK:
                from evcc.iso20 import parking

                yield from parking.check_out(self)
            yield "SessionStop", stop_request(reason)
            if reason != RENEWAL:
                break
            if self.stop == reason:  # else somebody wished an end meanwhile
                self.stop = None
        self.stop = reason


def stop_request(reason):
    """SessionStopReq of a StopReason."""
    if reason in PAUSES:
        return {"ChargingSession": "Pause"}
    if reason == RENEWAL:
        return {"ChargingSession": "ServiceRenegotiation"}
    body = {"ChargingSession": "Terminate"}
    if reason not in GOOD:
        body["EVTerminationCode"] = reason
    return body


def needs(s, block):
    """What a station that decides about the mobility needs (mode 2) says of them in its response's
    control mode, for the vehicle; the departure is always s from now, told again or not."""
    if s.selected.mobility_needs_mode != 2:
        return
    for name, key in NEEDS:
        if name in block:
            s.evse[key] = block[name]
            if name == "DepartureTime":
                s.departure = s.now // 1000 + block[name]
    if s.departure is not None:
        s.evse["departure_s"] = max(0, s.departure - s.now // 1000)


def lock(s):
    """Lock the connector; it has to be before cable check, or before AC power."""
    for _ in range(_LOCK_TRIES):
        if s.safety.lock():
            return
        yield 100
    raise V2GError("LOCK_FAILED")
