# SPDX-License-Identifier: MIT
"""The ISO 15118-20 SECC as a sans-IO core: V2GTP payloads and time in, timed answers out.

It holds one TCP connection's session: order of messages (flow.py), session id, response codes,
sequence timeouts, what the output does, and a judge who writes down what the car does wrong.
TLS, Plug and Charge, side streams and other standards are not here.
"""

from collections import deque, namedtuple

from evcc import exi

from tools.charger.output import IdealOutput
from tools.charger.power import PowerPlan
from tools.charger.secc import ac, common, dc, flow, schedule
from tools.charger.secc.ac_supply import AcSupply, IdealOutlet
from tools.charger.secc.config import SeccConfig
from tools.charger.secc.services import offered
from tools.charger.secc.supply import Supply

HANDLERS = {**common.HANDLERS, **schedule.HANDLERS, **dc.HANDLERS, **ac.HANDLERS}
FILLER = {**common.FILLER, **schedule.FILLER, **dc.FILLER, **ac.FILLER}
NOTIFICATIONS = (
    "Pause ExitStandby Terminate ScheduleRenegotiation ServiceRenegotiation MeteringConfirmation"
).split()

Notice = namedtuple("Notice", "kind delay_s since")
Blame = namedtuple("Blame", "ms state kind text")
Entry = namedtuple("Entry", "ms direction name message")

_STEP_MS = 20  # while the output is on, time goes in steps of at most this


def _no_pilot():
    """A bench knows nothing of the pilot."""


class Secc:
    """One session.

    config: SeccConfig; plan: PowerPlan; output: Output (IdealOutput if None); outlet: of AC
    (IdealOutlet if None); urandom(n) -> bytes;
    clock() -> unix seconds for TimeStamp and anchors; pilot() -> "A".."F" or None (not known);
    faults: Faults of a scenario or None; memory: dict that outlives the connection (pause);
    on_message(entry): each decoded message, as in `.log`.
    """

    def __init__(
        self,
        config=None,
        plan=None,
        *,
        output=None,
        outlet=None,
        urandom,
        clock,
        pilot=None,
        faults=None,
        memory=None,
        on_message=None,
    ):
        self.config = config or SeccConfig()
        self.plan = plan or PowerPlan()
        self.supply = Supply(self.config, self.plan, output or IdealOutput(), pilot or _no_pilot)
        self._outlet = outlet
        self.hold_ms = 0  # the next answer waits so long
        self.urandom, self.faults, self._clock = urandom, faults, clock
        self.memory = {} if memory is None else memory
        self.on_message = on_message
        self.services = offered(self.config)
        self.state = "Connected"
        self.session_id = bytes(8)
        self.evccid = self.stop = self.error = None
        self.service = self.set = None
        self.joined = False
        self.detailed = set()
        self.added = {}  # value-added services selected: id -> set
        self.checked = None  # of ParkingStatus
        self.beside = self.known_schedule = False  # on side streams
        self.now = 0
        self.timers = {}  # phase -> time of its first request
        self.schedule = {}  # tuple id -> (charging entries, discharging entries)
        self.notice = self.expected_stop = None
        self.termination = ("", "")
        self.close_at = None  # when to close TCP
        self.abort = False  # by a reset
        self.log = deque(maxlen=20000)
        self.violations = deque(maxlen=500)
        self.counters = {}
        self.counts = {}  # requests seen, by name
        self._sent_at = None  # when the last answer leaves
        self.loops = 0
        self.worst_loop_ms = 0
        self.sent_charged_Wh = self.sent_discharged_Wh = 0.0  # from the loop answers
        self._sent_power = None
        self.hook = None  # the station's: f(kind, values, now) for faults outside this core
        self.split = 0  # the next answer in TCP segments of this size; the connection clears it
        self.display = {}

    def clock(self):
        """Unix seconds of the station."""
        return int(self._clock())

    # -- requests ---------------------------------------------------------------------------

    def handle(self, payload_type, payload, now):
        """One V2GTP message from the car; returns [(send_at_ms, payload_type, payload), ...].

        Never raises for what a car sends. Unknown payload types are counted and skipped.
        """
        self.step(now)
        self.now = now
        if self.state in ("Ended", "SessionStop"):
            self._count("after the end")
            return []
        schema = flow.SCHEMAS.get(payload_type)
        looping = self.state.endswith("_ChargeLoop") and self.config.side_streams
        if schema is None or payload_type in flow.SIDE and not looping:
            self._count("unknown payload type")
            return []
        try:
            root, request = exi.decode(schema, payload)
        except exi.EXIError as error:
            self.blame("undecodable", f"payload type 0x{payload_type:04x}: {error}", now)
            self.end(f"undecodable request: {error}", now)
            return []
        name = root[:-3]
        if flow.SIDE.get(payload_type) == name:
            return self._beside(payload_type, name, request, now)
        if not root.endswith("Req") or flow.MESSAGES.get(name, (0,))[0] != payload_type:
            self.blame("sequence", f"{root} on stream 0x{payload_type:04x}", now)
            self.end(f"{root} is not a request", now)
            return []
        self._record(now, "request", root, request)
        self.counts[name] = self.counts.get(name, 0) + 1
        self._judge_time(name, now)
        if self.faults:
            self.faults.before(self, name, now)
            if self.state == "Ended":
                return []
        state, answer = self._answer(name, request, now)
        return self._send(name, state, answer, now)

    def _beside(self, payload_type, name, request, now):
        """A request on a side stream: neither the loop's state nor its times change."""
        self._record(now, "request", name + "Req", request)
        self.counts[name] = self.counts.get(name, 0) + 1
        self._count(f"side stream 0x{payload_type:04x}")
        state, sent_at = self.state, self._sent_at
        self.beside = True
        try:
            reached, answer = HANDLERS[name](self, request, now)
        except common.Refuse as refuse:
            reached, answer = state, dict(FILLER.get(name, {}), ResponseCode=refuse.code)
        self.beside = False
        self.known_schedule = self.known_schedule or reached == "ScheduleExchange(Renegotiation)"
        sent = self._send(name, state, answer, now)
        self._sent_at = sent_at
        return [(at, payload_type, message) for at, _, message in sent]

    def _answer(self, name, request, now):
        """(next state, response without header): all the checks, then the message's handler."""
        try:
            if name not in ("supportedAppProtocol", "SessionSetup"):
                if bytes(request["Header"]["SessionID"]) != self.session_id:
                    self.blame("session id", f"{name}Req with another SessionID", now)
                    raise common.Refuse("FAILED_UnknownSession", "another SessionID")
            ac = self.service and self.service.ac
            if not flow.allowed(self.state, name, request, ac, self.known_schedule):
                text = f"{flow.label(name, request)} after {self.state}"
                self.blame("sequence", text, now)
                sap = name == "supportedAppProtocol"  # has its own codes
                raise common.Refuse(
                    "Failed_NoNegotiation" if sap else "FAILED_SequenceError", text
                )
            return HANDLERS[name](self, request, now)
        except common.Refuse as refuse:
            if refuse.code.startswith("FAILED_Wrong") or "Invalid" in refuse.code:
                self.blame("refused", f"{name}: {refuse.code}: {refuse.why}", now)
            answer = dict(FILLER.get(name, {}), ResponseCode=refuse.code)
            self.end(f"{name}: {refuse.code}: {refuse.why}", now)
            return "Ended", answer

    def _send(self, name, state, answer, now):
        message = dict(answer)
        message.setdefault("ResponseCode", "OK")
        if name != "supportedAppProtocol":
            header = {"SessionID": self.session_id, "TimeStamp": self.clock()}
            message = {"Header": header, **message}
        self.state = state
        self._sent_at = now + max(self.config.response_ms, self.hold_ms)
        self.hold_ms = 0
        payload_type, schema = flow.MESSAGES[name]
        replies = [(self._sent_at, payload_type, schema, name + "Res", message)]
        if self.faults:
            replies = self.faults.answers(self, name, replies, now)
            self._sent_at = max([self._sent_at] + [reply[0] for reply in replies])
        sent = []
        for at, payload_type, schema, root, message in replies:
            if isinstance(message, dict):
                self._record(at, "response", root, message)
                try:
                    message = exi.encode(schema, root, message)
                except exi.EXIError as error:
                    self.end(f"cannot encode {root}: {error}", now)
                    continue
            sent.append((at, payload_type, message))
        return sent

    def _judge_time(self, name, now):
        if self._sent_at is None:
            return
        gap = now - self._sent_at
        if gap < 0:
            self.blame("early", f"{name}Req {-gap} ms before the answer to the last one", now)
        if name.endswith("_ChargeLoop") and self.state.startswith(name):
            self.worst_loop_ms = max(self.worst_loop_ms, gap)
            if gap > self.config.loop_rhythm_ms:
                self._count("slow loop request")
            if gap > 500:  # [V2G20-1500]
                self.blame("late", f"{name}Req {gap} ms after the answer", now)

    # -- time -------------------------------------------------------------------------------

    def step(self, now):
        """Let time pass: supply, pilot, faults, timeouts. Returns the next deadline in ms."""
        self.supply.step(now)
        if self.supply.pilot() in ("A", "E", "F") and not self.supply.ignore_pilot:
            if self.state not in ("Connected", "Ended"):
                self.end(f"pilot in state {self.supply.pilot()}", now)
        if self.faults:
            self.faults.step(self, now)
        self._watch_plan(now)
        return self._watch_sequence(now)

    def _watch_plan(self, now):
        supply, notice = self.supply, self.notice
        if supply.phase != "loop" or supply.started is None or self.expected_stop:
            return
        if notice is None and supply.plan.stopped((now - supply.started) / 1000):
            self.notify(supply.plan.stop, 0, now)
        elif notice and notice.kind in ("Terminate", "Pause"):
            late = now - notice.since - notice.delay_s * 1000
            if late > self.config.notice_ms:
                self.blame("notification", f"{notice.kind} not obeyed for {late} ms", now)
                self.end(f"{notice.kind} was not obeyed", now)

    def _watch_sequence(self, now):
        if self.state in ("Ended", "SessionStop") or self._sent_at is None:
            closes = self.close_at
            return now + 1000 if closes is None or closes <= now else closes
        limit = flow.TIMEOUT_MS[self.state]
        if limit == flow.TIMEOUT_MS["DC_ChargeLoop"]:
            limit = self.config.loop_timeout_ms
        deadline = self._sent_at + limit
        if now > deadline:
            if limit == self.config.loop_timeout_ms:
                self.blame("late", f"no request for {now - self._sent_at} ms in the loop", now)
            self.end(f"no request within {limit} ms after {self.state}", now)
            return now + 1000
        return min(deadline + 1, now + (1000 if self.supply.phase == "off" else _STEP_MS))

    def elapsed(self, phase, now):
        """ms since the phase's first request; starts it when it is this one."""
        return now - self.timers.setdefault(phase, now)

    def add_up(self, now):
        """Energy as the car can add it up: the power of each loop answer until the next one."""
        if self._sent_power is not None:
            then, watts = self._sent_power
            energy = watts * (now - then) / 3.6e6
            if energy > 0:
                self.sent_charged_Wh += energy
            else:
                self.sent_discharged_Wh -= energy
        self._sent_power = (now, self.supply.power())

    # -- what handlers ask ------------------------------------------------------------------

    def choose(self, service, parameter_set):
        self.service, self.set = service, parameter_set
        if service.ac and not isinstance(self.supply, AcSupply):
            outlet, pilot = self._outlet or IdealOutlet(), self.supply.pilot
            self.supply = AcSupply(self.config, self.plan, outlet, pilot)
        self.supply.bpt, self.supply.dynamic = service.bpt, parameter_set.dynamic

    def need_pilot_c(self, what, now):
        if not self.supply.in_c():
            state = self.supply.pilot()
            self.blame("pilot", f"{what} in state {state}", now)
            raise common.Refuse("FAILED", f"{what} in state {state}, not C or D")

    def ready_for_power(self, now):
        """Before PowerDelivery(Start): pilot, and the outlet near the voltage asked for."""
        if self.service.ac:
            ac.ready_for_power(self, now)
            return
        self.need_pilot_c("PowerDeliveryReq(Start)", now)
        supply = self.supply
        if supply.phase == "loop":  # renegotiation: the power path is up
            return
        goal, outlet = supply.precharge_V, supply.output.voltage
        if goal is None or abs(outlet - goal) > self.config.precharge_tolerance_V:
            why = f"outlet at {outlet:.0f} V, precharge asked for {goal or 0:.0f} V"
            raise common.Refuse("FAILED_PowerDeliveryNotApplied", why)

    def before_stop(self, now):
        if self.service.ac:
            ac.judge_stop(self, now)

    def meter(self):
        supply = self.supply
        info = {"MeterID": self.config.meter_id, "ChargedEnergyReadingWh": int(supply.charged_Wh)}
        if supply.bpt:
            info["BPT_DischargedEnergyReadingWh"] = int(supply.discharged_Wh)
        return info

    # -- notifications ----------------------------------------------------------------------

    def notify(self, kind, delay_s, now):
        """Put EVSENotification `kind` into every answer until the car has reacted."""
        if self.notice is None or self.notice.kind != kind:
            self.notice = Notice(kind, delay_s, now)

    def status(self):
        if self.notice is None:
            return {}
        return {
            "EVSEStatus": {
                "NotificationMaxDelay": self.notice.delay_s,
                "EVSENotification": self.notice.kind,
            }
        }

    def answered(self, progress, now):
        """PowerDelivery(progress) came: does it settle the notification?"""
        kind = self.notice.kind if self.notice else None
        if progress == "Stop" and kind in ("Terminate", "Pause", "ServiceRenegotiation"):
            self.expected_stop, self.notice = kind, None
        elif (progress, kind) in (
            ("ScheduleRenegotiation", "ScheduleRenegotiation"),
            ("Start", "ExitStandby"),
        ):
            self.notice = None

    # -- judgement and end ------------------------------------------------------------------

    def blame(self, kind, text, now):
        """The car did something wrong: `kind` is counted, the text kept."""
        self._count("car: " + kind)
        self.violations.append(Blame(now, self.state, kind, text))

    def end(self, reason, now):
        """After an error: no current, no more answers, TCP closed."""
        if self.state != "Ended":
            self.error = self.error or reason
        self.state = "Ended"
        self.supply.off()
        if self.close_at is None:
            self.close_at = now + self.config.response_ms + 20  # the FAILED answer leaves first

    def _count(self, what):
        self.counters[what] = self.counters.get(what, 0) + 1

    def _record(self, now, direction, name, message):
        entry = Entry(now, direction, name, message)
        self.log.append(entry)
        if self.on_message:
            self.on_message(entry)

    def summary(self):
        """What happened, as a dict of plain values."""
        parameters = self.set.parameters if self.set else {}
        return {
            "protocol": "ISO 15118-20",
            "evccid": self.evccid,
            "service": self.service.name if self.service else None,
            "control_mode": self.set and ("Dynamic" if self.set.dynamic else "Scheduled"),
            "mobility_needs_mode": parameters.get("MobilityNeedsMode"),
            "end": self.stop if self.error is None else self.error,
            "good": self.error is None and self.stop is not None,
            "termination": self.termination,
            "loops": self.loops,
            "worst_loop_ms": self.worst_loop_ms,
            "charged_Wh": round(self.supply.charged_Wh, 3),
            "discharged_Wh": round(self.supply.discharged_Wh, 3),
            "sent_charged_Wh": round(self.sent_charged_Wh, 3),
            "sent_discharged_Wh": round(self.sent_discharged_Wh, 3),
            "soc": self.display.get("PresentSOC"),
            "violations": [f"{b.kind}: {b.text}" for b in self.violations],
            "counters": dict(self.counters),
        }


__all__ = ["NOTIFICATIONS", "Secc"]
