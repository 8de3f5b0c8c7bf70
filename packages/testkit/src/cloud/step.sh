# Read by each fake program: counts its calls across all of them, and does what the test has planned for this one. A file `plan` has `MODE N` lines:
#   fail N        refuses, and does nothing
#   lose N        does it, and its answer is lost
#   before N SIG  the caller gets the signal, then it is done      after N SIG  it is done, then the caller gets the signal
# shellcheck shell=sh
cloud=${CAISSON_FAKE_CLOUD:?}
count=0
[ ! -e "$cloud/count" ] || read -r count <"$cloud/count"
count=$((count + 1))
# Renamed into place: a caller may kill this program at any moment.
echo "$count" >"$cloud/count.$$"
mv "$cloud/count.$$" "$cloud/count"
echo "${0##*/} $*" | tr '\n' ' ' >>"$cloud/calls"
echo >>"$cloud/calls"
mode='' signal=''
while read -r word at name; do
  if [ "$at" = "$count" ]; then mode=$word signal=$name; fi
done <"$cloud/plan"
[ "$mode" != before ] || kill -s "$signal" "$PPID"

# The caller's end of a call: what it prints, and a signal where that is planned.
answer() {
  [ "$mode" != after ] || kill -s "$signal" "$PPID"
  if [ "$mode" = lose ]; then
    echo 'Connection was closed before we received a valid response' >&2
    exit 255
  fi
  [ $# -eq 0 ] || printf '%s\n' "$1"
  exit 0
}
