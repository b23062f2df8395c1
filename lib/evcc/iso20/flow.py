# SPDX-License-Identifier: MIT
"""The state chart of an ISO 15118-20 session as the car sees it: which request may follow which.

One row a request: its stream, how long one answer may take, how long the request may be repeated
(the phase; seconds or a setting's name), both again for `timing_profile` = field, and what may be
sent after a good answer. The stories are walked against it by tests; AC, metering and parking
have rows of their own, in ac.py, metering.py and parking.py, so that no other session carries
them. Times: V2G_EVCC_Msg_Timeout and V2G_EVCC_Ongoing_Timeout tables of ISO 15118-20 8.7;
EcoG-io/iso15118 shared/messages/iso15118_20/timeouts.py has the same values.
"""

from evcc import v2gtp

_MAIN = v2gtp.MAIN
_DC = v2gtp.DC

FLOW = (
    # request, stream, answer ms, phase s (or setting), field answer ms, field phase s, followed by
    # joined to a paused session: straight to the parameters [V2G20-1032]
    (
        "SessionSetup",
        _MAIN,
        2000,
        None,
        2000,
        None,
        "AuthorizationSetup DC_ChargeParameterDiscovery",
    ),
    ("AuthorizationSetup", _MAIN, 2000, None, 2000, None, "Authorization SessionStop"),
    (
        "Authorization",
        _MAIN,
        2000,
        "authorization_s",  # 60 s of the standard is too short for a customer with a card
        2000,
        "authorization_s",
        "Authorization ServiceDiscovery SessionStop",
    ),
    ("ServiceDiscovery", _MAIN, 2000, None, 2000, None, "ServiceDetail SessionStop"),
    (
        "ServiceDetail",
        _MAIN,
        5000,
        None,
        5000,
        None,
        "ServiceDetail ServiceSelection SessionStop",
    ),
    (
        "ServiceSelection",
        _MAIN,
        2000,
        None,
        2000,
        None,
        "DC_ChargeParameterDiscovery SessionStop",
    ),
    # field: stations ask their backend or power stage before they answer
    ("DC_ChargeParameterDiscovery", _DC, 2000, None, 6000, None, "ScheduleExchange SessionStop"),
    (
        "ScheduleExchange",
        _MAIN,
        2000,
        60,
        2000,
        60,
        "ScheduleExchange DC_CableCheck PowerDelivery SessionStop",  # the third: renegotiation
    ),
    (
        "DC_CableCheck",
        _DC,
        2000,
        "cable_check_s",
        2000,
        "cable_check_s",
        "DC_CableCheck DC_PreCharge SessionStop",
    ),
    # SessionStop is allowed by the book, but EcoG's station refuses it: PowerDelivery(Stop).
    # field: some stations need up to 30 s to ramp (uhi22/ccs32clara ccs/pevStateMachine.cpp)
    ("DC_PreCharge", _DC, 2000, "precharge_s", 2000, 30, "DC_PreCharge PowerDelivery"),
    # field: EVerest holds the answer until its contactor has closed, 1.4 to 3 s
    (
        "PowerDelivery",
        _MAIN,
        2000,
        None,
        6000,
        None,
        "PowerDelivery DC_ChargeLoop DC_WeldingDetection ScheduleExchange SessionStop",
    ),
    # 500: [V2G20-1500]; field: one lost frame on the power line costs a retransmission time-out
    # DC_PreCharge: at the end of a standby
    (
        "DC_ChargeLoop",
        _DC,
        500,
        None,
        2000,
        None,
        "DC_ChargeLoop PowerDelivery MeteringConfirmation DC_PreCharge",
    ),
    ("DC_WeldingDetection", _DC, 2000, 60, 2000, 60, "DC_WeldingDetection SessionStop"),
    ("SessionStop", _MAIN, 2000, None, 2000, None, "ServiceDiscovery"),
)


def row(name, first=()):
    """The row of a request; those of `first` go before the table's. Raises KeyError."""
    for table in (first, FLOW):
        for entry in table:
            if entry[0] == name:
                return entry
    raise KeyError(name)


def follows(name, first=()):
    """What may be sent after a good answer to `name`, names with spaces between."""
    return row(name, first)[6]
