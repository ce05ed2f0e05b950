#!/usr/bin/env bash
# deb.sh: the Debian package, from two builds to the last file after a purge.
#
# Builds it twice and compares, runs lintian, and installs it in bare Debian trees
# booted with systemd: one with lighttpd, as README.md says, and one with Apache.
# Where systemd-nspawn can't run, the package is installed in a chroot, and all that
# wants services is skipped.  Wants root; what it makes is below build/packages/.
# Last line: `N passed, N failed, N skipped`.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/packages/tree.sh
. tests/packages/tree.sh

if [ "$(id -u)" -ne 0 ] || ! unshare --mount true; then
  echo 'SKIPPED: the installed package: this needs root, and the right to mount'
  echo '0 passed, 0 failed, 1 skipped'
  exit 0
fi
tree_namespace "$0" "$@"
trap tree_down EXIT

work=build/packages/deb
key=the-key-of-central
passed=0 failed=0 skipped=0

check() { # WHAT command…
  local what=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
    echo "ok: $what"
  else
    failed=$((failed + 1))
    echo "FAILED: $what"
  fi
}
is() { # WHAT ACTUAL EXPECTED
  check "$1" test "$2" = "$3"
  [ "$2" = "$3" ] || printf '  got:    %s\n  wanted: %s\n' "$2" "$3"
}
until_true() { # SECONDS command…
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.2
  done
}

# ---------------------------------------------------------------- the package

build() { # SUBDIRECTORY [VERSION]
  DEB_BUILD_OPTIONS=nocheck packaging/deb/build.sh "$work/$1" "${@:2}" >"$work/$1.log" 2>&1 ||
    { tail -n 30 "$work/$1.log"; return 1; }
}
# With other names, another time zone, language and umask.
build_elsewhere() { (umask 0077; TZ=Asia/Tokyo LC_ALL=C.UTF-8 build "$second"); }
version=$(packaging/version.sh)
newer=$version+1
arch=$(dpkg --print-architecture)
deb=store-api_${version}_$arch.deb
deb_newer=store-api_${newer}_$arch.deb

second="second-elsewhere"

rm -rf --one-file-system "$work"
mkdir -p "$work"
check 'the package is built' build first
check 'and once more, elsewhere' build_elsewhere
check 'both are the same, byte for byte' cmp "$work/first/$deb" "$work/$second/$deb"
check 'with debug symbols too' cmp "$work/first/store-api-dbgsym_${version}_$arch.deb" \
  "$work/$second/store-api-dbgsym_${version}_$arch.deb"
check 'and a newer one' build newer "$newer"
check 'lintian has neither errors nor warnings' lintian --allow-root --fail-on error,warning "$work/first"/*.changes
[ -e "$work/newer/$deb_newer" ] || { echo "$passed passed, $failed failed, 0 skipped"; exit 1; }

# ---------------------------------------------------------------- in the tree

put_in() {
  mkdir -p "$TREE/root/build/deb"
  cp "$work/first/$deb" "$TREE/root/build/deb/"
  cp "$work/newer/$deb_newer" "$TREE/root/"
  echo '127.0.0.1 inventory.example' >>"$TREE/etc/hosts"
  install -m 0755 build/tests/central "$TREE/usr/local/bin/store-central"
}
quietly() { "$@" >>"$TREE.log" 2>&1; }
apt_inside() { quietly inside apt-get install "$@"; }
unit() { inside systemctl show -P "$1" "$2"; }
active() { for u in "$@"; do [ "$(unit ActiveState "$u")" = active ] || return; done; }
journal() { inside journalctl --no-pager -o cat -u "$1"; }
says() { journal "$1" | grep -q "$2"; }
get() { inside curl -s -m 10 -H 'X-API-Key: demo' "http://127.0.0.1$1"; }
code() { inside curl -s -m 10 -H 'X-API-Key: demo' -o /dev/null -w '%{http_code}' "http://127.0.0.1$1"; }
code_is() { [ "$(code "$1")" = "$2" ]; } # PATH CODE
live() { [[ $(unit StatusText store-syncd) == live,* ]]; }
owner() { inside stat -c '%U:%G %a' "$@"; }
as() { inside setpriv --reuid "$1" --regid "$2" --init-groups "${@:3}"; }

# The commands of the Nth box under "Installing" in README.md, word for word.
readme() { # N
  quietly inside sh -ec "cd /root; $(awk -v n="$1" '
    /^## / { there = $0 == "## Installing" }
    there && /^```/ { box += /^```sh/; open = /^```sh/; next }
    open && box == n' README.md)"
}
start_central() {
  inside systemd-run --quiet --unit=central /usr/local/bin/store-central --port 8081 --products 150 \
    --key "$key"
}
set_central() {
  inside sed -i -e 's|^#CENTRAL_API_URL=.*|CENTRAL_API_URL=http://127.0.0.1:8081|' \
    -e "s|^#CENTRAL_API_KEY=.*|CENTRAL_API_KEY=$key|" /etc/store-api/store-syncd.conf
}

slash_passes() { get /v1/store/inventory/a%2Fb | grep -q '"productId":"a/b"'; }

# Clients that never stop asking, four abreast; the codes that were not 200.
# shellcheck disable=SC2016 # for the shell inside
load_begin() {
  inside sh -c 'rm -rf /tmp/load; mkdir /tmp/load
    for i in 1 2 3 4; do (while [ ! -e /tmp/load/end ]; do
      curl -s -m 10 -H "X-API-Key: demo" -o /dev/null -w "%{http_code}\n" \
        "http://127.0.0.1/v1/store/inventory/PROD-00$i" >>/tmp/load/$i; done) >/dev/null 2>&1 &
    done'
}
# shellcheck disable=SC2016
load_end() { # prints "some, N failed"
  inside sh -c 'touch /tmp/load/end; sleep 1; cat /tmp/load/[1-4] | awk "
    { n++ } \$1 != 200 { bad++ } END { print (n > 20 ? \"some\" : n + 0) \", \" bad + 0 \" failed\" }"'
}

# As installed, nothing set: everything runs, and the daemon says what it waits for.
freshly_installed() {
  check 'all services run' until_true 20 active store-api.socket store-api.service store-syncd.service
  check 'the timer runs' active store-api-check.timer
  check 'the daemon says that it waits for a Central' \
    until_true 10 says store-syncd 'no Central is set: waiting for CENTRAL_API_URL'
  check 'the web server passes requests on' until_true 10 code_is /health 503
  # Nothing here has to wait for the end of a long poll.
  inside sed -i 's/^#EVENT_WAIT_TIMEOUT_SECONDS=.*/EVENT_WAIT_TIMEOUT_SECONDS=3/' /etc/store-api/store-api.conf
  check 'and the API says that nothing is there yet' grep -q '"cache":"empty"' <(get /health)
}

users_and_modes() {
  local store
  is '/var/lib/store-api' "$(owner /var/lib/store-api)" 'store-syncd:store-api 2750'
  is '/run/store-api' "$(owner /run/store-api)" 'store-syncd:store-api 2770'
  is 'store-api.conf' "$(owner /etc/store-api/store-api.conf)" 'root:store-api 640'
  is 'store-syncd.conf' "$(owner /etc/store-api/store-syncd.conf)" 'root:store-syncd 640'
  is 'the socket for the web server' "$(owner /run/store-api-fcgi/store-api.sock)" 'root:www-data 660'
  is 'the control socket' "$(owner /run/store-api/control.sock)" 'store-syncd:store-api 660'
  store=$(inside readlink -f /var/lib/store-api/current)
  is 'data.mdb' "$(owner "$store/data.mdb")" 'store-syncd:store-api 640'
  is 'lock.mdb' "$(owner "$store/lock.mdb")" 'store-syncd:store-api 660'
  is 'users' "$(inside id -nG store-syncd)+$(inside id -nG store-api)" 'store-syncd store-api+store-api'

  check "the pool's user can't read Central's key" \
    fails as store-api store-api cat /etc/store-api/store-syncd.conf
  check "nor the daemon's environment" \
    fails as store-api store-api cat "/proc/$(unit MainPID store-syncd)/environ"
  check "nor write the store" fails as store-api store-api sh -c ": >>'$store/data.mdb'"
  check 'nor put files beside it' fails as store-api store-api touch "$store/x" /var/lib/store-api/x
  check "the web server's user can't read the store" fails as www-data www-data cat "$store/data.mdb"
  check 'nor the settings' fails as www-data www-data cat /etc/store-api/store-api.conf
  check "nor reach the daemon" fails reaches www-data /run/store-api/control.sock
  check 'nor does nobody' fails reaches nobody /run/store-api/control.sock
  check 'who does not serve the web cannot reach the pool' \
    fails reaches nobody /run/store-api-fcgi/store-api.sock
  check "the pool's user does reach the daemon" reaches store-api /run/store-api/control.sock
}
fails() { ! "$@" >/dev/null 2>&1; }
# curl's 7 is "can't connect"; whatever comes later, it was let in.
reaches() { # USER SOCKET
  as "$1" "$(inside id -gn "$1")" curl -s -m 2 --unix-socket "$2" http://x/ >/dev/null
  [ $? -ne 7 ]
}

# What the units promise, seen at the processes.
sandbox() {
  local pool status
  pool=$(unit MainPID store-api)
  is 'the pool has a network of its own: nothing' \
    "$(inside nsenter --target "$pool" --net cat /proc/self/net/dev | grep -c :)" 1
  for pid in "$pool" "$(unit MainPID store-syncd)"; do
    status=$(inside cat "/proc/$pid/status")
    check 'neither rights nor ways to new ones' grep -qz \
      'CapEff:.0000000000000000.*NoNewPrivs:.1.Seccomp:.2' <<<"$status"
  done
}

restarts() {
  local before
  load_begin
  before=$(unit MainPID store-api)
  check 'the pool is restarted' inside systemctl restart store-api
  check 'and reloads' inside systemctl reload store-api
  check 'the daemon reloads' inside systemctl reload store-syncd
  check 'another process serves' test "$(unit MainPID store-api)" != "$before"
  is 'no request failed' "$(load_end)" 'some, 0 failed'
  inside systemctl kill --signal=KILL --kill-whom=main store-api
  check 'after a sudden death it serves again' until_true 15 code_is /v1/store/inventory/PROD-001 200
}

# A daemon that stands still is noticed and replaced.
hung() {
  local before
  is 'the daemon has a watchdog' "$(unit WatchdogUSec store-syncd)" 2min
  inside mkdir -p /run/systemd/system/store-syncd.service.d
  inside sh -c 'printf "[Service]\nWatchdogSec=3s\n" >/run/systemd/system/store-syncd.service.d/test.conf'
  inside systemctl daemon-reload
  inside systemctl restart store-syncd
  before=$(unit MainPID store-syncd)
  check 'with a short watchdog it lives' until_true 20 live
  sleep 7
  is 'and is left alone as long as it turns' "$(unit MainPID store-syncd)" "$before"
  inside sh -c "kill -STOP $before"
  check 'a daemon that hangs is ended' until_true 30 says store-syncd 'Watchdog timeout'
  check 'and started anew' until_true 30 live
  check 'as another process' test "$(unit MainPID store-syncd)" != "$before"
  inside rm -r /run/systemd/system/store-syncd.service.d
  inside systemctl daemon-reload
  inside systemctl restart store-syncd
}

checks_fire() {
  inside systemctl start store-api-check.service
  check 'the check reports' says store-api-check 'STORE-SYNC OK'
  inside systemctl stop store-syncd
  check 'and fails where the daemon is down' fails inside systemctl start store-api-check.service
  check 'with a reason' says store-api-check 'STORE-SYNC CRITICAL'
  inside systemctl start store-syncd
}

# The key as a credential, as store-syncd.service shows it.
credential() {
  inside sh -c "umask 0077; echo $key >/etc/store-api/central.key"
  inside sed -i 's/^CENTRAL_API_KEY=/# &/' /etc/store-api/store-syncd.conf
  inside mkdir -p /etc/systemd/system/store-syncd.service.d
  inside sed -n '/^#   \[Service\]/,/^#   Env/s/^# *//p' /lib/systemd/system/store-syncd.service \
    >"$TREE/etc/systemd/system/store-syncd.service.d/key.conf"
  inside systemctl daemon-reload
  check "with Central's key as a credential" inside systemctl restart store-syncd
  check 'the daemon gets live' until_true 30 live
  is 'which only root can read' "$(owner /etc/store-api/central.key)" 'root:root 600'
  inside rm -r /etc/store-api/central.key /etc/systemd/system/store-syncd.service.d
  inside sed -i 's/^# CENTRAL_API_KEY=/CENTRAL_API_KEY=/' /etc/store-api/store-syncd.conf
  inside systemctl daemon-reload
  inside systemctl restart store-syncd
}

reboots() {
  tree_down
  check 'the tree boots again' tree_boot
  check 'all services run' until_true 20 active store-api.socket store-api.service store-syncd.service
  check 'products are served, without Central' until_true 10 code_is /v1/store/inventory/PROD-007 200
  start_central
  check 'and Central is followed again' until_true 60 live
}

upgrades() {
  local socket before
  inside sed -i 's/^#LOG_LEVEL=.*/LOG_LEVEL=debug/' /etc/store-api/store-api.conf
  socket=$(inside stat -c %i /run/store-api-fcgi/store-api.sock) before=$(unit MainPID store-api)
  load_begin
  check 'an upgrade' apt_inside "/root/$deb_newer"
  is 'no request failed' "$(load_end)" 'some, 0 failed'
  is 'it is the newer one' "$(inside dpkg-query --show store-api | cut -f 2)" "$newer"
  check 'the pool is another' test "$(unit MainPID store-api)" != "$before"
  is 'the socket is the same' "$(inside stat -c %i /run/store-api-fcgi/store-api.sock)" "$socket"
  check 'the daemon follows' until_true 30 live
  check 'settings stayed' inside grep -q '^LOG_LEVEL=debug' /etc/store-api/store-api.conf
  is 'their modes too' "$(owner /etc/store-api/store-syncd.conf)" 'root:store-syncd 640'
}

leftovers() {
  inside find / -xdev \( -name '*store-api*' -o -name '*store-syncd*' -o -name storectl \) \
    ! -path '/proc/*' ! -path '/root/*' ! -path '/var/log/*' ! -path '/run/log/*' ! -path '/sys/*'
}

goes() {
  local data
  data=$(inside readlink -f /var/lib/store-api/current)
  check 'it is removed' quietly inside apt-get remove store-api
  check 'its services are gone' fails active store-api.socket
  check 'nothing of it runs' fails inside sh -c 'grep -l store- /proc/[0-9]*/comm | xargs grep -hv central | grep .'
  is 'data and settings stay' "$(inside ls "$data/data.mdb" /etc/store-api/store-syncd.conf | wc -l)" 2
  check 'the web server goes on' inside systemctl restart "$1"
  check 'without us' until_true 10 code_is /v1/store/inventory 404
  check 'it comes back' apt_inside "/root/$deb_newer"
  check 'with its data and settings' until_true 30 live
  check 'behind the web server' until_true 10 code_is /v1/store/inventory 200
  check 'it is purged' quietly inside apt-get purge store-api
  is 'nothing is left over' "$(leftovers)" ''
  is 'but the users' "$(inside id -u store-api store-syncd 2>/dev/null | wc -l)" 2
  check 'the web server goes on' inside systemctl restart "$1"
}

# ---------------------------------------------------------------- the ways it is used

with_lighttpd() {
  tree_new "$work/lighttpd"
  put_in
  tree_boot || return
  echo '# in a tree booted with systemd, behind lighttpd'
  check 'it is installed with lighttpd, as README.md says' readme 2
  freshly_installed
  apt_inside libmicrohttpd12
  start_central
  check 'told where Central is, as README.md says' readme 3
  check 'the daemon gets live' until_true 30 live
  is 'a page through lighttpd' "$(get '/v1/store/inventory?limit=1' | grep -o '"total":[0-9]*')" '"total":150'
  check 'an id with a slash is passed on' slash_passes
  users_and_modes
  sandbox
  checks_fire
  restarts
  hung
  credential
  reboots
  upgrades
  goes lighttpd
  tree_down
}

# Beside that: what the admin switched off stays off.
with_apache() {
  tree_new "$work/apache"
  put_in
  tree_boot || return
  echo '# in a tree booted with systemd, behind Apache'
  check 'it is installed with Apache' apt_inside "/root/build/deb/$deb" apache2
  freshly_installed
  apt_inside libmicrohttpd12
  start_central
  set_central
  check 'told where Central is, the daemon is restarted' inside systemctl restart store-syncd
  check 'and gets live' until_true 30 live
  is 'a page through Apache' "$(get '/v1/store/inventory?limit=1' | grep -o '"total":[0-9]*')" '"total":150'
  # Apache wants that in each site.
  inside sed -i 's/^<VirtualHost .*/&\nAllowEncodedSlashes On/' /etc/apache2/sites-available/000-default.conf
  inside systemctl reload apache2
  check 'an id with a slash is passed on' until_true 10 slash_passes
  restarts
  inside systemctl disable --now store-api-check.timer 2>/dev/null
  quietly inside a2disconf store-api
  inside systemctl reload apache2
  check 'an upgrade' apt_inside "/root/$deb_newer"
  check 'the timer stays switched off' fails active store-api-check.timer
  check 'and Apache has nothing of us' until_true 10 code_is /v1/store/inventory 404
  quietly inside a2enconf store-api
  inside systemctl reload apache2
  check 'until it is switched on' until_true 10 code_is /v1/store/inventory 200
  with_nginx
  goes apache2
  tree_down
}

# nginx in the place of Apache for a while, as README.Debian says it.
with_nginx() {
  inside systemctl stop apache2
  check 'nginx is installed too' apt_inside nginx
  quietly inside sh -ec "$(inside sed -n '/^nginx/,/^$/ { s/^  *\(ln \|rm \)/\1/p }' \
    /usr/share/doc/store-api/README.Debian)"
  check 'switched on by hand it passes requests on' until_true 10 code_is /v1/store/inventory/PROD-001 200
  check 'an id with a slash too' slash_passes
  inside rm /etc/nginx/sites-enabled/store-api.conf
  quietly inside systemctl disable --now nginx
  inside systemctl start apache2
}

# Without services: files, users, modes, and what is left over.
in_chroot() {
  tree_new "$work/chroot"
  put_in
  echo '# in a chroot'
  echo 'SKIPPED: services, and what is seen of them: systemd-nspawn does not run here'
  skipped=$((skipped + 1))
  mount -t proc proc "$TREE/proc"
  inside() { chroot "$TREE" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
  printf '#!/bin/sh\nexit 101\n' >"$TREE/usr/sbin/policy-rc.d"
  chmod 0755 "$TREE/usr/sbin/policy-rc.d"
  check 'it is installed with lighttpd' apt_inside "/root/build/deb/$deb" lighttpd
  is '/var/lib/store-api' "$(owner /var/lib/store-api)" 'store-syncd:store-api 2750'
  is 'store-api.conf' "$(owner /etc/store-api/store-api.conf)" 'root:store-api 640'
  is 'store-syncd.conf' "$(owner /etc/store-api/store-syncd.conf)" 'root:store-syncd 640'
  check "the pool's user can't read Central's key" \
    fails as store-api store-api cat /etc/store-api/store-syncd.conf
  check 'lighttpd accepts the settings' quietly inside lighttpd -tt -f /etc/lighttpd/lighttpd.conf
  check "the daemon's user reads them" quietly as store-syncd store-syncd store-syncd --check-config
  check 'an upgrade' apt_inside "/root/$deb_newer"
  check 'it is purged' quietly inside apt-get purge store-api
  is 'nothing is left over' "$(leftovers)" ''
  umount "$TREE/proc"
}

tree_base >"$work/base.log" 2>&1 || {
  tail -n 5 "$work/base.log"
  echo 'FAILED: no bare tree can be made'
  echo "$passed passed, $((failed + 1)) failed, 0 skipped"
  exit 1
}
if with_lighttpd; then
  with_apache
else
  tree_down
  in_chroot
fi

echo "seconds: $SECONDS"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
