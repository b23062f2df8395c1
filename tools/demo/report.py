# SPDX-License-Identifier: MIT
"""What came of a session: figures from the recorded messages, checks against the plant.

A check compares two sources that do not know one another: the messages on the line, the physics
of the plant, the pilot's history, and what the device says about itself.
"""

from rich.console import Group
from rich.table import Table

from .record import number

GOOD = ("COMPLETED", "USER_STOP", "STATION_TERMINATE", "STATION_PAUSE")
ENERGY_TOLERANCE = 0.02
SMALL_WH = 0.25  # differences below this are sampling, whatever the ratio
SOC_TOLERANCE = 1.0  # percent points; PresentSOC is a whole number
PERIOD_MS = 250  # the car's next DC_ChargeLoopReq after the last answer ([V2G20-1499])


class Check:
    def __init__(self, name, ok, text):
        self.name, self.ok, self.text = name, bool(ok), text

    def as_dict(self):
        return {"name": self.name, "ok": self.ok, "text": self.text}


def checks(rig, outcome):
    """The list of `Check` of a finished (or abandoned) session. `outcome`: the device's words."""
    plant, pilot, record = rig.plant, rig.pilot, rig.record
    found = []

    def check(name, ok, text):
        found.append(Check(name, ok, text))

    result = outcome.get("result")
    detail = outcome.get("detail")
    check("session ended as wished", result in GOOD, " ".join(filter(None, (result, detail))))

    currents = [abs(a) for a in plant.opened_at]
    worst = max(currents, default=0.0)
    check(
        "contactors opened without current",
        currents and worst < plant.OPEN_A and not plant.contactors.closed,
        f"{worst:.2f} A" if currents else "they never opened",
    )
    check(
        "power path never mistreated",
        not plant.violations,
        "; ".join(map(repr, plant.violations)) or "no violation in the plant",
    )
    states = [state for _, state in pilot.history]
    check("pilot back to B, then A", states == list("ABCBA"), " ".join(states))
    text = ", ".join(
        f"{'locked' if on else 'free'} at {t / 1000:.1f} s" for t, on in rig.board.locked_log[1:]
    )
    check("locked until the inlet was dead", _locked_in_time(rig), text or "never locked")
    loops = len(record.loops)
    check("300 to 600 charge loops", 300 <= loops <= 600, str(loops))
    longest = _longest_period(record)
    check(
        f"next request within {PERIOD_MS} ms",
        loops and longest <= PERIOD_MS,
        f"{longest} ms after the answer at most",
    )
    meter = record.meter
    for name, told, true, wanted in (
        ("to the car", meter.charged_Wh, plant.station_Wh_in, 1),
        ("from the car", meter.discharged_Wh, plant.station_Wh_out, -1),
    ):
        off = abs(told - true)
        wanted = any(watts * wanted > 0 for _, watts in rig.plan.steps)
        check(
            f"energy {name}",
            (true > 0) == wanted and (off < SMALL_WH or off < ENERGY_TOLERANCE * true),
            f"{told:.2f} Wh told, {true:.2f} Wh in the plant",
        )
    soc = record.soc[-1][1] if record.soc else None
    true = plant.pack.soc * 100
    check(
        "state of charge",
        soc is not None and abs(soc - true) <= SOC_TOLERANCE,
        f"{soc} % told, {true:.1f} % in the plant",
    )
    errors, sealed = record.dissector.errors, record.dissector.sealed
    decoded = sum("message" in row for row in record.rows)
    text = f"{errors} errors" + (f", {sealed} TLS records without key" if sealed else "")
    check("every frame could be read", decoded and not errors and not sealed, text)
    if rig.tls is not None:
        agreed = record.tls() or {}
        both = agreed.get("station_certificate") and agreed.get("car_certificate")
        check("mutual TLS 1.3", both, _who(agreed))
    return found


def _who(agreed):
    """Who showed which certificate."""
    if not agreed:
        return "no TLS on the line"
    names = [(who, agreed.get(f"{who}_certificate")) for who in ("station", "car")]
    return ", ".join(f"{who} is {_common(name) if name else 'UNKNOWN'}" for who, name in names)


def _common(subject):
    """The common name of "CN=..,O=.."."""
    for part in subject.split(","):
        if part.startswith("CN="):
            return part[3:]
    return subject


def _locked_in_time(rig):
    start = rig.record.first("DC_CableCheckReq")
    log = rig.board.locked_log
    locked = next((t for t, on in log if on), None)
    freed = [t for t, on in log if not on and locked is not None and t > locked]
    if None in (start, locked) or locked > start or len(freed) != 1:
        return False
    return rig.safe_at is not None and freed[0] >= rig.safe_at


def _longest_period(record):
    """ms between a DC_ChargeLoopRes and the next DC_ChargeLoopReq, at most."""
    longest, answered = 0, None
    for row in record.rows:
        if row["name"] == "DC_ChargeLoopRes":
            answered = row["t"]
        elif row["name"] == "DC_ChargeLoopReq" and answered is not None:
            longest = max(longest, row["t"] - answered)
    return longest


def figures(rig, outcome, found):
    """Everything the summary says, as plain data (also for --json)."""
    record, plant = rig.record, rig.plant
    meter = record.meter
    soc = [value for _, value in record.soc]
    identity = (record.messages("SessionSetupRes") or [{}])[0]
    limits = (record.messages("DC_ChargeParameterDiscoveryRes") or [{}])[0]
    block = limits.get("BPT_DC_CPDResEnergyTransferMode") or limits.get(
        "DC_CPDResEnergyTransferMode", {}
    )
    return {
        "seed": rig.world.seed,
        "tls": record.tls() or False,
        "ocsp": rig.params.ocsp_policy if rig.tls is not None else None,
        "vm": rig.vm_name,
        "border": rig.border(),
        "pack_speed": plant.pack_speed,
        "protocol": outcome.get("protocol"),
        "service": outcome.get("service"),
        "control_mode": outcome.get("control_mode"),
        "evse_id": identity.get("EVSEID"),
        "evse_max_charge_W": number(block.get("EVSEMaximumChargePower")),
        "evse_max_discharge_W": number(block.get("EVSEMaximumDischargePower")),
        "simulated_s": round(rig.world.now / 1000, 1),
        "frames": len(record.frames),
        "messages": sum("message" in row for row in record.rows),
        "loops": len(record.loops),
        "charged_Wh": round(meter.charged_Wh, 3),
        "discharged_Wh": round(meter.discharged_Wh, 3),
        "meter_charged_Wh": round(plant.station_Wh_in, 3),
        "meter_discharged_Wh": round(plant.station_Wh_out, 3),
        "cable_loss_Wh": round(plant.loss_Wh, 3),
        "soc_start": soc[0] if soc else None,
        "soc_highest": max(soc, default=None),
        "soc_end": soc[-1] if soc else None,
        "result": outcome.get("result"),
        "detail": outcome.get("detail"),
        "checks": [check.as_dict() for check in found],
        "good": all(check.ok for check in found),
    }


def summary(data, wall_s):
    """One screen: figures, then checks. A rich renderable."""
    figures = Table.grid(padding=(0, 2))
    figures.add_column(style="bold", min_width=15)
    figures.add_column()
    for row in (
        ("protocol", _protocol(data)),
        ("TLS", _tls(data)),
        ("station", str(data["evse_id"])),
        ("device code", f"in {data['vm']}" if data["vm"] else "in this Python"),
        ("time", f"{data['simulated_s']:g} s simulated, {wall_s:.1f} s on the clock"),
        (
            "exchanged",
            f"{data['messages']} messages in {data['frames']} frames, "
            f"{data['loops']} charge loops",
        ),
        (
            "energy",
            f"{data['charged_Wh']:.1f} Wh to the car, {data['discharged_Wh']:.1f} Wh back "
            "(summed from messages)",
        ),
        ("pack", _pack(data)),
        ("stop reason", f"{data['result'] or 'none'} {data['detail'] or ''}"),
    ):
        figures.add_row(*row)
    if data["border"]:
        figures.add_row("over the border", _border(data))
    checks = Table.grid(padding=(0, 2))
    for check in data["checks"]:
        mark = "[green]yes[/]" if check["ok"] else "[bold red]NO[/]"
        checks.add_row(mark, check["name"], check["text"])
    return Group(figures, "", checks)


def _protocol(data):
    parts = [data["protocol"], data["service"], data["control_mode"]]
    return ", ".join([part for part in parts if part] + ([] if data["tls"] else ["NO TLS"]))


def _tls(data):
    tls = data["tls"]
    if not tls:
        return "NONE: not ISO 15118-20 as it must be"
    mutual = "mutual" if "car_certificate" in tls else "ONE SIDE ONLY"
    agreed = " ".join(tls.get(name) or "?" for name in ("version", "suite", "group"))
    return f"{agreed}, {mutual}, OCSP {data['ocsp']}"


def _pack(data):
    speed = data["pack_speed"]
    if data["soc_start"] is None:
        return "never touched"
    return (
        f"{data['soc_start']} % -> {data['soc_highest']} % -> {data['soc_end']} %, aged "
        f"x{speed:g}: as by {data['charged_Wh'] * speed / 1000:.1f} kWh in, "
        f"{data['discharged_Wh'] * speed / 1000:.1f} out"
    )


def _border(data):
    border = data["border"]
    text = f"{border['SPI transfers']} SPI transfers, {border['others']} samples, pins, clock"
    return text + (f"; heap {border['heap'] / 1024:.0f} kB at most" if border["heap"] else "")
