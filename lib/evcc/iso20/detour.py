# SPDX-License-Identifier: MIT
"""Ways out of the charge loop and back into it: another schedule, standby, metering.

ISO 15118-20 8.3.4.3 and 8.4: PowerDelivery(ScheduleRenegotiation) -> ScheduleExchange ->
PowerDelivery(Start), power flowing on as agreed before; PowerDelivery(Standby) -> loops without
power at the usual rhythm -> PowerDelivery(Start), DC after a new precharge as its contactors are
open meanwhile. Public stations know standby only as a refusal, so its inside is inferred. Loaded
when needed, dropped afterwards. Not here: standby before the first power.
"""

from evcc import v2gtp
from evcc.compat import const, get_logger
from evcc.iso20.loop import exchange, rest
from evcc.iso20.session import Stop
from evcc.iso20.units import rational

_RAMP_LOOPS = const(25)
_POLL_MS = const(250)
_DEAD_MS = const(5000)  # the inlet has to lose its voltage within
_DAY_S = const(86400)
_TOUCH_V = const(60.0)

log = get_logger("evcc.iso20")


def take(s, name, request):
    """What `s.wish` says; comes back where the loop may go on, or raises Stop."""
    wish, s.wish = s.wish, None
    if wish == "ScheduleRenegotiation":
        yield from renegotiate(s, name, request)
    elif wish == "Standby":
        yield from standby(s, name, request)
    elif wish == "MeteringConfirmation":
        from evcc.iso20 import metering

        yield from metering.confirm(s, name, request)
    else:
        log.info("%s: nothing to do", wish)


def renegotiate(s, name, request):
    """A new schedule; the old one stays where the station refuses.

    On a side stream it is exchanged while the loop goes on, and not once more in line.
    """
    from evcc.iso20 import schedule, side

    offers = []
    if side.wanted(s, "schedule"):
        side.start(s, "schedule", beside(s, schedule, offers))
        while side.busy(s):
            yield rest(s)
            yield from exchange(s, name, request, False)
            if s.stop:
                return
    response = yield "PowerDelivery", progress(s, "ScheduleRenegotiation")
    s.notice(response)
    if response["ResponseCode"] == "WARNING_ScheduleRenegotiationFailed":
        log.warning("no other schedule: the old one stays")
        s.heard = "ScheduleRenegotiation"  # one that goes on asking is not asked again
        return
    if not offers:
        offers.append((yield from schedule.agree(s)))
    s.share = 1.0
    most, phases = greatest(s)
    yield from schedule.start(s, schedule.profile(s, offers[0], most, phases))


def beside(s, schedule, offers):
    """ScheduleExchange as the story of a side stream; its good answer goes into `offers`."""
    while True:
        response = yield "ScheduleExchange", schedule.request(s)
        if response["EVSEProcessing"] == "Finished":
            break
        yield _POLL_MS
    if response.get("GoToPause"):
        s.wish_stop("STATION_PAUSE")
    offers.append(response)


def standby(s, name, request):
    """Connected without energy, until the station or the car ends that."""
    for _ in range(_RAMP_LOOPS):
        yield from exchange(s, name, request, True)
        if not s.safety.current() or s.stop:
            break
        yield rest(s)
    if s.stop:
        return
    response = yield "PowerDelivery", progress(s, "Standby")
    s.notice(response)
    refused = response["ResponseCode"] == "WARNING_StandbyNotAllowed"
    if refused:
        log.info("no standby at this station: loops without power instead")
    else:
        log.info("standby")
        s.safety.release()
        while s.safety.state != "open":
            yield 20
    by_car = s.vehicle.wish() == "standby"
    opened = s.now
    while True:
        yield from exchange(s, name, request, True)
        wish = s.vehicle.wish()
        if wish == "pause":
            s.wish_stop("USER_PAUSE")
        if s.stop:
            raise Stop
        if s.wish == "ExitStandby" or by_car and wish != "standby":
            if refused or is_dead(s) or s.now - opened > _DEAD_MS:
                break
        yield rest(s)
    s.wish = None
    log.info("end of standby")
    if not s.vehicle.wants_power():
        s.wish_stop("COMPLETED")
        raise Stop
    if not refused:
        yield from start(s)


def is_dead(s):
    volts = s.safety.inlet_voltage()
    return s.energy == v2gtp.AC or volts is not None and volts < _TOUCH_V


def start(s):
    """Power again after standby."""
    from evcc.iso20 import schedule

    if s.energy == v2gtp.AC:
        from evcc.safety_ac import AcPower

        AcPower(s.safety, s.vehicle.charger())
        yield from schedule.start(s, progress(s, "Start"))
        while s.safety.state != "ac":
            yield 20
        return
    from evcc.iso20 import precharge
    from evcc.iso20.dc import contactors

    s.safety.ready()
    yield from contactors(s, "ready")
    yield from precharge.run(s)
    s.safety.close()
    yield from contactors(s, "closed")
    yield from schedule.start(s, progress(s, "Start"))


def greatest(s):
    """(W the car may draw, phases) as schedule.profile wants them."""
    if s.energy == v2gtp.DC:
        return s.vehicle.limits().charge_power, 1
    charger = s.vehicle.charger()
    return min(charger.charge_power, s.evse["max_power"]), charger.phases


def progress(s, what):
    """PowerDeliveryReq(what) with the profile of the schedule in force; some stations insist on
    one wherever it is not Stop."""
    most = greatest(s)[0]
    entries = []
    profile = {"TimeAnchor": s.unix(), "EVPowerProfileEntries": {"EVPowerProfileEntry": entries}}
    if s.tuple_id is None:
        entries.append({"Duration": _DAY_S, "Power": rational(most)})
        profile["Dynamic_EVPPTControlMode"] = {}
    else:
        profile["TimeAnchor"] = s.plan[0]
        for duration, watts in zip(s.plan[1], s.plan[2]):
            entries.append({"Duration": duration, "Power": rational(min(watts, most))})
        profile["Scheduled_EVPPTControlMode"] = {
            "SelectedScheduleTupleID": s.tuple_id,
            "PowerToleranceAcceptance": "PowerToleranceNotConfirmed",
        }
    body = {"EVProcessing": "Finished", "ChargeProgress": what, "EVPowerProfile": profile}
    if s.selected.separated:  # [V2G20-2123]
        body["BPT_ChannelSelection"] = "Charge"
    return body
