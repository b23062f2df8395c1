# SPDX-License-Identifier: MIT
"""The inlet's voltage around contactors that move: precharge before, welding detection after
(ISO 15118-20 8.4.4).

Our own sensor judges in both; what the station says of its voltage is noted for the vehicle.
"""

from evcc.compat import const
from evcc.iso20.session import Stop
from evcc.iso20.units import number, rational
from evcc.reasons import V2GError

_PRECHARGE_MS = const(100)
_TOUCH_V = const(60.0)


def run(s):
    """Bring the inlet to the pack's voltage; the last request says Finished."""
    s.vehicle.notify("precharge")
    body = {
        "EVProcessing": "Ongoing",
        "EVPresentVoltage": {},
        "EVTargetVoltage": {},
    }
    while True:
        inlet = s.safety.inlet_voltage()
        pack = s.vehicle.measured().pack_voltage
        if inlet is None or pack is None:
            raise V2GError("NO_INLET_SENSOR")
        # Half the tolerance: what is left is for the time until the contactors have closed.
        if abs(inlet - pack) <= s.params.precharge_tolerance_V / 2:
            body["EVProcessing"] = "Finished"
        rational(inlet, body["EVPresentVoltage"])
        rational(pack, body["EVTargetVoltage"])
        response = yield from s.ask("DC_PreCharge", body)
        s.evse["voltage"] = number(response["EVSEPresentVoltage"])
        if s.stop:
            raise Stop
        if body["EVProcessing"] == "Finished":
            return
        yield _PRECHARGE_MS


def welding(s):
    """Watch the inlet lose its voltage after the contactors have opened."""
    body = {"EVProcessing": "Ongoing"}
    for _ in range(s.params.welding_rounds):
        response = yield "DC_WeldingDetection", body
        s.evse["voltage"] = number(response["EVSEPresentVoltage"])
        inlet = s.safety.inlet_voltage()
        if inlet is not None and inlet < _TOUCH_V:
            body["EVProcessing"] = "Finished"
            yield "DC_WeldingDetection", body
            return
        yield 500
    s.safety.suspect_weld()
