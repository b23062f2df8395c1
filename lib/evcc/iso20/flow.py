# SPDX-License-Identifier: MIT
"""The state chart of an ISO 15118-20 session as the car sees it: which request may follow which.

One row a request: its stream, how long one answer may take, how long the request may be repeated
(the phase; a setting's name or milliseconds), and what may be sent after a good answer. The
stories in session.py and dc.py are walked against it by tests. Times: V2G_EVCC_Msg_Timeout and
V2G_EVCC_Ongoing_Timeout tables of ISO 15118-20 8.7; EcoG-io/iso15118
shared/messages/iso15118_20/timeouts.py has the same values.
"""

from evcc import v2gtp

_MAIN = v2gtp.MAIN
_DC = v2gtp.DC

FLOW = (
    # request, stream, answer ms or setting, phase ms or setting (s), may be followed by
    ("SessionSetup", _MAIN, 2000, None, "AuthorizationSetup"),
    ("AuthorizationSetup", _MAIN, 2000, None, "Authorization SessionStop"),
    (
        "Authorization",
        _MAIN,
        2000,
        "authorization_s",
        "Authorization ServiceDiscovery SessionStop",
    ),
    ("ServiceDiscovery", _MAIN, 2000, None, "ServiceDetail SessionStop"),
    ("ServiceDetail", _MAIN, 5000, None, "ServiceDetail ServiceSelection SessionStop"),
    ("ServiceSelection", _MAIN, 2000, None, "DC_ChargeParameterDiscovery SessionStop"),
    ("DC_ChargeParameterDiscovery", _DC, 2000, None, "ScheduleExchange SessionStop"),
    ("ScheduleExchange", _MAIN, 2000, 60000, "ScheduleExchange DC_CableCheck SessionStop"),
    ("DC_CableCheck", _DC, 2000, "cable_check_s", "DC_CableCheck DC_PreCharge SessionStop"),
    # SessionStop is allowed by the book, but EcoG's station refuses it: PowerDelivery(Stop)
    ("DC_PreCharge", _DC, 2000, "precharge_s", "DC_PreCharge PowerDelivery"),
    (
        "PowerDelivery",
        _MAIN,
        2000,
        None,
        "PowerDelivery DC_ChargeLoop DC_WeldingDetection SessionStop",
    ),
    ("DC_ChargeLoop", _DC, "loop_answer_ms", None, "DC_ChargeLoop PowerDelivery"),
    ("DC_WeldingDetection", _DC, 2000, 60000, "DC_WeldingDetection SessionStop"),
    ("SessionStop", _MAIN, 2000, None, ""),
)


def row(name):
    """The row of a request. Raises KeyError."""
    for entry in FLOW:
        if entry[0] == name:
            return entry
    raise KeyError(name)
