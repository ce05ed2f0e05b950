#!/usr/bin/env bash
# entrypoint.sh [combined | daemon … | pool … | web | health … | COMMAND…]
#
# combined, the default: a whole store, daemon, pool and lighttpd on PORT.  When one of
# them ends, the others are ended and its exit code is ours; a container has somebody
# to start it again.  SIGTERM and SIGINT end all of them, SIGHUP lets daemon and pool
# read their settings again, SIGUSR1 is the daemon's full sync.
#
# daemon, pool, web: one of them alone, with the options behind it, in our place.
# health: 0 unless a restart may mend what is wrong, for a container's health check.
# Anything else is a command to be run in the container.
#
# All of it logs to stdout.  As process 1 of a container bash reaps what is left to it.
set -u

: "${PORT:=8083}" "${FCGI_SOCKET:=/run/store-api-fcgi/store-api.sock}"
: "${WEB_CONF:=/etc/lighttpd/store-api.conf}"
export PORT FCGI_SOCKET

pool_program() { command -v store-api.fcgi || echo /usr/lib/store-api/store-api.fcgi; }
web() { exec lighttpd -D -f "$WEB_CONF"; }

# Central's absence and an old cache are what a store lives with, and no restart helps.
health() {
  store-syncd --check -w '~:' -c '~:' "$@"
  case $? in
  0 | 1) exit 0 ;;
  *) exit 1 ;;
  esac
}

declare -A names=()
start() { # NAME command…
  local name=$1
  shift
  "$@" &
  names[$!]=$name
  printf -v "$name" %s $!
}

tell() { kill "-$1" "${@:2}" 2>/dev/null; } # SIGNAL pid…

end_all() {
  trap '' TERM INT HUP USR1
  tell TERM "$daemon" "$pool"
  tell INT "$web" # lighttpd finishes requests under way
  wait "${!names[@]}"
}

combined() {
  local daemon='' pool='' web='' ended='' code
  trap 'end_all; exit 0' TERM INT
  trap 'tell HUP "$daemon" "$pool"' HUP
  trap 'tell USR1 "$daemon"' USR1
  start daemon store-syncd
  start pool "$(pool_program)"
  start web web
  # A signal ends the waiting, with nobody ended.
  while [ -z "${ended-}" ]; do
    wait -n -p ended "${!names[@]}"
    code=$?
  done
  echo "entrypoint: ${names[$ended]} has ended with $code, so the others are ended"
  unset "names[$ended]"
  end_all
  exit $((code > 0 ? code : 1))
}

exec 2>&1
case ${1-combined} in
combined) combined ;;
daemon) exec store-syncd "${@:2}" ;;
pool) exec "$(pool_program)" "${@:2}" ;;
web) web ;;
health) health "${@:2}" ;;
*) exec "$@" ;;
esac
