from __future__ import annotations

from sdops.facts.types import Facts, Host, Setting, UiInstall
from sdops.knowledge.variables import debug_variables, variable
from sdops.remedies.variables import unset


def _facts(environment, settings=(), os="linux"):
    ui = UiInstall(
        "a1111", "/ui", settings=tuple(Setting(*item, "webui-user.sh", 7) for item in settings)
    )
    return Facts(
        "2026-01-01T00:00:00+00:00", Host(os, os, "x86_64", environment=environment), ui=ui
    )


def test_the_launch_file_wins_over_the_environment():
    found = variable(_facts({"A": "1"}, [("A", "2"), ("A", "3")]), "A")
    assert found.value == "3"
    assert found.location.line == 7
    assert "webui-user.sh" in unset(_facts({}), found).text


def test_empty_means_not_set_and_case_does_not_matter():
    assert variable(_facts({"A": ""}), "A") is None
    assert variable(_facts({"A": "1"}, [("A", "")]), "A") is None
    assert variable(_facts({"https_proxy": "x"}), "HTTPS_PROXY").value == "x"


def test_unset_knows_the_system():
    for os, word in (("windows", "Start menu"), ("linux", "bashrc")):
        facts = _facts({"A": "1"}, os=os)
        assert word in unset(facts, variable(facts, "A")).text


def test_no_variable_stands_in_two_rows():
    names = [name for row in debug_variables() for name in row.names]
    assert len(names) == len(set(names))
