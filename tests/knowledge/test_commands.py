from __future__ import annotations

import pytest

from sdops.facts.types import Host
from sdops.profile import load
from sdops.remedies.commands import admin_command, firewall_commands, install_package


@pytest.mark.parametrize(
    ("host", "line"),
    [
        (Host("linux", "Ubuntu", "x86_64"), "sudo ufw status"),
        (Host("linux", "Ubuntu", "x86_64", is_admin=True), "ufw status"),
        (Host("windows", "Windows 11", "x86_64"), "ufw status"),
        (Host("freebsd", "FreeBSD", "x86_64"), "sudo ufw status"),
    ],
)
def test_admin_command(host, line):
    assert admin_command(host, "ufw", "status").line == line


@pytest.mark.parametrize(
    ("distribution", "line"),
    [
        ("ubuntu", "sudo apt-get install libtcmalloc-minimal4"),
        ("fedora", "sudo dnf install gperftools-libs"),
        ("arch", "sudo pacman -S gperftools"),
        ("opensuse-leap", "sudo zypper install libtcmalloc4"),
    ],
)
def test_install_package(distribution, line):
    host = Host("linux", "Linux", "x86_64", distribution=distribution)
    assert install_package(host, "tcmalloc").line == line


def test_an_unknown_distribution_gets_no_command():
    assert install_package(Host("linux", "X", "x86_64", distribution="x"), "tcmalloc") is None
    assert install_package(Host("macos", "X", "arm64"), "tcmalloc") is None


def test_every_firewall_row_can_open_a_port():
    for row in load("firewalls")["firewalls"]:
        commands = firewall_commands(row["kind"])
        assert any("{port}" in part for argv in commands.open for part in argv)
        assert row["source"]
    assert firewall_commands("other") is None
