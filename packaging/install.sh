#!/bin/sh
# Installs Satchel without a package manager, from the folder of this script:
#
#     install.sh [--prefix DIR] [--uninstall]
#
# Installs the executable in DIR/bin (/usr/local/bin), and creates a user, a unit or an OpenRC script,
# and /etc/satchel.toml if it is missing. Run it again to upgrade. It never changes the inventory in
# /var/lib/satchel, neither in an upgrade nor with --uninstall.
set -eu

prefix=/usr/local
uninstall=no
while [ $# -gt 0 ]; do
    case $1 in
    --prefix)
        prefix=${2:?--prefix needs a directory}
        shift
        ;;
    --uninstall) uninstall=yes ;;
    *)
        sed -n '2,8s/^# \{0,1\}//p' "$0"
        [ "$1" = --help ] && exit 0
        exit 2
        ;;
    esac
    shift
done

here=$(cd "$(dirname "$0")" && pwd)
executable=$prefix/bin/satchel
data=/var/lib/satchel
unit=/etc/systemd/system/satchel.service
script=/etc/init.d/satchel

case $prefix in
/*) ;;
*) echo "install: --prefix needs an absolute path" >&2; exit 2 ;;
esac
case $prefix in
*[!A-Za-z0-9/._-]*) echo "install: --prefix can contain only letters, digits and . _ - /" >&2; exit 2 ;;
esac
[ "$(id -u)" = 0 ] || { echo "install: run this script as root" >&2; exit 1; }

is_there() { command -v "$1" >/dev/null 2>&1; }

if [ "$uninstall" = yes ]; then
    if [ -d /run/systemd/system ] && [ -e "$unit" ]; then
        systemctl disable --now satchel.service
    fi
    if [ -e "$script" ] && is_there rc-service; then
        rc-service satchel stop || true
        rc-update del satchel || true
    fi
    rm -f "$executable" "$unit" "$script" /etc/logrotate.d/satchel
    if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
    echo "Satchel was uninstalled. The inventory in $data and the settings in /etc/satchel.toml were kept."
    exit 0
fi

# If the checksum is in the folder, a damaged executable is not installed.
if [ -e "$here/satchel.sha256" ]; then
    (cd "$here" && sha256sum -c satchel.sha256 >/dev/null) || {
        echo "install: $here/satchel does not match its checksum in satchel.sha256. The file is damaged: copy it again. Nothing was changed." >&2
        exit 1
    }
fi

if ! grep -q '^satchel:' /etc/passwd; then
    if is_there useradd; then
        useradd --system --user-group --home-dir "$data" --no-create-home --shell /bin/false satchel
    else
        # busybox
        grep -q '^satchel:' /etc/group || addgroup -S satchel
        adduser -S -D -H -h "$data" -s /bin/false -G satchel satchel
    fi
fi

# Installs a file under a temporary name and renames it: no partial file has the final name, and a
# running executable is not overwritten.
put() {
    mkdir -p "$(dirname "$3")"
    cp "$2" "$3.new"
    chmod "$1" "$3.new"
    mv -f "$3.new" "$3"
}

put 0755 "$here/satchel" "$executable"
[ -e /etc/satchel.toml ] || put 0644 "$here/satchel.toml" /etc/satchel.toml
grep -q '^data *=' /etc/satchel.toml ||
    echo "install: /etc/satchel.toml does not set the data directory. Add the line: data = \"$data\"" >&2
if [ ! -d "$data" ]; then
    mkdir -p "$data"
    chmod 0700 "$data"
    chown satchel:satchel "$data"
fi

if [ -d /etc/systemd/system ]; then
    sed "s|^ExecStart=/usr/bin/satchel |ExecStart=$executable |" "$here/satchel.service" >"$unit.new"
    chmod 0644 "$unit.new"
    mv -f "$unit.new" "$unit"
    if [ -d /run/systemd/system ]; then
        systemctl daemon-reload
        systemctl enable satchel.service
        systemctl restart satchel.service
    else
        echo "systemd is not running. To start Satchel when it runs: systemctl enable --now satchel"
    fi
elif [ -x /sbin/openrc-run ]; then
    sed "s|@PREFIX@|$prefix|" "$here/satchel.openrc" >"$script.new"
    chmod 0755 "$script.new"
    mv -f "$script.new" "$script"
    [ ! -d /etc/logrotate.d ] || put 0644 "$here/satchel.logrotate" /etc/logrotate.d/satchel
    if is_there rc-service; then
        rc-update add satchel default
        rc-service satchel restart
    fi
else
    echo "Neither systemd nor OpenRC was found. Start Satchel with: $executable serve --data $data"
fi
echo "Satchel was installed: $executable. It listens on 127.0.0.1:8080. Its settings are in /etc/satchel.toml."
