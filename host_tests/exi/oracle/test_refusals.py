# SPDX-License-Identifier: MIT
"""What the encoder must refuse, and that its error names the place: drawn messages, spoilt."""

import pytest
from evcc import exi
from hypothesis import given
from hypothesis import strategies as st

from host_tests.exi.oracle import generate, xsd
from host_tests.exi.oracle.conftest import amounts, drawn

pytestmark = [pytest.mark.peer, pytest.mark.timeout(570)]
sets = pytest.mark.parametrize("name", xsd.SETS)


def _places(value, path, found):
    """Collect (path, container, key) of every leaf and every dict inside a message."""
    items = enumerate(value) if isinstance(value, list) else value.items()
    for key, inner in items:
        below = "%s[%d]" % (path, key) if isinstance(value, list) else "%s.%s" % (path, key)
        found.append((below, value, key))
        if isinstance(inner, (dict, list)):
            _places(inner, below, found)
    return found


def _spoilt(value):
    """Values that can stand nowhere where `value` stands."""
    if isinstance(value, bool):
        return ["true", 2, 1]
    if isinstance(value, int):
        return [1 << 300, -1 << 300, "1", 1.0, True]
    if isinstance(value, str):
        return [5, b"text", "\ud800", "x" * 100_000]
    if isinstance(value, bytes):
        return ["00", 5, bytes(100_000)]
    if isinstance(value, dict):
        return [5, "text", [1]]
    return [5, "text", {"a": 1}]


def _unbounded(value, name):
    return len(value) == 100_000 if isinstance(value, (str, bytes)) else name == "X509SerialNumber"


@sets
@amounts(60)
def test_a_wrong_value_is_named_with_its_path(schemas, name, count):
    @drawn(count)
    @given(generate.documents(name), st.data())
    def check(drawing, data):
        root, message, _xml = drawing
        places = _places(message, root, [])
        if not places:
            return
        path, container, key = data.draw(st.sampled_from(places))
        bad = data.draw(st.sampled_from(_spoilt(container[key])))
        container[key] = bad
        try:
            encoded = exi.encode(name, root, message)
        except exi.EXIError as error:
            assert str(error).startswith(path), (str(error), path)
            return
        # Some strings and binaries have no longest length in the XSD.
        assert _unbounded(bad, key), "%s: %r became %s" % (path, bad, encoded.hex()[:80])

    check()


@sets
@amounts(40)
def test_a_misspelled_name_is_named(schemas, name, count):
    @drawn(count)
    @given(generate.documents(name), st.data())
    def check(drawing, data):
        root, message, _xml = drawing
        dicts = [(root, message)]
        for path, container, key in _places(message, root, []):
            if isinstance(container[key], dict):
                dicts.append((path, container[key]))
        path, place = data.draw(st.sampled_from(dicts))
        place["EVSEPresentVolatge"] = 1
        with pytest.raises(exi.EXIError) as error:
            exi.encode(name, root, message)
        assert str(error.value).startswith(path + ".EVSEPresentVolatge")

    check()


@sets
@amounts(40)
def test_a_missing_element_is_named(schemas, name, count):
    """Leaving one out gives a valid message (it was optional), or an error with its name."""

    @drawn(count)
    @given(generate.documents(name), st.data())
    def check(drawing, data):
        root, message, _xml = drawing
        places = [p for p in _places(message, root, []) if isinstance(p[1], dict)]
        if not places:
            return
        path, container, key = data.draw(st.sampled_from(places))
        del container[key]
        try:
            encoded = exi.encode(name, root, message)
        except exi.EXIError as error:
            parent = path.rpartition(".")[0]
            assert str(error).startswith(parent), (str(error), path)
            assert key in str(error)
            assert "missing" in str(error)
            return
        assert exi.decode(name, encoded) == (root, message)

    check()


@sets
@amounts(25)
def test_a_stream_that_ends_early_is_refused(schemas, name, count):
    @drawn(count)
    @given(generate.documents(name), st.data())
    def check(drawing, data):
        root, message, _xml = drawing
        encoded = exi.encode(name, root, message)
        end = data.draw(st.integers(0, len(encoded) - 1))
        with pytest.raises(exi.EXIError):
            exi.decode(name, encoded[:end])
        assert exi.decode(name, encoded + b"\x00\xff") == (root, message)

    check()


@sets
@amounts(25)
def test_encode_into_needs_exactly_the_room(schemas, name, count):
    @drawn(count)
    @given(generate.documents(name), st.integers(0, 9))
    def check(drawing, offset):
        root, message, _xml = drawing
        encoded = exi.encode(name, root, message)
        buf = bytearray(b"\xa5" * (offset + len(encoded) + 1))
        end = exi.encode_into(name, root, message, memoryview(buf)[:-1], offset)
        assert end == offset + len(encoded)
        assert bytes(buf) == b"\xa5" * offset + encoded + b"\xa5"
        with pytest.raises(exi.EXIError):
            exi.encode_into(name, root, message, memoryview(buf)[:-2], offset)

    check()
