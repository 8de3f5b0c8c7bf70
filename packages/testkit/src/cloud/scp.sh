#!/bin/sh
# The fake scp: copies between here and the instance's home.
set -eu
. "${0%/*}/step.sh"
while [ $# -gt 2 ]; do shift; done
if [ "$mode" = fail ]; then
  echo 'scp: Connection closed' >&2
  exit 1
fi
at_home() { case $1 in ec2-user@192.0.2.7:*) echo "$cloud/home/${1#*:}" ;; *) echo "$1" ;; esac; }
cp -r "$(at_home "$1")" "$(at_home "$2")"
answer
