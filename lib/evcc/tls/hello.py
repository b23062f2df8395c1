# SPDX-License-Identifier: MIT
"""The hellos (RFC 8446, 4.1): what we offer, what the station chose, and who goes on from there.

`story(tls)` sends a ClientHello that may carry several versions and returns the story of the
version in the ServerHello. TLS 1.2 can be offered; there is nothing yet that goes on with it.
"""

from evcc.compat import const
from evcc.tls import TlsError
from evcc.tls import messages as m
from evcc.tls.keys import ephemeral
from evcc.tls.protection import SUITES

RETRY = (  # SHA-256 of "HelloRetryRequest"
    b"\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91"
    b"\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c"
)
_OLD = const("station speaks TLS 1.2 or older")


def story(t):
    """Steps -> the story of the version chosen."""
    log, names = t.transcript, [c.subject for c in t.roots]
    group = t.profile[3]
    share = yield from ephemeral(t, group)
    random = t.urandom(32)
    offered = [m.X_VERSIONS, m.X_GROUPS, m.X_SCHEMES, m.X_SCHEMES_CERT, m.X_SHARE, m.X_STATUS]
    offered += [m.X_AUTHORITIES] if names else []
    offered += [m.X_FRAGMENT] if t.fragment else []
    m.send(t, client_hello(random, t.profile, group, share, names, t.fragment))
    c = yield from m.receive(t, m.SERVER_HELLO)
    retry, suite, chosen, peer, cookie = server_hello(c, t.profile, offered)
    log.start(SUITES[suite][2], retry)
    log.update(t.raw)
    t.agreed["retry"] = retry
    if retry:
        if chosen is None and cookie is None:
            raise TlsError("illegal_parameter", "retry without a reason")
        if chosen == group:
            raise TlsError("illegal_parameter", "retry asks for the share it has")
        if chosen is not None:
            group = chosen
            share = yield from ephemeral(t, group)
        offered += [m.X_COOKIE] if cookie else []
        m.send(t, client_hello(random, t.profile, group, share, names, t.fragment, cookie))
        c = yield from m.receive(t, m.SERVER_HELLO)
        retry, other, chosen, peer, _ = server_hello(c, t.profile, offered)
        if retry:
            raise TlsError("unexpected_message", "second retry")
        if other != suite:
            raise TlsError("illegal_parameter", "suite changed after the retry")
        log.update(t.raw)
    if chosen != group:
        raise TlsError("illegal_parameter", "key share of another group")
    from evcc.tls import tls13

    return tls13.story(t, suite, group, peer, random, offered)


def _list(numbers):
    return m.vec(2, *[n.to_bytes(2, "big") for n in numbers])


def client_hello(random, profile, group, share, names, fragment=0, cookie=None):
    """profile: an entry of PROFILES; names: DER names of our roots; fragment: 0 or 512 .. 4096."""
    suites, groups, schemes, _, versions = profile
    vec = m.vec
    schemes = _list(schemes)
    x = [
        (m.X_VERSIONS, vec(1, *[n.to_bytes(2, "big") for n in versions])),
        (m.X_GROUPS, _list(groups)),
        (m.X_SCHEMES, schemes),
        (m.X_SCHEMES_CERT, schemes),
        (m.X_SHARE, vec(2, group.to_bytes(2, "big"), vec(2, share))),
        (m.X_STATUS, b"\x01\0\0\0\0"),
    ]
    if names:
        x.append((m.X_AUTHORITIES, vec(2, *[vec(2, n) for n in names])))
    if fragment:
        x.append((m.X_FRAGMENT, bytes(((512, 1024, 2048, 4096).index(fragment) + 1,))))
    if cookie is not None:
        x.append((m.X_COOKIE, vec(2, cookie)))
    x = [k.to_bytes(2, "big") + vec(2, v) for k, v in x]
    head = (b"\x03\x03", random, b"\0", _list(suites), b"\1\0")
    return m.message(m.CLIENT_HELLO, *(head + (vec(2, *x),)))


def server_hello(c, profile, offered):
    """(retry, suite, group, share, cookie) of TLS 1.3; a HelloRetryRequest has no share.

    A server that chose TLS 1.2 is protocol_version, whether it was offered or not.
    """
    if c.number(2) != 0x0303:
        raise TlsError("protocol_version", "server's version")
    random = bytes(c.take(32))
    retry = random == RETRY
    session = c.vector(1)
    suite = c.number(2)
    if suite in (0xC023, 0xC025) and suite in profile[0]:
        raise TlsError("protocol_version", "station chose TLS 1.2 (ISO 15118-2): not there yet")
    compression = c.number(1)
    allowed = (m.X_VERSIONS, m.X_SHARE, m.X_COOKIE) if retry else (m.X_VERSIONS, m.X_SHARE)
    if not c.more():
        raise TlsError("protocol_version", _OLD)
    try:
        x = m.extensions(c, allowed, offered)
    except TlsError as e:
        # an older server's hello: say the version rather than one of its extensions
        if e.alert == "unsupported_extension" and b"\0\x2b\0\2" not in bytes(c.b):
            raise TlsError("protocol_version", _OLD) from None
        raise
    c.done()
    if m.X_VERSIONS not in x:
        raise TlsError("protocol_version", _OLD)
    v = x[m.X_VERSIONS]
    if v.number(2) != 0x0304:
        raise TlsError("illegal_parameter", "server chose a version we did not offer")
    v.done()
    if session.more():
        raise TlsError("illegal_parameter", "session id was not echoed")
    if suite not in profile[0] or suite not in SUITES:
        raise TlsError("illegal_parameter", "suite 0x%04x was not offered" % suite)
    if compression:
        raise TlsError("illegal_parameter", "compression")
    group = share = cookie = None
    if m.X_SHARE in x:
        v = x[m.X_SHARE]
        group = v.number(2)
        if not retry:
            share = v.vector(2).rest()
        v.done()
    elif not retry:
        raise TlsError("missing_extension", "server sent no key share")
    if m.X_COOKIE in x:
        v = x[m.X_COOKIE]
        cookie = v.vector(2).rest()
        v.done()
        if not cookie:
            raise TlsError("decode_error", "empty cookie")
    if group is not None and group not in profile[1]:
        raise TlsError("illegal_parameter", "group 0x%04x was not offered" % group)
    return retry, suite, group, share, cookie
