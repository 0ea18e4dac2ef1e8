from __future__ import annotations

import pytest

from sdops.facts.types import Argument, Setting, UiInstall
from sdops.knowledge.listening import effective, is_loopback


def _ui(kind, *arguments, settings=()):
    parsed = tuple(
        Argument(flag, value or None, "f", 1)
        for flag, _, value in (text.partition(" ") for text in arguments)
    )
    return UiInstall(
        kind, "/ui", arguments=parsed, settings=tuple(Setting(*item, "f", 1) for item in settings)
    )


@pytest.mark.parametrize(
    ("ui", "host", "port", "explicit"),
    [
        (_ui("a1111"), "127.0.0.1", 7860, False),
        (_ui("a1111", "--listen", "--port 7900"), "0.0.0.0", 7900, True),
        (_ui("reforge", "--server-name box", "--listen"), "box", 7860, False),
        (_ui("a1111", "--port banana"), "127.0.0.1", 7860, False),
        (_ui("a1111", "--port 70000"), "127.0.0.1", 7860, False),
        (_ui("a1111", settings=[("GRADIO_SERVER_NAME", "::")]), "::", 7860, False),
        (_ui("comfyui"), "127.0.0.1", 8188, True),
        (_ui("comfyui", "--listen"), "0.0.0.0", 8188, True),
        (_ui("comfyui", "--listen 192.168.1.4"), "192.168.1.4", 8188, True),
        (_ui("invokeai", settings=[("host", "0.0.0.0"), ("port", "9091")]), "0.0.0.0", 9091, True),
        (_ui("kohya", "--listen 0.0.0.0", "--server_port 7000"), "0.0.0.0", 7000, True),
        (_ui("lora-scripts", "--listen"), "0.0.0.0", 28000, True),
    ],
)
def test_effective(ui, host, port, explicit):
    listening = effective(ui)
    assert (listening.host, listening.port, listening.explicit_port) == (host, port, explicit)
    assert listening.wanted_remote == (host != "127.0.0.1")


def test_environment_counts_where_the_launch_file_is_silent():
    assert effective(_ui("a1111"), {"GRADIO_SERVER_PORT": "7999"}).port == 7999
    assert effective(_ui("a1111", "--port 7861"), {"GRADIO_SERVER_PORT": "7999"}).port == 7861


def test_sdnext_is_told_by_variables_too():
    listening = effective(_ui("sdnext"), {"SD_LISTEN": "true", "SD_AUTH": "name:password"})
    assert listening.host == "0.0.0.0"
    assert listening.authenticated
    assert not effective(_ui("sdnext"), {"SD_LISTEN": ""}).wanted_remote


def test_an_unknown_ui_has_no_rules():
    assert effective(_ui("other")) is None


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("127.0.0.1,::1", True),
        ("0.0.0.0,::", False),
        ("127.0.0.1,0.0.0.0", False),
        ("box.example", False),
        ("", False),
    ],
)
def test_is_loopback(address, loopback):
    assert is_loopback(address) is loopback
