# SPDX-License-Identifier: MIT
"""The request/response driver alone: deadlines, wrong and surplus answers, faults of ours."""

import pytest
from evcc.exchange import Exchange
from evcc.exi import EXIError
from evcc.reasons import V2GError

STREAM = 0x8002


class Dialect:
    """Coding by identity: a message is its text."""

    def __init__(self, phase_ms):
        self.phase_ms = phase_ms

    def limits(self, name):
        return 500, self.phase_ms

    def expects(self, payload_type, state):
        return payload_type == STREAM

    def encode(self, name, body, now):
        if body == "unencodable":
            raise TypeError(body)
        return name.encode()

    def decode(self, state, payload_type, payload, now):
        if payload == b"garbage":
            raise EXIError("cut", "X")
        if payload == b"failed":
            raise V2GError("RESPONSE_FAILED", state)
        return {"ResponseCode": "OK", "text": bytes(payload)}


class Rig:
    def __init__(self, story, room=True, phase_ms=None):
        self.sent = []
        self.answered = 0
        self.room = room
        self.released = False
        self.exchange = Exchange(self._wrap(story), Dialect(phase_ms), self._send)
        self.exchange.start(0)

    def _wrap(self, story):
        try:
            yield from story
        finally:
            self.released = True

    def _send(self, message, now):
        if self.room:
            self.sent.append((bytes(message), now))
        return self.room

    def reason(self):
        assert self.exchange.done and self.released
        return self.exchange.error.reason if self.exchange.error else None


def once():
    response = yield "A", {}
    assert response["text"] == b"a"


def twice_with_pause():
    yield "A", {}
    yield 100
    yield "B", {}


def test_good():
    rig = Rig(once())
    assert rig.sent == [(b"A", 0)] and rig.exchange.state == "A"
    rig.exchange.feed(STREAM, b"a", 10)
    assert rig.reason() is None


def test_pause_wakes_at_its_time():
    rig = Rig(twice_with_pause())
    rig.exchange.feed(STREAM, b"", 10)
    assert rig.exchange.step(50) == 110 and len(rig.sent) == 1
    rig.exchange.step(110)
    assert rig.sent[1] == (b"B", 110)


@pytest.mark.parametrize("at, ends", [(499, None), (500, "MESSAGE_TIMEOUT")])
def test_answer_limit(at, ends):
    rig = Rig(once())
    rig.exchange.step(at)
    assert rig.exchange.done == (ends is not None)
    if ends:
        assert rig.reason() == ends


def test_phase_limit_is_not_restarted_by_repeats():
    def story():
        while True:
            yield "A", {}
            yield 50

    rig = Rig(story(), phase_ms=2000)
    now = 0
    while not rig.exchange.done and now < 5000:
        now += 10
        if len(rig.sent) > rig.answered:
            rig.answered += 1
            rig.exchange.feed(STREAM, b"", now)
        rig.exchange.step(now)
    assert 1900 <= now <= 2100 and rig.answered > 20


def test_phase_timeout_has_its_own_reason():
    rig = Rig(once(), phase_ms=300)
    rig.exchange.step(300)
    assert rig.reason() == "PHASE_TIMEOUT"


@pytest.mark.parametrize(
    "payload, reason", [(b"garbage", "UNDECODABLE"), (b"failed", "RESPONSE_FAILED")]
)
def test_bad_answers(payload, reason):
    rig = Rig(once())
    rig.exchange.feed(STREAM, payload, 10)
    assert rig.reason() == reason


def test_surplus_answer_ends_the_session():
    rig = Rig(twice_with_pause())
    rig.exchange.feed(STREAM, b"", 10)
    rig.exchange.feed(STREAM, b"", 20)
    assert rig.reason() == "UNEXPECTED_MESSAGE"


def test_other_streams_are_skipped_and_counted():
    rig = Rig(once())
    rig.exchange.feed(0x8101, b"x", 10)
    assert not rig.exchange.done and rig.exchange.skipped == 1
    rig.exchange.feed(STREAM, b"a", 20)
    assert rig.reason() is None


def test_no_room_on_the_link_is_tried_again():
    rig = Rig(once(), room=False)
    assert rig.sent == []
    rig.room = True
    rig.exchange.step(20)
    rig.exchange.step(40)
    assert rig.sent == [(b"A", 20)]


def test_thrown_error_ends_it_once():
    rig = Rig(once())
    rig.exchange.throw(V2GError("LINK_LOST"), 10)
    rig.exchange.throw(V2GError("UNPLUGGED"), 20)
    rig.exchange.feed(STREAM, b"a", 30)
    rig.exchange.step(40)
    assert rig.reason() == "LINK_LOST"


def test_fault_of_ours_in_the_story_or_in_encoding():
    def broken():
        yield "A", {}
        raise KeyError("x")

    rig = Rig(broken())
    rig.exchange.feed(STREAM, b"", 10)
    assert rig.reason() == "INTERNAL_ERROR"

    def unencodable():
        yield "A", "unencodable"

    assert Rig(unencodable()).reason() == "INTERNAL_ERROR"
