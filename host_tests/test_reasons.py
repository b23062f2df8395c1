# SPDX-License-Identifier: MIT
"""Every StopReason that the device code can give has one number and words for people."""

import re

from evcc.iso20.session import RENEWAL
from evcc.reason_texts import NUMBERS, TEXTS
from evcc.reasons import GOOD

from tools import ROOT

_GIVEN = re.compile(r'(?:V2GError|fail|\bend|wish_stop)\(\s*"([A-Z][A-Z0-9_]+)"')


def test_numbers_and_texts_cover_what_is_given():
    given = set(GOOD)
    for path in (ROOT / "lib" / "evcc").rglob("*.py"):
        given |= set(_GIVEN.findall(path.read_text(encoding="utf-8")))
    assert {"MESSAGE_TIMEOUT", "WELD_SUSPECTED", "NO_SERVICE"} & given
    given.discard(RENEWAL)  # a wish inside a session, never its end
    assert given <= set(NUMBERS) and set(NUMBERS) == set(TEXTS)
    assert len(set(NUMBERS.values())) == len(NUMBERS)
