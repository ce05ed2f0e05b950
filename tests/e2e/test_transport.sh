# The way to Central: https that is verified, client certificates, gzip, no
# redirects, no proxies, connections that are kept, names that nobody answers.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

export TLS_DIR=$DIR/tls
mkdir "$TLS_DIR"

certificate() { # NAME CA SUBJECT EXTENSION
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$TLS_DIR/$1.key" \
    -subj "$3" -out "$TLS_DIR/$1.csr" 2>>"$DIR/openssl.txt" &&
    openssl x509 -req -in "$TLS_DIR/$1.csr" -CA "$TLS_DIR/$2.pem" -CAkey "$TLS_DIR/$2.key" \
      -CAcreateserial -days 2 -extfile <(echo "$4") -out "$TLS_DIR/$1.pem" 2>>"$DIR/openssl.txt"
}
authority() { # NAME
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
    -keyout "$TLS_DIR/$1.key" -subj "/CN=$1" -out "$TLS_DIR/$1.pem" 2>>"$DIR/openssl.txt"
}
authority ca
authority other
check 'certificates' certificate server ca /CN=central subjectAltName=IP:127.0.0.1
check 'of another name' certificate wrong ca /CN=central subjectAltName=DNS:elsewhere.example
check 'of the client' certificate client ca /CN=store extendedKeyUsage=clientAuth

# start_tls CLIENTS [CERTIFICATE]: → $TLS (URL), $TLS_PID
start_tls() {
  cp "$TLS_DIR/${2-server}.pem" "$TLS_DIR/server.pem" 2>/dev/null
  cp "$TLS_DIR/${2-server}.key" "$TLS_DIR/server.key" 2>/dev/null
  mkdir -p "$DIR/proxy"
  : >"$DIR/proxy.port"
  WEB_DIR=$DIR/proxy CENTRAL_PORT=${CENTRAL##*:} TLS_CLIENTS=$1 \
    "$BUILD/tests/listen" lighttpd -D -f "$root/tests/e2e/tls.conf" \
    >"$DIR/proxy.port" 2>>"$DIR/proxy.txt" &
  TLS_PID=$!
  pids+=("$TLS_PID")
  until_true 10 test -s "$DIR/proxy.port" || fail 'the TLS proxy starts'
  TLS=https://127.0.0.1:$(cat "$DIR/proxy.port")
}
fails_with() { until_true 20 grep -q "class=connect.*$1" "$DIR/daemon.log"; }
anew() { # a store of its own, to see it fill
  stop "$DAEMON"
  rm -rf "$DATA_DIR"
  : >"$DIR/daemon.log"
}

start_central --products 500
start_pool
start_web
start_tls disable
start_daemon CENTRAL_API_URL="$TLS" CENTRAL_CA_FILE="$TLS_DIR/ca.pem"
check 'https fills the store' until_true 20 state_is live
admin PUT set '{"products":[{"productId":"PROD-007","available":7}]}' >/dev/null
check 'and follows' until_true 10 product_has PROD-007 .available 7
stop "$TLS_PID"
check 'answers come compressed' grep -q 'accepts=gzip sent=gzip' "$DIR/proxy/access.log"
check 'connections are kept' grep -qE 'kept=[2-9]' "$DIR/proxy/access.log"
start_tls disable

anew
start_daemon CENTRAL_API_URL="$TLS"
check 'a certificate that nobody vouches for' fails_with certificate
anew
start_daemon CENTRAL_API_URL="$TLS" CENTRAL_CA_FILE="$TLS_DIR/other.pem"
check 'another authority' fails_with certificate
stop "$TLS_PID"
cp "$TLS_DIR/server.pem" "$TLS_DIR/right.pem"
cp "$TLS_DIR/server.key" "$TLS_DIR/right.key"
start_tls disable wrong
anew
start_daemon CENTRAL_API_URL="$TLS" CENTRAL_CA_FILE="$TLS_DIR/ca.pem"
check 'a certificate of another name' fails_with 'subject\|host name\|SSL'
stop "$TLS_PID"

start_tls enable right
anew
start_daemon CENTRAL_API_URL="$TLS" CENTRAL_CA_FILE="$TLS_DIR/ca.pem"
check 'no client certificate' until_true 20 grep -q 'class=connect' "$DIR/daemon.log"
anew
start_daemon CENTRAL_API_URL="$TLS" CENTRAL_CA_FILE="$TLS_DIR/ca.pem" \
  CENTRAL_CLIENT_CERT="$TLS_DIR/client.pem" CENTRAL_CLIENT_KEY="$TLS_DIR/client.key"
check 'with one it fills' until_true 20 state_is live

# Nobody's redirect takes our key elsewhere; a proxy in the environment isn't used.
anew
faults '{"faults":[{"path":"*","kind":"status","status":302,"count":3}]}'
start_daemon http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9 ALL_PROXY=http://127.0.0.1:9
check 'a redirect is a bad answer' until_true 20 grep -q 'class=bad_answer.*302' "$DIR/daemon.log"
check 'and no proxy stands in the way' until_true 20 state_is live

# A connection whose other end falls silent is given up, and another one opened.
anew
start_daemon EVENT_WAIT_TIMEOUT_SECONDS=1 CENTRAL_TIMEOUT_SECONDS=1
check 'live on one connection' until_true 20 state_is live
kill -STOP "$CENTRAL_PID"
failed_as() { api GET /v1/store/sync/status && [ "$(json '.lastError.class')" = "$1" ]; }
check 'silence is noticed' until_true 10 failed_as timeout
kill -CONT "$CENTRAL_PID"
admin PUT set '{"products":[{"productId":"PROD-007","available":8}]}' >/dev/null
check 'and it heals' until_true 20 product_has PROD-007 .available 8

# An answer that drips is taken while there is time for it, else given up.
faults '{"faults":[{"path":"events","kind":"drip","delayMs":800,"count":1}]}'
admin PUT set '{"products":[{"productId":"PROD-007","available":9}]}' >/dev/null
check 'a slow answer is an answer' until_true 10 product_has PROD-007 .available 9
faults '{"faults":[{"path":"events","kind":"drip","delayMs":20000,"count":-1}]}'
check 'one that drips for ever is not' until_true 20 failed_as timeout
faults '{"faults":[]}'
check 'and it heals then' until_true 20 state_is live

# A name that nobody knows, then a name server that says nothing: SIGTERM doesn't wait for it.
ends_soon() { # WHAT
  local before=${EPOCHREALTIME/./}
  stop "$DAEMON"
  is "$1: it ends with 0" "$?" 0
  check "$1: within two seconds" [ $((${EPOCHREALTIME/./} - before)) -lt $((2000000 * SLOWER)) ]
}
anew
start_daemon CENTRAL_API_URL=http://central.invalid.example:8081
check 'a name that nobody knows' until_true 20 grep -q 'request to Central' "$DIR/daemon.log"
ends_soon 'a name that nobody knows'

anew
server=127.$((RANDOM % 200 + 20)).$((RANDOM % 250 + 1)).$((RANDOM % 250 + 1))
printf 'nameserver %s\noptions timeout:10 attempts:3\n' "$server" >"$DIR/resolv.conf"
# shellcheck disable=SC2016 # expanded in the namespace
elsewhere=(unshare -m sh -c 'mount --bind "$0" /etc/resolv.conf && exec "$@"' "$DIR/resolv.conf")
if ! "${elsewhere[@]}" true 2>/dev/null; then
  skip 'a dead name server' 'this user or container may not mount'
  exit
fi
"$BUILD/tests/listen" --silent "$server" >"$DIR/silent" 2>>"$DIR/curl.log" &
pids+=("$!")
check 'a silent name server' until_true 10 grep -q silent "$DIR/silent"
as_before=("${under[@]}")
under=("${elsewhere[@]}" "${under[@]}")
start_daemon CENTRAL_API_URL=http://central.invalid.example:8081
under=("${as_before[@]}")
check 'a name server that is dead' until_true 20 grep -q 'request to Central' "$DIR/daemon.log"
ends_soon 'a name server that is dead'
# Its first question is given up after ten seconds; the loop goes on meanwhile.
under=("${elsewhere[@]}" "${under[@]}")
: >"$DIR/daemon.log"
start_daemon CENTRAL_API_URL=http://central.invalid.example:8081 CENTRAL_TIMEOUT_SECONDS=1
under=("${as_before[@]}")
check 'it is a timeout' until_true 20 grep -q 'class=timeout' "$DIR/daemon.log"
ends_soon 'after it was given up'
