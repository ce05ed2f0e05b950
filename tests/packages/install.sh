#!/usr/bin/env bash
# install.sh [--build]: make install and make uninstall.
#
# Every directory can be set by itself, what is installed names it, and settings
# that are there stay; --build: programs of another tree find their settings there.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"

make=${MAKE:-make}
tree="$DIR/a tree"

run_make() { $make -C "$root" --no-print-directory BUILD="$BUILD" DESTDIR="$tree" "$@" >>"$DIR/make.log" 2>&1; }
files() { (cd "$tree" && find . -type f -printf '%m /%P\n' | LC_ALL=C sort -k 2); }
has() { grep -qxF "$1" "$DIR/files"; } # a line of the last list

# The usual tree.
check 'install' run_make install
files >"$DIR/files"
check 'the pool' has '755 /usr/local/lib/store-api/store-api.fcgi'
check 'the daemon' has '755 /usr/local/sbin/store-syncd'
check 'settings of both' has '640 /usr/local/etc/store-api/store-api.conf'
check 'settings of the daemon' has '640 /usr/local/etc/store-api/store-syncd.conf'
check 'a sample' has '644 /usr/local/share/doc/store-api/examples/lighttpd/store-api.inc'
check 'a script among them' has '755 /usr/local/share/doc/store-api/examples/monitoring/on-change.sh'
for page in "$root"/packaging/common/*.[1578]; do
  check "manual page ${page##*/}" has "644 /usr/local/share/man/man${page##*.}/${page##*/}"
done
for unit in "$root"/packaging/common/*.{service,socket,timer}; do
  [ ! -e "$unit" ] || check "unit ${unit##*/}" has "644 /usr/local/lib/systemd/system/${unit##*/}"
done

# Settings that are there stay, and what is left when the rest goes.
echo 'STORE_ID=ours' >"$tree/usr/local/etc/store-api/store-api.conf"
check 'install again' run_make install-settings install-data
is 'settings stay' "$(cat "$tree/usr/local/etc/store-api/store-api.conf")" 'STORE_ID=ours'
check 'uninstall' run_make uninstall
is 'what stays' "$(files)" '640 /usr/local/etc/store-api/store-api.conf
640 /usr/local/etc/store-api/store-syncd.conf'
check 'no directory of ours stays' test ! -e "$tree/usr/local/lib/store-api" -a \
  ! -e "$tree/usr/local/share/doc/store-api"
rm -r "${tree:?}"

# Each directory elsewhere; no programs, which would be built anew.
check 'install into other directories' run_make install-data install-settings prefix=/p exec_prefix=/e \
  sysconfdir=/conf localstatedir=/state runstatedir=/runs libexecdir=/exec sbindir=/s bindir=/b \
  docdir=/docs man7dir=/pages unitdir=/units sysusersdir= tmpfilesdir= bashcompletiondir=
files >"$DIR/files"
check 'man7dir' has '644 /pages/store-api.7'
check 'sysconfdir' has '640 /conf/store-api/store-syncd.conf'
check 'docdir' has '644 /docs/examples/nginx/store-api.inc'
check 'its state in the settings' grep -qx '#DATA_DIR=/state/lib/store-api' "$tree/conf/store-api/store-api.conf"
check 'its socket in a sample' grep -q '"/runs/store-api-fcgi/' "$tree/docs/examples/lighttpd/50-store-api.conf"
is 'no other tree is named' "$(grep -rnE '/usr/lib/store-api/|/usr/sbin/store-syncd|/usr/bin/storectl|(^|[^/a-z])/(etc|var/lib|run)/store-api' "$tree")" ''
check 'uninstall there' run_make uninstall prefix=/p docdir=/docs man7dir=/pages unitdir=/units
is 'settings stay there' "$(files | cut -d ' ' -f 2 | paste -sd ' ')" \
  '/conf/store-api/store-api.conf /conf/store-api/store-syncd.conf'

# A prefix that systemd doesn't look into gets no units.
rm -r "${tree:?}"
check 'install for one user' run_make install-data prefix=/home/store
is 'no units there' "$(files | grep -c /systemd/)" 0

if [ "${1-}" = --build ]; then
  rm -r "${tree:?}"
  BUILD=$DIR/build
  check 'another tree' run_make -j "$(nproc)" install-strip prefix=/opt/store runstatedir=/opt/run \
    localstatedir=/opt/var
  "$tree/opt/store/sbin/store-syncd" --help >"$DIR/help"
  for path in /opt/var/lib/store-api /opt/run/store-api; do
    check "$path is a default" grep -q "$path" "$DIR/help"
  done
  check 'settings are looked for there' grep -qaF /opt/store/etc/store-api/store-syncd.conf \
    "$tree/opt/store/sbin/store-syncd"
  is 'stripped' "$(nm "$tree/opt/store/lib/store-api/store-api.fcgi" 2>&1 | grep -c 'no symbols')" 1
fi
