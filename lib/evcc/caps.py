# SPDX-License-Identifier: MIT
"""Limits that a person lowered at the REPL, in front of a vehicle's own; they end at power-off."""

from evcc.compat import const
from evcc.vehicle import Limits

_NAMES = const(
    "charge_power charge_current discharge_power discharge_current min_charge_power "
    "min_charge_current min_discharge_power min_discharge_current max_voltage min_voltage"
)


class Caps:
    """Stands for a vehicle's `limits` method. `caps`: name -> most, None for no cap."""

    def __init__(self, limits):
        self._limits = limits
        self._lowered = Limits()
        self.caps = {}

    def __call__(self):
        source, lowered = self._limits(), self._lowered
        for name in _NAMES.split():
            value = getattr(source, name)
            cap = self.caps.get(name)
            setattr(lowered, name, value if cap is None else min(value, cap))
        return lowered
