# SPDX-License-Identifier: MIT
"""Choosing the energy service and its parameter set: ISO 15118-20 8.4.3.

Ranked by the settings, never by the order of the station's list. Value added services are left
alone. Unknown parameters are ignored.
"""

from evcc.compat import Settings, get_logger

IDS = {"AC": 1, "DC": 2, "AC_BPT": 5, "DC_BPT": 6, "MCS": 8, "MCS_BPT": 9}
_MODES = ("", "Scheduled", "Dynamic")

log = get_logger("evcc.iso20")


def wanted(params):
    """Names of the services of the settings that the mated inlet can do, best first."""
    names = [name.strip() for name in params.services.split(",")]
    inlet = params.inlet
    return [n for n in names if n in IDS and (inlet == "any" or n.startswith(inlet))]


def protocol(name):
    """The message set of a service, as sap.PROTOCOLS names it. MCS has that of DC."""
    return "iso20_ac" if name.startswith("AC") else "iso20_dc"


def choice(name, parameter_set):
    """What a parameter set means, as attributes: name, id, set_id, control_mode,
    mobility_needs_mode, bpt, separated (BPTChannel)."""
    values = {p["Name"]: value(p) for p in parameter_set["Parameter"]}
    c = Settings()
    c.name = name
    c.id = IDS[name]
    c.bpt = name.endswith("BPT")
    c.set_id = parameter_set["ParameterSetID"]
    # A set without ControlMode is taken as Scheduled, the mode every station must know.
    mode = values.get("ControlMode", 1)
    if values.get("GeneratorMode") == 2:  # GridForming: nobody allowed this car to be a source
        mode = 0
    c.control_mode = _MODES[mode] if mode in (1, 2) else ""
    c.mobility_needs_mode = values.get("MobilityNeedsMode", 1)
    c.separated = values.get("BPTChannel") == 2
    return c


_KEPT = ("name", "id", "set_id", "control_mode", "mobility_needs_mode", "bpt", "separated")


def kept(c):
    """A choice as a list, to be stored with a paused session."""
    return [getattr(c, name) for name in _KEPT]


def restored(values):
    """The choice that `kept` made the list of."""
    c = Settings()
    for name, value in zip(_KEPT, values):
        setattr(c, name, value)
    return c


def score(c, params):
    """How well a choice fits the settings: higher is better, negative unusable."""
    if not c.control_mode:
        return -1
    points = 4 if c.control_mode == params.control_mode else 0
    if c.control_mode == "Scheduled":
        return points + (1 if c.mobility_needs_mode == 1 else 0)
    return points + (2 if c.mobility_needs_mode == params.mobility_needs_mode else 0)


def value(parameter):
    """The value of a Parameter, whatever flavour of integer the station chose."""
    for key in ("intValue", "shortValue", "byteValue", "boolValue", "finiteString"):
        if key in parameter:
            return parameter[key]
    return None


def select(s):
    """ServiceDiscovery, ServiceDetail, ServiceSelection; returns the choice."""
    response = yield from s.ask("ServiceDiscovery", {})
    s.renegotiable = response.get("ServiceRenegotiationSupported", False)
    offered = [e["ServiceID"] for e in response["EnergyTransferServiceList"]["Service"]]
    for name in wanted(s.params):
        if IDS[name] not in offered or protocol(name) != s.protocol:
            continue
        response = yield from s.ask("ServiceDetail", {"ServiceID": IDS[name]})
        sets = [choice(name, p) for p in response["ServiceParameterList"]["ParameterSet"]]
        best = max(sets, key=lambda c: score(c, s.params))
        if score(best, s.params) < 0:
            continue
        log.info("%s set %d: %s", name, best.set_id, best.control_mode)
        body = {"ServiceID": best.id, "ParameterSetID": best.set_id}
        yield from s.ask("ServiceSelection", {"SelectedEnergyTransferService": body})
        return best
    s.end("NO_SERVICE", "station %s, settings %s" % (offered, s.params.services))
