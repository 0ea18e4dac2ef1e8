"""What a log says about its machine and installation, mostly in its first lines."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sdops.explain.clean import Line

_FACTS = (
    ("python", re.compile(r"^\s*(?:\*\* )?(?:- \*\*)?Python(?: version)?:?\*{0,2}:?\s{0,3}(?:version=)?(?P<v>3\.\d{1,2}(?:\.\d{1,2})?)\b", re.I)),
    ("executable", re.compile(r"^\s*\*\* Python executable:\s*(?P<v>\S.{1,300}?)\s*$")),
    ("executable", re.compile(r"^\s*venv \"(?P<v>[^\"]{3,300})\"")),
    ("executable", re.compile(r"^\s*(?:RuntimeError: |Command: )?.{0,40}?\"(?P<v>[^\"\n]{3,300}[\\/]python(?:3(?:\.\d+)?)?(?:\.exe)?)\" -m ", re.I)),
    ("executable", re.compile(r"(?P<v>(?:[A-Za-z]:[\\/]|/)[^\s\"'<>|]{0,300}(?:python_embeded|venv[\\/](?:Scripts|bin))[\\/]python(?:3)?(?:\.exe)?)", re.I)),
    ("executable", re.compile(r"(?P<v>\.?[\\/]?python_embeded[\\/]python\.exe)", re.I)),
    ("torch", re.compile(r"(?:pytorch version|torch version|PyTorch Version)[:= ]{1,4}\*{0,2}\s{0,2}(?P<v>\d+\.\d+[\w.+-]{0,30})", re.I)),
    ("torch", re.compile(r"\btorch[:=]{1,2}\s?=?(?P<v>\d+\.\d+\.\d+[\w.+-]{0,30})")),
    ("torch", re.compile(r"\bTorch:? (?P<v>\d+\.\d+\.\d+\+\w{2,12})")),
    ("xformers", re.compile(r"xformers version[:= ]{1,3}(?P<v>\d[\w.+]{1,30})", re.I)),
    ("gpu", re.compile(r"^\s*(?:- \*\*Name:\*\* |Device: |CUDA device: |Torch detected GPU: )(?:cuda:\d )?(?P<v>[^\n]{2,80}?)(?:\s*:\s*\w*|\s*VRAM.*|)$")),
    ("vram_mb", re.compile(r"Total VRAM (?P<v>\d{2,7}) MB")),
    ("ram_mb", re.compile(r"total RAM (?P<v>\d{3,8}) MB", re.I)),
    ("ui_version", re.compile(r"^\s*(?:- \*\*)?(?:ComfyUI [Vv]ersion|\*\* ComfyUI Version|Version|WebUI Version|InvokeAI, version|app=sd\.?next)[:= ]{1,3}\*{0,2}\s?(?P<v>v?[\w.+-]{1,60})")),
    ("arguments", re.compile(r"^\s*(?:Launching Web UI with arguments:|- \*\*Arguments:\*\*|COMMANDLINE_ARGS=)\s?(?P<v>\S[^\n]{0,400})$")),
)  # fmt: skip
_UIS = (
    ("sdnext", re.compile(r"SD\.?Next|vladmandic|Torch parameters: backend=|Device: device=")),
    ("invokeai", re.compile(r"InvokeAI|invokeai")),
    ("kohya", re.compile(r"kohya|sd-scripts|train_network\.py|accelerate")),
    ("forge-neo", re.compile(r"sd-webui-forge-(?:neo|classic)|Forge Neo|forge-neo", re.I)),
    ("forge", re.compile(r"webui-forge|modules_forge|\bf\d\.\d\.\d+v\d|Forge", re.I)),
    ("comfyui", re.compile(r"ComfyUI|comfyui|custom_nodes|comfy[\\/]|got prompt")),
    ("a1111", re.compile(r"stable-diffusion-webui|Launching Web UI|webui\.(?:py|sh|bat)|webui-user")),
)
_WINDOWS = re.compile(r"(?:^|[\s\"'(])[A-Za-z]:\\|\[WinError|Windows|\.exe\b|Press any key to continue|win_amd64")
_MAC = re.compile(r"/Users/\w|/opt/homebrew|macOS|Darwin|\bMPS\b|\bmps\b")
_LINUX = re.compile(r"(?:^|[\s\"'(])/(?:home|root|opt|usr|workspace|content|mnt|kaggle|data|app)/|Linux|manylinux|\.so\b")
_CONTAINER = re.compile(r"/workspace/|/content/|/kaggle/|docker|runpod", re.I)
_VENDORS = (
    ("nvidia", re.compile(r"NVIDIA|GeForce|RTX|GTX|Tesla|Quadro|\bCUDA device", re.I)),
    ("amd", re.compile(r"Radeon|\bAMD\b|gfx\d{3,4}|ROCm|\bHIP\b|ZLUDA|privateuseone|DirectML", re.I)),
    ("intel", re.compile(r"\bArc\b|\bXPU\b|\bIPEX\b", re.I)),
)
ENOUGH = 2500
"""Lines at the beginning that are looked at, and a fifth as many at the end."""


def read_banner(lines: Sequence[Line]) -> Mapping[str, str]:
    """Facts by name: `ui`, `platform`, `python`, `executable`, `torch`, `torch_build`, `gpu`, …

    The last run's word counts where a log holds several. Names and values are those of
    `sdops.explain.context`.
    """
    facts: dict[str, str] = {}
    votes: dict[str, int] = {}
    looked_at = lines if len(lines) < ENOUGH * 1.2 else (*lines[:ENOUGH], *lines[-ENOUGH // 5 :])
    for line in looked_at:
        text = line.text
        if not text:
            continue
        for name, pattern in _FACTS:
            match = pattern.search(text)
            if match and match["v"].strip():
                weak = name == "executable" and name in facts and not text.startswith(("**", "venv"))
                if not weak:
                    facts[name] = match["v"].strip()
        _vote(text, votes)
    return _concluded(facts, votes)


def _vote(text: str, votes: dict[str, int]) -> None:
    for system, pattern in (("windows", _WINDOWS), ("macos", _MAC), ("linux", _LINUX)):
        if pattern.search(text):
            votes[system] = votes.get(system, 0) + 1
    for ui, pattern in _UIS:
        if pattern.search(text):
            votes[f"ui:{ui}"] = votes.get(f"ui:{ui}", 0) + 1
            break
    for vendor, pattern in _VENDORS:
        if pattern.search(text):
            votes[f"vendor:{vendor}"] = votes.get(f"vendor:{vendor}", 0) + 1
    if _CONTAINER.search(text):
        votes["container"] = 1


def _concluded(facts: dict[str, str], votes: Mapping[str, int]) -> Mapping[str, str]:
    systems = {name: votes[name] for name in ("windows", "macos", "linux") if name in votes}
    if systems:
        facts["platform"] = max(systems, key=lambda name: systems[name])
    for prefix, name in (("ui:", "ui"), ("vendor:", "vendor")):
        kinds = {vote.removeprefix(prefix): count for vote, count in votes.items() if vote.startswith(prefix)}
        if kinds:
            facts[name] = max(kinds, key=lambda kind: kinds[kind])
    gpu = facts.get("gpu", "")
    named = next((vendor for vendor, pattern in _VENDORS if pattern.search(gpu)), None)
    if named:
        facts["vendor"] = named
    if "container" in votes:
        facts["container"] = "yes"
    torch = facts.get("torch", "")
    if "+" in torch:
        label = torch.partition("+")[2]
        facts["torch_build"] = "cuda" if label.startswith("cu") else "rocm" if "rocm" in label else "xpu" if "xpu" in label else "cpu" if "cpu" in label else label
    executable = facts.get("executable", "").lower()
    if executable:
        facts["layout"] = "portable" if "python_embeded" in executable else "venv" if "venv" in executable else "other"
    return facts
