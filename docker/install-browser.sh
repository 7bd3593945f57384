#!/bin/sh
# Chromium and its driver for the TMDB collector. Debian's packages fit each other by version; elsewhere
# Selenium Manager, which comes with Selenium, fetches a matching pair at the first start.
set -u

have() { command -v "$1" >/dev/null 2>&1; }

if have chromedriver && { have chromium || have google-chrome; }; then exit 0; fi

if ! have apt-get; then
    echo "No Chromium with chromedriver found; Selenium Manager will fetch them at the first start."
    exit 0
fi

as_root=""
if [ "$(id -u)" -ne 0 ]; then
    if have sudo && sudo -n true 2>/dev/null; then as_root="sudo"; else
        echo "Chromium is missing and this account may not install it. Run once:" >&2
        echo "    sudo apt-get update && sudo apt-get install -y chromium chromium-driver" >&2
        exit 1
    fi
fi
echo "Installing Chromium and its driver from the system's packages ..."
log=$(mktemp)
if { $as_root apt-get update -qq && $as_root apt-get install -y -qq --no-install-recommends chromium chromium-driver; } \
        >"$log" 2>&1 </dev/null; then rm -f "$log"; exit 0; fi
tail -n 5 "$log" >&2
rm -f "$log"
echo "Chromium could not be installed. Run once:" >&2
echo "    sudo apt-get update && sudo apt-get install -y chromium chromium-driver" >&2
exit 1
