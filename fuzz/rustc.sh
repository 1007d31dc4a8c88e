#!/usr/bin/env bash
# The compiler for `cargo fuzz`, called by cargo in place of rustc: the address sanitizer is an unstable option, which a
# stable compiler takes when RUSTC_BOOTSTRAP is set. Build scripts must not see it: those that ask for it would take the
# compiler for a nightly one, and use features of another version.
set -eu
rustc=$1
shift
if [ -n "${CARGO_CFG_TARGET_OS:-}" ]; then
    arguments=()
    for argument in "$@"; do
        case $argument in
        -Zsanitizer=*) ;;
        *) arguments+=("$argument") ;;
        esac
    done
    exec "$rustc" "${arguments[@]}"
fi
RUSTC_BOOTSTRAP=1 exec "$rustc" "$@"
