# SPDX-License-Identifier: MIT
"""What a person at the station reads: one line per protocol step, one line at the end."""

from tools.charger.secc.values import number

_FIELDS = (
    "ResponseCode EVSEProcessing EVProcessing ChargeProgress ChargingSession ServiceID "
    "EVTargetVoltage EVTargetCurrent EVPresentVoltage EVSEPresentVoltage EVSEPresentCurrent "
    "EVCCID EVTerminationCode SelectedAuthorizationService"
).split()


def line(entry):
    """ "12.345 s  request  DC_PreChargeReq  EVTargetVoltage 400 ..." """
    return f"{entry.ms / 1000:9.3f} s  {entry.name:32} {detail(entry.message)}".rstrip()


def detail(message):
    parts = []
    for name in _FIELDS:
        value = message.get(name)
        if value is None or (name == "ResponseCode" and value == "OK"):
            continue
        if isinstance(value, dict):
            value = f"{number(value):g}"
        parts.append(f"{name} {value}" if name != "ResponseCode" else str(value))
    for key, value in message.items():
        if key.startswith(("Scheduled", "Dynamic", "BPT_")) and isinstance(value, dict):
            for name in ("EVTargetCurrent", "EVTargetVoltage"):
                if name in value:
                    parts.append(f"{name} {number(value[name]):g}")
    status = message.get("EVSEStatus")
    if status:
        parts.append(f"notification {status['EVSENotification']}")
    return ", ".join(parts)


class Printer:
    """Prints entries of Secc.log; of the charge loop only the first and one in `every`."""

    def __init__(self, write=print, every=25):
        self.write, self.every, self.loops = write, every, 0

    def __call__(self, entry):
        if "ChargeLoop" in entry.name:
            self.loops += entry.direction == "request"
            if (self.loops - 1) % self.every and "EVSEStatus" not in entry.message:
                return
        self.write(line(entry))


def final(summary):
    """The one line at the end of a session."""
    needs = summary["mobility_needs_mode"]
    mode = summary["control_mode"] or "no control mode"
    return (
        f"{'OK' if summary['good'] else 'FAILED'}: {summary['protocol']}, "
        f"{summary['service'] or 'no service'}, {mode}"
        + (f" (mobility needs {needs})" if needs else "")
        + f", {summary['loops']} loops, {summary['charged_Wh']:.1f} Wh charged, "
        f"{summary['discharged_Wh']:.1f} Wh discharged, "
        f"{len(summary['violations'])} violations by the car, {summary['end']}"
    )
