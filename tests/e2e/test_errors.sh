# Errors that nothing else brings over HTTP: of a process without memory, and of a client that
# sends a byte a second (behind Apache, which passes them on as they come).
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

start_central --products 10
start_daemon
start_pool POOL_PROCESSES=1
start_web apache
check 'it is live' until_true 30 state_is live

# All that a process has written to and may write to counts, so that it gets nothing more.
worker=$(children "$POOL")
no_memory() {
  prlimit --pid "$worker" --data="$(($(sed -n 's/^VmData:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$worker/status") * 1024)):"
}
head -c 900000 /dev/zero | tr '\0' ' ' >"$DIR/large"
if under_checker; then
  skip 'a process without memory' 'a checker ends it'
  answered '500 internal skipped'
else
  check 'no more memory' no_memory
  api POST /v1/store/inventory/updates --data-binary "@$DIR/large"
  is 'a body that has no room' "$STATUS $(json .error.code)" '500 internal'
  is 'as a write' "$(json '.errorType, .error.details.outcome' | xargs)" 'internal null'
  api GET /v1/store/inventory/PROD-001
  is 'a read is answered' "$STATUS" 200
  prlimit --pid "$worker" --data=unlimited:
  api POST /v1/store/inventory/updates --data-binary "@$DIR/large"
  is 'with memory the body is read' "$STATUS $(json .error.code)" '400 invalid_request'
fi

drip() { while printf ' ' 2>/dev/null; do read -r -t 1 <>"$DIR/nothing"; done; }
api POST /v1/store/inventory/updates -T - -H 'Content-Length: 100' -H 'Transfer-Encoding:' < <(drip)
is 'a body that takes too long' "$STATUS $(json .error.code)" '408 request_timeout'
