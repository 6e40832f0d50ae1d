#!/usr/bin/env bash
# Makes this checkout ready to serve, or to develop and test:  scripts/setup.sh serve|dev
#
# Debian packages (as root, with sudo, or by telling you the line to run), .venv from the pinned
# lock in requirements/, the project itself, and pjsua2 with our ring port. All of it is done once:
# a later run finds its stamp and returns at once.
#   PYTHON             the interpreter to make .venv from (python3; 3.11 or newer)
#   PJPROJECT_TARBALL  another source of pjproject: see scripts/fetch-pjproject
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

profile=${1:-serve}
case $profile in
  serve) apt_lists=(scripts/apt-packages-serve.txt) ;;
  dev) apt_lists=(scripts/apt-packages-serve.txt scripts/apt-packages-test.txt) ;;
  *) echo "usage: scripts/setup.sh serve|dev" >&2; exit 2 ;;
esac
venv=$PWD/.venv
lock=requirements/$profile.txt
base_python=${PYTHON:-python3}

die() { printf 'setup: %s\n' "$@" >&2; exit 1; }
since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN {printf "%6.1f s", b - a}'; }
step_done() { printf '  %-40s %s\n' "$1" "$(since "$2")"; }

# One key for both profiles: what is made for dev serves too.
key=$({
  sha256sum requirements/*.txt pyproject.toml scripts/apt-packages-*.txt scripts/setup.sh \
    scripts/build-pjsua2 scripts/pack_wheel.py
  find sip/native -type f -print0 | sort -z | xargs -0 sha256sum
  echo "$PWD $base_python ${PJPROJECT_TARBALL:-}"
} | sha256sum | cut -c1-16)
is_ready() {
  [ -x "$venv/bin/trunkline" ] && [ "$(cat "$venv/.ready-$profile" 2>/dev/null)" = "$key" ]
}
is_ready && exit 0

exec 8>.venv.lock
flock --nonblock 8 || { echo "Another setup of this checkout is running; waiting for it."; flock 8; }
is_ready && exit 0
echo "Setting up (once):"
began=$EPOCHREALTIME

# --- Debian packages ----------------------------------------------------------------------------
# Installing kamailio or postgresql would start system services; the tests run their own. While we
# install, the usual policy-rc.d guard keeps them from starting, and it is removed again.
guard=/usr/sbin/policy-rc.d
logs=$(mktemp -d)
root=()
guarded=
tidy() {
  rm -rf "$logs"
  [ -z "$guarded" ] || "${root[@]}" rm -f $guard
}
trap tidy EXIT

install_packages() {
  if [ "$(id -u)" -ne 0 ]; then
    if ! { command -v sudo && sudo -n true; } >/dev/null 2>&1; then
      echo "setup: Debian packages are missing, and this user may not install them. Run" >&2
      echo "  apt-get update && apt-get install -y --no-install-recommends $*" >&2
      die "as root and try again."
    fi
    root=(sudo -n)
  fi
  if [ ! -e $guard ]; then
    guarded=yes
    printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee $guard >/dev/null
    "${root[@]}" chmod 755 $guard
  fi
  if ! {
    "${root[@]}" apt-get -q update &&
      "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q install -y \
        --no-install-recommends "$@"
  } >"$logs/apt" 2>&1 </dev/null; then
    tail -n 20 "$logs/apt" >&2
    die "apt-get could not install: $*"
  fi
  if [ -n "$guarded" ]; then
    "${root[@]}" rm -f $guard
    guarded=
  fi
}

mapfile -t wanted < <(sed 's/#.*//' "${apt_lists[@]}" | xargs -n 1)
if command -v dpkg-query >/dev/null; then
  # shellcheck disable=SC2016
  mapfile -t missing < <(comm -23 <(printf '%s\n' "${wanted[@]}" | sort) \
    <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | awk '$1 == "installed" {print $2}' | sort -u))
  if [ "${#missing[@]}" -gt 0 ]; then
    step=$EPOCHREALTIME
    install_packages "${missing[@]}"
    step_done "${#missing[@]} Debian packages" "$step"
  fi
else
  echo "  This is not Debian: what ${apt_lists[*]} name has to be here already."
fi

# --- Python, and pjsua2 beside it ---------------------------------------------------------------
command -v "$base_python" >/dev/null || die "$base_python is missing; set PYTHON to a Python >= 3.11."
"$base_python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  die "$("$base_python" --version) is too old; set PYTHON to a Python >= 3.11."

step=$EPOCHREALTIME
{ scripts/build-pjsua2 "$base_python" >"$logs/wheel" && step_done "pjsua2 with the ring port" "$step"; } &
build=$!

abi() { "$1" -c 'import sysconfig as s; print(s.get_config_var("SOABI"))' 2>/dev/null; }
if [ "$(abi "$venv/bin/python")" != "$(abi "$base_python")" ]; then
  rm -rf "$venv"
  "$base_python" -m venv "$venv" || die "cannot make .venv (Debian: apt-get install python3-venv)."
fi
pip() { "$venv/bin/python" -m pip --disable-pip-version-check --no-input -qq "$@"; }
# The locks are complete, so nothing is resolved and nothing unpinned can come in.
pip install --no-deps -r "$lock" || die "the Python packages of $lock could not be installed."
pip install --no-deps --no-build-isolation -e . || die "the project itself could not be installed."
step_done "Python packages" "$step"

# The official Realtime clients that the conformance suite drives: versions that ours must not share
# an environment with, each in one of its own.
make_clients() {
  local name=$1 list=requirements/clients-$1.txt place=$venv/clients/$1 stamp
  stamp="$base_python $(sha256sum <"$list")"
  [ "$(cat "$place/.ready" 2>/dev/null)" = "$stamp" ] && return
  rm -rf "$place"
  "$base_python" -m venv --without-pip "$place" || return
  pip --python "$place/bin/python" install --no-deps -r "$list" || return
  echo "$stamp" >"$place/.ready"
}
if [ "$profile" = dev ]; then
  step=$EPOCHREALTIME
  for name in new old; do
    make_clients "$name" || die "the clients of requirements/clients-$name.txt could not be installed."
  done
  step_done "official Realtime clients" "$step"
fi

wait $build || die "pjsua2 could not be built (see above)."
wheel=$(tail -n 1 "$logs/wheel")
version=${wheel##*/pjsua2-}
version=${version%%-*}
if ! compgen -G "$venv/lib/python*/site-packages/pjsua2-$version.dist-info" >/dev/null; then
  pip install --no-deps --force-reinstall "$wheel"
fi
"$venv/bin/python" -c 'import pjsua2; pjsua2.RingAudioPort' ||
  die "pjsua2 is built but does not load; remove ${XDG_CACHE_HOME:-$HOME/.cache}/trunkline and try again."

# Redis looks at the name it is called by; redis-tools ships the one binary as redis-check-rdb.
if ! command -v redis-server >/dev/null && [ -x /usr/bin/redis-check-rdb ]; then
  ln -sf /usr/bin/redis-check-rdb "$venv/bin/redis-server"
fi

for done in serve $profile; do echo "$key" >"$venv/.ready-$done"; done
step_done "ready, in all" "$began"
