#!/bin/sh
# The fake ssh: lets in who has a key file of his own and expects the host key that the instance was given, and runs the line here, in the instance's home,
# where sudo and cloud-init are names that do nothing.
set -eu
. "${0%/*}/step.sh"
known='' alias='' strict='' key='' host=''
while [ $# -gt 0 ]; do
  case $1 in
    -F) shift ;;
    -i) key=$2 && shift ;;
    -o)
      case $2 in
        UserKnownHostsFile=*) known=${2#*=} ;;
        HostKeyAlias=*) alias=${2#*=} ;;
        StrictHostKeyChecking=*) strict=${2#*=} ;;
      esac
      shift
      ;;
    *) break ;;
  esac
  shift
done
place=$1 line=$2
broken() {
  echo "$1" >&2
  exit 255
}
[ "$place" = ec2-user@192.0.2.7 ] || broken "ssh: connect to host ${place#*@} port 22: Connection timed out"
[ "$strict" = yes ] || broken 'the host key would not be checked'
[ "$(stat -c %a "$key")" = 600 ] || broken "Permissions for '$key' are too open."
[ "$mode" != fail ] || broken "${signal:-ssh: connect to host 192.0.2.7 port 22: Connection refused}"
while read -r word kind base; do
  if [ "$word" = ed25519_public: ]; then host="$kind $base"; fi
done <"$cloud/user-data"
read -r expected <"$known"
[ "$expected" = "$alias $host" ] || broken 'Host key verification failed.'
cd "$cloud/home"
code=0
PATH=$cloud/instance:$PATH HOME=$cloud/home sh -c "$line" || code=$?
[ "$code" = 0 ] || exit "$code"
answer
