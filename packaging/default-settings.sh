#!/bin/sh
# Prints the /etc/satchel.toml to install: every setting with its default, as a comment. Only the data
# directory is set, so that every command finds the data of the service, and the set-up link, so that
# the service never has a default password.
# packaging/default-settings.sh EXECUTABLE
set -eu
# Environment variables of the build machine must not change the defaults.
for name in $(env | sed -n 's/^\(SATCHEL_[A-Z_]*\)=.*/\1/p'); do
    unset "$name"
done
cat <<'HEAD'
# Settings of Satchel. Lines with "#" show the defaults: remove the "#" to change one.
# `satchel config` prints the current settings and their sources.

# The data directory of the service. Commands use it unless another one is given.
data = "/var/lib/satchel"

# A new inventory has no default password: the log shows a link on which to set one.
setup_link = true

HEAD
cd /
# `name` is omitted: its default is the name of the host.
"$1" config --config /dev/null | sed -e '/^#/d' -e '/^name = /d' -e '/^data = /d' -e '/^setup_link = /d' -e '/^$/d' -e 's/^/#/'
