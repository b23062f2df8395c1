# SPDX-License-Identifier: MIT
"""What an EVCC may send when: the station's own table of ISO 15118-20's message order, and the
stream and schema of each message (V2GTP payload types).

Written from the order of messages as public SECCs enforce it (EVerest/libiso15118
src/iso15118/d20/state/*.cpp, EcoG-io/iso15118 secc/states/iso15118_20_states.py), not from the
EVCC of this project, so that the two check each other. WPT, ACDP and side streams are not in it.
"""

SAP, MAIN, AC, DC = 0x8001, 0x8002, 0x8003, 0x8004

# Sequence timeouts in ms: how long the station waits for the next request.
_ANY = 60000  # V2G_SECC_Sequence_Timeout
_LOOP = 500  # after a ChargeLoopRes ([V2G20-1500]); SeccConfig.loop_timeout_ms replaces it

_STANDBY = "DC_ChargeLoop PowerDelivery(Start) PowerDelivery(Stop) DC_CableCheck DC_PreCharge"

# A state is the request answered last, with its outcome in brackets where that matters. In the
# third column "X" allows X with any argument, "X(Y)" only that one.
FLOW = (
    # after the answer to            ms    the car may send
    ("Connected", _ANY, "supportedAppProtocol"),
    ("supportedAppProtocol", _ANY, "SessionSetup"),
    ("SessionSetup", _ANY, "AuthorizationSetup"),
    ("SessionSetup(Joined)", _ANY, "DC_ChargeParameterDiscovery"),  # [V2G20-1032]
    ("AuthorizationSetup", _ANY, "Authorization SessionStop"),
    ("Authorization(Ongoing)", _ANY, "Authorization SessionStop"),
    ("Authorization(Refused)", _ANY, "Authorization SessionStop"),
    ("Authorization(Finished)", _ANY, "ServiceDiscovery SessionStop"),
    ("ServiceDiscovery", _ANY, "ServiceDetail SessionStop"),
    ("ServiceDetail", _ANY, "ServiceDetail ServiceSelection SessionStop"),
    ("ServiceSelection", _ANY, "DC_ChargeParameterDiscovery VehicleCheckIn SessionStop"),
    ("VehicleCheckIn", _ANY, "VehicleCheckIn DC_ChargeParameterDiscovery SessionStop"),
    ("VehicleCheckOut", _ANY, "VehicleCheckOut SessionStop"),
    ("DC_ChargeParameterDiscovery", _ANY, "ScheduleExchange SessionStop"),
    ("ScheduleExchange(Ongoing)", _ANY, "ScheduleExchange SessionStop"),
    # [V2G20-2122]: Standby before cable check
    ("ScheduleExchange", _ANY, "DC_CableCheck PowerDelivery(Standby) SessionStop"),
    ("ScheduleExchange(GoToPause)", _ANY, "SessionStop(Pause) SessionStop(Terminate)"),
    ("DC_CableCheck(Ongoing)", _ANY, "DC_CableCheck SessionStop"),
    ("DC_CableCheck", _ANY, "DC_PreCharge SessionStop"),
    (
        "DC_PreCharge(Ongoing)",
        _ANY,
        "DC_PreCharge PowerDelivery(Start) PowerDelivery(Stop) SessionStop",
    ),
    ("DC_PreCharge", _ANY, "PowerDelivery(Start) PowerDelivery(Stop) SessionStop"),
    ("PowerDelivery(Ongoing)", _ANY, "PowerDelivery(Start) PowerDelivery(Stop)"),
    ("PowerDelivery(Start)", _ANY, "DC_ChargeLoop PowerDelivery(Stop)"),
    ("PowerDelivery(Standby)", _ANY, _STANDBY),
    ("DC_ChargeLoop(Standby)", _LOOP, _STANDBY),
    (
        "DC_ChargeLoop",
        _LOOP,
        "DC_ChargeLoop PowerDelivery(Stop) PowerDelivery(Standby)"
        " PowerDelivery(ScheduleRenegotiation) MeteringConfirmation",
    ),
    ("MeteringConfirmation", _ANY, "DC_ChargeLoop PowerDelivery(Stop)"),
    ("PowerDelivery(ScheduleRenegotiation)", _ANY, "ScheduleExchange"),
    # a car that wants to stop need not wait for a schedule
    (
        "ScheduleExchange(Renegotiation,Ongoing)",
        _ANY,
        "ScheduleExchange PowerDelivery(Stop)",
    ),
    ("ScheduleExchange(Renegotiation)", _ANY, "PowerDelivery(Start) PowerDelivery(Stop)"),
    ("PowerDelivery(Stop)", _ANY, "DC_WeldingDetection SessionStop"),
    ("DC_WeldingDetection(Ongoing)", _ANY, "DC_WeldingDetection SessionStop"),
    ("DC_WeldingDetection", _ANY, "DC_WeldingDetection SessionStop"),
    ("SessionStop(ServiceRenegotiation)", _ANY, "ServiceDiscovery SessionStop"),
    ("SessionStop", 0, ""),
    ("Ended", 0, ""),  # after an error: nothing is answered any more
)

# Rows that replace those above once an AC service has been selected; no cable check, precharge or
# welding detection there.
_AC_STANDBY = "AC_ChargeLoop PowerDelivery(Start) PowerDelivery(Stop)"
FLOW_AC = (
    ("SessionSetup(Joined)", _ANY, "AC_ChargeParameterDiscovery"),  # [V2G20-1032]
    ("ServiceSelection", _ANY, "AC_ChargeParameterDiscovery VehicleCheckIn SessionStop"),
    ("VehicleCheckIn", _ANY, "VehicleCheckIn AC_ChargeParameterDiscovery SessionStop"),
    ("AC_ChargeParameterDiscovery", _ANY, "ScheduleExchange SessionStop"),
    ("ScheduleExchange", _ANY, "PowerDelivery(Start) PowerDelivery(Standby) SessionStop"),
    ("PowerDelivery(Start)", _ANY, "AC_ChargeLoop PowerDelivery(Stop)"),
    ("PowerDelivery(Standby)", _ANY, _AC_STANDBY),
    ("AC_ChargeLoop(Standby)", _LOOP, _AC_STANDBY),
    (
        "AC_ChargeLoop",
        _LOOP,
        "AC_ChargeLoop PowerDelivery(Stop) PowerDelivery(Standby)"
        " PowerDelivery(ScheduleRenegotiation) MeteringConfirmation",
    ),
    ("MeteringConfirmation", _ANY, "AC_ChargeLoop PowerDelivery(Stop)"),
    ("PowerDelivery(Stop)", _ANY, "SessionStop"),
)

# message (without Req/Res): payload type, schema
MESSAGES = {"supportedAppProtocol": (SAP, "sap")}
for _name in (
    "SessionSetup AuthorizationSetup Authorization CertificateInstallation ServiceDiscovery "
    "ServiceDetail ServiceSelection ScheduleExchange PowerDelivery MeteringConfirmation "
    "SessionStop VehicleCheckIn VehicleCheckOut"
).split():
    MESSAGES[_name] = (MAIN, "iso20_common")
for _name in "ChargeParameterDiscovery CableCheck PreCharge ChargeLoop WeldingDetection".split():
    MESSAGES["DC_" + _name] = (DC, "iso20_dc")
for _name in "ChargeParameterDiscovery ChargeLoop".split():
    MESSAGES["AC_" + _name] = (AC, "iso20_ac")

# Side streams: what may come while the charge loop goes on. Public stations have none.
SIDE = {0x8101: "ScheduleExchange", 0x8102: "MeteringConfirmation"}

SCHEMAS = {SAP: "sap", MAIN: "iso20_common", AC: "iso20_ac", DC: "iso20_dc"}
SCHEMAS.update(dict.fromkeys(SIDE, "iso20_common"))

ALLOWED = {state: tuple(allowed.split()) for state, _, allowed in FLOW}
ALLOWED_AC = {**ALLOWED, **{state: tuple(words.split()) for state, _, words in FLOW_AC}}
TIMEOUT_MS = {state: ms for state, ms, _ in FLOW + FLOW_AC}


def label(name, request):
    """The request as the table writes it: PowerDelivery(Start), SessionStop(Pause), or plain."""
    argument = request.get("ChargeProgress") or request.get("ChargingSession")
    return f"{name}({argument})" if argument else name


def allowed(state, name, request, ac=False, known_schedule=False):
    """May `name` be sent in `state`? The state's own row decides; what is not there is refused.

    known_schedule: a side stream has brought the new one already."""
    words = (ALLOWED_AC if ac else ALLOWED)[state]
    if state == "PowerDelivery(ScheduleRenegotiation)" and known_schedule:
        return label(name, request) in ("PowerDelivery(Start)", "PowerDelivery(Stop)")
    if name == "VehicleCheckOut":  # whenever a car that is checked in may stop
        name, request = "SessionStop", {}
    return name in words or label(name, request) in words
