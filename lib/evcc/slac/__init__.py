# SPDX-License-Identifier: MIT
"""SLAC, the EV's side: matching with the station at the other end of the cable (ISO 15118-3).

`Slac` is the sans-IO shell: it filters frames, keeps the answers of stations and runs the story of
`evcc.slac.matching`. Time is `now` (ms); frames go out through `send(frame) -> bool`. It knows
nothing of the control pilot: whoever sees B calls `start`, whoever sees A, E or F calls `leave`.
Nothing on the power line is authenticated: what comes in is used, but never ends a run, grows a
list beyond eight stations or moves a deadline beyond the standard's.
"""

from evcc import homeplug
from evcc.compat import const, get_logger
from evcc.slac import matching

_EVSES = const(8)  # stations kept in one run
_IDLE = const(60000)

# type: shortest frame, offsets of application type, EV MAC, RunID (0: not there)
_WANTED = {
    0x6065: (44, 34, 28, 36),  # CM_SLAC_PARM.CNF
    0x606E: (72, 19, 21, 27),  # CM_ATTEN_CHAR.IND
    0x6079: (22, 0, 0, 0),  # CM_VALIDATE.CNF
    0x607D: (109, 19, 40, 69),  # CM_SLAC_MATCH.CNF
    0x601C: (22, 0, 0, 0),  # CM_AMP_MAP.REQ
    0x6009: (20, 0, 0, 0),  # CM_SET_KEY.CNF, own modem
    0xA0B9: (22, 0, 0, 0),  # VS_PL_LNK_STATUS.CNF, own modem
    0xA039: (21, 0, 0, 0),  # VS_NW_INFO.CNF, own modem
}

_log = get_logger("evcc.slac")


class Slac:
    """EV matching. `state`: "idle" "matching" "joining" "ready" "failed" "leaving".

    "ready" means: go on with IPv6 and SDP; `link` says whether the modem reported the link (one
    that does not is no failure). `failure`: the step that failed and what was seen. `evse`: MAC of
    the chosen station. Set `ignore` once TCP is up: no frame is looked at any more.
    params: slac_direct_dB, slac_indirect_dB, slac_retry_s.
    """

    def __init__(self, mac, send, urandom, params, toggle=None):
        self.mac = mac
        self.send = send
        self.urandom = urandom
        self.params = params
        self.toggle = toggle
        self.counters = {}
        self.keyed = None  # a station's key is in the modem (or may be); None: not known
        self.nmk = None  # the one the modem confirmed
        self.now = 0
        self._buf = bytearray(88)
        self._view = memoryview(self._buf)
        self._story = None
        self._due = 0
        self._reset("idle")

    # ---- use -----------------------------------------------------------------------------------

    def start(self, now):
        """Pilot has come to B (or a new run is wanted): look for the station."""
        self.now = now
        self._reset("matching")
        self.keyed = bool(self.keyed)
        self._run(matching.story(self))

    def rejoin(self, now, nid, nmk):
        """Back into the network of a paused session, without matching: "joining", then "ready"."""
        self.now = now
        self._reset("joining")
        self._run(matching.rejoin(self, nid, nmk))

    def feed(self, frame, now):
        """One received frame (memoryview from the destination MAC on); others' are dropped."""
        if self.ignore or self._story is None and self.state != "ready":
            return
        kind = homeplug.mmtype(frame)
        row = _WANTED.get(kind)
        if row is None:
            return
        self.now = now
        size, types, ev, run = row
        if frame[0:6] != self.mac:
            self.count("not_for_us")
        elif len(frame) < size:
            self.count("short")
        elif types and (frame[types] or frame[types + 1]):
            self.count("security_type")
        elif run and (frame[run : run + 8] != self.run_id or frame[ev : ev + 6] != self.mac):
            self.count("foreign_run")
        elif frame[6] & 1 or 0x6078 < kind < 0x6080 and not self._chosen(frame, kind):
            self.count("foreign_evse")
        else:
            self.kind = kind
            if kind == 0x6065:
                self._parm_cnf(frame)
            elif kind == 0x606E:
                self._atten_char(frame)
            elif kind == 0x601C:
                self._amp_map(frame)
            if self._story is not None:
                self._resume(frame)

    def step(self, now):
        """Do what is due; returns when to call again (ms, absolute)."""
        self.now = now
        if self._story is None:
            return now + _IDLE
        if now >= self._due:
            self._resume(None)
        return self._due if self._story is not None else now + _IDLE

    def leave(self, now):
        """Unplugged, terminated, failed (never at pause): a fresh key into the modem if needed.

        "leaving" until the modem has it, 0.6 s at most; then "idle". A new object cannot know
        whether a key was set, and takes it that one was.
        """
        self.now = now
        self._reset("idle")
        if self.keyed is not False:
            self.state = "leaving"
            self._run(matching.leaving(self))

    # ---- for the story -------------------------------------------------------------------------

    def begin(self):
        """A new matching run: new RunID, answers of the last one forgotten."""
        self.state = "matching"
        self.run_id = self.urandom(8)
        self.evses = []  # [MAC, mean attenuation in dB; None not yet, 0 unusable]
        self.evse = None
        self.sounds = (10, 6)
        self.runs += 1

    def emit(self, pack, *args):
        """Pack and send one frame; False when the modem did not take it."""
        return self.send(self._view[: pack(self._buf, *args)])

    def count(self, name):
        self.counters[name] = self.counters.get(name, 0) + 1

    def note(self, step, text):
        """Remember what went wrong at the furthest step reached. Returns False."""
        _log.info("%s: %s", matching.STEPS[step][0], text)
        if step >= self._furthest:
            self._furthest = step
            self.seen = matching.STEPS[step][0] + ": " + text
        return False

    def fail(self):
        self.state = "failed"
        self.failure = "%s (%d requests in %d runs)" % (self.seen, self.requests, self.runs)
        _log.warning("%s", self.failure)

    # ---- inside --------------------------------------------------------------------------------

    def _reset(self, state):
        self.state = state
        self.failure = None
        self.ignore = False
        self.link = False
        self.doing = ""
        self.seen = ""
        self.evse = self.nid = None
        self.evses = []
        self.run_id = b""
        self.runs = self.requests = self._furthest = 0
        self.kind = self.heard = self.started = 0
        self._story = None

    def _run(self, story):
        self._story = story
        self._resume(None)

    def _resume(self, frame):
        try:
            self._due = self._story.send(frame)
        except StopIteration:
            self._story = None

    def _chosen(self, frame, kind):
        mac = self.evse
        return frame[6:12] == mac and (kind == 0x6079 or frame[63:69] == mac)

    def _station(self, frame, dB=None):
        """The entry of the frame's sender, a new one if need be; None: too many better ones.

        A station that only answered, or is further away, makes room for one that was measured.
        """
        mac = bytes(frame[6:12])
        for e in self.evses:
            if e[0] == mac:
                return e
        if self.state != "matching" or self.evse:
            return None
        e = [mac, None]
        if len(self.evses) < _EVSES:
            self.evses.append(e)
            return e
        if dB:
            for i in range(_EVSES):
                old = self.evses[i][1]
                if not old or old > dB:
                    self.evses[i] = e
                    return e
        self.count("too_many")
        return None

    def _parm_cnf(self, frame):
        if not self.evses:
            self.heard = self.now
            n, t = frame[25], frame[26]
            self.sounds = (n if 0 < n <= 20 else 10, t if 0 < t <= 20 else 6)
        self._station(frame)

    def _atten_char(self, frame):
        """Keep the mean of the groups; answer every one, as a lost answer makes it come again."""
        n = frame[70]
        if not n or len(frame) < 71 + n:
            return self.count("short")
        dB = sum(frame[71 : 71 + n]) / n if frame[69] else 0
        e = self._station(frame, dB)
        if e is not None:
            if e[1] is None:
                e[1] = dB
                self.heard = self.now
            self.emit(homeplug.atten_char_rsp, self.mac, e[0], self.run_id)

    def _amp_map(self, frame):
        """Less power on some carriers, please: our modem cannot, but the standard wants a yes."""
        if self.state != "matching" and frame[6:12] == self.evse and (frame[19] or frame[20]):
            self.emit(homeplug.amp_map_cnf, self.mac, self.evse)
