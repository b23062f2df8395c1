# SPDX-License-Identifier: MIT
"""The file of names: packed, cut, and read by the device's code as they were."""

import random

import pytest
from evcc.exi import tables

from tools.exi.compiler import names


def unpack(data):
    """All names of such a file, by its description."""
    head = names.WORDS + 1 + data[names.WORDS]
    begin = int.from_bytes(data[head : head + 2], "little")
    found, text = [], ""
    for byte in data[begin:]:
        code = byte & 0x7F
        low, high = data[code : code + 2] if code < names.WORDS else (0, 0)
        at = names.WORDS + 1
        text += chr(code) if code >= names.WORDS else data[at + low : at + high].decode()
        if byte & 0x80:
            found.append(text)
            text = ""
    return found


def some(seed):
    dice = random.Random(seed)
    parts = ["EV", "EVSE", "Charge", "Power", "Maximum", " ", "-", "/", "x", "9", "_L2"]
    return ["".join(dice.choices(parts, k=dice.randrange(1, 6))) for _ in range(100)]


def test_names_come_back():
    seed = random.randrange(1 << 30)
    print("seed", seed)
    wanted = some(seed)
    data = names.pack(wanted)
    assert unpack(data) == wanted
    for count in (1, 7, 8, 9, 64, 99, 100):
        assert unpack(names.cut(data, count)) == wanted[:count]
    assert names.cut(data, 100) == data


def test_the_device_reads_them(monkeypatch):
    wanted = [*some(1), ""]  # the empty text of xmldsig's schema is kept as "?"
    monkeypatch.setattr(tables, "_open", lambda: names.cut(names.pack(wanted), 101))
    for name in ("_pool", "_words", "_room"):
        monkeypatch.setattr(tables, name, None)
    assert [tables.text(i) for i in range(101)] == [*wanted[:100], "?"]


def test_words_save_half():
    wanted = some(2)
    words = names.words([name.encode() for name in wanted])
    assert words[:3] == [b" ", b"-", b"/"] and len(words) == names.WORDS
    assert b"Charge" in words or b"Maximum" in words
    assert sum(map(len, words)) <= 255
    assert len(names.pack(wanted)) < sum(map(len, wanted))


def test_names_that_a_device_has_no_room_for():
    with pytest.raises(OverflowError, match="names 0 to 6 take more than 160 bytes"):
        dice = random.Random(3)
        letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
        names.pack(["".join(dice.sample(letters, 25)) for _ in range(8)])
