"""What leaves the machine names nobody and gives nothing away."""

from __future__ import annotations

import string

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sdops.facts.credentials import hide_credentials, hide_value
from sdops.facts.redact import Identity, Redactor, redact, redact_facts
from sdops.facts.types import (
    Argument,
    Distribution,
    Facts,
    Firewall,
    Host,
    Listener,
    Network,
    PythonEnv,
    Setting,
    UiInstall,
)

STEADY = settings(deadline=None)
"""Other work on the same machine is no failure."""

ALICE = Identity(
    users=("alice",), hosts=("rig-42.lan", "rig-42"), homes=("/data/people/alice", "/")
)

SECRET = st.text(string.ascii_letters + string.digits, min_size=24, max_size=40)
PASSWORD = st.text(string.ascii_letters + string.digits + "!$%^*_+.,~-", min_size=8, max_size=24)
NAME = st.from_regex(r"[A-Za-z]{4,12}(\.[a-z]{4,8})?", fullmatch=True)
NOISE = st.text(string.ascii_letters + string.digits + " .:/\\-_=\"'\n", max_size=40)

PLANTS = (
    "https://user:{password}@proxy.example:8080/simple",
    "http_proxy=http://{name}:{password}@10.0.0.1:3128",
    "git clone https://{secret}@github.com/owner/repository.git",
    "--gradio-auth {name}:{password}",
    "--gradio-auth={name}:{password} --listen",
    'COMMANDLINE_ARGS="--listen --gradio-auth {name}:{password}"',
    "--api-auth '{name}:{password}'",
    "HF_TOKEN={secret}",
    "export CIVITAI_API_KEY='{secret}'",
    '{{"hf_token": "{secret}"}}',
    "Authorization: Bearer {secret}",
    "token hf_{secret}",
    "ghp_{secret}",
    "github_pat_{secret}",
    "sk-{secret}",
    "https://models.example/file?token={secret}&x=1",
    "password: {password}",
)
PATHS = (
    "/home/{name}/stable-diffusion-webui",
    "/Users/{name}/ComfyUI/models",
    r"C:\Users\{name}\sd\webui-user.bat",
    "C:/Users/{name}/sd",
    r"c:\\Users\\{name}\\AppData",
    "/mnt/c/Users/{name}/sd",
    "/media/{name}/disk",
    r"C:\Users\{name} Smith\sd",
)


@STEADY
@given(st.sampled_from(PLANTS), SECRET, PASSWORD, NAME, NOISE, NOISE)
def test_no_secret_survives(template, secret, password, name, before, after):
    # Text in front may quote or open an option; what is planted stands as a word of its own.
    before = before.replace('"', "").replace("'", "")
    assume(password.strip(string.punctuation) == password)
    assume(secret not in before + after and password not in before + after + template)
    text = template.format(secret=secret, password=password, name=name)
    shown = Redactor(ALICE).text(f"{before} {text} {after}")
    if "{secret}" in template:
        assert secret not in shown
    if "{password}" in template:
        assert password not in shown


@STEADY
@given(st.sampled_from(PATHS), NAME, NOISE)
def test_no_home_folder_survives(template, name, before):
    path = template.format(name=name)
    shown = Redactor(ALICE).text(f"{before} {path}")
    assert f"/{name}" not in shown.replace("\\", "/").replace("//", "/")
    assert "Smith" not in shown


@STEADY
@given(st.lists(st.one_of(NOISE, st.sampled_from(PLANTS), st.sampled_from(PATHS)), max_size=4))
def test_redacting_twice_changes_nothing(parts):
    text = " ".join(parts).replace("{", "").replace("}", "")
    once = Redactor(ALICE).text(text)
    assert Redactor(ALICE).text(once) == once


@STEADY
@given(st.text(max_size=200))
def test_any_text_can_be_redacted_twice(text):
    once = redact(text)
    assert redact(once) == once


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("alice@rig-42:~/sd$ ./webui.sh", "user@[host]:~/sd$ ./webui.sh"),
        ("mail a.person@example.org now", "mail [email] now"),
        ("remote git@github.com:owner/fork.git", "remote git@github.com:owner/fork.git"),
        ("/data/people/alice/sd", "/data/people/useru/sd"),
        ("/home/alice/a and /home/bob/b", "/home/useru/a and /home/2us/b"),
        ("/mnt/alice-disk/alice_models", "/mnt/useru-disk/useru_models"),
        ("malice and alices", "malice and alices"),
        ("running on rig-42.lan", "running on [host]"),
        ("listening on 0.0.0.0:7860", "listening on 0.0.0.0:7860"),
        ("listening on 127.0.0.1:7860", "listening on 127.0.0.1:7860"),
        ("from 192.168.1.7", "from 192.168.1.7"),
        ("http://8.8.4.4:7860/", "http://[address]:7860/"),
        ("nvidia-cudnn-cu12==8.9.2.26", "nvidia-cudnn-cu12==8.9.2.26"),
        ("driver 31.0.15.3623, cuDNN 8.9.2.26", "driver 31.0.15.3623, cuDNN 8.9.2.26"),
        ("/root/sd", "/root/sd"),
        (r"C:\Users\Public\sd", r"C:\Users\Public\sd"),
        ("77 tokens, max_tokens=75", "77 tokens, max_tokens=75"),
        ("hf_hub_download failed", "hf_hub_download failed"),
        (
            "pip install git+https://host:8080/x.git@v1",
            "pip install git+https://host:8080/x.git@v1",
        ),
    ],
)
def test_what_is_shown(text, shown):
    assert Redactor(ALICE).text(text) == shown


def test_a_home_folder_keeps_what_makes_it_a_fault():
    shown = Redactor(ALICE).text(r"C:\Users\Jürgen Groß\sd")
    assert "Jürgen" not in shown
    assert len(shown) == len(r"C:\Users\Jürgen Groß\sd")
    assert " " in shown
    assert not shown.isascii()


def test_facts_keep_their_structure():
    facts = Facts(
        taken_at="2026-11-20T00:00:00Z",
        host=Host(
            os="linux",
            os_version="Ubuntu 22.04",
            machine="x86_64",
            environment={"HF_TOKEN": "abc", "PYTHONPATH": "/home/zoe/lib"},
            settings={"pip:global.index-url": "https://zoe:pw@index.example/simple"},
        ),
        python=PythonEnv(
            "/home/zoe/venv",
            "/home/zoe/venv/bin/python",
            "venv",
            distributions=(Distribution("nvidia-cudnn-cu12", "8.9.2.26", "/home/zoe/venv/lib"),),
        ),
        ui=UiInstall(
            "a1111",
            "/home/zoe/sd",
            arguments=(Argument("--gradio-auth", "zoe:hunter2", "webui-user.sh", 3),),
            settings=(Setting("NGROK_TOKEN", "s3cret", "webui-user.sh", 4),),
        ),
        network=Network(
            listeners=(Listener("81.2.69.142", 7860), Listener("0.0.0.0", 22)),
            firewalls=(Firewall("ufw", True, "deny", (22,)),),
        ),
    )
    clean = redact_facts(facts)
    assert "zoe" not in repr(clean)
    assert "hunter2" not in repr(clean)
    assert "s3cret" not in repr(clean)
    assert "81.2.69.142" not in repr(clean)
    assert clean.python is not None
    assert clean.python.distributions[0].version == "8.9.2.26"
    assert clean.python.executable.startswith(clean.python.root)
    assert clean.network.firewalls == facts.network.firewalls
    assert clean.network.listeners[1] == facts.network.listeners[1]
    assert redact_facts(clean) == clean


def test_a_package_keeps_its_name_even_if_a_user_has_it():
    redactor = Redactor(Identity(users=("numpy",)), frozenset({"numpy"}))
    assert redactor.text("numpy 2.1.2") == "numpy 2.1.2"
    assert redactor.text("/home/numpy/sd") == "/home/useru/sd"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("HF_TOKEN", "hf_x", "[redacted]"),
        ("CUDA_VISIBLE_DEVICES", "0,1", "0,1"),
        ("https_proxy", "http://a:b@p:1", "http://[redacted]@p:1"),
        ("PIP_INDEX_URL", "https://mirror.example/simple", "https://mirror.example/simple"),
        ("MY_SECRET", "", ""),
    ],
)
def test_environment_values(name, value, shown):
    assert hide_value(name, value) == shown


def test_private_key_is_hidden():
    key = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"
    assert hide_credentials(f"a {key} b") == "a [redacted] b"
