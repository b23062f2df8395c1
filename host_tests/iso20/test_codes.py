# SPDX-License-Identifier: MIT
"""Every ResponseCode of ISO 15118-20 at a message that can carry it, and what the car does."""

import pytest
from evcc import exi, v2gtp
from evcc.iso20.session import Session
from evcc.reasons import V2GError

from host_tests.iso20.scripted import Run

OK = ["OK", "OK_CertificateExpiresSoon", "OK_PowerToleranceConfirmed"]
WARNINGS = (
    "AuthorizationSelectionInvalid CertificateExpired CertificateNotYetValid CertificateRevoked "
    "CertificateValidationError ChallengeInvalid EIMAuthorizationFailure eMSPUnknown "
    "EVPowerProfileViolation GeneralPnCAuthorizationError NoCertificateAvailable "
    "NoContractMatchingPCIDFound PowerToleranceNotConfirmed ScheduleRenegotiationFailed "
    "StandbyNotAllowed WPT"
).split()
FAILED = (
    " _AssociationError _ContactorError _EVPowerProfileInvalid _EVPowerProfileViolation "
    "_MeteringSignatureNotValid _NoEnergyTransferServiceSelected "
    "_NoServiceRenegotiationSupported _PauseNotAllowed _PowerDeliveryNotApplied "
    "_PowerToleranceNotConfirmed _ScheduleRenegotiation _ScheduleSelectionInvalid "
    "_SequenceError _ServiceIDInvalid _ServiceSelectionInvalid _SignatureError _UnknownSession "
    "_WrongChargeParameter"
).split(" ")


def decoded(code, name="PowerDelivery", session=None):
    """A response of this code through the session's decoder."""
    s = session or Session(None, None, None, "EVCC1", unix=1)
    s.join(bytes(range(8)))
    header = {"SessionID": bytes(range(8)), "TimeStamp": 1}
    data = exi.encode("iso20_common", name + "Res", {"Header": header, "ResponseCode": code})
    return s, s.decode(name, v2gtp.MAIN, data, 10)


@pytest.mark.parametrize("tail", FAILED)
def test_failed_ends_the_session(tail):
    with pytest.raises(V2GError) as error:
        decoded("FAILED" + tail, "SessionStop")
    paused = tail == "_PauseNotAllowed"
    assert error.value.reason == ("PAUSE_REFUSED" if paused else "RESPONSE_FAILED")
    assert error.value.detail == "FAILED%s to SessionStop" % tail


@pytest.mark.parametrize("code", [*OK, *["WARNING_" + tail for tail in WARNINGS]])
def test_all_others_go_on_with_the_content(code, caplog):
    s, response = decoded(code)
    assert response["ResponseCode"] == code and s.stop is None
    said = [r for r in caplog.records if code in r.getMessage()]
    assert len(said) == code.startswith("WARNING")
    decoded(code, session=s)
    assert len([r for r in caplog.records if code in r.getMessage()]) == len(said)  # said once


def test_all_codes_are_here():
    named = [*OK, "OK_NewSessionEstablished", "OK_OldSessionJoined"]
    named += ["WARNING_" + tail for tail in WARNINGS] + ["FAILED" + tail for tail in FAILED]
    assert len(set(named)) == 40


def test_power_above_the_profile_is_reduced_and_never_below_a_half():
    run = Run(control_mode="Scheduled", services="DC")
    seen = []

    def violation(response):
        if len(seen) > 4:
            run.session.warned("WARNING_EVPowerProfileViolation", "DC_ChargeLoop")
        seen.append(run.board.amps)

    run.station.edit["DC_ChargeLoop"] = violation
    run.station.loops_until_terminate = 30
    run.run()
    assert seen[4] > 40 and seen[6] < seen[4]
    assert min(seen[6:28]) == pytest.approx(seen[4] / 2, rel=0.03)


@pytest.mark.parametrize(
    "code, tries, stop",
    [
        ("WARNING_EIMAuthorizationFailure", 3, "STATION_TERMINATE"),  # another card
        ("WARNING_NoContractMatchingPCIDFound", 3, "STATION_TERMINATE"),
        ("WARNING_AuthorizationSelectionInvalid", 1, "NOT_AUTHORIZED"),  # we have no other mode
    ],
)
def test_warnings_at_authorization(code, tries, stop):
    run = Run()
    run.station.loops_until_terminate = 3
    answers = [code, code, "OK"]
    run.station.edit["Authorization"] = lambda r: r.update(ResponseCode=answers.pop(0))
    run.run()
    assert run.station.names().count("Authorization") == tries and run.session.stop == stop


@pytest.mark.parametrize("tail", ["PowerToleranceNotConfirmed", "EVPowerProfileViolation", "WPT"])
def test_warnings_at_power_delivery_do_not_keep_power_off(tail):
    run = Run()
    run.station.loops_until_terminate = 5
    run.station.edit["PowerDelivery"] = lambda r: r.update(ResponseCode="WARNING_" + tail)
    run.run()
    assert run.session.loops >= 5 and run.session.stop == "STATION_TERMINATE"
