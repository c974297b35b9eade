# shellcheck shell=bash
# Sourced by the tests: a root to install into, a server in it, and a client outside of it.
# The test runs in its own mount namespace, so that all its mounts are removed at its end.

if [ -z "${SATCHEL_TEST_NAMESPACE:-}" ]; then
    # A user who is not root runs it as root of a user namespace.
    own=()
    [ "$(id -u)" = 0 ] || own=(--map-root-user)
    exec env SATCHEL_TEST_NAMESPACE=1 unshare "${own[@]}" --mount -- bash "$0" "$@"
fi

# The time limit of every wait.
patience_s=60
debian_suite=bookworm
debian_root=target/debian-root

work=$(mktemp -d)
root=$work/root
server=
mkdir "$root"

finish() {
    status=$?
    stop_server || true
    if mountpoint -q "$root/proc" 2>/dev/null; then umount "$root/proc"; fi
    [ "$status" = 0 ] || { echo "$0: failed" >&2; cat "$work/log" >&2 2>/dev/null || true; }
    rm -rf "$work"
    exit "$status"
}
trap finish EXIT

fail() {
    echo "$0: $*" >&2
    exit 1
}

# A minimal Debian root, created once and kept in target/.
debian() {
    if [ ! -d "$debian_root" ]; then
        rm -rf "$debian_root.new"
        debootstrap --variant=minbase "$debian_suite" "$debian_root.new" >"$work/log"
        mv "$debian_root.new" "$debian_root"
    fi
    cp -a "$debian_root/." "$root"
    mount -t proc proc "$root/proc"
}

# start_server COMMAND...: starts the server as a direct child, so that signals reach it. It listens on
# a free port, whatever its settings are. Waits until the server prints its address.
start_server() {
    : >"$work/out"
    SATCHEL_LISTEN=127.0.0.1:0 "$@" >"$work/out" 2>>"$work/log" &
    server=$!
    local until=$((SECONDS + patience_s))
    until grep -q 'is listening on' "$work/out"; do
        kill -0 "$server" 2>/dev/null || fail 'the server ended before it was ready'
        [ "$SECONDS" -lt "$until" ] || fail 'the server does not become ready'
        sleep 0.05
    done
    url=$(sed -n 's/^satchel is listening on //p' "$work/out")
}

# Stops the server as systemd does. Fails unless it exits with 0.
stop_server() {
    [ -n "$server" ] || return 0
    local stopped=$server
    server=
    kill -TERM "$stopped" && wait "$stopped"
}

# call PATH [CURL ARGUMENTS...]: prints the response. The test fails if the status is not 2xx.
call() {
    local path=$1
    shift
    curl --silent --show-error --fail-with-body --max-time "$patience_s" -u "${login:-admin:admin}" "$@" "$url$path" ||
        fail "the call $path failed"
}

post() {
    call "$1" -H 'content-type: application/json' -d "$2"
}

# Sets the password of the first administrator by the link in the log, and logs in with it.
set_up() {
    local code until=$((SECONDS + patience_s))
    # The server writes its log on another thread.
    while code=$(sed -n 's/.*setup?code=\([0-9a-f]*\).*/\1/p' "$work/log" | tail -n 1) && [ -z "$code" ]; do
        [ "$SECONDS" -lt "$until" ] || fail 'the log has no set-up link'
        sleep 0.05
    done
    login='admin:Oslo Fjord 9'
    curl --silent --show-error --fail-with-body --max-time "$patience_s" "$url/setup" \
        -d "code=$code" --data-urlencode 'password=Oslo Fjord 9' --data-urlencode 'again=Oslo Fjord 9' >/dev/null ||
        fail 'the set-up link cannot be used'
}

# expect TEXT IN: fails unless IN contains TEXT.
expect() {
    case $2 in
    *"$1"*) ;;
    *) fail "'$1' is not in: ${2:0:2000}" ;;
    esac
}

# The command line of the unit, as systemd would start it: as its user, with its umask.
start_unit() {
    local unit=$1 command
    command=$(sed -n 's/^ExecStart=//p' "$root/$unit")
    start_server chroot --userspec=satchel:satchel "$root" /bin/sh -c "umask 0077; cd /; exec $command"
}
