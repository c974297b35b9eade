#!/bin/sh
# Installs Satchel where there is no package manager, from the folder that this script lies in:
#
#     install.sh [--prefix DIR] [--uninstall]
#
# The executable goes to DIR/bin (/usr/local/bin), beside it come a user, a unit or an OpenRC
# script, and /etc/satchel.toml where there is none. Run again it upgrades. The inventory in
# /var/lib/satchel is never touched, neither by an upgrade nor by --uninstall.
set -eu

prefix=/usr/local
uninstall=no
while [ $# -gt 0 ]; do
    case $1 in
    --prefix)
        prefix=${2:?--prefix wants a directory}
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
*) echo "install: --prefix wants a directory that begins with /" >&2; exit 2 ;;
esac
case $prefix in
*[!A-Za-z0-9/._-]*) echo "install: a prefix holds letters, digits and . _ - / only" >&2; exit 2 ;;
esac
[ "$(id -u)" = 0 ] || { echo "install: this has to be run as root" >&2; exit 1; }

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
    echo "Satchel was uninstalled. The inventory stays in $data, and the settings in /etc/satchel.toml."
    exit 0
fi

# Where the sum lies beside it, a file that was damaged on its way is not installed.
if [ -e "$here/satchel.sha256" ]; then
    (cd "$here" && sha256sum -c satchel.sha256 >/dev/null) || {
        echo "install: $here/satchel is not the file that satchel.sha256 is of; nothing was changed" >&2
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

# Never half a file under the name, and never one that is running written over.
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
        echo "systemd does not run here: 'systemctl enable --now satchel' starts it where it does."
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
    echo "There is neither systemd nor OpenRC. This starts it: $executable serve --data $data"
fi
echo "Satchel was installed: $executable. It listens on 127.0.0.1:8080; /etc/satchel.toml says more."
