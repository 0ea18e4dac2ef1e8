#!/bin/sh
# Sets up sdops in the folder .venv beside this file, then lets the doctor look at this machine.
# Everything that needs knowledge of GPUs is decided by sdops itself, not here.
set -eu
unset CDPATH PYTHONHOME PYTHONPATH

root=$(cd -- "$(dirname -- "$0")" && pwd -P)
venv=$root/.venv
venv_python=$venv/bin/python
log=$venv/pip.log
marker=$venv/.made-by-sdops-install # holds the path where the environment was made
newline='
'
with_torch=yes
wanted_python=

usage() {
    cat <<'END'
Sets up sdops in the folder .venv beside this script, then runs `sdops doctor`.

  ./install.sh [OPTIONS]              set up (safe to run again)
  ./install.sh [OPTIONS] test [ARGS]  set up, then run the tests; ARGS go to pytest

  --no-torch        leave out PyTorch: only making images needs it
  --python PATH     use this Python (3.10 to 3.14) instead of searching for one
  --index-url URL   take packages from this mirror of the Python Package Index
  --torch-index-url URL
                    look for PyTorch in this mirror of its index first (SDOPS_TORCH_INDEX_URL)
  --help            show this help

pip's own settings (PIP_INDEX_URL, PIP_FIND_LINKS, pip.conf, proxies) are honored.
Exit codes: 0 set up; 2 it could not be; with `test`, what pytest says.
END
}

say() { printf '%s\n' "$*" >&2; }

die() {
    say "install.sh: $*"
    exit 2
}

# How to get a Python that fits, in this system's own words.
python_advice() {
    id=
    # shellcheck source=/dev/null
    [ -r /etc/os-release ] && id=$(. /etc/os-release && echo " ${ID:-} ${ID_LIKE:-} ")
    case "$(uname -s)$id" in
    Darwin*) say '  brew install python@3.12' ;;
    *' debian '* | *' ubuntu '*) say '  sudo apt install python3 python3-venv' ;;
    *' fedora '* | *' rhel '*) say '  sudo dnf install python3.12' ;;
    *' suse '* | *' opensuse '*) say '  sudo zypper install python312' ;;
    *' alpine '*) say '  sudo apk add python3' ;;
    *' arch '*) say '  sudo pacman -S uv && uv python install 3.12' ;;
    esac
    say '  or, on any system, with uv (https://docs.astral.sh/uv):'
    say "  uv python install 3.12 && ./install.sh --python \"\$(uv python find 3.12)\""
}

# Prints why "$1" cannot be used and fails, or prints its version.
judge_python() {
    bound=
    command -v timeout >/dev/null && bound='timeout 20'
    # A module of the same name in the current folder must not be imported.
    # shellcheck disable=SC2086 # two words or none
    if answer=$(cd / && $bound "$1" -E "$root/scripts/usable_python.py" 2>&1 </dev/null); then
        printf '%s\n' "$answer" | grep -qx '3\.[0-9]*' && echo "$answer" && return
        answer="it does not behave like Python: $answer"
    elif [ $? = 124 ]; then
        answer='it does not answer'
    fi
    printf '%s\n' "${answer:-it stops without a word}" | head -n 1
    return 1
}

# Prints the programs named "$@", one a line, each wherever PATH has it; `?name` if nowhere.
on_path() {
    for name; do
        places=
        old_ifs=$IFS
        IFS=:
        for folder in $PATH; do
            [ -f "${folder:-.}/$name" ] && [ -x "${folder:-.}/$name" ] &&
                places=$places${folder:-.}/$name$newline
        done
        IFS=$old_ifs
        printf '%s\n' "${places:-?$name}"
    done
}

# Prints the Pythons to try, in order, as `on_path` does.
candidates() {
    case $wanted_python in
    */*) echo "$wanted_python" ;;
    ?*) on_path "$wanted_python" ;;
    *)
        on_path python3.13 python3.12 python3.11 python3.10 python3.14 python3 python
        for place in "${HOMEBREW_PREFIX:-/opt/homebrew}"/bin/python3.1[0-4] \
            /usr/local/opt/python@3.1[0-4]/bin/python3.1[0-4] \
            /Library/Frameworks/Python.framework/Versions/3.1[0-4]/bin/python3 \
            "${PYENV_ROOT:-${HOME:-/}/.pyenv}"/versions/3.1[0-4].*/bin/python \
            "${HOME:-/}"/.local/share/uv/python/cpython-3.1[0-4].*/bin/python3; do
            [ ! -x "$place" ] || echo "$place"
        done
        ;;
    esac
}

# Sets `python` to the first usable candidate, and `version`.
find_python() {
    absent=
    found=$(candidates)
    old_ifs=$IFS
    IFS=$newline
    set -f
    # shellcheck disable=SC2086 # one path a line
    set -- $found
    set +f
    IFS=$old_ifs
    for path; do
        case $path in
        '?'*) absent="$absent ${path#?}" && continue ;;
        "$venv"/*) continue ;;
        /*) ;;
        *) path=$PWD/$path ;;
        esac
        if version=$(judge_python "$path"); then
            python=$path
            say "Using Python $version: $path"
            return
        fi
        say "Not using $path: $version"
    done
    say "install.sh: no usable Python was found.${absent:+ Not here at all:$absent.}"
    say 'How to get one:'
    python_advice
    exit 2
}

# Prints what is wrong with .venv, or fails if it is good.
venv_fault() {
    if [ ! -f "$venv/pyvenv.cfg" ]; then
        echo 'it is not a virtual environment'
    elif [ -f "$marker" ] && [ "$(cat "$marker")" != "$venv" ]; then
        echo "it was made in $(cat "$marker") and moved"
    elif ! version=$(judge_python "$venv_python"); then
        echo "$version"
    elif ! "$venv_python" -m pip --version >/dev/null 2>&1; then
        echo 'its pip does not work'
    else
        return 1
    fi
}

# Whether .venv cannot stay as it is; sets `fault` to the reason.
is_unfit() {
    if fault=$(venv_fault); then
        return 0
    fi
    [ -n "$wanted_python" ] || return 1
    find_python
    fault="it holds Python $(judge_python "$venv_python"), not $version"
    [ "$(judge_python "$venv_python")" != "$version" ]
}

make_venv() {
    if [ -e "$venv" ] || [ -L "$venv" ]; then
        if ! is_unfit; then
            say "Keeping $venv"
            return
        fi
        if [ -L "$venv" ] || [ ! -f "$marker" ]; then
            die "$venv cannot be used: $fault. It was not made by this script, so it stays as it" \
                'is: move it away and run this again.'
        fi
        say "$venv cannot be used: $fault. Making it again."
        find_python
        rm -rf -- "$venv"
    else
        find_python
    fi
    mkdir -- "$venv"
    printf '%s\n' "$venv" >"$marker"
    if ! "$python" -m venv "$venv" >&2; then
        rm -rf -- "$venv"
        die "$python could not make a virtual environment (see above)." \
            "On Debian and Ubuntu: sudo apt install python$version-venv"
    fi
}

# Installs with .venv's pip, whose words go to the log; "$1" names what, for the case that it fails.
pip_install() {
    what=$1
    shift
    "$venv_python" -m pip install --disable-pip-version-check --no-color --progress-bar off "$@" \
        >"$log" 2>&1 && return
    tail -n 20 "$log" >&2 || true
    die "$what could not be installed (see above; all that pip said is in $log). Where the package" \
        'index cannot be reached, use a mirror (--index-url URL) or a proxy (HTTPS_PROXY).'
}

install_sdops() {
    export PIP_USER=0 # `user = true` in pip.conf would refuse to install into .venv
    export PIP_RETRIES="${PIP_RETRIES:-1}" # without a network pip would try for a minute
    cd -- "$root"
    say 'Upgrading pip …'
    pip_install 'A new pip' --upgrade pip
    say 'Installing sdops …'
    pip_install 'sdops' --editable .
    if [ "$with_torch" = yes ]; then
        say 'Installing PyTorch …'
        "$venv_python" -m sdops env install-torch ||
            die 'PyTorch could not be installed (see above). Without it: ./install.sh --no-torch'
        pip_install 'The sampler' --editable '.[bench]'
    fi
    "$venv/bin/sdops" --version >/dev/null || die 'sdops was installed but does not start.'
}

run_tests() {
    pip_install 'What the tests need' --group test
    exec "$venv_python" -m pytest "$@"
}

run_doctor() {
    "$venv/bin/sdops" doctor || say 'The doctor has something to say: see above.'
    case $venv in
    *[!A-Za-z0-9/._-]*) program="'$(printf '%s\n' "$venv/bin/sdops" | sed "s/'/'\\\\''/g")'" ;;
    *) program=$venv/bin/sdops ;;
    esac
    say "sdops is installed. Look at the folder of your user interface with: $program doctor FOLDER"
}

while [ $# -gt 0 ]; do
    case $1 in
    -h | --help) usage && exit ;;
    --no-torch) with_torch=no ;;
    --python=*) wanted_python=${1#*=} ;;
    --index-url=*) export PIP_INDEX_URL="${1#*=}" ;;
    --torch-index-url=*) export SDOPS_TORCH_INDEX_URL="${1#*=}" ;;
    --python | --index-url | --torch-index-url)
        [ $# -gt 1 ] || die "$1 wants a value. See ./install.sh --help"
        case $1 in
        --python) wanted_python=$2 ;;
        --index-url) export PIP_INDEX_URL="$2" ;;
        --torch-index-url) export SDOPS_TORCH_INDEX_URL="$2" ;;
        esac
        shift
        ;;
    test) break ;;
    *) die "there is no option $1. See ./install.sh --help" ;;
    esac
    shift
done

case $(uname -s) in
MINGW* | MSYS* | CYGWIN*)
    die 'on Windows, run in PowerShell: powershell -ExecutionPolicy Bypass -File install.ps1'
    ;;
esac
started_in=$PWD
make_venv
install_sdops
if [ "${1:-}" = test ]; then
    shift
    run_tests "$@"
fi
cd -- "$started_in"
run_doctor
