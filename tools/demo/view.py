# SPDX-License-Identifier: MIT
"""The live view: one panel that follows the session, or plain lines where no terminal is.

It shows what the messages on the line say and what the pilot and the contactors do; it is stepped
by the world like any part and changes nothing.
"""

import time

from rich.console import Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

PHASES = (
    ("plug", ("",)),
    ("SLAC", ("SLAC",)),
    ("SDP", ("SDP",)),
    (
        "set-up",
        (
            "supportedAppProtocol",
            "SessionSetup",
            "AuthorizationSetup",
            "Authorization",
            "ServiceDiscovery",
            "ServiceDetail",
            "ServiceSelection",
            "DC_ChargeParameterDiscovery",
            "ScheduleExchange",
        ),
    ),
    ("cable check", ("DC_CableCheck",)),
    ("precharge", ("DC_PreCharge",)),
    ("power", ("PowerDelivery", "DC_ChargeLoop")),
    ("welding check", ("DC_WeldingDetection",)),
    ("end", ("SessionStop",)),
)


def phase_of(state):
    for name, states in PHASES:
        if state in states:
            return name
    return "set-up"


class View:
    """`rig`: what to look at (see rig.py). `console`: rich Console. `live`: False = no view."""

    REFRESH_S = 0.05  # of the wall clock
    LINES_MS = 10_000  # of the simulated clock, without terminal

    def __init__(self, rig, console, live=True):
        self.rig, self.console, self.quiet = rig, console, not live
        self.live = None
        if live and console.is_terminal:
            self.live = Live(console=console, auto_refresh=False, transient=True)
        self._drawn = 0.0
        self._phase = None
        self._line_at = 0
        rig.world.add(self)

    def __enter__(self):
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *exc):
        if self.live:
            self.live.stop()
        return False

    def step(self, now):
        if self.quiet:
            return None
        if self.live:
            if time.monotonic() - self._drawn > self.REFRESH_S:
                self.live.update(self._panel(now), refresh=True)
                self._drawn = time.monotonic()
        else:
            phase = phase_of(self.rig.record.state)
            if phase != self._phase or (phase == "power" and now >= self._line_at):
                self._phase = phase
                self._line_at = now + self.LINES_MS
                self.console.print(self._text(now), highlight=False, soft_wrap=True)
        return now + 100

    def _values(self):
        """(V, A, W) as the station last said, or as the inlet stands."""
        record, plant = self.rig.record, self.rig.plant
        if record.state == "DC_ChargeLoop" and record.loops:
            _, volts, amps = record.loops[-1]
        else:
            volts, amps = plant.inlet_voltage, plant.current
        return volts, amps, volts * amps

    def _text(self, now):
        volts, amps, watts = self._values()
        meter = self.rig.record.meter
        line = f"{now / 1000:7.1f} s  {self._phase or '':13s} pilot {self.rig.pilot.state}"
        if self._phase == "power":
            line += (
                f"  SoC {self.rig.plant.pack.soc * 100:5.1f} %  {volts:5.1f} V {amps:+6.1f} A "
                f"{watts / 1000:+6.2f} kW  in {meter.charged_Wh:6.1f} Wh  "
                f"out {meter.discharged_Wh:5.1f} Wh"
            )
        return line

    def _panel(self, now):
        rig, record = self.rig, self.rig.record
        volts, amps, watts = self._values()
        phase = phase_of(record.state)
        steps = Text(" ")
        passed = True
        for name, _ in PHASES:
            if name == phase:
                steps.append(f"{name}  ", style="bold reverse")
                passed = False
            else:
                steps.append(f"{name}  ", style="green" if passed else "dim")
        soc = rig.plant.pack.soc * 100
        flow = "charging" if watts > 20 else "giving back" if watts < -20 else "no power"
        colour = "green" if watts > 20 else "yellow" if watts < -20 else "dim"
        meter, plant = record.meter, rig.plant
        grid = Table.grid(padding=(0, 1))
        for label, width in ((10, 20), (7, 10), (10, 11)):
            grid.add_column(justify="right", style="dim", no_wrap=True, width=label)
            grid.add_column(width=width, no_wrap=True)
        for row in (
            ("message", record.state or "-", "pilot", rig.pilot.state)
            + ("elapsed", f"{now / 1000:.1f} s"),
            ("voltage", f"{volts:.1f} V", "current", f"{amps:+.1f} A")
            + ("power", Text(f"{watts / 1000:+.2f} kW", style=colour)),
            ("energy in", f"{meter.charged_Wh:.1f} Wh", "out", f"{meter.discharged_Wh:.1f} Wh")
            + ("", Text(flow, style=colour)),
            ("contactors", "closed" if plant.contactors.closed else "open")
            + ("plug", "locked" if rig.board.motor.locked else "free")
            + ("pack speed", f"x{plant.pack_speed:g}"),
        ):
            grid.add_row(*row)
        bar = Table.grid(padding=(0, 1))
        bar.add_row(
            Text(f"    SoC {soc:5.1f} %"),
            ProgressBar(100, soc, width=34, complete_style=colour, finished_style=colour),
            Text(f"{len(record.loops)} loops, {len(record.frames)} frames"),
        )
        return Panel(Group(steps, "", grid, "", bar), title="uEVCC demo: one DC_BPT session")
