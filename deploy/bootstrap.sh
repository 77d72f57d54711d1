#!/bin/sh
# Brings a machine to where the project builds: Debian packages, .venv with pinned requirements, ONNX Runtime's headers.
# Every make target that needs them calls this; a step whose inputs did not change costs milliseconds.
#
#   deploy/bootstrap.sh            all steps
#   deploy/bootstrap.sh apt venv   some of: apt, venv, headers
#
# MLOPS_PYTHON   the Python (3.11 or newer) to make .venv from; python3 of the system by default
# MLOPS_SKIP_APT non-empty: take the tools and libraries as they are (systems other than Debian 12)
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
mkdir -p build
# One bootstrap at a time: make serve and make test may be started together.
if command -v flock >/dev/null; then
  exec 9>build/.bootstrap.lock
  flock 9
fi

say() { echo "bootstrap: $*" >&2; }
fail() { say "$*"; exit 1; }

missing_packages() {
  sed -e 's/#.*//' -e '/^[[:space:]]*$/d' deploy/apt-packages.txt | while read -r package; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=absent
    [ "$state" = installed ] || printf '%s ' "$package"
  done
}

step_apt() {
  [ -z "${MLOPS_SKIP_APT:-}" ] || return 0
  command -v dpkg-query >/dev/null || fail "this is not a Debian system: install the equivalents of \
deploy/apt-packages.txt yourself, then set MLOPS_SKIP_APT=1"
  missing=$(missing_packages)
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" = 0 ]; then
    as_root=
  elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
    as_root=sudo
  else
    fail "packages are missing; as root, run: apt-get install -y --no-install-recommends $missing"
  fi
  say "installing $missing"
  export DEBIAN_FRONTEND=noninteractive
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update >build/apt.log 2>&1 ||
    say "apt-get update had errors, see build/apt.log; going on with the lists there are"
  # shellcheck disable=SC2086 # a list of words on purpose
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 install -y \
    --no-install-recommends $missing >>build/apt.log 2>&1 ||
    fail "apt-get install failed: $(tail -n 5 build/apt.log)"
}

step_venv() {
  python=${MLOPS_PYTHON:-/usr/bin/python3}
  [ -x "$python" ] || python=$(command -v python3) || fail "no python3; set MLOPS_PYTHON"
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$python is $("$python" -V), and 3.11 or newer is needed; set MLOPS_PYTHON"
  inputs=$({ "$python" -VV; echo "$root"; cat pyproject.toml python/constraints.txt deploy/dev_install.py; } |
    sha256sum | cut -c1-16)
  stamp=.venv/.bootstrapped-$inputs
  [ ! -e "$stamp" ] || return 0
  # A half-made or moved environment is made anew; an older complete one is brought up to date in place.
  if [ ! -x .venv/bin/pip ] || [ "$(cat .venv/.made-for 2>/dev/null)" != "$root $("$python" -VV)" ]; then
    say "making .venv with $("$python" -V)"
    rm -rf .venv
    "$python" -m venv .venv || fail "could not make a virtual environment (Debian package python3-venv)"
    echo "$root $("$python" -VV)" >.venv/.made-for
  fi
  say "installing the pinned Python requirements (some 300 MB the first time) ..."
  .venv/bin/python deploy/dev_install.py --requirements >.venv/requirements.txt
  # Not compiled: most of it is never imported, and what is compiles itself.
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --retries 10 --no-compile \
    --constraint python/constraints.txt --requirement .venv/requirements.txt >build/pip.log 2>&1 ||
    fail "pip install failed (whole log: build/pip.log): $(tail -n 4 build/pip.log)"
  .venv/bin/python deploy/dev_install.py
  rm -f .venv/.bootstrapped-*
  : >"$stamp"
}

step_headers() {
  # The order in which cmake/onnxruntime_headers.cmake looks: an installed package makes the download needless.
  [ ! -e /usr/include/onnxruntime/onnxruntime_c_api.h ] || return 0
  sh cmake/fetch_ort_headers.sh
}

[ $# -gt 0 ] || set -- apt venv headers
for step in "$@"; do
  case $step in
    apt | venv | headers) "step_$step" ;;
    *) fail "unknown step $step (apt, venv, headers)" ;;
  esac
done
