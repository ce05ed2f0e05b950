#!/bin/sh
# packages.sh build|demo|check|bench|coverage|package|check-package: install what is missing for that,
# from Debian's packages.
#
# Uses apt-get, as root or through sudo.  On other systems, or without the
# right, it prints the list and fails, unless all the commands are there anyway.
# A web server that this step installs is neither started nor enabled: tests
# and demo run their own in the foreground.
set -eu

build='gcc libc6-dev make pkg-config libfcgi-dev libcurl4-openssl-dev libjson-c-dev liblmdb-dev
  libxxhash-dev libssl-dev'
demo="$build libmicrohttpd-dev lighttpd curl"
check="$demo clang clang-format clang-tidy cppcheck libcunit1-dev jq shellcheck valgrind
  lighttpd-mod-openssl lighttpd-mod-deflate openssl faketime git spawn-fcgi apache2-bin nginx
  python3 python3-jsonschema python3-prometheus-client python3-yaml mandoc systemd
  libclang-rt-14-dev strace"
bench="$check wrk gnuplot-nox lmdb-utils"
coverage="$check gcovr"
package="$build build-essential git dpkg-dev debhelper apache2-dev libcunit1-dev"
check_package="$package libmicrohttpd-dev lighttpd curl jq python3-yaml apache2-bin nginx
  lintian debootstrap rpm rpmlint systemd-container"

case "${1-}" in
build) wanted=$build ;;
demo) wanted=$demo ;;
check) wanted=$check ;;
package) wanted=$package ;;
bench) wanted=$bench ;;
coverage) wanted=$coverage ;;
check-package) wanted=$check_package ;;
*)
  echo "usage: packages.sh build|demo|check|bench|coverage|package|check-package" >&2
  exit 2
  ;;
esac

# The names apart, each once.
# shellcheck disable=SC2086 # splitting is meant
set -- $wanted

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  echo "This system has no apt-get.  Needed, by Debian's names:" "$@" >&2
  echo "Going on; what is missing will show as a compiler's or linker's error." >&2
  exit 0
fi

missing=
for package in "$@"; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=
  [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
echo "Installing:$missing"

as_root=
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "Neither root nor sudo.  Please install:$missing" >&2
    exit 1
  fi
  as_root=sudo
fi

# Refuses every start of a service for as long as apt-get runs (invoke-rc.d asks it).
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap '$as_root rm -f "$policy"' EXIT
  trap 'exit 1' INT TERM HUP
  printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
  $as_root chmod 0755 "$policy"
fi

install() {
  # shellcheck disable=SC2086 # splitting is meant
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
    $missing
}
install || {
  echo "Once more, with fresh package lists."
  $as_root apt-get update
  install
}

# apache2-bin is Apache without a service.
for server in lighttpd nginx; do
  case " $missing " in
  *" $server "*)
    $as_root update-rc.d "$server" disable >/dev/null 2>&1 || true
    [ ! -d /run/systemd/system ] || $as_root systemctl stop "$server" >/dev/null 2>&1 || true
    echo "$server was installed by this step, so its system service was left disabled."
    ;;
  esac
done
