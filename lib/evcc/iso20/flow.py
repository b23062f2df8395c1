# SPDX-License-Identifier: MIT
"""The state chart of an ISO 15118-20 session as the car sees it: which request may follow which.

One line a request: its stream, how long one answer may take, how long the request may be repeated
(the phase; "-" for no limit), what may be sent after a good answer. A second number, behind "/",
is that of `timing_profile` = field. The stories are walked against it by tests; AC, metering and
parking have rows of their own, in ac.py, metering.py and parking.py, so that no other session
carries them. A text, of which one line is read when its request is sent: a table of tuples takes
twice the memory. Times: V2G_EVCC_Msg_Timeout and V2G_EVCC_Ongoing_Timeout tables of ISO 15118-20
8.7; EcoG-io/iso15118 shared/messages/iso15118_20/timeouts.py has the same values.
"""

from evcc import v2gtp

_STREAMS = {"common": v2gtp.MAIN, "dc": v2gtp.DC, "ac": v2gtp.AC}

# request, stream, answer ms, phase s or its setting, followed by
FLOW = (
    "\n"
    # joined to a paused session: straight to the parameters [V2G20-1032]
    "SessionSetup common 2000 - AuthorizationSetup DC_ChargeParameterDiscovery\n"
    "AuthorizationSetup common 2000 - Authorization SessionStop\n"
    # 60 s of the standard is too short for a customer with a card
    "Authorization common 2000 authorization_s Authorization ServiceDiscovery SessionStop\n"
    "ServiceDiscovery common 2000 - ServiceDetail SessionStop\n"
    "ServiceDetail common 5000 - ServiceDetail ServiceSelection SessionStop\n"
    "ServiceSelection common 2000 - DC_ChargeParameterDiscovery SessionStop\n"
    # field: stations ask their backend or power stage before they answer
    "DC_ChargeParameterDiscovery dc 2000/6000 - ScheduleExchange SessionStop\n"
    # PowerDelivery: renegotiation
    "ScheduleExchange common 2000 60 ScheduleExchange DC_CableCheck PowerDelivery SessionStop\n"
    "DC_CableCheck dc 2000 cable_check_s DC_CableCheck DC_PreCharge SessionStop\n"
    # SessionStop is allowed by the book, but EcoG's station refuses it: PowerDelivery(Stop).
    # field: some stations need up to 30 s to ramp (uhi22/ccs32clara ccs/pevStateMachine.cpp)
    "DC_PreCharge dc 2000 precharge_s/30 DC_PreCharge PowerDelivery\n"
    # field: EVerest holds the answer until its contactor has closed, 1.4 to 3 s
    "PowerDelivery common 2000/6000 - "
    "PowerDelivery DC_ChargeLoop DC_WeldingDetection ScheduleExchange SessionStop\n"
    # 500: [V2G20-1500]; field: one lost frame on the power line costs a retransmission time-out
    # DC_PreCharge: at the end of a standby
    "DC_ChargeLoop dc 500/2000 - DC_ChargeLoop PowerDelivery MeteringConfirmation DC_PreCharge\n"
    "DC_WeldingDetection dc 2000 60 DC_WeldingDetection SessionStop\n"
    "SessionStop common 2000 - ServiceDiscovery\n"
)


def row(name, first=""):
    """The row of a request, as of `parse`; those of `first` go before the table's.

    Raises KeyError.
    """
    for table in (first, FLOW):
        at = table.find("\n%s " % name) + 1
        if at:
            return parse(table[at : table.find("\n", at)])
    raise KeyError(name)


def parse(line):
    """(request, V2GTP payload type, answer ms, phase s, answer ms and phase s in the field, what
    may follow with spaces between). A phase is None or a setting's name where it is no number."""
    name, stream, answer, phase, after = line.split(" ", 4)
    ms, _, field_ms = answer.partition("/")
    s, _, field_s = phase.partition("/")
    field_ms = int(field_ms or ms)
    return name, _STREAMS[stream], int(ms), _phase(s), field_ms, _phase(field_s or s), after


def _phase(word):
    return None if word == "-" else int(word) if word.isdigit() else word


def follows(name, first=""):
    """What may be sent after a good answer to `name`, names with spaces between."""
    return row(name, first)[6]
