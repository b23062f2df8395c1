# SPDX-License-Identifier: MIT
"""Value-added services of ISO 15118-20, station's side: Internet and ParkingStatus are offered as
settings say, a car that selects ParkingStatus has to check in and out.

When the messages come is not told by public stations; here: check-in between ServiceSelection and
the charge parameters, check-out before SessionStop(Terminate).
"""


class Refuse(Exception):
    """The answer to this request is `code` (FAILED_*); `why` goes to the log and the judge."""

    def __init__(self, code, why):
        super().__init__(why)
        self.code, self.why = code, why


INTERNET, PARKING = 65, 66
_PORTS = ((1, "ftp", 20), (2, "ftp", 21), (3, "http", 80), (4, "https", 443))
_CHECK_IN, _CHECK_OUT = 1, 2


class Set:
    """A parameter set with values as the schema wants them."""

    def __init__(self, number, *values):
        self.number, self.values = number, values

    def message(self):
        rows = [
            {"finiteString" if isinstance(value, str) else "intValue": value, "Name": name}
            for name, value in self.values
        ]
        return {"ParameterSetID": self.number, "Parameter": rows}


class Added:
    """A value-added service by its id."""

    def __init__(self, number):
        self.number = number
        if number == INTERNET:
            self.sets = [Set(n, ("Protocol", word), ("Port", port)) for n, word, port in _PORTS]
        else:
            kinds = [
                (intended, kind) for intended in (_CHECK_IN, _CHECK_OUT) for kind in range(1, 5)
            ]
            self.sets = [
                Set(i + 1, ("IntendedService", intended), ("ParkingStatusType", kind))
                for i, (intended, kind) in enumerate(kinds)
            ]


def offered(config):
    """{service id: Added} of the settings."""
    ids = {"Internet": INTERNET, "ParkingStatus": PARKING}
    return {ids[name]: Added(ids[name]) for name in config.vas}


def choose(secc, request):
    """SelectedVASList: only what was offered, with a set of its own."""
    services = offered(secc.config)
    secc.added = {}
    for row in request.get("SelectedVASList", {}).get("SelectedService", ()):
        service = services.get(row["ServiceID"])
        if service is None or row["ParameterSetID"] not in [s.number for s in service.sets]:
            why = f"service {row['ServiceID']} set {row['ParameterSetID']} is not offered"
            raise Refuse("FAILED_ServiceSelectionInvalid", why)
        if row["ServiceID"] not in secc.detailed:
            secc.blame("order", f"service {row['ServiceID']} without its detail", secc.now)
        secc.added[row["ServiceID"]] = row["ParameterSetID"]


def check_in(secc, request, now):
    if PARKING not in secc.added:
        raise Refuse("FAILED_SequenceError", "VehicleCheckInReq, and no ParkingStatus selected")
    secc.checked = request["EVCheckInStatus"]
    return "VehicleCheckIn", {"ParkingSpace": 7}


def check_out(secc, request, now):
    if PARKING not in secc.added:
        raise Refuse("FAILED_SequenceError", "VehicleCheckOutReq, and no ParkingStatus selected")
    late = request["EVCheckOutStatus"] != "CheckOut"
    secc.checked = "out" if late else "leaving"
    return "VehicleCheckOut", {"EVSECheckOutStatus": "Completed" if late else "Scheduled"}


HANDLERS = {"VehicleCheckIn": check_in, "VehicleCheckOut": check_out}
