# SPDX-License-Identifier: MIT
"""From a DBC file and a person's choice of signals to the lines of a mapping file (evcc.can_map).

cantools reads the DBC. Units are turned into ours (kW to W, mV to V ...); a unit that is not known
is taken as it is, and said. Not understood: floating-point signals, extended multiplexing.
"""

import cantools
from evcc.can_map import load
from evcc.vehicle_can import IN, NEEDED, OUT

UNITS = {
    "": 1, "%": 1, "V": 1, "A": 1, "W": 1, "Wh": 1, "s": 1, "degC": 1, "°C": 1, "C": 1, "var": 1,
    "kW": 1000, "kWh": 1000, "mV": 0.001, "mA": 0.001, "kV": 1000, "min": 60, "h": 3600, "VAr": 1,
}  # fmt: skip
MISSED = 5  # cycles of a frame after which its signals are stale
LEAST_MS, DEFAULT_MS, SEND_MS = 200, 1000, 100


class ChoiceError(ValueError):
    """A choice that cannot be turned into a line; str() says which and why."""


def read(path):
    """The database of a DBC file. Raises ChoiceError."""
    try:
        return cantools.database.load_file(str(path), strict=True)
    except (OSError, cantools.Error, ValueError) as error:
        raise ChoiceError(f"{path}: {error}") from None


def find(database, choice):
    """(message, signal) of "Message.Signal". Raises ChoiceError."""
    message_name, dot, signal_name = choice.partition(".")
    if not dot:
        raise ChoiceError(f"'{choice}': Message.Signal wanted")
    try:
        message = database.get_message_by_name(message_name)
        return message, message.get_signal_by_name(signal_name)
    except KeyError as error:
        raise ChoiceError(f"'{choice}': the DBC has no {error.args[0]}") from None


def line(name, message, signal, notes):
    """One line of the mapping file; `notes` gets what a person should look at."""
    if signal.conversion.is_float:
        raise ChoiceError(f"{message.name}.{signal.name}: floating point is not understood")
    unit = signal.unit or ""
    if unit not in UNITS:
        notes.append(f"{name}: unit '{unit}' is taken as it is")
    by = UNITS.get(unit, 1)
    factor, offset = signal.conversion.scale * by, signal.conversion.offset * by
    low, high = signal.minimum, signal.maximum
    if low is None or high is None or not low < high:
        full = 1 << signal.length
        raws = (-full // 2, full // 2 - 1) if signal.is_signed else (0, full - 1)
        low, high = sorted(raw * factor + offset for raw in raws)
        notes.append(
            f"{name}: the DBC gives no range, all that fits is taken: say what is plausible"
        )
    else:
        low, high = low * by, high * by
    cycle = message.cycle_time
    if name in OUT:
        ms = cycle or SEND_MS
    else:
        ms = max(LEAST_MS, MISSED * cycle) if cycle else DEFAULT_MS
        if not cycle:
            notes.append(f"{name}: the DBC gives no cycle time, {ms} ms is taken")
    order = 1 if signal.byte_order == "little_endian" else 0
    place = f"{signal.start}|{signal.length}@{order}{'-' if signal.is_signed else '+'}"
    frame = f"0x{message.frame_id:X}" + ("x" if message.is_extended_frame else "")
    way = "in" if name in IN else "out"
    text = (
        f"{way:3} {name:20} {frame:12} {place:9} ({factor:g},{offset:g}) [{low:g}|{high:g}] {ms}"
    )
    if signal.multiplexer_ids:
        if len(signal.multiplexer_ids) != 1:
            raise ChoiceError(f"{message.name}.{signal.name}: lies under several selectors")
        selector = message.get_signal_by_name(signal.multiplexer_signal)
        order = 1 if selector.byte_order == "little_endian" else 0
        sign = "-" if selector.is_signed else "+"
        text += f" when {selector.start}|{selector.length}@{order}{sign} = "
        text += str(signal.multiplexer_ids[0])
    return f"{text}  # {message.name}.{signal.name}"


def make(database, choices):
    """(text of a mapping file, notes) of {name: "Message.Signal"}. Raises ChoiceError."""
    lines, notes = [], []
    for name, choice in choices.items():
        if name not in IN and name not in OUT:
            raise ChoiceError(f"'{name}' is none of: {' '.join(IN)} {' '.join(OUT)}")
        message, signal = find(database, choice)
        lines.append(line(name, message, signal, notes))
    for name in NEEDED:
        if name not in choices:
            notes.append(f"{name} is missing: without it the device refuses the file")
    load(lines, {"in": IN, "out": OUT})  # what we write we can read
    return "# way name  frame  place  scale  range  ms\n" + "\n".join(lines) + "\n", notes
