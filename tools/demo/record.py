# SPDX-License-Identifier: MIT
"""What was seen on the power line: frames, messages, and the figures that follow from them.

Everything here comes from the recorded frames; nothing is asked of the car or the station.
Energies are sums of EVSEPresentVoltage x EVSEPresentCurrent over the times between the charge-loop
responses that carry them (trapezoids).
"""

import json
from bisect import insort_right

from evcc.pcap import Writer

from tools.exi.json_form import to_json

from .dissect import Dissector

# 2026-01-01 00:00 UTC: the demo's clock starts there, so that files do not differ from run to run
EPOCH_S = 1767225600


def number(rational):
    """RationalNumber {"Exponent", "Value"} -> float; None stays None."""
    return None if rational is None else rational["Value"] * 10.0 ** rational["Exponent"]


class Meter:
    """Energy by direction from samples of power: trapezoids, split where the sign changes."""

    def __init__(self):
        self.charged_Wh = self.discharged_Wh = 0.0
        self._last = None

    def sample(self, t_ms, watts):
        if self._last is not None:
            t, w = self._last
            hours = (t_ms - t) / 3_600_000
            if w * watts < 0:  # crosses zero in between
                zero = w / (w - watts)
                self._add(w / 2 * hours * zero)
                self._add(watts / 2 * hours * (1 - zero))
            else:
                self._add((w + watts) / 2 * hours)
        self._last = (t_ms, watts)

    def _add(self, Wh):
        if Wh > 0:
            self.charged_Wh += Wh
        else:
            self.discharged_Wh -= Wh


class Recorder:
    """Hang `frame` on the power line. `names`: {MAC: who} for the rows.

    `keylog(line)` takes the secrets of TLS. `on_row(row)`, if set, hears each row of the dissector
    at once.
    """

    def __init__(self, names):
        self.dissector = Dissector(names)
        self.frames = []  # (ms, bytes, [rows])
        self.rows = []
        self.key_log = []  # lines
        self.meter = Meter()
        self.loops = []  # (ms, V, A) of each charge-loop response
        self.soc = []  # (ms, %) of each charge-loop request
        self.voltages = []  # (ms, V) of all responses that tell one
        self.counts = {}
        self.state = ""
        self.on_row = None

    def frame(self, frame, now):
        frame = bytes(frame)
        rows = self.dissector.feed(frame, now)
        self.frames.append((now, frame, rows))
        self._take(rows)

    def keylog(self, line):
        """A line of the NSS key log; records that waited for it are read now."""
        self.key_log.append(line)
        rows = self.dissector.keys(line)
        for row in rows:
            self.frames[row["frame"] - 1][2].append(row)
        self._take(rows)

    def _take(self, rows):
        for row in rows:
            insort_right(self.rows, row, key=lambda row: row["frame"])
            self._note(row)
            if self.on_row:
                self.on_row(row)

    def _note(self, row):
        name, message, now = row["name"], row.get("message"), row["t"]
        self.counts[name] = self.counts.get(name, 0) + 1
        if row["layer"] in ("SLAC", "SDP"):
            self.state = row["layer"]
        if message is None:
            return
        if name.endswith("Req"):
            self.state = name[:-3]
        volts = number(message.get("EVSEPresentVoltage"))
        if volts is not None:
            self.voltages.append((now, volts))
        if name == "DC_ChargeLoopRes":
            amps = number(message["EVSEPresentCurrent"])
            self.loops.append((now, volts, amps))
            self.meter.sample(now, volts * amps)
        elif name == "DC_ChargeLoopReq":
            display = message.get("DisplayParameters", {})
            if "PresentSOC" in display:
                self.soc.append((now, display["PresentSOC"]))

    def messages(self, name):
        """All decoded messages of this name, in order."""
        return [row["message"] for row in self.rows if row["name"] == name and "message" in row]

    def tls(self):
        """What TLS agreed on, as read from its handshake: a dict, or None when there was none."""
        found, chains = {}, {}
        for row in self.rows:
            if row["layer"] == "TLS":
                fields = row.get("fields", {})
                if row["name"] == "ServerHello":
                    found.update(fields)
                elif row["name"] == "Certificate":
                    chains[row["from"]] = fields["chain"]
                elif row["name"] == "CertificateVerify":
                    found[f"{row['from']}_scheme"] = fields["scheme"]
        found.update({f"{who}_certificate": (chain or [None])[0] for who, chain in chains.items()})
        return found or None

    def first(self, name):
        """Time of the first message of this name, or None."""
        return next((row["t"] for row in self.rows if row["name"] == name), None)

    def last(self, name):
        return next((row["t"] for row in reversed(self.rows) if row["name"] == name), None)

    # ---- files ---------------------------------------------------------------------------------

    def write_pcapng(self, path):
        """The frames as on the power line, with the decoded messages as comments; TLS secrets."""
        with open(path, "wb") as out:
            writer = Writer(
                out.write,
                application="uEVCC demo",
                comment="Emulated power line between car and station",
                epoch_us=EPOCH_S * 1_000_000,
            )
            writer.interface("power line", "HomePlug Green PHY, emulated")
            if self.key_log:
                writer.secrets("\n".join(self.key_log) + "\n")
            for now, frame, rows in self.frames:
                writer.frame(frame, now, "\n".join(_line(row) for row in rows) or None)

    def write_jsonl(self, path):
        """One row per line; `message` in its JSON form."""
        with open(path, "w", encoding="utf-8") as out:
            for row in self.rows:
                out.write(json.dumps(plain(row), ensure_ascii=False) + "\n")


def plain(row):
    """A row as JSON has it: binaries of its message as text (tools.exi.json_form)."""
    if "message" in row:
        return {**row, "message": to_json(row["schema"], row["message"])}
    return row


def _line(row):
    """One row as a comment in the capture."""
    text = f"{row['from']}: {row['name']}"
    if "error" in row:
        return f"{text} ERROR {row['error']}"
    row = plain(row)
    body = row.get("message") or row.get("fields")
    return f"{text} {json.dumps(body, ensure_ascii=False)}" if body else text
