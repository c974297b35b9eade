#!/bin/sh
# An inventory script for Ansible: ansible-playbook -i satchel.sh play.yml
#
#   SATCHEL_URL     the server and the options of the feed. Default: see below
#   SATCHEL_TOKEN   a file whose first line is a token with the scope "feeds". Default: satchel.token
#                   beside this script. `satchel token create --scope feeds` prints one
#   SATCHEL_CA      a file with the certificate of the server's authority, if it is not a public one
#
# Ansible calls the script with --list. The result has the variables of all hosts, so Ansible does not
# call it again with --host.
set -eu
url=${SATCHEL_URL:-https://satchel.example/feeds/ansible}
token=${SATCHEL_TOKEN:-$(dirname "$0")/satchel.token}
case ${1:-} in
    --list) ;;
    --host) echo '{}'; exit ;;
    *) echo "usage: $0 --list" >&2; exit 2 ;;
esac
IFS= read -r secret <"$token" || [ -n "$secret" ]
# The token is not an argument of curl, because every user of the machine can see arguments.
printf 'header = "Authorization: Bearer %s"\n' "$secret" |
    curl --fail --silent --show-error ${SATCHEL_CA:+--cacert "$SATCHEL_CA"} --config - "$url"
