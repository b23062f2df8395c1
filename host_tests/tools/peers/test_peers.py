# SPDX-License-Identifier: MIT
"""The table of independent programs: words for what is missing, no half-fetched peer."""

import pytest

from tools import peers
from tools.peers.__main__ import main
from tools.peers.base import FetchError, Peer, System


def test_every_peer_says_what_it_is_and_how_to_get_it(capsys):
    assert main([]) == 0
    text = capsys.readouterr().out
    for name, peer in peers.PEERS.items():
        assert name in text and peer.text and peer.how
        assert all(need in peers.PEERS for need in peer.needs)


def test_unknown_names(capsys):
    assert main(["fetch", "nonsense"]) == 2
    assert "micropython-i386" in capsys.readouterr().err
    with pytest.raises(KeyError, match="there are: micropython-i386"):
        peers.get("nonsense")


class Half(Peer):
    """Fetches one file and then breaks, once."""

    broken = True

    def _fetch(self, work):
        work.mkdir()
        (work / "proof").write_text("")
        if self.broken:
            raise FetchError("half: the line went down")


@pytest.fixture
def half(tmp_path, monkeypatch):
    monkeypatch.setattr("tools.peers.base.PEERS", tmp_path)
    return Half("half", "1", "half", "proof", "a test")


def test_an_interrupted_fetch_leaves_nothing_that_looks_complete(half):
    with pytest.raises(FetchError, match="went down"):
        half.fetch()
    assert "python -m tools.peers fetch half" in half.missing()
    half.broken = False
    half.fetch()
    assert half.missing() is None
    half.fetch()  # nothing to do


def test_a_program_of_the_system():
    there = System("sh", "any", "a shell", "sh", "dash")
    assert there.missing() is None and there.path().endswith("sh")
    gone = System("x", "any", "a test", "no-such-program", "no-such-package")
    assert "apt-get install no-such-package" in gone.missing()
