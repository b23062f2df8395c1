# SPDX-License-Identifier: MIT
"""The session in the package's page runs as printed, and its tables are complete."""

import doctest
import re

from tools import ROOT

NET = ROOT / "lib" / "evcc" / "net"
TEXT = (NET / "README.md").read_text()


def test_session():
    code = TEXT.split("```python\n")[1].split("```")[0]
    test = doctest.DocTestParser().get_doctest(code, {}, "README", "README.md", 0)
    result = doctest.DocTestRunner().run(test)
    assert result.attempted > 10 and result.failed == 0


def test_every_counter_is_told():
    names = set()
    for path in NET.glob("*.py"):
        names |= set(re.findall(r'count\("(\w+)"', path.read_text()))
    names |= set(re.findall(r'count\("\w+" if [^)]* else "(\w+)"', (NET / "host.py").read_text()))
    # those of the two optional files are told by the file's prefix
    short = {n for n in names if f"`{n}`" not in TEXT and n.split("_")[0] not in ("ra", "dhcp6")}
    assert len(names) > 25 and not short


def test_every_setting_is_told():
    sources = [*NET.glob("*.py"), ROOT / "lib" / "evcc" / "sdp.py"]
    names = set()
    for path in sources:
        found = re.findall(r'setting\("(\w+)"|params, "(\w+)"|params\.(\w+)', path.read_text())
        names |= {word for words in found for word in words if word}
    assert names == {"net_dad", "net_ra", "net_dhcp6", "sdp_plain_ok"}
    assert all(f"`{n}`" in TEXT for n in names)
