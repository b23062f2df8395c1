# SPDX-License-Identifier: MIT
"""The story of one plug-in: find the station on the other end of this cable, take its key, join.

ISO 15118-3 matching, EV side: the steps and their times in STEPS, the sequence as generators that
yield the time to be woken at and get the next fitting frame, or None when that time has come.
Frames were checked by `evcc.slac.Slac.feed`, which also keeps answers of stations and sends
CM_ATTEN_CHAR.RSP, as both may come at any time of a run. Times in ms.
"""

from evcc import homeplug
from evcc.compat import const, get_logger

STEPS = (
    # step             ms   sendings
    ("CM_SLAC_PARM", 200, 3),  # TT_match_response, C_EV_match_retry
    ("CM_ATTEN_CHAR", 1200, 1),  # TT_EV_atten_results, from the first CM_START_ATTEN_CHAR.IND
    ("CM_VALIDATE", 200, 3),  # TT_match_response
    ("CM_SLAC_MATCH", 200, 3),  # TT_match_response
    ("CM_SET_KEY", 200, 3),  # to the own modem, which takes 10 to 30 ms
    ("link", 12000, 1),  # TT_match_join, from CM_SLAC_MATCH.CNF
)
_PARM = const(0)
_ATTEN = const(1)
_VALIDATE = const(2)
_MATCH = const(3)
_KEY = const(4)
_LINK = const(5)

_COLLECT = const(60)  # first CNF to first START; TP_match_sequence 100, and some stations mean it
_BATCH = const(25)  # TP_EV_batch_msg_interval, 20 to 50
_CHOOSE = const(450)  # last RSP to our next request; TP_EV_match_session 500
_RATE = const(400)  # TT_matching_rate, between two runs
_TOGGLES = const(2)  # C_EV_vald_nb_toggles, 1 to 3
_WINDOW = const(19)  # (n + 1) * 100 ms for the toggles, each phase 200 to 400
_LINK_FROM = const(1000)  # after SET_KEY; no modem joins earlier
_LINK_EVERY = const(250)
_LINK_SETTLE = const(200)  # TP_link_ready_notification
_REJOIN = const(2500)  # for a link that should be there
_LINK_BLIND = const(5000)  # then go on without having seen the link: SDP is the real test

_log = get_logger("evcc.slac")


def story(s):
    """One plug-in: matching runs until one joins or `slac_retry_s` is over."""
    end = s.now + s.params.slac_retry_s * 1000
    while s.now < end:
        if (yield from run(s)):
            return
        yield from wait(s, s.now + _RATE)
    s.fail()


def run(s):
    """One matching run with a RunID of its own. True: joined, or at least on the way."""
    s.begin()
    if not (yield from find(s)):
        return s.note(_PARM, "no answer" if s.requests else "own modem takes no frames")
    yield from sound(s)
    yield from results(s)
    s.evse = None
    for mac, sure in choose(s):
        if sure or (yield from validate(s, mac)):
            s.evse = mac
            break
    if s.evse is None:
        return False
    frame = yield from ask(s, _MATCH, 0x607D, homeplug.slac_match_req, s.mac, s.evse, s.run_id)
    if frame is None:
        return s.note(_MATCH, "no answer from " + hexmac(s.evse))
    matched = s.now
    yield from key(s, bytes(frame[85:92]), bytes(frame[93:109]))
    yield from link(s, matched)
    return True


def find(s):
    """CM_SLAC_PARM: who hears us? Collects answers for a while, as a pole may have two cables."""
    s.doing, ms, sendings = STEPS[_PARM]
    while sendings and not s.evses:
        sendings -= 1
        s.requests += yield from put(s, homeplug.slac_parm_req, s.mac, s.run_id)
        until = s.now + ms
        while s.now < until:
            yield until
            if s.evses and until > s.heard + _COLLECT:
                until = s.heard + _COLLECT
    return s.evses


def sound(s):
    """Three announcements and ten sounds, evenly spaced: back to back they get lost."""
    s.doing = STEPS[_ATTEN][0]
    n, timeout = s.sounds
    s.started = s.now
    for _ in range(3):  # C_EV_start_atten_char_inds
        yield from put(s, homeplug.start_atten_char, s.mac, s.run_id, n, timeout)
        yield from wait(s, s.now + _BATCH)
    while n:
        n -= 1
        yield from put(s, homeplug.mnbc_sound, s.mac, s.run_id, n, s.urandom(16))
        yield from wait(s, s.now + (_BATCH if n else 0))


def results(s):
    """Until every station that answered has reported its attenuation, or the time is over."""
    while True:
        until = s.started + STEPS[_ATTEN][1]
        missing = [e for e in s.evses if e[1] is None]
        if len(missing) < len(s.evses) and until > s.heard + _CHOOSE:
            until = s.heard + _CHOOSE
        if not missing or s.now >= until:
            return
        yield until


def choose(s):
    """[(MAC, sure)] in the order to try: the least attenuation first, unsure ones to validate."""
    direct, indirect = s.params.slac_direct_dB, s.params.slac_indirect_dB
    heard = [e for e in s.evses if e[1]]  # an average of 0 is a broken measurement
    if not heard:
        s.note(_ATTEN, "no usable attenuation from " + " ".join([hexmac(e[0]) for e in s.evses]))
        return ()
    heard.sort(key=lambda e: e[1])
    best = heard[0]
    for e in heard:
        _log.info("%s attenuation %.1f dB", hexmac(e[0]), e[1])
    if best[1] <= direct:
        return ((best[0], True),)
    if best[1] > indirect:
        s.note(_ATTEN, "%s has %.1f dB, limit %d" % (hexmac(best[0]), best[1], indirect))
        return ()
    if len(s.evses) == 1:  # nothing to confuse it with
        return ((best[0], True),)
    return [(e[0], False) for e in heard if e[1] <= indirect]


def validate(s, mac):
    """CM_VALIDATE with toggles B-C-B on the pilot: does this station see our pilot?"""
    s.evse = mac
    for _ in range(3):
        frame = yield from ask(s, _VALIDATE, 0x6079, homeplug.validate_req, s.mac, mac, 0)
        result = None if frame is None else frame[21]
        if result != 0:
            break
        yield from wait(s, s.now + _RATE)  # not ready: it validates another car
    if result == 1 and s.toggle is not None:
        s.toggle(_TOGGLES)
        frame = yield from ask(s, _VALIDATE, 0x6079, homeplug.validate_req, s.mac, mac, _WINDOW)
        if frame is not None and frame[21] == 2 and frame[20] == _TOGGLES:
            return True
        result = None if frame is None else frame[21]
    s.evse = None
    if result == 4:  # not required
        return True
    return s.note(_VALIDATE, "%s: %s" % (hexmac(mac), "silent" if result is None else result))


def key(s, nid, nmk):
    """Give the station's network key to our modem, unless it has it: keys wear out its flash."""
    s.state = "joining"
    s.nid = nid
    if nmk == s.nmk:
        return
    s.nmk = None
    for _ in range(3):
        s.keyed = True
        frame = yield from ask(s, _KEY, 0x6009, homeplug.set_key_req, s.mac, nid, nmk)
        if frame is None:
            s.note(_KEY, "own modem silent")
            return  # the link decides
        if frame[19]:  # 1 means taken (Qualcomm), whatever the specification says
            s.nmk = nmk
            return
        s.note(_KEY, "refused by own modem")
        yield from wait(s, s.now + _LINK_EVERY)


def rejoin(s, nid, nmk):
    """The modem has the paused session's key, over power loss too; only if not, it gets it."""
    s.nid = nid
    s.keyed = True
    yield from link(s, s.now - STEPS[_LINK][1] + _REJOIN)
    if not s.link:
        yield from key(s, nid, nmk)
        yield from link(s, s.now)


def link(s, matched):
    """Ask the own modem for the link. Seeing none is never fatal: not all firmware tells."""
    s.doing, limit, _ = STEPS[_LINK]
    blind = s.now + _LINK_BLIND
    ask_status = True
    yield from wait(s, s.now + _LINK_FROM)
    while s.now < matched + limit:
        if ask_status:
            yield from put(s, homeplug.pl_lnk_status_req, s.mac)
        else:
            yield from put(s, homeplug.nw_info_req, s.mac)
        ask_status = not ask_status
        until = s.now + _LINK_EVERY
        while s.now < until and not s.link:
            frame = yield until
            if frame is not None:
                s.link = link_seen(s, frame)
        if s.link:
            yield from wait(s, s.now + _LINK_SETTLE)
        if s.link or s.now >= blind:
            s.state = "ready"
        if s.link:
            return
    s.note(_LINK, "not seen in %d s" % (limit // 1000))


def link_seen(s, frame):
    """Does this answer of the own modem say that the power-line link is up?"""
    if s.kind == 0xA0B9:
        return frame[20] == 0 and frame[21] == 1
    if s.kind == 0xA039:
        found = homeplug.joined(frame, s.nid)
        if found == 2:
            s.note(_LINK, "own modem is coordinator: it has the PIB of a station")
        return found == 1
    return False


def leaving(s):
    """A random key into the modem, so that it joins the old network never again."""
    nmk = s.urandom(16)
    try:
        nid = homeplug.nid_of(nmk)
    except ImportError:  # no SHA-256 on this board; modems do not check
        nid = s.urandom(6) + b"\x00"
    if (yield from ask(s, _KEY, 0x6009, homeplug.set_key_req, s.mac, nid, nmk)) is not None:
        s.keyed = False
    s.state = "idle"


# ---- small steps ---------------------------------------------------------------------------


def ask(s, step, kind, pack, *args):
    """Send a request, repeat it as STEPS says; returns the answer of type `kind`, or None."""
    s.doing, ms, sendings = STEPS[step]
    if pack is homeplug.validate_req and args[-1]:  # once, and the window is the time
        ms, sendings = (args[-1] + 1) * 100 + ms, 1
    while sendings:
        sendings -= 1
        yield from put(s, pack, *args)
        until = s.now + ms
        while s.now < until:
            frame = yield until
            if frame is not None:
                if s.kind == kind:
                    return frame
                s.count("unexpected")
    return None


def put(s, pack, *args):
    """Send one frame; a modem without room is asked again for a second. Was it taken?"""
    until = s.now + 1000
    while not s.emit(pack, *args):
        if s.now >= until:
            return False
        yield s.now + 10
    return True


def wait(s, until):
    while s.now < until:
        yield until


def hexmac(mac):
    return ":".join(["%02x" % b for b in mac])
