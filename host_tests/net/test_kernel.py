# SPDX-License-Identifier: MIT
"""TCP, IPv6 and our server against the Linux kernel, RA and DHCPv6 against dnsmasq (scenarios:
kernel_peer.py).

Each scenario has a network namespace of its own; those of the selected tests run at the same time.
"""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from host_tests import netns

pytestmark = [pytest.mark.peer, pytest.mark.timeout(400)]


def scenario(*words):
    """Gives the test the scenario's JSON as `result`."""
    return pytest.mark.parametrize(
        "result", [words], indirect=True, ids=["-".join(map(str, words))]
    )


def _run(words, folder):
    env = dict(os.environ, TMPDIR=str(folder))
    script = str(netns.ROOT / "host_tests" / "net" / "kernel_peer.py")
    done = netns.run([sys.executable, script, *words], timeout=240, env=env)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def runs(request, tmp_path_factory):
    """All selected scenarios, begun together: {words: future}"""
    netns.require()
    folder = tmp_path_factory.mktemp("kernel")
    wanted = [
        item.callspec.params["result"]
        for item in request.session.items
        if item.module is request.module and "result" in getattr(item, "callspec", request).params
    ]
    with ThreadPoolExecutor(8) as pool:
        yield {words: pool.submit(_run, _arguments(words), folder) for words in wanted}


def _arguments(words):
    if words[0] != "dnsmasq":
        return words
    from tools.peers import PEERS

    return (*words, *PEERS["dnsmasq"].command("usr/sbin/dnsmasq"))


@pytest.fixture
def result(request, runs, peer):
    if request.param[0] == "dnsmasq":
        peer("dnsmasq")
    try:
        return runs[request.param].result()
    except subprocess.TimeoutExpired as e:
        pytest.fail(f"{request.param}: not done in time: {e.stdout} {e.stderr}")


@pytest.mark.shows("TCP", "1 MB each way over a bad line", peer="Linux kernel")
@scenario("transfer", 1000000, 1)
def test_a_megabyte_each_way_through_a_bad_line(result):
    assert result["done"] and result["up"] and result["down"], result
    c = result["counters"]
    assert c["tcp_again"] > 20 and c["tcp_early"] > 20 and c["tcp_old"] > 20, c  # it was bad


@scenario("peer_closes")
def test_peer_closes(result):
    assert result["ok"] and result["error"] == "closed by peer" and result["data"] == "bye"
    assert result["kernel"] in ([], ["06"])  # nothing left but TIME_WAIT


@pytest.mark.shows("TCP", "reset", peer="Linux kernel")
@scenario("peer_resets")
def test_peer_resets(result):
    assert result["state"] == "CLOSED" and result["error"] == "reset" and result["kernel"] == []


@scenario("we_close")
def test_we_close(result):
    assert result["ok"] and result["error"] is None and result["read"] == "all of it"
    assert result["kernel"] == []


@scenario("we_abort")
def test_we_abort(result):
    assert result["error"] == "ConnectionResetError" and result["kernel"] == []


@pytest.mark.shows("TCP", "closed window", peer="Linux kernel")
@scenario("stall")
def test_peer_stalls_with_a_closed_window(result):
    assert result["closed"] > 10 and result["ok"] and result["same"], result


@pytest.mark.shows("TCP", "one byte a segment", peer="Linux kernel")
@scenario("crumbs")
def test_one_byte_per_segment(result):
    assert result["ok"] and result["same"] and result["segments"] > 100, result


@scenario("refused")
def test_closed_port(result):
    assert result["ok"] and result["error"] == "refused" and result["ports"] == 3


@scenario("asleep")
def test_device_asleep_for_seven_seconds(result):
    assert result["ok"] and result["same"], result


@pytest.mark.shows("neighbour discovery, duplicate address", peer="Linux kernel")
@scenario("neighbours")
def test_unicast_checks_of_the_kernel_are_answered(result):
    assert result["unicast"] >= 2 and result["answered"] >= result["unicast"]
    assert netns.E0_MAC in result["entry"]  # in whatever state of being checked again
    assert not any(word in result["entry"] for word in ("FAILED", "INCOMPLETE"))


@pytest.mark.shows("neighbour discovery, duplicate address", peer="Linux kernel")
@scenario("duplicate_ours")
def test_address_that_the_kernel_has_already(result):
    assert result["ok"] and result["other"] and result["read"] == "other"


@scenario("duplicate_theirs")
def test_kernel_hears_that_our_address_is_taken(result):
    assert result["failed"] and result["answered"]


@scenario("ping")
def test_echo_and_udp(result):
    assert result["echo"] and result["udp"]


@scenario("server", 1)
def test_station_host_serves_the_kernel(result):
    assert result["ok"] and result["states"] == ["CLOSED"] * 3
    assert result["results"] == ["('refused', True)", "(0, True)", "(1, True)", "(2, True)"]


@pytest.mark.shows("router advertisements", peer="dnsmasq")
@scenario("dnsmasq", "ra")
def test_router_advertisements(result):
    assert result["ok"], result
    assert result["address"] == result["from"] == "fd00:1::ff:fe0e:e01"
    assert result["gateway"] == netns.S0_ADDRESS and result["read"] == "global"


@pytest.mark.shows("DHCPv6", peer="dnsmasq")
@scenario("dnsmasq", "dhcp")
def test_dhcpv6(result):
    assert result["ok"], result
    assert result["address"] == result["from"] and result["address"].startswith("fd00:1::1")
    assert result["read"] == "global" and result["renewed"] and result["released"]
