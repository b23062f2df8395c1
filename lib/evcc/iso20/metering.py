# SPDX-License-Identifier: MIT
"""MeteringConfirmation of ISO 15118-20 8.3.4.3.6: the car signs what the station's meter said.

Only by EVSENotification, and only in sessions with a contract: `s.signer` makes the signature in
slices, so that the charge loop keeps its rhythm meanwhile; without it we do not confirm. Sources
differ on who signs (the car, by the schema: SignedMeteringData exists in the request only).

signer: `begin(name, element)` takes the element to sign, a dict as the codec's; `step()` works at
most 50 ms and returns None, or the header's Signature as a dict. It belongs to Plug and Charge.
"""

from evcc.compat import const, get_logger
from evcc.iso20.loop import exchange, rest

_METER_LOOPS = const(5)  # a station that was asked for its meter [V2G20-1081] shows it by then
_SIGN_LOOPS = const(300)

# as in flow.py
FLOW = "\nMeteringConfirmation common 2000 - DC_ChargeLoop AC_ChargeLoop PowerDelivery\n"

log = get_logger("evcc.iso20")


def confirm(s, name, request):
    """Ask for the meter, sign, confirm; comes back where the loop may go on."""
    if s.signer is None:
        log.warning("MeteringConfirmation needs Plug and Charge: not confirmed")
        return
    if not s.safety.may_compute():
        log.warning("MeteringConfirmation: no timer guards power meanwhile: not confirmed")
        return
    request.body["MeterInfoRequested"] = True
    data = None
    for _ in range(_METER_LOOPS):
        response = yield from loops(s, name, request)
        if s.stop:
            break
        if "MeterInfo" in response:
            data = metering_data(s, response)
            break
    request.body["MeterInfoRequested"] = False
    if data is None:
        log.warning("the station shows no meter: not confirmed")
        return
    s.signer.begin("SignedMeteringData", data)
    for _ in range(_SIGN_LOOPS):
        signature = s.signer.step()
        if signature:
            break
        yield from loops(s, name, request)
        if s.stop:
            return
    else:
        log.warning("no signature in time: not confirmed")
        return
    if FLOW not in s.rows:
        s.rows = FLOW + s.rows
    header = {"SessionID": s.session_id, "TimeStamp": s.unix(), "Signature": signature}
    body = {"Header": header, "SignedMeteringData": data}
    from evcc.iso20 import side

    if side.wanted(s, "metering"):
        side.start(s, "metering", beside(body))
        while side.busy(s):
            yield from loops(s, name, request)
    else:
        yield "MeteringConfirmation", body
    s.heard = None
    log.info("meter confirmed: %s", data["MeterInfo"])


def beside(body):
    """The story on a side stream."""
    yield "MeteringConfirmation", body


def loops(s, name, request):
    """One ordinary charge loop, at its time; returns its answer."""
    yield rest(s)
    return (yield from exchange(s, name, request, False))


def metering_data(s, response):
    """SignedMeteringData of a loop's answer: MeterInfo and Receipt as they came."""
    data = {"Id": "id1", "SessionID": s.session_id, "MeterInfo": response["MeterInfo"]}
    if "Receipt" in response:
        data["Receipt"] = response["Receipt"]
    if s.tuple_id is None:
        data["Dynamic_SMDTControlMode"] = {}
    else:
        data["Scheduled_SMDTControlMode"] = {"SelectedScheduleTupleID": s.tuple_id}
    return data
