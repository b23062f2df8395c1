# SPDX-License-Identifier: MIT
"""Is the board wired and ready? Rows (what, verdict, text) for a person; at rest only.

Verdicts: "good", "not wired", "wrong". What can only be told while something happens (current,
a contactor that moves) is not tried: nothing is switched here.
"""

from evcc import ports
from evcc.compat import const, free, parse_mac

_HEAP = const(100 * 1024)


def rows(device):
    """Generator of the table's rows."""
    parts, settings = device.parts, device.settings
    raw = ports.new()
    parts.board.sample(raw)
    for test in (
        lambda: modem(parts, settings),
        lambda: pins(device.module, parts),
        lambda: pilot(raw),
        lambda: sensors(raw),
        lambda: can(parts),
        lambda: card(device),
        lambda: keys(device.root + settings.pki_dir, settings),
        heap,
        lambda: clock(parts),
        lambda: configuration(device),
    ):
        try:
            yield test()
        except Exception as error:
            yield "?", "wrong", "the test itself failed: %r" % error


def modem(parts, settings):
    if not hasattr(parts.port, "signature"):
        return "modem", "good" if parts.port.ready else "not wired", "no QCA7000: a raw link"
    from drivers.qca7000_selftest import selftest

    verdict, text = selftest(parts.port, parts.clock, parse_mac(settings.mac))
    if verdict == "wiring":
        verdict = "not wired"
    return "modem", verdict if verdict in ("good", "not wired") else "wrong", text


def pins(module, parts):
    seen, twice = {}, []
    for name in module.PINS:
        pin = module.PINS[name]
        if pin in seen:
            twice.append("%s and %s" % (seen[pin], name))
        seen[pin] = name
    if twice:
        return "pins", "wrong", "one pin for " + ", ".join(twice)
    irq = getattr(parts.port, "irq", None)
    return "pins", "good", "%d pins%s" % (len(seen), "" if irq else ", no interrupt line")


def pilot(raw):
    state = chr(raw[ports.CP])
    duty = raw[ports.DUTY]
    if state == "A":
        return "pilot", "good", "A: nothing plugged in"
    if duty == ports.NONE:
        return "pilot", "wrong", "state %s without an oscillator" % state
    return "pilot", "good" if state in "BCD" else "wrong", "%s, %g %%" % (state, duty / 10)


def sensors(raw):
    names = (
        (ports.INLET_mV, "inlet voltage"),
        (ports.INLET_mA, "inlet current"),
        (ports.FEEDBACK, "contactor feedback"),
        (ports.LOCKED, "lock feedback"),
        (ports.HOTTEST_dC, "inlet temperature"),
    )
    absent = [name for index, name in names if raw[index] == ports.NONE]
    if raw[ports.FEEDBACK] == 1:
        return "sensors", "wrong", "a contactor is closed without being told to"
    volts = raw[ports.INLET_mV]
    if volts != ports.NONE and volts > 60000:
        return "sensors", "wrong", "%d V at the inlet" % (volts // 1000)
    if absent:
        return "sensors", "not wired", ", ".join(absent)
    return "sensors", "good", "%g V, %g C" % (volts / 1000, raw[ports.HOTTEST_dC] / 10)


def can(parts):
    if parts.can is None:
        return "CAN", "not wired", "this board has no bus to the vehicle"
    errors = getattr(parts.can, "bus_errors", None)
    return "CAN", "good", "a bus is there%s" % ("" if errors is None else ", %d errors" % errors)


def card(device):
    if getattr(device.settings, "sd_card", "none") == "none":
        return "card", "not wired", "sd_card is none: the log goes to flash"
    if device.card is None:
        return "card", "not wired", "no SD_CS here, or no code for it"
    from evcc import log_card

    verdict, text = log_card.row(device)
    return "card", verdict, text


def keys(folder, settings):
    if not settings.sdp_tls:
        return "keys", "not wired", "TLS is off"
    from evcc.pki import CertificateError
    from evcc.pki.store import Identity, roots

    try:
        anchors = roots(folder)
        if not anchors:
            return "keys", "wrong", "no root in %s/v2g_root" % folder
        identity = Identity(folder)
    except CertificateError as error:
        return "keys", "wrong", str(error)
    return "keys", "good", "%d roots, a %s key" % (len(anchors), identity.kind)


def heap():
    have = free()
    if have is None:
        return "heap", "good", "as much as this machine has"
    return "heap", "good" if have >= _HEAP else "wrong", "%d kB free" % (have // 1024)


def clock(parts):
    if parts.unix is None:
        return "clock", "not wired", "no time of day: certificates are not checked against it"
    return "clock", "good" if parts.unix > 1700000000 else "wrong", "Unix time %d" % parts.unix


def configuration(device):
    return "settings", "wrong" if device.refused else "good", device.refused or "accepted"
