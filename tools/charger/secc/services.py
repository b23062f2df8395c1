# SPDX-License-Identifier: MIT
"""Services and parameter sets of ISO 15118-20 that the station offers: the names and codes that
cars compare (EVerest/libiso15118 message/common_types.hpp, EcoG-io/iso15118
shared/messages/enums.py). No value-added services, no WPT or ACDP.
"""

from tools.charger.secc.config import SERVICES

_SCHEDULED, _DYNAMIC = 1, 2
_NEEDS_EVCC, _NEEDS_SECC = 1, 2
_PRICE_NONE, _PRICE_ABSOLUTE = 0, 1
_UNIFIED = 1
_GRID_FOLLOWING = 1


class ParameterSet:
    """One ParameterSet: its id, and what the rest of the SECC asks about it."""

    def __init__(self, config, number, kind, name):
        self.number = number
        self.kind = kind  # "Scheduled" "Dynamic1" "Dynamic2"
        self.dynamic = kind != "Scheduled"
        self.secc_needs = kind == "Dynamic2"
        priced = config.prices and not self.dynamic
        self.parameters = {
            "Connector": _connector(config, name),
            "ControlMode": _DYNAMIC if self.dynamic else _SCHEDULED,
            "EVSENominalVoltage": 230 if name.startswith("AC") else round(config.max_voltage_V),
            "MobilityNeedsMode": _NEEDS_SECC if self.secc_needs else _NEEDS_EVCC,
            "Pricing": _PRICE_ABSOLUTE if priced else _PRICE_NONE,
        }
        if name.endswith("_BPT"):
            self.parameters["BPTChannel"] = _UNIFIED
            self.parameters["GeneratorMode"] = _GRID_FOLLOWING

    def message(self):
        return {
            "ParameterSetID": self.number,
            "Parameter": [{"intValue": v, "Name": n} for n, v in self.parameters.items()],
        }


def _connector(config, name):
    """AC: 1 single phase, 3 three phases (EcoG says 2)."""
    if name.startswith("AC"):
        return config.ac_phases
    return config.mcs_connector if name.startswith("MCS") else config.connector


class Service:
    """An energy service by its name in config.SERVICES, with its parameter sets from id 1 up."""

    def __init__(self, config, name):
        self.name = name
        self.number = SERVICES[name]
        self.ac = name.startswith("AC")
        self.bpt = name.endswith("_BPT")
        self.sets = [ParameterSet(config, i + 1, k, name) for i, k in enumerate(config.sets)]

    def set(self, number):
        """The ParameterSet with this id, or None."""
        return next((s for s in self.sets if s.number == number), None)


def offered(config):
    """{service id: Service} in the order of the configuration."""
    return {SERVICES[name]: Service(config, name) for name in config.services}
