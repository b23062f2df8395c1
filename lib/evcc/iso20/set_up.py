# SPDX-License-Identifier: MIT
"""SessionSetup, and what identifies the car: ISO 15118-20 8.3.4.2; resumes a paused session.

A new session goes on with AuthorizationSetup and Authorization by external identification (EIM).
A paused one that the station still knows goes straight to *_ChargeParameterDiscovery with all
that was agreed on [V2G20-1032]; one that it forgot is forgotten here too [V2G20-2615..2617]. Not
here: Plug and Charge, CertificateInstallation.
"""

from evcc.compat import get_logger
from evcc.reasons import V2GError

log = get_logger("evcc.iso20")


def begin(s):
    """To an authorised session of known id. True: joined to the paused one, `s.selected` is set.

    Raises V2GError OTHER_STATION when another station than the paused one joins us.
    """
    kept = s.kept
    if kept:
        s.join(unhex(kept["id"]))
    response = yield from s.ask("SessionSetup", {"EVCCID": s.evccid})
    s.evseid = response["EVSEID"]
    if response["ResponseCode"] != "OK_OldSessionJoined":
        if kept:
            log.info("the station has forgotten the paused session: a new one")
            s.kept = None
        yield from authorize(s)
        return False
    if not kept or response["Header"]["SessionID"] != unhex(kept["id"]):
        raise V2GError("WRONG_SESSION_ID", "joined to a session that was not asked for")
    if s.evseid != kept["evseid"]:  # [V2G20-2613]; only *_ChargeParameterDiscovery may follow
        raise V2GError("OTHER_STATION", "%s, paused at %s" % (s.evseid, kept["evseid"]))
    from evcc.iso20.service import restored

    s.selected = restored(kept["service"])
    s.renegotiable = kept["renegotiable"]
    log.info("resumed: %s set %d %s", *[kept["service"][i] for i in (0, 2, 3)])
    return True


def authorize(s):
    """AuthorizationSetup and Authorization by external identification (EIM)."""
    response = yield from s.ask("AuthorizationSetup", {})
    if "EIM" not in response["AuthorizationServices"]:
        s.end("NOT_AUTHORIZED", "no EIM among the station's modes")
    body = {"SelectedAuthorizationService": "EIM", "EIM_AReqAuthorizationMode": {}}
    while True:
        response = yield from s.until_finished("Authorization", body)
        code = response["ResponseCode"]
        # Finished is not success: a refusal comes as a WARNING, and may be asked again.
        if code.startswith("OK"):
            return
        if code == "WARNING_AuthorizationSelectionInvalid":  # we have no other mode
            s.end("NOT_AUTHORIZED", code)
        log.warning("not authorised yet: %s", code)
        yield 1000


def unhex(text):
    return bytes([int(text[i : i + 2], 16) for i in range(0, len(text), 2)])
