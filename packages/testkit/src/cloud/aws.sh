#!/bin/sh
# The fake aws: an account as a folder. What exists is a file in `there`; what ends, ends only after it was looked at again, and a security group is held
# by its instance for a moment longer, as in AWS. It knows the flags that it is meant to be called with and no others.
set -eu
. "${0%/*}/step.sh"
there=$cloud/there

refuse() {
  [ "$mode" != after ] || kill -s "$signal" "$PPID"
  echo >&2
  echo "An error occurred ($1) when calling the $verb operation: $2" >&2
  exit 254
}

service=$1 verb=$2
shift 2
key='' group='' name='' tag='' cidr='' ids='' image='' data='' market='' enclave=''
while [ $# -gt 0 ]; do
  case $1 in
    --associate-public-ip-address) ;;
    --output | --region | --cli-connect-timeout | --cli-read-timeout | --location-type | --protocol | --port | --vpc-id | --description) shift ;;
    --count | --instance-type | --subnet-id | --metadata-options | --client-token | --subnet-ids | --public-key-material) shift ;;
    --instance-initiated-shutdown-behavior) shift ;;
    --name) name=$2 && shift ;;
    --key-name) key=$2 && shift ;;
    --group-name) name=$2 && shift ;;
    --group-id | --security-group-ids) group=$2 && shift ;;
    --cidr) cidr=$2 && shift ;;
    --image-id) image=$2 && shift ;;
    --user-data) data=${2#file://} && shift ;;
    --instance-market-options) market=$2 && shift ;;
    --enclave-options) enclave=$2 && shift ;;
    --instance-ids) while [ $# -gt 1 ] && [ "${2#--}" = "$2" ]; do ids="$ids $2" && shift; done ;;
    --filters | --tag-specifications)
      while [ $# -gt 1 ] && [ "${2#--}" = "$2" ]; do
        case $2 in
          Name=tag:*) tag=${2##*Values=} ;;
          ResourceType=*) tag=${2#*Value=} && tag=${tag%%\}*} ;;
        esac
        shift
      done
      ;;
    *)
      echo "Unknown options: $1" >&2
      exit 252
      ;;
  esac
  shift
done

[ "$mode" != fail ] || refuse "${signal:-UnauthorizedOperation}" 'You are not authorized to perform this operation.'

# Prints one instance and moves it on: what is pending runs the next time, what shuts down is gone.
instance() {
  if [ ! -e "$there/$1" ]; then
    printf '{"InstanceId":"%s","State":{"Name":"terminated"}}' "$1"
    return
  fi
  read -r state owner <"$there/$1"
  printf '{"InstanceId":"%s","State":{"Name":"%s"},"PublicIpAddress":"192.0.2.7","StateReason":{"Message":"of the fake"}}' "$1" "$state"
  case $state in
    pending) echo "running $owner" >"$there/$1" ;;
    shutting-down) mv "$there/$1" "$cloud/gone" ;;
  esac
}

case "$service $verb" in
  'sts get-caller-identity') answer '{"Account":"123456789012"}' ;;
  'ssm get-parameter')
    [ "$name" = /aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64 ] || refuse ParameterNotFound "$name"
    answer '{"Parameter":{"Value":"ami-0123456789abcdef0"}}'
    ;;
  'ec2 describe-instance-type-offerings') answer '{"InstanceTypeOfferings":[{"Location":"eu-test-1b"},{"Location":"eu-test-1c"}]}' ;;
  'ec2 describe-subnets')
    subnet() { printf '{"SubnetId":"subnet-0123456%s","VpcId":"vpc-01234567","AvailabilityZone":"eu-test-1%s"}' "$1" "$1"; }
    answer "{\"Subnets\":[$(subnet a),$(subnet b),$(subnet c)]}"
    ;;
  'ec2 import-key-pair')
    echo "$tag" >"$there/$key"
    answer '{"KeyPairId":"key-0123456789abcdef0"}'
    ;;
  'ec2 delete-key-pair')
    rm -f "$there/$key"
    answer '{"Return":true}'
    ;;
  'ec2 create-security-group')
    echo "$tag" >"$there/sg-0123456789abcdef0"
    answer '{"GroupId":"sg-0123456789abcdef0"}'
    ;;
  'ec2 authorize-security-group-ingress')
    [ -e "$there/$group" ] || refuse InvalidGroup.NotFound "$group"
    echo "$cidr" >"$cloud/cidr"
    answer '{"Return":true}'
    ;;
  'ec2 describe-security-groups')
    if [ ! -e "$cloud/lagged-group" ] && grep -q '^[al]' "$cloud/plan"; then
      : >"$cloud/lagged-group"
      answer '{"SecurityGroups":[]}'
    fi
    found=''
    for file in "$there"/sg-*; do
      [ ! -e "$file" ] || [ "$(cat "$file")" != "$tag" ] || found="{\"GroupId\":\"${file##*/}\"}"
    done
    answer "{\"SecurityGroups\":[$found]}"
    ;;
  'ec2 delete-security-group')
    [ -e "$there/$group" ] || refuse InvalidGroup.NotFound "$group"
    for file in "$there"/i-*; do [ ! -e "$file" ] || refuse DependencyViolation "resource $group has a dependent object"; done
    if [ ! -e "$cloud/held" ] && [ -e "$cloud/user-data" ]; then
      : >"$cloud/held"
      refuse DependencyViolation "resource $group has a dependent object"
    fi
    rm "$there/$group"
    answer
    ;;
  'ec2 run-instances')
    [ "$image" = ami-0123456789abcdef0 ] || refuse InvalidAMIID.NotFound "$image"
    case $market in *InstanceInterruptionBehavior=terminate*) ;; *) refuse InvalidParameterValue "$market" ;; esac
    [ "$enclave" = Enabled=true ] || refuse InvalidParameterValue "$enclave"
    cp "$data" "$cloud/user-data"
    echo "pending $tag" >"$there/i-0123456789abcdef0"
    answer '{"Instances":[{"InstanceId":"i-0123456789abcdef0"}]}'
    ;;
  'ec2 describe-instances')
    # What was just made, answered for or not, is not listed at once.
    if [ -n "$tag" ] && [ ! -e "$cloud/lagged" ] && grep -q '^lose' "$cloud/plan"; then
      : >"$cloud/lagged"
      answer '{"Reservations":[]}'
    fi
    [ -n "$ids" ] || ids=$(cd "$there" && grep -ls " $tag\$" i-* || true)
    found=''
    for id in $ids; do
      [ -e "$there/$id" ] || [ -e "$cloud/gone/$id" ] || refuse InvalidInstanceID.NotFound "$id"
      found="${found:+$found,}$(instance "$id")"
    done
    answer "{\"Reservations\":[{\"Instances\":[$found]}]}"
    ;;
  'ec2 terminate-instances')
    for id in $ids; do
      read -r _ owner <"$there/$id"
      echo "shutting-down $owner" >"$there/$id"
    done
    answer '{"TerminatingInstances":[]}'
    ;;
  *)
    echo "Invalid choice: $service $verb" >&2
    exit 252
    ;;
esac
