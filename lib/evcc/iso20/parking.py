# SPDX-License-Identifier: MIT
"""VehicleCheckIn and VehicleCheckOut of ISO 15118-20 8.3.4.8, for the service ParkingStatus.

The car stands in its place when it plugs in, so both are told as done: checked in after
ServiceSelection, checked out before SessionStop, in line. Public stations know neither message;
order and stream are inferred from the schema. Not here: guidance to the place.
"""

from evcc.compat import const, get_logger

_POLL_MS = const(500)
_METHODS = const(("AutoParking", "AutoParking", "Manual", "Manual"))  # by ParkingStatusType

# as in flow.py
FLOW = (
    "\n"
    "VehicleCheckIn common 2000 60 "
    "VehicleCheckIn DC_ChargeParameterDiscovery AC_ChargeParameterDiscovery SessionStop\n"
    "VehicleCheckOut common 2000 60 VehicleCheckOut SessionStop\n"
)

log = get_logger("evcc.iso20")


def check_in(s):
    """To "Completed"; where the station has us is logged."""
    s.rows = FLOW + s.rows
    body = {"ParkingMethod": _METHODS[s.params.parking_status - 1]}
    for status in ("CheckIn", "Completed"):
        body["EVCheckInStatus"] = status
        response = yield from s.ask("VehicleCheckIn", body)
    log.info("checked in, place %s", response.get("ParkingSpace"))


def check_out(s):
    """To "Completed" on both sides; the phase limit ends the wait for the station."""
    s.rows = FLOW + s.rows
    s.parked = False
    body = {"EVCheckOutStatus": "CheckOut", "CheckOutTime": s.unix()}
    while True:
        response = yield "VehicleCheckOut", body
        if response["EVSECheckOutStatus"] == "Completed":
            break
        body["EVCheckOutStatus"] = "Processing"
        yield _POLL_MS
    if body["EVCheckOutStatus"] != "Completed":
        body["EVCheckOutStatus"] = "Completed"
        yield "VehicleCheckOut", body
    log.info("checked out")
