"""A secret that lies anywhere in what the doctor reads is in no answer of it, in no format."""

from __future__ import annotations

import json
import string
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdops.doctor.diagnose import diagnose
from sdops.doctor.repair.planning import plan
from sdops.doctor.session import save
from sdops.facts.credentials import hide_credentials, hide_value
from sdops.facts.host import environment
from sdops.facts.host import settings as host_settings
from sdops.facts.redact import hide_secrets, redact_facts
from sdops.facts.types import Facts, Host, Listener, Network
from sdops.facts.ui.install import look_as
from sdops.registry import checks
from sdops.report import FORMATS, render
from tests import uis
from tests.machine import record
from tests.pythons import text

# Begun so that no word of any rule's text is one.
SECRETS = (
    st.text(string.ascii_letters + string.digits + "!$*^_-", min_size=5, max_size=20)
    .filter(lambda word: word.strip(string.punctuation) == word)
    .map("zQ9{}".format)
)
NAMES = st.sampled_from(
    ["token", "hf_token", "SD_AUTH", "api-key", "password", "client_secret", "cookie",
     "credentials", "sessionCookie", "NGROK_AUTHTOKEN", "external_openai_api_key", "webhook_url",
     "remote_api_tokens", "passphrase", "auth", "licenseKey"]
)  # fmt: skip


def _environment(root: Path, name: str, secret: str) -> Mapping[str, str]:
    uis.a1111(root)
    return {f"SD_{name.upper().replace('-', '_')}": secret, "GRADIO_NOTE": f"see {secret}"}


def _shell(root: Path, name: str, secret: str) -> Mapping[str, str]:
    uis.a1111(root)
    variable = name.replace("-", "_")
    text(
        root / "webui-user.sh",
        f"export {variable}='me:{secret}'\nexport SD_AUTH='other:{secret}'\n"
        f"export COMMANDLINE_ARGS=\"--listen --gradio-auth 'me:{secret}'\"\n",
    )
    return {}


def _batch(root: Path, name: str, secret: str) -> Mapping[str, str]:
    uis.a1111(root)
    (root / "webui-user.sh").unlink(missing_ok=True)
    safe = secret.replace("^", "").replace("!", "") or "abcdefgh"
    text(root / "webui-user.bat", f"set {name}={safe}\nset COMMANDLINE_ARGS=--api-auth a:{secret}")
    return {}


def _invokeai(root: Path, name: str, secret: str) -> Mapping[str, str]:
    text(
        root / "invokeai.yaml",
        f"schema_version: 4.0.2\nremote_api_tokens:\n  - url_regex: civitai.com\n    token: "
        f"{json.dumps(secret)}\nweb: {{deep: [{{{name}: {json.dumps(secret)}}}]}}\n"
        f"note: {json.dumps(f'it is {secret}')}\n",
    )
    return {}


def _desktop(root: Path, name: str, secret: str) -> Mapping[str, str]:
    for folder in ("models", "custom_nodes", "input", "output"):
        (root / folder).mkdir(parents=True)
    flags = {name.replace("_", "-"): secret, "listen": "0.0.0.0"}
    text(root / "user/default/comfy.settings.json",
         json.dumps({"Comfy.Server.LaunchArgs": flags}))  # fmt: skip
    return {}


def _git(root: Path, name: str, secret: str) -> Mapping[str, str]:
    uis.a1111(root)
    text(root / ".git/HEAD", "ref: refs/heads/main\n")
    text(root / ".git/config",
         f'[remote "origin"]\n\turl = https://me:{secret}@gone.example/{name}.git\n')  # fmt: skip
    return {}


def _pip(root: Path, name: str, secret: str) -> Mapping[str, str]:
    uis.a1111(root)
    index = f"https://{secret}@index.example/simple"
    text(root / "venv/pip.conf", f"[global]\n{name} = {secret}\nindex-url = {index}\n")
    return {"PIP_EXTRA_INDEX_URL": f"https://me:{secret}@other.example/"}


PLACES: list[Callable[[Path, str, str], Mapping[str, str]]] = [
    _environment, _shell, _batch, _invokeai, _desktop, _git, _pip,
]  # fmt: skip


def _seen(root: Path, place: Callable[[Path, str, str], Mapping[str, str]], name: str,
          secret: str) -> Facts:  # fmt: skip
    variables = place(root, name, secret)
    found = look_as(root, None, "windows" if place is _batch else "linux", variables)
    pip = host_settings.look({"venv": str(root / "venv")}, record(root / "system", {}))
    own = {key: item for key, item in pip.items() if key.startswith("pip:")}
    kept = environment.relevant(variables)
    host = Host("linux", "Ubuntu 24.04", "x86_64", environment=kept, settings=own)
    other = (
        f"python serve.py --{name.replace('_', '-')} {secret} -H 'Authorization: Basic {secret}'"
    )
    process = Listener("127.0.0.1", 9999, pid=1, command=f"{other} {secret}")
    facts = Facts("2026-12-01T00:00:00Z", host, str(root), ui=found.value, gaps=found.gaps,
                  network=Network(listeners=(process,)))  # fmt: skip
    return hide_secrets(facts, variables)


@settings(deadline=None, max_examples=14, suppress_health_check=list(HealthCheck))
@given(place=st.sampled_from(PLACES), name=NAMES, secret=SECRETS)
def test_no_planted_secret_is_in_any_answer(
    place: Callable[[Path, str, str], Mapping[str, str]],
    name: str,
    secret: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    root = tmp_path_factory.mktemp("patient")
    facts = _seen(root, place, name, secret)
    for shown in (facts, redact_facts(facts)):
        report = diagnose(shown, checks(), 0.0)
        for format_name in FORMATS:
            assert secret not in render(report, format_name)
        assert secret not in plan(report, shown).preview()
    save(facts, root / "facts.json")
    assert secret not in (root / "facts.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "line",
    [
        "{name}={secret}", "export {name}='{secret}'", "set {name}={secret}",
        '"{name}": "{secret}"', "{name}: {secret}", "  - {name}: {secret} with spaces",
        '{name} = "{secret}"', "--{name} {secret}", "--{name}={secret}", '--{name} "{secret}"',
        "https://host.example/?{name}={secret}&b=1",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["hf_token", "api-key", "SD_AUTH", "client_secret", "my_cookie"])
def test_a_line_of_any_format(line: str, name: str) -> None:
    shown = hide_credentials(line.format(name=name, secret="s3cretWord9"))
    assert "s3cretWord9" not in shown
    assert name in shown


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_tokens", "75"), ("--gradio-auth-path", "logins.txt"), ("ssl_keyfile", "key.pem"),
        ("disable_auth", "true"), ("GIT_AUTHOR_NAME", "x y"), ("hotkeys", "ctrl+s"),
        ("HF_TOKEN", ""), ("--tokenizer", "clip"), ("PIP_KEYRING_PROVIDER", "disabled"),
        ("PWD", "/data/sd"), ("SSH_AUTH_SOCK", "/tmp/agent.1"),
        ("HF_TOKEN_PATH", "/home/token"), ("--monkey", "banana"),
    ],
)  # fmt: skip
def test_what_is_not_a_secret_stays(name: str, value: str) -> None:
    assert hide_value(name, value) == value


@pytest.mark.parametrize(
    "line",
    [
        "Error(s) in loading state_dict: Missing key(s) in state_dict: a.b",
        "KeyError: 'lora_unet'", "77 tokens, max_tokens=75", "the key: value pairs",
        "torch==2.9.1 --hash=sha256:abc", "passed=3 compass=north", "author: somebody",
        "pip install --user numpy", "--use-cpu all --precision full",
    ],
)  # fmt: skip
def test_ordinary_text_stays(line: str) -> None:
    assert hide_credentials(line) == line
