#!/usr/bin/env bash
# units.sh: what is installed for systemd, looked at without an installation: units are
# right and as closed as promised, users and directories come out as they should, and the
# Debian package names files that are there.  Last line: `N passed, N failed, N skipped`.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"

tree=$DIR/tree
${MAKE:-make} -C "$root" --no-print-directory BUILD="$BUILD" DESTDIR="$tree" prefix=/usr install \
  >"$DIR/make.log" 2>&1 || fail 'make install'
quietly() { "$@" >"$DIR/said" 2>&1; }
units=$tree/usr/lib/systemd/system

if command -v systemd-analyze >/dev/null; then
  # Their targets, and the shell that they call.
  mkdir -p "$tree/etc" "$tree/bin" && : >"$tree/bin/sh" && chmod 0755 "$tree/bin/sh"
  cp /usr/lib/systemd/system/*.target "$units"
  names=()
  for unit in "$root"/packaging/common/*.{service,socket,timer}; do names+=("${unit##*/}"); done
  is 'systemd finds nothing wrong with the units' \
    "$(systemd-analyze verify --man=no --root="$tree" "${names[@]}" 2>&1)" ''
  # Tenths of the exposure that `systemd-analyze security` counts.
  for row in store-api:5 store-syncd:13 store-api-check:5; do
    check "${row%:*} is closed to ${row#*:} tenths" \
      quietly systemd-analyze security --offline=true --threshold="${row#*:}" "$units/${row%:*}.service"
  done
else
  skip 'units' 'there is no systemd-analyze'
fi

if [ "$(id -u)" -eq 0 ] && command -v systemd-sysusers systemd-tmpfiles >/dev/null; then
  number() { awk -F: -v name="$2" '$1 == name { print $3 }' "$tree/etc/$1"; }
  mode_of() { stat -c '%u:%g %a' "$tree/$1"; }
  check 'users are made' quietly systemd-sysusers --root="$tree" store-api.conf
  check 'directories are made' quietly systemd-tmpfiles --root="$tree" --create store-api.conf
  daemon=$(number passwd store-syncd) group=$(number group store-api) own=$(number group store-syncd)
  is 'DATA_DIR' "$(mode_of var/lib/store-api)" "$daemon:$group 2750"
  is 'RUN_DIR' "$(mode_of run/store-api)" "$daemon:$group 2770"
  is 'settings of both' "$(mode_of etc/store-api/store-api.conf)" "0:$group 640"
  is 'settings of the daemon' "$(mode_of etc/store-api/store-syncd.conf)" "0:$own 640"
  is 'only the daemon is in both groups' "$(grep -E '^store' "$tree/etc/group" | cut -d: -f1,4 | sort | xargs)" \
    'store-api:store-syncd store-syncd:'
else
  skip 'users and directories' 'this needs root, systemd-sysusers and systemd-tmpfiles'
fi

# The Debian package's lists.
sed 's/#.*//' "$root/packaging/deb/store-api.install" | xargs -n1 | grep '^conf/' >"$DIR/named"
while read -r file; do
  check "the package's file $file" test -e "$root/$file"
done <"$DIR/named"
sed -n "/^build=/,/'$/p" "$root/packaging/packages.sh" | grep -oE 'lib[a-z0-9-]+-dev' | grep -v libc6 >"$DIR/libraries"
while read -r library; do
  check "the package is built with $library" grep -q "^ .* $library,$" "$root/packaging/deb/control"
done <"$DIR/libraries"
for unit in "$root"/packaging/common/*.{socket,service,timer}; do
  unit=${unit##*/}
  [ -e "$root/packaging/common/${unit%.service}.timer" ] ||
    check "$unit is started by the package" grep -q "dh_installsystemd.* $unit\$" "$root/packaging/deb/rules"
done
pass
