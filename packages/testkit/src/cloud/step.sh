# Read by each fake program: counts its calls across all of them, and does what the test has planned for this one. A file `plan` has `MODE N` lines:
#   fail N        refuses, and does nothing; a word after it is the code or the text
#   lose N        does it, and its answer is lost
#   before N SIG  the caller gets the signal, then it is done      after N SIG  it is done, then the caller gets the signal
# shellcheck shell=sh
cloud=${CAISSON_FAKE_CLOUD:?}
# By the shell alone: each program that it starts costs more than all of this. One line is added at once, whenever the caller may kill it.
count=1
if [ -e "$cloud/calls" ]; then
  while read -r _; do count=$((count + 1)); done <"$cloud/calls"
fi
printf '%s\n' "${0##*/} $*" >>"$cloud/calls"
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
