from __future__ import annotations

from dataclasses import replace

from sdops.facts.types import Distribution, Requirement
from sdops.finding import Severity


def test_fires(machine, judge, with_packages):
    facts = with_packages(
        machine("healthy-linux-rtx3060-a1111"), numpy="2.2.6", opencv_python="4.8.0.76"
    )
    (finding,) = judge("numpy-two", facts)
    assert finding.severity is Severity.ERROR
    assert "opencv-python (4.8.0.76" in finding.why
    assert "torch (2.1.2" in finding.why
    assert finding.remedies[0].commands[0].argv[-2:] == ("install", "numpy<2")


def test_the_uis_own_pin_is_installed(machine, judge, with_packages):
    facts = with_packages(machine("healthy-linux-rtx3060-a1111"), numpy="2.2.6")
    line = Requirement("numpy==1.26.2", "requirements_versions.txt", 12)
    facts = replace(facts, ui=replace(facts.ui, requirements=(line,)))
    (finding,) = judge("numpy-two", facts)
    assert finding.remedies[0].commands[0].argv[-1] == "numpy==1.26.2"


def test_quiet_with_packages_for_both(machine, judge, with_packages):
    facts = with_packages(
        machine("healthy-linux-rtx5090-comfyui"), numpy="2.2.6", opencv_python="4.10.0.84"
    )
    assert not judge("numpy-two", facts)


def test_quiet_with_numpy_1(machine, judge, with_packages):
    facts = with_packages(machine("healthy-linux-rtx3060-a1111"), opencv_python="4.8.0.76")
    assert not judge("numpy-two", facts)


def test_a_package_that_asks_for_numpy_1(machine, judge, with_packages, with_python):
    facts = with_packages(machine("healthy-linux-rtx5090-comfyui"), numpy="2.2.6")

    def beside(*requires):
        dist = Distribution("mediapipe", "0.10", "x", requires=requires)
        return with_python(facts, distributions=(*facts.python.distributions, dist))

    (finding,) = judge("numpy-two", beside("absl-py", "numpy<2", "numpydoc"))
    assert finding.severity is Severity.WARNING
    assert "mediapipe" in finding.why
    for line in ("numpy", "numpy>=1.26,<3", "numpy>=2.3", "numpy<2; extra == 'old'", "numpy<<2"):
        assert not judge("numpy-two", beside(line))
