#!/bin/sh
# PostgreSQL for the tests of a warehouse in DuckLake, which start a server of their own on loopback and end it.
# Only its programs are needed: the server that Debian's package would start and keep is not.
set -u

have() { command -v "$1" >/dev/null 2>&1; }

if have initdb || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then exit 0; fi

if ! have apt-get; then
    echo "No PostgreSQL found; the tests that need it are skipped. Install it with your system's package manager."
    exit 0
fi

as_root=""
if [ "$(id -u)" -ne 0 ]; then
    if have sudo && sudo -n true 2>/dev/null; then as_root="sudo"; else
        echo "PostgreSQL is missing and this account may not install it. Run once:" >&2
        echo "    sudo apt-get update && sudo apt-get install -y postgresql" >&2
        exit 1
    fi
fi
echo "Installing PostgreSQL from the system's packages ..."
log=$(mktemp)
# A cluster that the package makes by itself would hold a port and run on; the settings below forbid it.
$as_root mkdir -p /etc/postgresql-common
[ -e /etc/postgresql-common/createcluster.conf ] ||
    echo "create_main_cluster = false" | $as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
if { $as_root apt-get update -qq && $as_root apt-get install -y -qq --no-install-recommends postgresql; } \
        >"$log" 2>&1 </dev/null; then rm -f "$log"; exit 0; fi
tail -n 5 "$log" >&2
rm -f "$log"
echo "PostgreSQL could not be installed. Run once:" >&2
echo "    sudo apt-get update && sudo apt-get install -y postgresql" >&2
exit 1
