# SPDX-License-Identifier: MIT
"""The on-board charger as AC sessions see it: held to mode and market profile, too."""

from evcc.compat import forget


def of(ems):
    """The charger of `ems.vehicle`, or None."""
    inner = ems.vehicle.charger()
    if inner is None:
        return None
    from evcc import market

    found = Charger(inner, ems, market.bands(ems.params, True))
    market = None
    forget("evcc.market")
    return found


class Charger:
    """`inner`: the vehicle's, see sim_charger.SimCharger. `ems`: whose caps hold. `bands`: (W in
    or None, W out) at most at the AC inlet."""

    def __init__(self, inner, ems, bands):
        self._inner = inner
        self._ems = ems
        self._up, self._down = bands

    @property
    def charge_power(self):
        watts = min(self._inner.charge_power, self._ems.caps()[0])
        return watts if self._up is None else min(watts, self._up)

    @property
    def discharge_power(self):
        watts = min(self._inner.discharge_power, self._ems.caps()[1])
        return min(watts, self._down)

    def set_phases(self, watts):
        """Each phase by itself, at most a third of what is allowed."""
        up, down = self.charge_power / 3, self.discharge_power / 3
        self._inner.set_phases([max(-down, min(up, w)) for w in watts])

    def __getattr__(self, name):
        return getattr(self._inner, name)
