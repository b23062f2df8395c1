# SPDX-License-Identifier: MIT
"""Value added services of ISO 15118-20 8.4.3.3: Internet and ParkingStatus.

What a station offers is logged; setting `vas` names what is taken. Internet: the set of the port
wanted; the connection itself is not this stack's. ParkingStatus: the set of our check-in, see
parking.py. Loaded when a station offers any.
"""

from evcc.compat import get_logger
from evcc.iso20.service import value

IDS = {"Internet": 65, "ParkingStatus": 66}

log = get_logger("evcc.iso20")


def select(s, offered):
    """ServiceDetail for each that is wanted; returns what ServiceSelectionReq gets more."""
    names = dict([(number, name) for name, number in IDS.items()])
    log.info("value added: %s", ", ".join([names.get(n, str(n)) for n in offered]))
    rows = []
    for name in s.params.vas.split(","):
        name = name.strip()
        if IDS.get(name) not in offered:
            continue
        response = yield from s.ask("ServiceDetail", {"ServiceID": IDS[name]})
        number = _set(s, name, response["ServiceParameterList"]["ParameterSet"])
        if number is None:
            log.info("not %s: no set fits", name)
            continue
        log.info("took %s set %d", name, number)
        rows.append({"ServiceID": IDS[name], "ParameterSetID": number})
        s.parked = s.parked or name == "ParkingStatus"
    return {"SelectedVASList": {"SelectedService": rows}} if rows else {}


def _set(s, name, sets):
    """ParameterSetID that the settings want, or None."""
    for row in sets:
        values = dict([(p["Name"], value(p)) for p in row["Parameter"]])
        if name == "Internet" and values.get("Port") == s.params.internet_port:
            return row["ParameterSetID"]
        if name == "ParkingStatus" and values.get("IntendedService", 1) == 1:
            if values.get("ParkingStatusType", 0) in (0, s.params.parking_status):
                return row["ParameterSetID"]
    return None
