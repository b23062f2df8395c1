# SPDX-License-Identifier: MIT
"""Every StopReason that the device code can give has one number and words for people."""

import re

from evcc.iso20.session import RENEWAL
from evcc.reason_texts import ROWS, number, text
from evcc.reasons import GOOD

from tools import ROOT

_GIVEN = re.compile(r'(?:V2GError|fail|\bend|wish_stop)\(\s*"([A-Z][A-Z0-9_]+)"')


def test_numbers_and_texts_cover_what_is_given():
    given = set(GOOD)
    for path in (ROOT / "lib" / "evcc").rglob("*.py"):
        given |= set(_GIVEN.findall(path.read_text(encoding="utf-8")))
    assert {"MESSAGE_TIMEOUT", "WELD_SUSPECTED", "NO_SERVICE"} & given
    given.discard(RENEWAL)  # a wish inside a session, never its end
    numbers, names, texts = zip(*ROWS, strict=True)
    assert given <= set(names) and all(texts)
    assert len(set(numbers)) == len(set(names)) == len(ROWS)


def test_a_reason_is_found_by_its_name():
    assert number("USER_STOP") == 2 and text("USER_STOP") == "Stopped by the driver."
    assert number("INTERNAL_ERROR") == 50
    assert number(RENEWAL) == 0 and text(None) == ""
