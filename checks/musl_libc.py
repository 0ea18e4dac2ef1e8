"""This Linux uses the C library musl, for which there is no torch.

pip finds no matching version of torch, xformers and many other packages: their files are made for
glibc. Alpine Linux and images based on it are like this.

Fix: Use a system or an image with glibc, such as Debian or Ubuntu.

Source: PEP 656 (musllinux); download.pytorch.org/whl has manylinux wheels only.
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Iterator, Remedy, Severity, Skip


def check(facts: Facts) -> Iterator[Finding]:
    """An error while torch is missing; a note where the distribution's own torch is there."""
    libc = facts.host.libc
    if libc is None:
        raise Skip("This is not Linux, or its C library is not known.")
    if libc.name != "musl":
        return
    present = facts.python is not None and facts.python.torch is not None
    yield Finding(
        rule="musl-libc",
        severity=Severity.INFO if present else Severity.ERROR,
        title="This system's packages of torch work, but others will not install."
        if present
        else "Torch cannot be installed on this system.",
        why=f"The C library is musl {libc.version}; the files that pip would install are made for "
        "glibc.",
        evidence={"libc": libc.name, "version": libc.version},
        remedies=(
            Remedy(
                "Use Debian, Ubuntu or Fedora, or a container image based on one of them; for "
                "Docker, an image whose tag says “slim” or “bookworm” instead of “alpine”.",
            ),
        ),
    )
