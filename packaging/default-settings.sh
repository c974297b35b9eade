#!/bin/sh
# Prints /etc/satchel.toml as it is installed: every setting with its default. Only the data
# directory is set, so that every command finds the one of the service.
# packaging/default-settings.sh EXECUTABLE
set -eu
# What is set where the package is built says nothing of where it is installed.
for name in $(env | sed -n 's/^\(SATCHEL_[A-Z_]*\)=.*/\1/p'); do
    unset "$name"
done
cat <<'HEAD'
# Settings of Satchel. Each line with a "#" is a default: take the "#" away to set it.
# `satchel config` prints what is in force and where it comes from.

# The data directory of the service. Commands work on it when no other is named.
data = "/var/lib/satchel"

HEAD
cd /
# The server's name is that of its host.
"$1" config --config /dev/null | sed -e '/^#/d' -e '/^name = /d' -e '/^data = /d' -e '/^$/d' -e 's/^/#/'
