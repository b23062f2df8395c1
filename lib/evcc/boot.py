# SPDX-License-Identifier: MIT
"""From power-on to a device that can charge: settings, board, vehicle, controller.

Loaded once and dropped: firmware/main.py calls `boot` after the outputs are safe. What is refused
(settings, a missing board part) leaves a device without controller that says why; it never
charges with half of its settings. No pin and no clock here: the board's module brings them.

settings.toml ends with the line `# end`: a file without it was cut off while it was written, and
the last good copy of the store is used instead. bench.toml holds settings that must not outlive a
power cycle (TLS off, key log, bench profile); it is removed before it is read.
"""

import os
import sys

from evcc.compat import Settings, forget, free
from evcc.device import Device
from evcc.store import Store, recover

_ROOT = "./" if sys.implementation.name == "cpython" else "/"


def boot(module):
    """`module`: a board's uevcc_board, outputs already safe. Returns the Device."""
    root = getattr(module, "ROOT", _ROOT)
    store = Store(root + "store")
    refused, notes = None, []
    from evcc import params

    try:
        settings, note = load(params, store, root)
        notes.append(note)
        notes.append(bench(params, settings, root))
    except params.SettingsError as error:
        refused = str(error)
        settings = params.defaults(Settings())
        notes.append(service_mode(params, store, settings))
    params = None
    forget("evcc.params", "evcc.params_board", "evcc.params_ems", "evcc.market", "evcc.ems")
    parts = module.build(settings)
    device = Device(module, parts, settings, root)
    device.notes = [note for note in notes if note]
    console(device, parts, settings)
    if not refused:
        recover(root + settings.pki_dir)
        recover(root + settings.log_dir)
        refused = wire(device, parts, settings)
        forget("evcc.store")
    device.refused = refused
    device.rare("begin")
    return device


def console(device, parts, settings):
    """What a person sees of it: terminal, LED, log."""
    if hasattr(parts, "terminal"):
        device.terminal = parts.terminal
    else:
        from drivers.terminal import terminal

        device.terminal = terminal()
        forget("drivers.terminal")
    if device.terminal:
        from evcc.console import Console

        device.terminal.interrupt(False)  # before anything is wired that it could tear apart
        device.console = Console(device.terminal, device.command, device.ask)
    if parts.led:
        from evcc.led import Led

        device.led = Led(parts.led, device)
    size = settings.log_kB * 1024
    if size < 0:
        have = free()
        size = 65536 if have is None else min(max(have // 16, 1024), 32768)
    if size:
        from evcc.trace import Trace

        device.trace = Trace(size)


def load(params, store, root):
    """(settings, note). Raises SettingsError: nothing there may be used."""
    path = root + "settings.toml"
    recover(root)
    text = _read(path)
    kept = store.read("settings")
    if text is None or not whole(text):
        text = "is missing" if text is None else "does not end with '# end': it is not whole"
        if kept is None:
            raise params.SettingsError("settings.toml " + text)
        settings = params.load(kept.decode(), None, "last good settings.toml", False)
        return settings, "settings.toml %s: the last good copy is used" % text
    settings = params.load(text, None, "settings.toml", False)
    data = text.encode()
    if data != kept and not store.write("settings", data):
        return settings, "no copy of settings.toml could be kept: %s" % store.error
    return settings, None


def bench(params, settings, root):
    """Settings of bench.toml on top, for this power cycle only. Returns a note."""
    path = root + "bench.toml"
    text = _read(path)
    if text is None:
        return None
    try:
        os.remove(path)
    except OSError:
        return "bench.toml cannot be removed, so it is not used"
    if not whole(text):
        return "bench.toml does not end with '# end': not used"
    params.load(text, settings, "bench.toml", True)
    return "bench settings until power-off"


def whole(text):
    """Is this settings text complete? Its last line says so."""
    return text.rstrip().split("\n")[-1].strip() == "# end"


def vehicle_of(device, parts, settings):
    """(vehicle, None), or (None, why there is none)."""
    if settings.vehicle == "sim":
        from evcc.sim_vehicle import SimVehicle

        vehicle = SimVehicle(parts.board, settings, speed=getattr(parts, "speed", 1))
    elif settings.vehicle == "bulb":
        from evcc.bulb import Bulb

        vehicle = Bulb(parts.board, settings.bulb_V, settings.bulb_A)
    elif settings.vehicle == "can":
        from evcc.can_map import MapError
        from evcc.vehicle_can import CanVehicle

        if parts.can is None:
            return None, "settings.toml: vehicle is can, but this board has no CAN"
        try:
            with open(device.root + settings.can_map) as lines:
                vehicle = CanVehicle(parts.can, parts.board, settings, lines, settings.can_map)
        except OSError:
            return None, "%s cannot be read (setting can_map)" % settings.can_map
        except MapError as error:
            return None, str(error)
    else:
        return None, "settings.toml: no vehicle: set vehicle, or use bench() at the REPL"
    if hasattr(parts.board, "vehicle"):  # a board that is simulated as well
        parts.board.vehicle = vehicle
    from evcc.ems import Ems

    return Ems(vehicle, settings, _unix(parts), device), None


def _unix(parts):
    """Unix time in s when the board's clock was 0, None where no time is known."""
    return None if parts.unix is None else parts.unix - parts.clock() // 1000


def seeds(device):
    """Keeps the random generator's next seed."""
    return lambda seed: device.write("seed", seed)


def wire(device, parts, settings):
    """The controller on its port, board and vehicle; returns why there is none, or None."""
    try:
        vehicle, why = vehicle_of(device, parts, settings)
        if settings.sdp_tls:
            __import__("evcc.tls")  # a controller without it would fail in the middle of bring-up
    except ImportError as error:
        vehicle, why = None, "not in this image: %s" % error
    if vehicle is None:
        return why
    c = device.controller
    if c:  # bench() at rest: another vehicle, the same controller
        c.vehicle = c.safety.vehicle = vehicle
    else:
        from evcc.controller import Controller

        urandom = parts.urandom
        if settings.sdp_tls:
            from evcc.rng import Rng

            urandom = Rng()
            if not urandom.seed(parts.urandom, device.read("seed") or b"", seeds(device)):
                return "no TLS with these random numbers: " + urandom.failure
        c = device.controller = Controller(
            parts.port,
            parts.board,
            vehicle,
            settings,
            urandom,
            device.trace,
            slac=getattr(parts, "slac", True),
            unix=_unix(parts),
            reset=parts.reset_cause,
            store=device,
        )
        if device.running:  # bench() beside the loop, which has nothing to tick yet
            device.tick(True)
    c.keylog = device.secrets.append if settings.key_log else None
    return None


def service_mode(params, store, settings):
    """With bad settings, who may use the REPL stays as it was in the last good ones."""
    kept = store.read("settings")
    if kept:
        try:
            settings.service_mode = params.load(kept.decode(), None, "", False).service_mode
        except ValueError:
            return "the last good settings do not fit this version"
    return None


def _read(path):
    try:
        with open(path) as file:
            return file.read()
    except (OSError, ValueError):  # ValueError: not UTF-8, so not what somebody wrote
        return None
