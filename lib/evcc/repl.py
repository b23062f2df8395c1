# SPDX-License-Identifier: MIT
"""For a person at a terminal: look, stop, pause, measure, bench. Works while a session runs.

    >>> from evcc.repl import *
    >>> status()

At the console beside a running session (evcc.console) the same names are the commands. Each
returns a text or an object that shows as one. Loaded with the first command; nothing here is
needed to charge, and nothing here switches an output: it asks controller and device.
"""

from evcc import device as _device
from evcc.compat import const, forget, free

COMMANDS = ("status", "selftest", "start", "stop", "pause", "last", "trace", "limits", "bench")
_LIMITS = const("charge_power charge_current discharge_power discharge_current max_voltage")


class Text:
    """A text that the REPL shows as it is, without quotes."""

    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return self.text

    __str__ = __repr__


def _now():
    d = _device.current
    if d is None:
        raise RuntimeError("no device: start() boots it")
    return d


def _controller():
    d = _now()
    if d.controller is None:
        raise RuntimeError("it does not charge: %s" % d.refused)
    return d.controller


def gate():
    """Raises RuntimeError unless flashing, copying and writing keys harm nobody now."""
    d = _device.current
    if d is None or d.controller is None:
        return
    if not d.at_rest():
        raise RuntimeError("plugged in or contactors closed: draw the plug first")


def status():
    """State, measured values, result and what is special about this boot."""
    from evcc import __version__

    d = _now()
    c = d.controller
    if not d.running:
        d.rare("sample")
    lines = ["uEVCC %s on %s" % (__version__, d.module.NAME)]
    if c:
        lines += _of_session(c)
    else:
        lines.append("does not charge: %s" % d.refused)
    lines += d.notes
    if d.card is not None:
        lost = "" if d.card in ("", "good") else "; the log goes to flash"
        lines.append("card: %s%s" % (d.card or "not looked at yet", lost))
    if free():
        lines.append("heap: %d kB free" % (free() // 1024))
    return Text("\n".join(lines))


def _of_session(c):
    from evcc import ports

    raw, session = c.board.raw, c.session
    message = session.state if session and c.result is None else ""
    yield "state: %s %s" % (c.state, message)
    if c.result:
        from evcc.reason_texts import text

        yield "result: %s %s" % (c.result, c.detail)
        yield text(c.result)
        forget("evcc.reason_texts")

    def number(index, divisor, unit):
        value = raw[index]
        return "no sensor" if value == ports.NONE else "%g %s" % (value / divisor, unit)

    def word(index, *words):
        return words[raw[index]] if raw[index] in (0, 1) else "unknown"

    yield "pilot: %s, duty %s" % (chr(raw[ports.CP]), number(ports.DUTY, 10, "%"))
    yield "inlet: %s, %s, hottest %s" % (
        number(ports.INLET_mV, 1000, "V"),
        number(ports.INLET_mA, 1000, "A"),
        number(ports.HOTTEST_dC, 10, "C"),
    )
    yield "contactors: %s, connector %s" % (
        word(ports.FEEDBACK, "open", "closed"),
        word(ports.LOCKED, "free", "locked"),
    )
    m = c.vehicle.measured()
    volts = m.pack_voltage
    yield "battery: %.1f %%, %s V" % (m.soc, None if volts is None else int(volts))
    if session:
        yield "energy: %.0f Wh charged, %.0f Wh given back, %d loops" % (
            session.charged,
            session.discharged,
            session.loops,
        )
    yield "modem: %s" % ("ready" if c.port.ready else "not ready")


def selftest():
    """A table: modem, pins, pilot, CAN, card, keys, heap, clock; each good, not wired, wrong."""
    gate()
    from evcc.selftest import rows

    found = ["%-8s %-10s %s" % row for row in rows(_now())]
    forget("evcc.selftest", "evcc.pki", "evcc.log_card", "drivers.qca7000_selftest")
    return Text("\n".join(found))


def start():
    """After pause(): go on. At the REPL: run the device again, until Ctrl-C at rest."""
    d = _device.current
    if d is None:
        import uevcc_board

        uevcc_board.safe()
        return _device.main(uevcc_board)
    if not d.running:
        return _device.go(d)
    c = _controller()
    if c.state == "paused":
        c.resume()
        return "going on"
    if c.state == "unplugged":
        return "it starts by itself when the connector is plugged in"
    return "one session a plug-in: draw the plug and plug in again" if c.result else "it runs"


def stop():
    """End charging in order, by the shortest path that the standard allows."""
    c = _controller()
    if c.at_rest or c.state == "finished":  # plugged in, a session is to come at least
        return "no session"
    c.stop()
    return "stopping"


def pause():
    """End the session so that start() takes it up again, where the station can."""
    c = _controller()
    if c.session is None or c.result is not None:
        return "no session"
    return "pausing" if c.pause() else "nothing to pause yet"


def last():
    """The last message in clear, once somebody has asked before; ids are masked."""
    trace = _now().trace
    if trace is None:
        return "no log: log_kB is 0"
    if not trace.keep:
        trace.keep = True
        return "messages are kept from now on: ask again"
    if trace.last is None:
        return "no message yet"
    out, name, body = trace.last
    body = dict(body)
    for key in ("EVCCID", "eMAID", "EMAID"):
        if key in body:
            body[key] = "***"
    return Text("%s %s %s" % ("->" if out else "<-", name, body))


def trace(path=None, ids=False):
    """Write the log of the last session as pcapng; returns its path. `ids`: not masked.

    While contactors are closed nothing is written (flash stops the processor): the file of the
    session comes by itself at its end.
    """
    d = _now()
    if d.trace is None:
        return "no log: log_kB is 0"
    if d.controller and not d.controller.released:
        return "not while contactors are closed; it is written at the end to " + d.log_at
    if path == d.log_at:
        path = None
    c = d.controller
    # The file of an ended session is there; a ring without a session has nothing to say.
    if c and (c.sessions or c.state != "unplugged") and (path or ids or not d.saved):
        if not d.rare("save_log", path, ids):
            return "could not be written: " + (path or d.log_path())
    if path is None and d.log_at != d.log_path() and not d.running:
        if not d.mounted:
            d.rare("card", "show")
        if not d.mounted:
            return "on the card, but: " + d.card
    return path or d.log_at


def limits(**caps):
    """Lower what the battery allows, until power-off: limits(charge_current=16). None lifts it.

    Names: charge_power and discharge_power in W, charge_current and discharge_current in A,
    max_voltage in V. Never more than the vehicle itself allows.
    """
    from evcc.caps import Caps

    c = _controller()
    vehicle = c.vehicle
    if caps:
        for name, most in caps.items():
            if name not in _LIMITS.split():
                raise ValueError("there are: " + _LIMITS)
            if most is not None and not most >= 0:
                raise ValueError("%s: not below 0" % name)
        if not isinstance(vehicle.limits, Caps):
            vehicle.limits = Caps(vehicle.limits)
        vehicle.limits.caps.update(caps)
    now = vehicle.limits()
    return Text("\n".join(["%s %g" % (name, getattr(now, name)) for name in _LIMITS.split()]))


def bench(vehicle=None, tls=None, key_log=None, profile=None, volts=230, amps=1):
    """Bench settings until power-off, at rest only: bench("sim"), bench("bulb", volts=230).

    `vehicle`: "sim" a battery model, "bulb" a light bulb of about `volts` and `amps` as load.
    `tls`: False goes without; `key_log`: secrets of TLS into the log; `profile`: "bench".
    """
    gate()
    d = _now()
    s = d.settings
    if vehicle not in (None, "sim", "bulb"):
        raise ValueError("vehicle is sim or bulb")
    if vehicle:
        s.vehicle = vehicle
        s.bulb_V, s.bulb_A = volts, amps
    if tls is not None:
        s.sdp_tls, s.allow_iso20_without_tls = tls, not tls
    if key_log is not None:
        s.key_log = key_log
    if profile is not None:
        if profile not in ("strict", "bench"):
            raise ValueError("profile is strict or bench")
        s.tls_profile = profile
    if d.refused and not vehicle:
        return "it does not charge: %s" % d.refused
    from evcc import boot

    d.refused = boot.wire(d, d.parts, s)
    boot = None
    forget("evcc.boot", "evcc.store")
    note = "bench settings until power-off"
    if note not in d.notes:
        d.notes.append(note)
    return d.refused or note
