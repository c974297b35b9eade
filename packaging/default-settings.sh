#!/bin/sh
# Prints /etc/satchel.toml as it is installed: every setting with its default, none of them set.
# packaging/default-settings.sh EXECUTABLE
set -eu
# What is set where the package is built says nothing of where it is installed.
for name in $(env | sed -n 's/^\(SATCHEL_[A-Z_]*\)=.*/\1/p'); do
    unset "$name"
done
cat <<'HEAD'
# Settings of Satchel. Each line is a default: take the "#" away to set it.
# `satchel config` prints what is in force and where it comes from.
HEAD
cd /
# The server's name is that of its host, and the directory of the data is said in the unit.
"$1" config --config /dev/null | sed -e '/^#/d' -e '/^name = /d' -e '/^data = /d' -e '/^$/d' -e 's/^/#/'
