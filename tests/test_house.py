"""The promises that the code makes about itself; fast, so that they can guard every change."""

from __future__ import annotations

import ast
import functools
import json
import os
import re
import shlex
import subprocess
import sys
import tokenize
from importlib import resources
from pathlib import Path

import pytest

from sdops import profile, registry
from sdops.report.schema import schema

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted([*ROOT.glob("sdops/**/*.py"), *ROOT.glob("checks/**/*.py")])
MAX_FILE_LINES = 450
MAX_FUNCTION_LINES = 60
HEAVY = ("torch", "numpy", "rich.console", "requests", "fickling", "pynvml", "PIL", "safetensors")

pytestmark = pytest.mark.skipif(
    not (ROOT / "pyproject.toml").is_file(), reason="looks at the checkout, which is not here"
)


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def text_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"],
        cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:8000]]


def sdops_modules(*argv: str) -> tuple[subprocess.CompletedProcess[str], set[str]]:
    """Runs `sdops argv` in a process of its own; its result, and the modules it had imported."""
    program = (
        "import sys, atexit\n"
        "atexit.register(lambda: print('\\n'.join(sys.modules), file=sys.__stderr__))\n"
        "from sdops.cli.main import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *argv], cwd=ROOT, capture_output=True, text=True,
        timeout=600, check=False,
    )  # fmt: skip
    return done, set(done.stderr.split())


# Packaging


def settings() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def test_every_package_in_the_tree_is_installed():
    tree = {named(file.parent).replace("/", ".") for file in ROOT.glob("sdops/**/__init__.py")} | {
        "sdops." + named(file.parent).replace("/", ".")
        for top in ("checks", "profiles")
        for file in ROOT.glob(f"{top}/**/__init__.py")
    }
    assert set(settings()["tool"]["setuptools"]["packages"]) == tree


def test_every_source_folder_is_a_package():
    bare = [named(file) for file in SOURCES if not (file.parent / "__init__.py").is_file()]
    assert bare == []


def test_every_data_file_is_package_data():
    patterns = settings()["tool"]["setuptools"]["package-data"]
    folders = {"sdops": ROOT / "sdops", "sdops.profiles": ROOT / "profiles"}
    installed = set()
    for package, globs in patterns.items():
        folder = folders.get(package, ROOT / package.replace(".", "/"))
        installed |= {path for pattern in globs for path in folder.glob(pattern)}
    data = {
        path
        for top in ("sdops", "checks", "profiles")
        for path in (ROOT / top).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc") and not path.name.startswith(".")
    }
    assert sorted(map(named, data - installed)) == []


def test_any_python_3_can_read_the_installers_probe():
    source = (ROOT / "scripts/usable_python.py").read_text("utf-8")
    assert ast.parse(source, feature_version=(3, 0)).body


def test_pythons_of_the_installer_are_those_of_the_package():
    source = (ROOT / "scripts/usable_python.py").read_text("utf-8")
    bounds = dict(re.findall(r"^(OLDEST|NEWEST) = (\(3, \d+\))$", source, re.M))
    oldest, newest = ast.literal_eval(bounds["OLDEST"]), ast.literal_eval(bounds["NEWEST"])
    project = settings()["project"]
    assert project["requires-python"] == f">={oldest[0]}.{oldest[1]}"
    minors = [
        int(match[1])
        for line in project["classifiers"]
        if (match := re.fullmatch(r"Programming Language :: Python :: 3\.(\d+)", line))
    ]
    assert minors == list(range(oldest[1], newest[1] + 1))


# The command line


@pytest.mark.parametrize("argv", [("--version",), ("--help",), ("schema",)])
def test_light_commands_import_nothing_heavy(argv):
    done, modules = sdops_modules(*argv)
    assert done.returncode == 0
    assert done.stdout.strip()
    # `--help` is drawn by typer with rich.
    heavy = {name for name in HEAVY if name in modules and not name.startswith("rich")}
    assert heavy == set()
    if argv != ("--help",):
        assert "rich.console" not in modules


HELP_OF_ALL = """
import contextlib, io, json, sys
import typer
from sdops.cli.main import app

def visit(path, command, options):
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
        app(args=[*path, "--help"], prog_name="sdops")
    assert "Usage: sdops" in text.getvalue(), path
    options[" ".join(path)] = [option for param in command.params for option in param.opts]
    for name, child in getattr(command, "commands", {}).items():
        visit([*path, name], child, options)
    return options

options = visit([], typer.main.get_command(app), {})
print(json.dumps({"options": options, "modules": list(sys.modules)}))
"""


@functools.cache
def help_of_all() -> tuple[dict[str, list[str]], set[str]]:
    """Every command's options by its name (`env plan`), and what its help had to import."""
    done = subprocess.run(
        [sys.executable, "-c", HELP_OF_ALL], cwd=ROOT, capture_output=True, text=True,
        timeout=600, check=True,
    )  # fmt: skip
    answer = json.loads(done.stdout)
    return answer["options"], set(answer["modules"])


def commands() -> set[str]:
    """`doctor`, `env plan` and so on, with the groups."""
    return set(help_of_all()[0]) - {""}


def test_help_of_every_command_imports_nothing_heavy():
    options, modules = help_of_all()
    assert "doctor" in options
    assert {name for name in HEAVY if name in modules and not name.startswith("rich")} == set()


def test_every_view_belongs_to_a_command_and_has_a_schema():
    views = {path.stem for path in (ROOT / "sdops/report/views").glob("*.py")} - {"__init__"}
    names = {command.replace(" ", "_") for command in commands()}
    assert views <= names
    described = {branch["if"]["properties"]["command"]["const"] for branch in schema()["allOf"]}
    assert described == {view.replace("_", "-") for view in views}


def test_every_reporting_command_has_a_view():
    lacking = []
    for module in sorted((ROOT / "sdops/cli").glob("*.py")):
        reports = "\n@reporting\n" in module.read_text("utf-8")
        if reports and not list((ROOT / "sdops/report/views").glob(f"{module.stem}*.py")):
            lacking.append(f"{module.stem} has no view in sdops/report/views")
    assert lacking == []


def test_schema_is_valid_json_schema():
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(schema())


# Checks and profiles


@pytest.mark.parametrize("check", registry.checks(), ids=lambda check: check.rule.id)
def test_check_is_documented_and_tested(check):
    rule = check.rule
    assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", rule.id)
    assert 10 < len(rule.title) <= 100
    assert rule.title.endswith(".")
    assert rule.explanation, "what happens to the user?"
    assert rule.fix, "`Fix:` is missing"
    assert rule.source, "`Source:` is missing"
    test = ROOT / "tests" / "checks" / f"test_{rule.id.replace('-', '_')}.py"
    assert test.is_file(), f"{named(test)} is missing"


# What a check may import: nothing that can look at the machine.
PURE = {"__future__", "collections", "dataclasses", "functools", "itertools", "math", "packaging",
        "pathlib.PurePath", "pathlib.PurePosixPath", "pathlib.PureWindowsPath", "re", "typing",
        "sdops.check", "sdops.knowledge", "sdops.remedies", "sdops.uis"}  # fmt: skip


def test_checks_look_at_facts_and_tables_only():
    impure = []
    for path in sorted((ROOT / "checks").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("open", "__import__"):
                names = [ast.unparse(node.func)]
            impure += [
                f"{named(path)}:{node.lineno} {name}"
                for name in names
                if not any(name == pure or name.startswith(f"{pure}.") for pure in PURE)
            ]
    assert impure == []


def test_every_check_module_is_registered():
    modules = {
        path.stem.replace("_", "-")
        for path in (ROOT / "checks").glob("*.py")
        if not path.stem.startswith("_")
    }
    assert modules <= {check.rule.id for check in registry.checks()}


def profiles() -> list[str]:
    files = sorted((ROOT / "profiles").rglob("*.toml"))
    return [path.relative_to(ROOT / "profiles").with_suffix("").as_posix() for path in files]


@pytest.mark.parametrize("name", profiles())
def test_every_row_of_a_profile_has_a_source(name):
    for key, rows in profile.load(name).items():
        if not (isinstance(rows, list) and rows and isinstance(rows[0], dict)):
            continue
        bare = [row for row in rows if not str(row.get("source", "")).strip()]
        assert bare == [], f"rows of {name}:{key} without `source`"


def test_profiles_are_installed_where_they_are_looked_for():
    root = resources.files(profile.PACKAGE)
    assert all(root.joinpath(*f"{name}.toml".split("/")).is_file() for name in profiles())


# Size and shape


def test_files_fit_in_a_head():
    sizes = {named(path): len(path.read_text("utf-8").splitlines()) for path in SOURCES}
    assert {name: size for name, size in sizes.items() if size > MAX_FILE_LINES} == {}


def test_functions_fit_on_a_screen():
    long = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    long[f"{named(path)}:{node.lineno} {node.name}"] = lines
    assert long == {}


def test_no_work_is_left_undone_in_the_code():
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    found = []
    for path in SOURCES:
        with path.open("rb") as file:
            found += [
                f"{named(path)}:{token.start[0]}"
                for token in tokenize.tokenize(file.readline)
                if token.type == tokenize.COMMENT and marks.search(token.string)
            ]
    assert found == []


def test_no_test_asserts_nothing():
    empty = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        helpers = {}
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                helpers[node.name] = node
        empty += [
            f"{named(path)}:{node.lineno} {name}"
            for name, node in helpers.items()
            if name.startswith("test_") and not _asserts(node, helpers, set())
        ]
    assert empty == []


def _asserts(node: ast.FunctionDef, helpers: dict[str, ast.FunctionDef], seen: set[str]) -> bool:
    """Whether `node`, or a helper of its own file that it calls, can fail on purpose."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Assert):
            return True
        if not isinstance(inner, ast.Call):
            continue
        name = ast.unparse(inner.func)
        last = name.rpartition(".")[2]
        if name in ("pytest.raises", "pytest.fail") or last.startswith(("assert", "check_schema")):
            return True
        if last in ("validate", "expect", "verify"):
            return True
        if last in helpers and last not in seen:
            seen.add(last)
            if _asserts(helpers[last], helpers, seen):
                return True
    return False


def test_no_forbidden_host_is_named():
    # Users have their own mirrors; a registry's address in the code would work around them.
    forbidden = re.compile("|".join(["py" + "pi\\.org", "python" + "hosted", "npm" + "js\\.org"]))
    named_hosts = [
        f"{named(path)}:{number}"
        for path in text_files()
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
        if forbidden.search(line)
    ]
    assert named_hosts == []


def test_the_table_of_what_to_add_names_places_that_are_there():
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    rows = re.findall(r"^\| (an? [^|]+) \|(.*)\|(.*)\|$", page, re.M)
    things = [thing for thing, _, _ in rows]
    for wanted in ("a check", "a user interface", "a rule", "an output format",
                   "a model architecture", "a command"):  # fmt: skip
        assert any(thing.startswith(wanted) for thing in things), wanted
    places = {
        place
        for _, write, test in rows
        for place in re.findall(
            r"`((?:sdops|checks|profiles|tests|scripts)/[\w/.<>-]*)", write + test
        )
    }
    assert len(places) > 15
    missing = [place for place in places if not list(ROOT.glob(re.sub(r"<\w+>", "*", place)))]
    assert missing == []


# Words that a native speaker would not write there, and what kept coming back in their place.
UNIDIOMATIC = re.compile(
    r"\b[Mm]end(?:s|ed|ing)?\b|\bcannot be told\b|\bis told by\b|\bcannot be had\b|\bcan be had\b"
    r'|\bone of both\b|\bfor want of\b|\bfor lack of\b|\bis no share\b|\bheeds?\b|"""Of '
)


def test_words_are_plain_english():
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    tables = sorted((ROOT / "profiles").rglob("*.toml"))
    found = [
        f"{named(path)}:{number} {match[0]}"
        for path in (*SOURCES, *pages, *tables)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if (match := UNIDIOMATIC.search(line))
    ]
    assert found == []


# The README


def readme_commands() -> list[str]:
    path = ROOT / "README.md"
    if not path.is_file():
        return []
    text = path.read_text("utf-8")
    blocks = re.findall(r"^```(?:sh|bash|console|shell)\n(.*?)^```", text, re.M | re.S)
    return [
        line.removeprefix("$ ").strip()
        for block in blocks
        for line in block.splitlines()
        if line.strip() and not line.startswith("#")
    ]


def test_readme_begins_with_the_two_commands():
    lines = readme_commands()
    if not lines:
        pytest.skip("no README yet")
    assert lines[0].split("#")[0].strip() == "./install.sh"
    assert next(line for line in lines[1:] if line.startswith("./install.sh")).startswith(
        "./install.sh test"
    )


def test_readme_commands_exist():
    options, _ = help_of_all()
    for line in (line for line in readme_commands() if "sdops " in line):
        words = shlex.split(line, comments=True)
        at = next(i for i, word in enumerate(words) if Path(word).name == "sdops")
        path = [word for word in words[at + 1 : at + 3] if not word.startswith("-")]
        command = " ".join(path) if " ".join(path) in options else path[0] if path else ""
        assert command in options, line
        for option in (word for word in words[at + 1 :] if word.startswith("--")):
            assert option.split("=")[0] in (*options[command], "--help", "--version"), line


def test_scripts_can_be_run():
    for name in ("install.sh", ".ci/run"):
        assert os.access(ROOT / name, os.X_OK), f"{name} is not executable"
