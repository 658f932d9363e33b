#!/bin/sh
# Installs packages of the system, on Debian or Ubuntu; elsewhere, or without the right to, says which.
set -eu

if command -v apt-get >/dev/null; then
    if [ "$(id -u)" = 0 ]; then as_root=""; else as_root="sudo -n"; fi
    export DEBIAN_FRONTEND=noninteractive
    # Packages of servers start them, which is not wanted here.
    if $as_root apt-get update -qq && $as_root env RUNLEVEL=1 apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "$@"; then
        exit 0
    fi
fi
echo "missing, and could not be installed: $*" >&2
exit 1
