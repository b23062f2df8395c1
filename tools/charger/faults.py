# SPDX-License-Identifier: MIT
"""What a station can do wrong: the faults of a scenario, applied to the SECC's answers.

Each fault has a trigger (the n-th request of a name, or seconds into the charge loop) and an
action of the table below. Faults of the network and the pilot are handed to the station through
`Secc.hook(kind, value, now)`. Nothing here is prescribed by a standard; the responses a car owes
to these faults are in ISO 15118-20's error handling.
"""

from tools.charger.secc import flow
from tools.charger.secc.session import FILLER, NOTIFICATIONS
from tools.charger.secc.values import rational

_RESPONSES = tuple(name + "Res" for name in flow.MESSAGES)
_CODES = (
    "OK FAILED FAILED_AssociationError FAILED_ContactorError FAILED_EVPowerProfileInvalid "
    "FAILED_EVPowerProfileViolation FAILED_MeteringSignatureNotValid "
    "FAILED_NoEnergyTransferServiceSelected FAILED_NoServiceRenegotiationSupported "
    "FAILED_PauseNotAllowed FAILED_PowerDeliveryNotApplied FAILED_PowerToleranceNotConfirmed "
    "FAILED_ScheduleRenegotiation FAILED_ScheduleSelectionInvalid FAILED_SequenceError "
    "FAILED_ServiceIDInvalid FAILED_ServiceSelectionInvalid FAILED_SignatureError "
    "FAILED_UnknownSession FAILED_WrongChargeParameter OK_CertificateExpiresSoon "
    "OK_NewSessionEstablished OK_OldSessionJoined OK_PowerToleranceConfirmed "
    "WARNING_AuthorizationSelectionInvalid WARNING_CertificateExpired "
    "WARNING_CertificateNotYetValid WARNING_CertificateRevoked "
    "WARNING_CertificateValidationError WARNING_ChallengeInvalid WARNING_EIMAuthorizationFailure "
    "WARNING_eMSPUnknown WARNING_EVPowerProfileViolation WARNING_GeneralPnCAuthorizationError "
    "WARNING_NoCertificateAvailable WARNING_NoContractMatchingPCIDFound "
    "WARNING_PowerToleranceNotConfirmed WARNING_ScheduleRenegotiationFailed "
    "WARNING_StandbyNotAllowed WARNING_WPT Failed_NoNegotiation"
).split()

# action: {parameter: (type or choices, default or None when it must be given)}, meaning
ACTIONS = {
    "withhold": ({}, "the answer is not sent"),
    "delay": ({"ms": (int, None)}, "the answer leaves ms later"),
    "code": ({"code": (tuple(_CODES), None)}, "another ResponseCode"),
    "session_id": ({}, "another SessionID in the header"),
    "type": ({"message": (_RESPONSES, None)}, "a valid answer of another type"),
    "undecodable": ({}, "bytes that are no EXI document of the schema"),
    "duplicate": ({}, "the answer twice"),
    "payload_type": ({"value": (int, None)}, "another V2GTP payload type"),
    "split": ({"size": (int, 1)}, "the V2GTP message in TCP segments of this size"),
    "set": ({"field": (str, None), "value": (float, None)}, "another number in a field"),
    "notify": (
        {"notification": (tuple(NOTIFICATIONS), None), "delay_s": (int, 0)},
        "EVSENotification from this answer on, until the car reacts",
    ),
    "ignore_pilot_b": ({}, "the station keeps its current when the pilot leaves state C"),
    "exceed": (
        {"current": (float, 1.0), "voltage": (float, 1.0)},
        "the output exceeds the limits by these factors",
    ),
    "power_cut": ({}, "no current any more, without a word"),
    "pilot": ({"to": (("off", "5%", "E", "F"), None)}, "pilot signal: no PWM, PWM, state E or F"),
    "drop_frames": (
        {"ms": (int, None), "direction": (("both", "in", "out"), "both")},
        "Ethernet frames are lost for this time (emulation only)",
    ),
    "close_tcp": ({}, "TCP is closed instead of an answer"),
    "reset_tcp": ({}, "TCP is reset instead of an answer"),
}

# Those that need no answer to act on and may be timed by after_s.
TIMED = "notify ignore_pilot_b exceed power_cut pilot drop_frames close_tcp reset_tcp".split()
EMULATION_ONLY = ("drop_frames", "pilot")  # the kernel has the frames, a bench has no pilot


class Fault:
    """do: an action; at + nth (+ times) or after_s: when; the rest: the action's parameters."""

    def __init__(self, do, at=None, nth=1, times=1, after_s=None, **values):
        self.do, self.at, self.nth, self.times, self.after_s = do, at, nth, times, after_s
        self.values = {k: v[1] for k, v in ACTIONS[do][0].items()}
        self.values.update(values)
        self.happened = 0

    def due(self, name, count):
        if self.at != name or count < self.nth:
            return False
        return self.times == 0 or count < self.nth + self.times

    def __str__(self):
        values = " ".join(f"{k}={v}" for k, v in self.values.items())
        when = f"at {self.at} {self.nth}" if self.at else f"after {self.after_s} s"
        return f"{self.do} {values} {when}".replace("  ", " ")


class Faults:
    """The faults of one session; `happened` tells afterwards which took effect."""

    def __init__(self, faults=()):
        self.faults = list(faults)

    def happened(self):
        return [str(f) for f in self.faults if f.happened]

    def missed(self):
        return [str(f) for f in self.faults if not f.happened]

    def step(self, secc, now):
        """Timed faults: after_s seconds after the first loop request."""
        if secc.supply.started is None:
            return
        for fault in self.faults:
            if fault.after_s is not None and not fault.happened:
                if now - secc.supply.started >= fault.after_s * 1000:
                    fault.happened += 1
                    _act(fault, secc, now)

    def before(self, secc, name, now):
        """Faults that change how the request itself is handled (power, notifications)."""
        for fault in self.faults:
            if fault.do in TIMED and fault.due(name, secc.counts[name]):
                fault.happened += 1
                _act(fault, secc, now)

    def answers(self, secc, name, replies, now):
        """[(at, payload type, schema, root, message or bytes)] -> the same, spoilt."""
        for fault in self.faults:
            if fault.do not in TIMED and fault.due(name, secc.counts[name]):
                fault.happened += 1
                replies = _spoil(fault, secc, replies)
        return replies


def _act(fault, secc, now):
    do, values = fault.do, fault.values
    if do == "notify":
        secc.notify(values["notification"], values["delay_s"], now)
    elif do == "ignore_pilot_b":
        secc.supply.ignore_pilot = True
    elif do == "exceed":
        secc.supply.excess_A, secc.supply.excess_V = values["current"], values["voltage"]
    elif do == "power_cut":
        secc.supply.excess_A = 0.0
    elif do in ("close_tcp", "reset_tcp"):
        secc.abort = do == "reset_tcp"
        secc.end(f"scenario: {do}", now)
        secc.close_at = now
    elif secc.hook is not None:
        secc.hook(do, values, now)


def _spoil(fault, secc, replies):
    do, values = fault.do, fault.values
    if do == "withhold":
        return []
    spoilt = []
    for at, payload_type, schema, root, message in replies:
        if do == "delay":
            at += values["ms"]
        elif do == "payload_type":
            payload_type = values["value"]
        elif do == "undecodable":
            message = b"\x80\xff\xff"
        elif do == "type" and isinstance(message, dict):  # not spoilt before
            root = values["message"]
            name = root[:-3]
            payload_type, schema = flow.MESSAGES[name]
            header = {k: v for k, v in message.items() if k == "Header"}
            message = {**header, **FILLER.get(name, {}), "ResponseCode": "OK"}
        elif do == "split":
            secc.split = values["size"]
        elif isinstance(message, dict):
            message = _change(do, values, message)
        spoilt.append((at, payload_type, schema, root, message))
    return spoilt * 2 if do == "duplicate" else spoilt


def _change(do, values, message):
    if do == "code":
        return {**message, "ResponseCode": values["code"]}
    if do == "session_id" and "Header" in message:
        wrong = bytes(b ^ 0xFF for b in message["Header"]["SessionID"])
        return {**message, "Header": {**message["Header"], "SessionID": wrong}}
    if do == "set":
        return _replace(message, values["field"], values["value"])[0]
    return message


def _replace(message, field, value):
    """The field, at whatever depth, set to the number in the form it has; (message, found)."""
    result, found = {}, False
    for key, old in message.items():
        if key == field:
            whole = isinstance(old, dict) and "Exponent" in old
            result[key], found = (rational(value) if whole else type(old)(value)), True
        elif isinstance(old, dict):
            result[key], inside = _replace(old, field, value)
            found = found or inside
        else:
            result[key] = old
    return result, found
