#!/usr/bin/env bash
# Bring what the browser tests need, or say in one message what is missing and the command that brings it.
set -euo pipefail

missing=()
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || missing+=(chromium)
grep -qi 'cjk' <<<"$(fc-list 2>/dev/null)" || missing+=(fonts-noto-cjk)
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    echo "installing ${missing[*]}"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
else
    echo "browser tests need ${missing[*]}; on Debian:  sudo apt-get install ${missing[*]}" >&2
    [ "${CI:-}" = "true" ] && exit 1 || exit 0
fi
