# SPDX-License-Identifier: MIT
"""Choosing the energy service and its parameter set: ISO 15118-20 8.4.3.

Ranked by the settings, never by the order of the station's list: the first of `services` that the
inlet, the station and the market profile allow, and of its sets the one that fits best by
connector, then control mode, then who decides the mobility needs, then prices. The log says why.
GridForming, in which the car becomes a voltage source, needs a row of its own in the market
profile and a vehicle that `forms_grid`, in DC too: only who forms the grid stops the source when
the station falls silent. Unknown parameters are ignored. Value added services are vas.py's.
"""

from evcc.compat import Settings, const, forget, get_logger

IDS = {"AC": 1, "DC": 2, "AC_BPT": 5, "DC_BPT": 6, "MCS": 8, "MCS_BPT": 9}
_MODES = const(("", "Scheduled", "Dynamic"))
_PRICES = const(("none", "absolute", "levels"))

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
    c.control_mode = _MODES[mode] if mode in (1, 2) else ""
    c.mobility_needs_mode = values.get("MobilityNeedsMode", 1)
    c.separated = values.get("BPTChannel") == 2
    c.connector = values.get("Connector", 0)
    c.island = values.get("GeneratorMode") == 2
    pricing = values.get("Pricing", 0)
    c.pricing = _PRICES[pricing] if pricing in (0, 1, 2) else "none"
    return c


_KEPT = const(("name", "id", "set_id", "control_mode", "mobility_needs_mode", "bpt", "separated"))


def kept(c):
    """A choice as a list, to be stored with a paused session."""
    return [getattr(c, name) for name in _KEPT]


def restored(values):
    """The choice that `kept` made the list of."""
    c = Settings()
    for name, value in zip(_KEPT, values):
        setattr(c, name, value)
    return c


def judge(c, params, forms_grid=False):
    """(points, words): how well a choice fits, more is better, and why; negative: not usable."""
    if not c.control_mode:
        return -1, "unknown ControlMode"
    if c.island:
        why = market(params, "GridForming")
        if why is None and not forms_grid:
            why = "GridForming, and the car forms no grid"
        if why:
            return -1, why
    points, words = 0, [c.control_mode]
    if params.connector and c.connector == params.connector:
        points += 8
        words.append("our connector")
    if c.control_mode == params.control_mode:
        points += 4
        words[0] += " as wanted"
    # 2 is for Dynamic only [V2G20-2663]
    needs = params.mobility_needs_mode if c.control_mode == "Dynamic" else 1
    if c.mobility_needs_mode == needs:
        points += 2
        words.append("needs by the " + ("station" if needs == 2 else "car"))
    if params.pricing != "any" and c.pricing == params.pricing:
        points += 1
        words.append("prices: " + c.pricing)
    return points, ", ".join(words)


def market(params, name):
    """Why the market profile does not allow a service, or None."""
    from evcc.market import allowed

    return allowed(params, name)


def value(parameter):
    """The value of a Parameter, whatever flavour of integer the station chose."""
    for key in ("intValue", "shortValue", "byteValue", "boolValue", "finiteString"):
        if key in parameter:
            return parameter[key]
    return None


def best(s, name, response, why):
    """The best usable set of a ServiceDetailRes, or None and a line more in `why`."""
    found, most, words = None, -1, ""
    for row in response["ServiceParameterList"]["ParameterSet"]:
        c = choice(name, row)
        points, text = judge(c, s.params, s.vehicle.forms_grid)
        if points > most:
            found, most, words = c, points, text
        elif points < 0:
            why.append("%s set %d: %s" % (name, c.set_id, text))
    if found:
        log.info("took %s set %d because %s", name, found.set_id, words)
    return found


def select(s):
    """ServiceDiscovery, ServiceDetail, ServiceSelection; returns the choice."""
    params, why = s.params, []
    names = wanted(params)
    refused = [market(params, name) for name in names]
    forget("evcc.market")  # before the answers, which are large
    response = yield from s.ask("ServiceDiscovery", {})
    s.renegotiable = response.get("ServiceRenegotiationSupported", False)
    offered = [e["ServiceID"] for e in response["EnergyTransferServiceList"]["Service"]]
    added = [e["ServiceID"] for e in response.get("VASList", {}).get("Service", ())]
    for name, no in zip(names, refused):
        if IDS[name] not in offered:
            no = "not offered"
        elif protocol(name) != s.protocol:
            no = "not in " + s.protocol
        if no:
            why.append(no if no.startswith(name) else name + ": " + no)
            continue
        response = yield from s.ask("ServiceDetail", {"ServiceID": IDS[name]})
        c = best(s, name, response, why)
        if c is None:
            continue
        for text in why:
            log.info("not %s", text)
        body = {"SelectedEnergyTransferService": {"ServiceID": c.id, "ParameterSetID": c.set_id}}
        if added:
            from evcc.iso20 import vas

            body.update((yield from vas.select(s, added)))
            vas = None
        forget("evcc.market", "evcc.iso20.vas")
        yield from s.ask("ServiceSelection", body)
        if s.parked:
            from evcc.iso20 import parking

            yield from parking.check_in(s)
        return c
    s.end("NO_SERVICE", "station offers %s; %s" % (offered, "; ".join(why)))
