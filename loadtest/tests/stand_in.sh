#!/bin/sh
# Stands in for corecast in the tests of `loadtest ratio`: takes the flags of
# `corecast serve --http ADDR --tcp ADDR ...`, is a floor, and says where it listens on stderr.
[ "$1" = serve ] || exit 2
# With ONCE, a file that does not exist yet, it starts only once.
if [ -n "$ONCE" ]; then
    [ ! -e "$ONCE" ] || { echo "once was enough" >&2; exit 3; }
    : > "$ONCE"
fi
exec "$LOADTEST" floor "$2" "$3" "$4" "$5" >&2
