"""The ways in which consoles, loggers and forums wrap a log, each as a function on its text."""

from __future__ import annotations

from collections.abc import Callable


def each_line(template: str) -> Callable[[str], str]:
    """Every line in `template`, whose `{}` it replaces."""
    return lambda text: "\n".join(template.replace("{}", line) for line in text.split("\n"))


def boxed(text: str) -> str:
    width = max(map(len, text.split("\n")), default=0)
    sides = "\n".join(f"│ {line:<{width}} │" for line in text.split("\n"))
    return f"╭{'─' * width}──╮\n{sides}\n╰{'─' * width}──╯"


def in_an_issue(text: str) -> str:
    return (
        "### What happened?\n\nI press the button, it stops. CUDA out of memory maybe? Please help"
        f"\n\n### Console logs\n\n```Shell\n{text}\n```\n\n### Additional information\n\n_No response_"
    )


def with_bar(text: str) -> str:
    bar = " 45%|████▌     | 9/20 [00:04<00:05,  2.10it/s]"
    return f"  0%|          | 0/20 [00:00<?, ?it/s]\r{bar}\n{text}"


def wide(encoding: str, bom: bytes = b"") -> Callable[[str], bytes]:
    return lambda text: bom + text.replace("\n", "\r\n").encode(encoding)


TEXT = {
    "plain": str,
    "crlf": lambda text: text.replace("\n", "\r\n"),
    "docker": each_line("comfyui-1  | {}"),
    "journal": each_line("Nov 03 12:01:22 box webui.sh[4123]: {}"),
    "iso": each_line("2025-03-06T07:12:17.549307 - {}"),
    "brackets": each_line("[2025-01-01 01:22:41.901] {}"),
    "electron": each_line("[2025-01-01 01:22:41.901] [error] {}"),
    "swarm": each_line("12:01:22.123 [Warning] [ComfyUI-0/STDERR] {}"),
    "quoted": each_line("> {}"),
    "colors": each_line("\x1b[31m{}\x1b[0m"),
    "lost-escape": each_line("←[33m{}←[0m"),
    "actions": each_line("2024-08-29T19:10:07.8491234Z {}"),
    "issue": in_an_issue,
    "bar": with_bar,
    "boxed": boxed,
}
"""Wrappings that stay text."""

BYTES = {
    "utf-8-bom": wide("utf-8", b"\xef\xbb\xbf"),
    "utf-16-le": wide("utf-16-le", b"\xff\xfe"),
    "utf-16-be": wide("utf-16-be", b"\xfe\xff"),
    "utf-16-le-without-bom": wide("utf-16-le"),
    "utf-16-be-without-bom": wide("utf-16-be"),
}
"""Encodings of the whole."""

PAUSES = {
    "cp936": "请按任意键继续. . .",
    "cp932": "続行するには何かキーを押してください . . .",
    "cp949": "계속하려면 아무 키나 누르십시오 . . .",
    "cp950": "請按任意鍵繼續 . . .",
    "cp866": "Для продолжения нажмите любую клавишу . . .",
    "cp1251": "Для продолжения нажмите любую клавишу . . .",
    "cp1252": "Drücken Sie eine beliebige Taste . . .",
}
"""What cmd.exe says at the end, by the code page in which it says it."""
