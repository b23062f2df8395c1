# SPDX-License-Identifier: MIT
"""SLAC, the station's side (EVSE) of ISO 15118-3 matching, sans-IO, for several cars at a time.

Answers CM_SLAC_PARM.REQ while a car is plugged in, averages the attenuation profiles of its own
modem, reports them, validates, and hands out its network key. Time is `now` (ms), frames leave
through `send(frame) -> bool`. Layouts are written out here on their own: nothing is shared with
the EV's side, so that one mistake cannot hide in both. The pilot belongs to the station: it calls
`plugged`, `unplugged` and `toggle_seen`.
"""

import hashlib
import struct

LOCAL = bytes.fromhex("00b052000001")
BROADCAST = b"\xff" * 6
IDLE_MS = 60_000

TT_MATCH_SEQUENCE = 400  # CNF to START
TT_MATCH_RESPONSE = 200  # ATTEN_CHAR.IND to RSP
TT_MATCH_MNBC = 600  # START to the last sound: the "6" in the messages
TT_MATCH_SESSION = 10_000  # RSP to MATCH.REQ or VALIDATE.REQ
TT_MATCH_JOIN = 12_000  # MATCH.CNF to link
SET_KEY_RETRY = 500
LINK_POLL = 500
ROUNDS = 3
_SHORTEST = {0x6086: 85, 0x606F: 70, 0x607C: 77}  # some cars cut sounds at 64, so no 71 here


def nid_of(nmk):
    """NID that belongs to a key: five rounds of SHA-256, 54 bits of it, security level 0."""
    for _ in range(5):
        nmk = hashlib.sha256(nmk).digest()
    return nmk[:6] + bytes([nmk[6] >> 4])


class Run:
    """One matching run with one car, known by its MAC and RunID."""

    def __init__(self, mac, run_id):
        self.mac, self.run_id = mac, run_id
        self.state = "asked"  # sounding, reported, waiting, validating, matched
        self.due = 0
        self.sums = [0] * 58
        self.profiles = 0
        self.tries = 0
        self.toggles = 0


class EvseSlac:
    """The station's matching. `state`: "idle" (no plug), "matching", "matched".

    mac: host MAC of the station. nmk: network key, fresh and random by default and after each
    `unplugged`. Settings as attributes: `sounds`, `parallel` (runs at a time), `validation`
    ("answer", "not_required", "failure"), `offset_dB` (receive path, subtracted from the profile),
    `mute` (answers nothing). `on_matched(mac, now)` is called once per match. Faults for
    scenarios: `withhold` (set of MMTYPEs not sent), `delay_ms` (answers so much later), `bad_nmk`
    (hands out a key that its modem does not have).
    """

    def __init__(self, mac, send, urandom, nmk=None):
        self.mac = bytes(mac)
        self.send_frame = send
        self.urandom = urandom
        self.fixed = nmk is not None
        self.nmk = nmk or urandom(16)
        self.sounds = 10
        self.parallel = 5  # C_EVSE_match_parallel
        self.validation = "answer"
        self.offset_dB = 0
        self.mute = self.bad_nmk = False
        self.withhold = set()
        self.delay_ms = 0
        self.on_matched = None
        self.counters = {}
        self.state = "idle"
        self.peer = None
        self.runs = {}
        self.linked = False  # our modem has seen the car's
        self._link_due = self._join_due = None
        self._late = []
        self._key_due = None
        self._key_tries = 0

    # ---- use -------------------------------------------------------------------------------

    def start(self, now):
        """Power-on: give the own modem its network key."""
        self._set_key(now)

    def plugged(self, now):
        """Pilot went to B: cars are answered from now on."""
        if self.state == "idle":
            self.state = "matching"

    def unplugged(self, now):
        """Pilot in A, E or F: the match is over, the next car gets a new key."""
        again = self.state == "matched"
        self._forget("idle")
        if again and not self.fixed:
            self.nmk = self.urandom(16)
            self._set_key(now)

    def toggle_seen(self, now):
        """The pilot went B-C-B once (counted for a running validation)."""
        for run in self.runs.values():
            if run.state == "validating":
                run.toggles += 1

    def step(self, now):
        """Do what is due; returns the next deadline (ms, absolute)."""
        if self._late:
            for when, frame in [x for x in self._late if x[0] <= now]:
                self._late.remove((when, frame))
                self.send_frame(frame)
        if self._key_due is not None and now >= self._key_due:
            self._set_key(now)
        for run in list(self.runs.values()):
            if run.due and now >= run.due:
                self._expired(run, now)
        if self._link_due is not None and now >= self._link_due:
            self._ask_link(now)
        dues = [x[0] for x in self._late] if self._late else []
        for run in self.runs.values():
            if run.due:
                dues.append(run.due)
        if self._key_due is not None:
            dues.append(self._key_due)
        if self._link_due is not None:
            dues.append(self._link_due)
        return min(dues) if dues else now + IDLE_MS

    def feed(self, frame, now):
        """One received frame; everything that is no concern of ours is skipped and counted."""
        frame = bytes(frame)
        if len(frame) < 60 or frame[12:14] != b"\x88\xe1":
            return
        if frame[14:17] == b"\0\xb9\xa0" and frame[0:6] == self.mac:
            return self._link_told(frame, now)
        if frame[14] != 1:
            return
        kind = frame[15] | frame[16] << 8
        handler = self._HANDLERS.get(kind)
        if handler is None or frame[6:12] == self.mac:
            return
        if len(frame) < _SHORTEST.get(kind, 60):
            return self._count("short")
        if frame[0:6] != self.mac and frame[0:6] != BROADCAST:
            return self._count("not_for_us")
        if kind == 0x6009:
            return self._key_taken(frame)
        if self.mute or self.state == "idle":
            return self._count("idle")
        handler(self, frame, now)

    # ---- messages --------------------------------------------------------------------------

    def _parm_req(self, frame, now):
        if frame[19:21] != b"\0\0":
            return self._count("security")
        if self.state == "matched":
            return self._count("matched_already")
        mac, run_id = frame[6:12], frame[21:29]
        run = self.runs.get(mac)
        if run is None or run.run_id != run_id or run.state != "asked":
            if run is None and len(self.runs) >= self.parallel:
                return self._count("too_many")
            run = self.runs[mac] = Run(mac, run_id)
        run.due = now + TT_MATCH_SEQUENCE + self.delay_ms
        body = BROADCAST + bytes((self.sounds, 6, 1)) + mac + b"\0\0" + run_id + b"\0\0"
        self._send(mac, 0x6065, body, now)

    def _start_atten(self, frame, now):
        run = self._run(frame, 30, frame[24:30])
        if run is None or frame[23] != 1 or frame[24:30] != frame[6:12]:
            return self._count("start_refused")
        if run.state == "asked":
            run.state = "sounding"
            run.due = now + TT_MATCH_MNBC

    def _sound(self, frame, now):
        run = self._run(frame, 39)
        if run is None or run.state != "sounding":
            self._count("sound_refused")

    def _profile(self, frame, now):
        """From the own modem: what it heard of one sound."""
        run = self.runs.get(frame[19:25])
        if run is None or run.state != "sounding" or frame[25] != 58:
            return self._count("profile_refused")
        run.profiles += 1
        for i in range(58):
            run.sums[i] += max(0, frame[27 + i] - self.offset_dB)
        if run.profiles >= self.sounds:
            self._report(run, now)

    def _report(self, run, now):
        if not run.profiles:
            self._count("no_profiles")
            del self.runs[run.mac]
            return
        run.state = "reported"
        run.tries += 1
        run.due = now + TT_MATCH_RESPONSE + self.delay_ms
        aag = bytes(min(255, round(s / run.profiles)) for s in run.sums)
        body = b"\0\0" + run.mac + run.run_id + bytes(34) + bytes((run.profiles, 58)) + aag
        self._send(run.mac, 0x606E, body, now)

    def _atten_rsp(self, frame, now):
        run = self._run(frame, 27, frame[21:27])
        if run is not None and run.state == "reported" and frame[69] == 0:
            run.state = "waiting"
            run.due = now + TT_MATCH_SESSION

    def _validate(self, frame, now):
        run = self.runs.get(frame[6:12])
        if (
            run is None
            or run.state not in ("waiting", "validating")
            or frame[19]
            or frame[21] != 1
        ):
            return self._count("validate_refused")
        if self.validation != "answer":
            result = 4 if self.validation == "not_required" else 3
        elif any(r.state == "validating" and r is not run for r in self.runs.values()):
            result = 0
        else:
            result = 1
            run.state = "validating"
            if frame[20]:
                run.toggles = 0
                run.due = now + (frame[20] + 1) * 100
                return
            run.due = now + TT_MATCH_SESSION
        self._send(run.mac, 0x6079, bytes((0, 0, result)), now)

    def _match_req(self, frame, now):
        run = self._run(frame, 69, frame[40:46])
        if run is None or frame[63:69] != self.mac or frame[21:23] != b"\x3e\x00":
            return self._count("match_refused")
        if run.state in ("asked", "sounding") or self.state == "matched" != run.state:
            return self._count("match_refused")
        nmk = self.urandom(16) if self.bad_nmk else self.nmk
        body = b"\0\0\x56\0" + bytes(17) + run.mac + bytes(17) + self.mac + run.run_id + bytes(8)
        self._send(run.mac, 0x607D, body + nid_of(self.nmk) + b"\0" + nmk, now)
        run.due = 0
        if run.state != "matched":
            run.state = self.state = "matched"
            self.peer = run.mac
            self.runs = {run.mac: run}
            self._join_due, self._link_due = now + TT_MATCH_JOIN, now + LINK_POLL
            if self.on_matched is not None:
                self.on_matched(run.mac, now)

    _HANDLERS = {
        0x6064: _parm_req,
        0x606A: _start_atten,
        0x6076: _sound,
        0x6086: _profile,
        0x606F: _atten_rsp,
        0x6078: _validate,
        0x607C: _match_req,
        0x6009: _parm_req,  # handled before: from the own modem
    }

    # ---- inside ----------------------------------------------------------------------------

    def _run(self, frame, at, mac=None):
        run = self.runs.get(frame[6:12])
        if run is None or frame[at : at + 8] != run.run_id or mac not in (None, run.mac):
            return None
        return run

    def _expired(self, run, now):
        if run.state == "sounding":
            self._report(run, now)
        elif run.state == "reported" and run.tries < ROUNDS:
            self._report(run, now)
        elif run.state == "validating" and run.toggles:
            run.state = "waiting"
            run.due = now + TT_MATCH_SESSION
            self._send(run.mac, 0x6079, bytes((0, run.toggles, 2)), now)
        else:
            self._count("given_up_" + run.state)
            del self.runs[run.mac]

    def _forget(self, state):
        self.state = state
        self.peer = None
        self.linked = False
        self._link_due = None
        self.runs.clear()

    def _ask_link(self, now):
        """VS_PL_LNK_STATUS of our modem; no link in time: the match was none, start over."""
        if now >= self._join_due:
            self._count("join_timeout")
            return self._forget("matching")
        self._link_due = now + LINK_POLL
        head = LOCAL + self.mac + b"\x88\xe1\0\xb8\xa0\0\xb0\x52"
        self.send_frame(head.ljust(60, b"\0"))

    def _link_told(self, frame, now):
        if self._link_due is not None and frame[20:22] == b"\0\1":
            self.linked = True
            self._link_due = None

    def _set_key(self, now):
        body = b"\x01" + bytes(8) + b"\x04" + bytes(4) + nid_of(self.nmk) + b"\x01" + self.nmk
        self._key_tries += 1
        self._key_due = now + SET_KEY_RETRY
        self.send_frame(self._frame(LOCAL, 0x6008, body))

    def _key_taken(self, frame):
        if self._key_due is not None and (frame[19] or self._key_tries >= ROUNDS):
            self._key_due = None
            self._key_tries = 0

    def _send(self, to, kind, body, now):
        if kind in self.withhold:
            return self._count("withheld")
        frame = self._frame(to, kind, body)
        if self.delay_ms:
            self._late.append((now + self.delay_ms, frame))
        else:
            self.send_frame(frame)

    def _frame(self, to, kind, body):
        head = to + self.mac + b"\x88\xe1\x01" + struct.pack("<H", kind) + b"\0\0"
        return (head + body).ljust(60, b"\0")

    def _count(self, name):
        self.counters[name] = self.counters.get(name, 0) + 1
