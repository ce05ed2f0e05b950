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
# shellcheck source=tests/packages/installed.sh
. tests/packages/installed.sh

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
hardened() {
  dpkg-deb -x "$work/first/$deb" "$work/unpacked" &&
    tests/lint/hardening.sh "$work"/unpacked/usr/{lib/store-api/store-api.fcgi,sbin/store-syncd,bin/storectl}
}
check 'its programs are hardened' hardened
checks_buffers() { grep -q -- '-D_FORTIFY_SOURCE=3' "$work/first.log" && fails grep -q -- '-D_FORTIFY_SOURCE=2' "$work/first.log"; }
check 'and built with the strictest checks of buffers' checks_buffers
[ -e "$work/newer/$deb_newer" ] || { echo "$passed passed, $failed failed, 0 skipped"; exit 1; }

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
  tools
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
