from __future__ import annotations

from dataclasses import replace

import pytest


@pytest.fixture
def placed(machine):
    def change(name, root, kind=None):
        facts = machine(name)
        return replace(facts, ui=replace(facts.ui, root=root, kind=kind or facts.ui.kind))

    return change


@pytest.mark.parametrize(
    ("name", "root", "kind", "troubles"),
    [
        ("healthy-linux-rtx3060-a1111", "/home/u/my ui", "kohya", ["space-kohya"]),
        ("healthy-windows-rtx4070-forge", "C:\\AI (2)\\forge", None, ["batch-characters"]),
        ("healthy-windows-rtx4070-forge", "C:\\Bilder\\Größe", None, ["non-ascii"]),
        ("healthy-windows-rtx4070-forge", "C:\\Users\\u\\OneDrive\\ui", None, ["onedrive"]),
        ("healthy-windows-rtx4070-forge", "C:\\Program Files\\ui", None, ["program-files"]),
        ("wsl2-rtx3080-comfyui", "/mnt/c/ComfyUI", None, ["wsl-windows-disk"]),
        ("healthy-linux-rtx3060-a1111", "/home/u/my ui (2)/größe", None, []),
        ("healthy-linux-rtx3060-a1111", "/mnt/c/ui", None, []),
        ("healthy-windows-rtx4070-forge", "C:\\AI tools\\forge", None, []),
        ("healthy-windows-arc-a770-comfyui", "C:\\AI (2)\\ComfyUI", None, []),
        ("wsl2-rtx3080-comfyui", "/home/u/ComfyUI", None, []),
    ],
)
def test_troubles(judge, placed, name, root, kind, troubles):
    findings = judge("install-folder", placed(name, root, kind))
    assert [one for finding in findings for one in finding.evidence["troubles"]] == troubles
