# SPDX-License-Identifier: MIT
"""Another mode of energy management: loads and drops what it needs. See evcc.ems.Ems.set_mode."""

from evcc.compat import forget


def part(ems, mode):
    """Who answers for the vehicle from now on. Raises SettingsError for an unknown mode."""
    from evcc.params import change

    change(ems.params, "ems_mode", mode)
    vehicle, was = ems.vehicle, ems._part
    if mode == "off":
        vehicle.stays = False
        forget("evcc.ems.manager", "evcc.ems.permit", "evcc.ems.hours")
        return vehicle
    if was is not vehicle:
        was.mode_changed()
        return was
    from evcc.ems.manager import Manager

    return Manager(vehicle, ems.params, ems.unix, ems.store, ems.charger)
