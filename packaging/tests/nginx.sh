#!/usr/bin/env bash
# Tests packaging/examples/nginx.conf in front of a server: a call, an upload, a stream and commands
# over TLS.
# packaging/tests/nginx.sh [EXECUTABLE]. Needs nginx, openssl and unzip.
set -euo pipefail
executable=$(realpath "${1:-$(dirname "$0")/../../target/static/$(uname -m)/satchel}")
cd "$(dirname "$0")/../.."
# shellcheck source=packaging/tests/root.sh
. packaging/tests/root.sh

start_server "$executable" serve --demo --data "$work/data"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
# A private certificate authority, and a certificate that it signed.
openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=site -keyout "$work/ca.key" -out "$work/ca.crt" 2>>"$work/log"
openssl req -newkey rsa:2048 -nodes -subj /CN=satchel.example -keyout "$work/key" -out "$work/csr" 2>>"$work/log"
echo 'subjectAltName=DNS:satchel.example,DNS:localhost' >"$work/names"
openssl x509 -req -days 1 -in "$work/csr" -CA "$work/ca.crt" -CAkey "$work/ca.key" -CAcreateserial \
    -extfile "$work/names" -out "$work/crt" 2>>"$work/log"
sed -e "s|listen 443 ssl|listen 127.0.0.1:$port ssl|" -e '/listen \[::\]/d' -e "s|http://127.0.0.1:8080|$url|" \
    -e "s|/etc/ssl/satchel|$work/|; s|$work/.crt|$work/crt|; s|$work/.key|$work/key|" packaging/examples/nginx.conf >"$work/site.conf"
cat >"$work/nginx.conf" <<CONF
pid $work/nginx.pid;
error_log $work/log;
events {}
http {
    access_log off;
    client_body_temp_path $work/b; proxy_temp_path $work/p; fastcgi_temp_path $work/f;
    uwsgi_temp_path $work/u; scgi_temp_path $work/s;
    include $work/site.conf;
}
CONF
nginx -q -t -c "$work/nginx.conf" 2>>"$work/log"
chmod 755 "$work"
nginx -c "$work/nginx.conf" 2>>"$work/log"
url=https://satchel.example:$port
tls=(--cacert "$work/ca.crt" --resolve "satchel.example:$port:127.0.0.1")
answers() {
    expect true "$(call /rest/is_alive "${tls[@]}")"
    post_types='{"name": "all", "import_export_types": ["device"]}'
    call /rest/migrate/export "${tls[@]}" -H 'content-type: application/json' -d "$post_types" >/dev/null
    call /rest/migrate/projects/all "${tls[@]}" -o "$work/all.zip"
    expect '"name":"copy"' "$(call /rest/migrate/projects/copy "${tls[@]}" -T "$work/all.zip")"
    lines=$(call /rest/instance/device "${tls[@]}" -H 'accept: application/x-ndjson' | wc -l)
    [ "$lines" -gt 10 ] || fail "the stream has $lines lines"
    # The commands accept the certificate if --ca has the authority.
    export SATCHEL_SERVER="https://localhost:$port" SATCHEL_USER=admin SATCHEL_PASSWORD=admin
    "$executable" export over-tls --ca "$work/ca.crt" --output "$work/over-tls.zip" >>"$work/log" 2>&1 ||
        fail 'satchel export --ca cannot connect to the server'
    unzip -tq "$work/over-tls.zip" >/dev/null || fail 'the file exported over TLS is not a bundle'
    ! "$executable" inspect >>"$work/log" 2>&1 || fail 'a certificate of an unknown authority was accepted'
}
# In a subshell, so that nginx is stopped even if a check fails.
status=0
(trap - EXIT; answers) || status=$?
kill -QUIT "$(cat "$work/nginx.pid")"
[ "$status" = 0 ] || fail 'a check through nginx failed'
stop_server || fail 'the server did not exit with 0'
echo 'nginx: a call, an upload, a stream and commands over TLS'
