#!/bin/sh
# Creates the folder to copy to an appliance: packaging/pack.sh EXECUTABLE FOLDER
set -eu
executable=$(realpath "$1")
folder=$2
here=$(dirname "$0")
mkdir -p "$folder"
install -m 0755 "$executable" "$folder/satchel"
install -m 0755 "$here/install.sh" "$folder/install.sh"
install -m 0644 "$here/systemd/satchel.service" "$folder/satchel.service"
install -m 0644 "$here/openrc/satchel" "$folder/satchel.openrc"
install -m 0644 "$here/openrc/satchel.logrotate" "$folder/satchel.logrotate"
"$here/default-settings.sh" "$executable" >"$folder/satchel.toml"
(cd "$folder" && sha256sum satchel >satchel.sha256)
echo "$folder"
