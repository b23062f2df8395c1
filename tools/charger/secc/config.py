# SPDX-License-Identifier: MIT
"""Settings of the simulated SECC: one table with type, default, range and meaning.

The names serve the command line, the scenario file's [station] table and the tests. Nothing of
ISO 15118-20 is decided here; ratings and waiting times are the operator's.
"""

SERVICES = {"AC": 1, "DC": 2, "AC_BPT": 5, "DC_BPT": 6, "MCS": 8, "MCS_BPT": 9}
SETS = ("Scheduled", "Dynamic1", "Dynamic2")

# name, default, allowed (min, max) or tuple of choices, meaning
TABLE = (
    ("evse_id", "DE*UEV*E000001", None, "EVSEID of SessionSetupRes"),
    ("services", ["DC_BPT", "DC"], tuple(SERVICES), "energy services offered, in this order"),
    ("sets", list(SETS), SETS, "parameter sets offered, in this order (1 and 2: who needs)"),
    ("vas", [], ("Internet", "ParkingStatus"), "value-added services offered"),
    ("connector", 2, (1, 4), "Connector of DC: 1 Core, 2 Extended, 3 Dual2, 4 Dual4"),
    ("mcs_connector", 1, (1, 7), "Connector of MCS: 1 MCS, 2 ChaoJi, 3 Ultra-ChaoJi, 4 rMCS .."),
    ("prices", True, None, "absolute price schedule in the Scheduled mode"),
    ("max_voltage_V", 920.0, (60, 1500), "EVSEMaximumVoltage"),
    ("min_voltage_V", 150.0, (0, 1500), "EVSEMinimumVoltage"),
    ("max_current_A", 125.0, (0, 3000), "EVSEMaximumChargeCurrent"),
    ("min_current_A", 0.0, (0, 3000), "EVSEMinimumChargeCurrent"),
    ("max_power_W", 50000.0, (0, 3750000), "EVSEMaximumChargePower"),
    ("min_power_W", 0.0, (0, 3750000), "EVSEMinimumChargePower"),
    ("max_discharge_current_A", 50.0, (0, 3000), "EVSEMaximumDischargeCurrent"),
    ("max_discharge_power_W", 20000.0, (0, 3750000), "EVSEMaximumDischargePower"),
    ("ac_phases", 3, (1, 3), "phases of an AC outlet: 3 = powers are named for L1, L2, L3"),
    ("ac_power_W", 22000.0, (0, 500000), "EVSEMaximumChargePower of AC, over all phases"),
    ("ac_discharge_power_W", 11000.0, (0, 500000), "EVSEMaximumDischargePower of AC"),
    ("departure_s", 28800, (0, 604800), "DepartureTime that the station sets (Dynamic2)"),
    ("target_soc", 80, (0, 100), "TargetSOC that the station sets (Dynamic2)"),
    ("minimum_soc", 30, (0, 100), "MinimumSOC that the station sets (Dynamic2)"),
    ("authorization", "accept", ("accept", "refuse"), "answer to the authorization"),
    ("authorization_ms", 400, (0, 600000), "time until authorization is Finished"),
    ("schedule_ms", 200, (0, 600000), "time until the schedule is Finished"),
    ("cable_check_ms", 2000, (0, 600000), "time the isolation check takes"),
    ("cable_check_V", 500.0, (0, 1500), "voltage of the isolation check (limited by both sides)"),
    ("precharge_A", 2.0, (0.1, 20), "current limit during precharge"),
    ("precharge_tolerance_V", 20.0, (1, 100), "PowerDelivery(Start) needs the outlet this near"),
    ("response_ms", 10, (0, 60000), "time the station takes for an answer"),
    ("loop_timeout_ms", 500, (100, 60000), "DC_ChargeLoopReq later than this ends the session"),
    ("loop_rhythm_ms", 250, (50, 60000), "DC_ChargeLoopReq later than this is counted"),
    ("notice_ms", 5000, (0, 600000), "grace on top of NotificationMaxDelay"),
    ("close_ms", 5000, (0, 5000), "TCP is closed by the station this long after SessionStopRes"),
    ("pause", True, None, "SessionStop(Pause) allowed"),
    ("go_to_pause", False, None, "GoToPause in the first ScheduleExchangeRes"),
    ("service_renegotiation", True, None, "ServiceRenegotiationSupported"),
    ("schedule_renegotiation", True, None, "else WARNING_ScheduleRenegotiationFailed"),
    ("standby", False, None, "PowerDelivery(Standby) allowed"),
    ("side_streams", True, None, "schedule and metering also beside the charge loop"),
    ("meter_id", "UEVCC-SIM-1", None, "MeterID"),
    (
        "sdp_security",
        "as asked",
        ("as asked", "none", "tls"),
        "security byte of the SDP answer (as asked: none without TLS)",
    ),
)


class SeccConfig:
    """All settings as attributes. Unknown names or values out of range raise ValueError."""

    def __init__(self, **settings):
        for name, default, _, _ in TABLE:
            setattr(self, name, list(default) if isinstance(default, list) else default)
        for name, value in settings.items():
            self.set(name, value)

    def set(self, name, value):
        row = next((row for row in TABLE if row[0] == name), None)
        if row is None:
            raise ValueError(f"unknown setting {name!r}; known: {', '.join(r[0] for r in TABLE)}")
        setattr(self, name, check(value, row))


def check(value, row):
    """The value in the type of the table row's default; ValueError says what is allowed."""
    name, default, limits, _ = row
    if isinstance(default, list):
        values = value.split(",") if isinstance(value, str) else value
        wrong = [v for v in values if v not in limits] if isinstance(values, list) else [value]
        if wrong or not values:
            raise ValueError(f"{name}: {wrong or 'empty'}; allowed: {', '.join(limits)}")
        return list(values)
    if isinstance(default, bool) or isinstance(default, str):
        if type(value) is not type(default):
            raise ValueError(f"{name}: {value!r} is not a {type(default).__name__}")
        if isinstance(limits, tuple) and value not in limits:
            raise ValueError(f"{name}: {value!r}; allowed: {', '.join(limits)}")
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{name}: {value!r} is not a number")
    if not limits[0] <= value <= limits[1]:
        raise ValueError(f"{name}: {value} is outside {limits[0]}..{limits[1]}")
    return type(default)(value)
