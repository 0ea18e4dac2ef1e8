"""Who listens and which firewall stands in between, on real sockets and recorded rules."""

from __future__ import annotations

import json
import os
import socket
import sys

import pytest

from sdops.facts import network
from sdops.facts.network import firewalls, listeners
from sdops.facts.network.firewalls import firewalld, iptables, nftables, ufw, windows
from sdops.facts.network.look import remote_session
from sdops.facts.tree import REAL
from sdops.facts.types import Listener
from sdops.programs.process import ProbeError
from tests.machine import record

TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1EB4 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 31337 1
   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   2: 0100007F:1EB4 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 2 1
"""
TCP6 = """\
  sl  local_address                         remote_address                        st
   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0
   1: 00000000000000000000000001000000:0277 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0
"""


@pytest.mark.skipif(sys.byteorder != "little", reason="recorded on a little-endian machine")
def test_proc_net_tcp():
    assert list(listeners.parse_proc(TCP)) == [Listener("127.0.0.1", 7860), Listener("0.0.0.0", 22)]
    assert list(listeners.parse_proc(TCP6)) == [Listener("::", 8080), Listener("::1", 631)]
    assert list(listeners.parse_proc("")) == []


def test_a_real_socket_and_its_owner():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        probed = network.look()
    address = ("127.0.0.1", port)
    (found,) = [one for one in probed.value.listeners if (one.address, one.port) == address]
    assert found.pid == os.getpid()
    assert found.process
    assert found.command
    assert probed.value.reach == ()


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_sockets_without_owners(tmp_path):
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        found = set(listeners.parse_proc(REAL.read("/proc/net/tcp")))
        assert Listener("127.0.0.1", listening.getsockname()[1]) in found


def test_ssh():
    assert remote_session({"SSH_CONNECTION": "10.0.0.2 51324 10.0.0.1 22"})
    assert remote_session({"SSH_TTY": "/dev/pts/0"})


UFW_ON = {"/etc/ufw/ufw.conf": "# comment\nENABLED=yes\nLOGLEVEL=low\n"}
UFW_RULES = """\
*filter
### RULES ###

### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 OpenSSH - in
-A ufw-user-input -p tcp --dport 22 -j ACCEPT

### tuple ### allow any 7860 0.0.0.0/0 any 0.0.0.0/0 in comment=5344
### tuple ### allow tcp 8188 0.0.0.0/0 any 192.168.1.0/24 in
### tuple ### allow udp 5353 0.0.0.0/0 any 0.0.0.0/0 in
### tuple ### deny tcp 9090 0.0.0.0/0 any 0.0.0.0/0 in
### tuple ### allow tcp 9090 0.0.0.0/0 any 0.0.0.0/0 in
### tuple ### limit tcp 80,443 0.0.0.0/0 any 0.0.0.0/0 in
### tuple ### allow tcp 6000:6007 0.0.0.0/0 any 0.0.0.0/0 in_eth0
### tuple ### route:allow tcp 5000 0.0.0.0/0 any 0.0.0.0/0 in
### tuple ### allow tcp 4000 0.0.0.0/0 any 0.0.0.0/0 out
"""


def test_ufw(tmp_path):
    files = {
        **UFW_ON,
        "/etc/default/ufw": 'DEFAULT_INPUT_POLICY="DROP"\n',
        "/etc/ufw/user.rules": UFW_RULES,
    }
    firewall = ufw.look(record(tmp_path, files))
    assert firewall is not None
    assert (firewall.active, firewall.inbound_default) == (True, "deny")
    assert firewall.allowed_ports == (22, 80, 443, 7860)
    assert firewall.allowed_ranges == ((6000, 6007),)
    assert firewall.allows(6003)
    assert not firewall.allows(8188)


def test_ufw_off_and_absent(tmp_path):
    off = record(tmp_path / "off", {"/etc/ufw/ufw.conf": "ENABLED=no\n"})
    firewall = ufw.look(off)
    assert firewall is not None
    assert firewall.active is False
    assert ufw.look(record(tmp_path / "absent", {})) is None


def test_ufw_that_accepts_by_default(tmp_path):
    files = {
        **UFW_ON,
        "/etc/default/ufw": "DEFAULT_INPUT_POLICY=ACCEPT\n",
        "/etc/ufw/user.rules": "### tuple ### allow any any 0.0.0.0/0 any 0.0.0.0/0 in\n",
    }
    firewall = ufw.look(record(tmp_path, files))
    assert firewall is not None
    assert firewall.inbound_default == "allow"
    assert firewall.allows(7860)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's firewalls")
def test_rules_that_may_not_be_read_are_a_gap(tmp_path):
    # A folder stands where the rules should be: unreadable for root too.
    tree = record(tmp_path, UFW_ON)
    (tmp_path / "etc/ufw/user.rules").mkdir()
    probed = firewalls.look(tree)
    assert [(item.kind, item.active) for item in probed.value] == [("ufw", None)]
    assert [gap.fact for gap in probed.gaps] == ["network.firewall.ufw"]


FIREWALLD = {
    "/proc/812/comm": "firewalld\n",
    "/proc/1/comm": "systemd\n",
    "/etc/firewalld/firewalld.conf": "# default\nDefaultZone=FedoraWorkstation\n",
    "/usr/lib/firewalld/zones/FedoraWorkstation.xml": (
        '<?xml version="1.0" encoding="utf-8"?><zone><short>Fedora Workstation</short>'
        '<service name="dhcpv6-client"/><service name="ssh"/><service name="gone"/>'
        '<port protocol="udp" port="1025-65535"/><port protocol="tcp" port="1025-65535"/></zone>'
    ),
    "/usr/lib/firewalld/services/ssh.xml": '<service><port protocol="tcp" port="22"/></service>',
}


def test_firewalld(tmp_path):
    firewall = firewalld.look(record(tmp_path, FIREWALLD))
    assert firewall is not None
    assert (firewall.active, firewall.profile) == (True, "FedoraWorkstation")
    assert firewall.inbound_default == "deny"
    assert firewall.allowed_ports == (22,)
    assert firewall.allows(7860)
    assert not firewall.allows(80)


def test_the_administrators_zone_wins(tmp_path):
    own = {"/etc/firewalld/zones/FedoraWorkstation.xml": '<zone target="ACCEPT"/>'}
    firewall = firewalld.look(record(tmp_path, {**FIREWALLD, **own}))
    assert firewall is not None
    assert firewall.inbound_default == "allow"
    assert firewall.allowed_ranges == ()


def test_firewalld_not_running_or_broken(tmp_path):
    stopped = {name: text for name, text in FIREWALLD.items() if "/proc/812" not in name}
    firewall = firewalld.look(record(tmp_path / "stopped", stopped))
    assert firewall is not None
    assert firewall.active is False
    broken = {**FIREWALLD, "/usr/lib/firewalld/zones/FedoraWorkstation.xml": "<zone><port"}
    with pytest.raises(ProbeError, match="not valid XML"):
        firewalld.look(record(tmp_path / "broken", broken))


def test_firewall_cmd():
    text = (
        "public (active)\n  target: default\n  icmp-block-inversion: no\n  interfaces: eth0\n"
        "  sources: \n  services: dhcpv6-client ssh\n  ports: 7860/tcp 9000-9010/tcp 53/udp\n"
        "  protocols: \n  masquerade: no\n"
    )
    firewall = firewalld.from_program(text)
    assert (firewall.profile, firewall.inbound_default) == ("public", "deny")
    assert (firewall.allowed_ports, firewall.allowed_ranges) == ((7860,), ((9000, 9010),))


def port_match(right):
    left = {"payload": {"protocol": "tcp", "field": "dport"}}
    return {"match": {"op": "==", "left": left, "right": right}}


def rule(*expr, chain="input"):
    return {"rule": {"family": "inet", "table": "filter", "chain": chain, "expr": list(expr)}}


def ruleset(policy, *rules):
    chain = {"family": "inet", "table": "filter", "name": "input", "hook": "input"}
    items = [{"metainfo": {"version": "1.0.6"}}, {"chain": {**chain, "policy": policy}}, *rules]
    return json.dumps({"nftables": items})


def test_nftables():
    accept = {"accept": None}
    from_lan = {
        "match": {
            "op": "==",
            "left": {"payload": {"protocol": "ip", "field": "saddr"}},
            "right": {"prefix": {"addr": "192.168.1.0", "len": 24}},
        }
    }
    new = {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["new"]}}
    old = {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established"]}}
    text = ruleset(
        "drop",
        rule(port_match(22), accept),
        rule(new, port_match({"set": [80, 443, {"range": [8000, 8010]}]}), accept),
        rule(from_lan, port_match(7860), accept),
        rule(old, port_match(9999), accept),
        rule(port_match(5000), {"drop": None}),
        rule(port_match(6000), accept, chain="forward"),
        rule(port_match("@named"), accept),
    )
    firewall = nftables.interpret(text)
    assert (firewall.active, firewall.inbound_default) == (True, "deny")
    assert firewall.allowed_ports == (22, 80, 443)
    assert firewall.allowed_ranges == ((8000, 8010),)


def test_nftables_that_let_all_in():
    assert nftables.interpret('{"nftables": []}').active is False
    firewall = nftables.interpret(ruleset("accept", rule(port_match(22), {"accept": None})))
    assert (firewall.active, firewall.inbound_default) == (True, "allow")
    closed = nftables.interpret(ruleset("accept", rule({"counter": {}}, {"reject": None})))
    assert closed.inbound_default == "deny"


@pytest.mark.parametrize("text", ["", "Operation not permitted", "[]", "{}"])
def test_nftables_garbage(text):
    with pytest.raises(ProbeError):
        nftables.interpret(text)


def test_iptables():
    text = (
        "-P INPUT DROP\n-A INPUT -i lo -j ACCEPT\n"
        "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
        "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n"
        "-A INPUT -p tcp -m multiport --dports 80,443,7000:7010 -j ACCEPT\n"
        "-A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 7860 -j ACCEPT\n"
        '-A INPUT -p tcp -m tcp --dport 8188 -m comment --comment "my UI" -j ACCEPT\n'
        "-A INPUT -p udp -m udp --dport 53 -j ACCEPT\n"
    )
    firewall = iptables.interpret(text)
    assert (firewall.active, firewall.inbound_default) == (True, "deny")
    assert firewall.allowed_ports == (22, 80, 443, 8188)
    assert firewall.allowed_ranges == ((7000, 7010),)


def test_iptables_open_and_closed_by_a_last_rule():
    assert iptables.interpret("-P INPUT ACCEPT\n").active is False
    text = "-P INPUT ACCEPT\n-A INPUT -j REJECT --reject-with icmp-host-prohibited\n"
    assert iptables.interpret(text).inbound_default == "deny"


def test_rules_are_asked_for_only_where_the_kernel_has_them_loaded(tmp_path):
    modules = "nf_tables 372736 40 nft_compat, Live 0x0\niptable_filter 16384 1 - Live 0x0\n"
    loaded = record(tmp_path / "loaded", {"/proc/modules": modules})
    bare = record(tmp_path / "bare", {"/proc/modules": "ext4 1 1 - Live 0x0\n"})
    assert nftables.is_loaded(loaded)
    assert iptables.is_loaded(loaded)
    assert not nftables.is_loaded(bare)
    assert not iptables.is_loaded(bare)
    assert iptables.is_loaded(record(tmp_path / "old", {"/proc/net/ip_tables_names": "filter\n"}))


WINDOWS_RULES = (
    "v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Private|LPort=7860|Name=sd|",
    "v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=8000-8010|LPort=22|Name=many|",
    "v2.31|Action=Allow|Active=FALSE|Dir=In|Protocol=6|LPort=1111|Name=off|",
    "v2.31|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=2222|Name=block|",
    "v2.31|Action=Allow|Active=TRUE|Dir=Out|Protocol=6|LPort=3333|Name=out|",
    "v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=17|LPort=4444|Name=udp|",
    "v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=5555|RA4=LocalSubnet|Name=near|",
    r"v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=6666|App=C:\x.exe|Name=app|",
    "garbage",
)


def test_windows():
    private = windows.interpret(WINDOWS_RULES, "private", True, "deny")
    assert (private.kind, private.profile, private.active) == ("windows", "private", True)
    assert private.allowed_ports == (22, 7860)
    assert private.allowed_ranges == ((8000, 8010),)
    public = windows.interpret(WINDOWS_RULES, "public", True, "deny")
    assert not public.allows(7860)


def test_this_machine_leaves_no_traceback():
    probed = firewalls.look(REAL)
    assert all(item.kind for item in probed.value)
    assert all(gap.reason for gap in probed.gaps)
