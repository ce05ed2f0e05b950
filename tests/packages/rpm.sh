#!/usr/bin/env bash
# rpm.sh: the spec file for Fedora and Enterprise Linux, as far as rpmbuild here can
# show it: it builds, what is where with which owner and mode, what its scripts
# do, that it installs into a tree, and that rpmlint has nothing to say.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"

for program in rpmbuild rpmlint; do
  command -v "$program" >/dev/null || { skip 'rpm' "$program is not installed"; exit; }
done
spec=$root/packaging/rpm/store-api.spec
version=$("$root/packaging/version.sh")
tree=$DIR/tree

build() { # DIRECTORY
  env -u SOURCE_DATE_EPOCH "$root/packaging/rpm/build.sh" "$1" --without check >>"$DIR/rpm.log" 2>&1
}
packages() { (cd "$1" && sha256sum RPMS/*/*.rpm SRPMS/*.rpm); }

check 'it builds' build "$DIR/rpm"
[ "$failed" -eq 0 ] || exit
packages "$DIR/rpm" >"$DIR/first"
main=$(echo "$DIR"/rpm/RPMS/*/store-api-"$version"-*.rpm)
is 'packages' "$(cut -d / -f 2- "$DIR/first" | sed 's/x86_64/ARCH/g; s/aarch64/ARCH/g' | sort)" "\
ARCH/store-api-$version-1.ARCH.rpm
noarch/store-api-httpd-$version-1.noarch.rpm
noarch/store-api-lighttpd-$version-1.noarch.rpm
noarch/store-api-nginx-$version-1.noarch.rpm
store-api-$version-1.src.rpm"

# ---- Files

files() { # PACKAGE: mode owner:group path flags
  rpm -qp --qf '[%{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILENAMES} %{FILEFLAGS:fflags}\n]' "$1"
}
files "$main" | sed 's/ $//' >"$DIR/files"
has() { grep -qxF -e "$1" "$DIR/files"; }
while read -r line; do
  check "file: $line" has "$line"
done <<'END'
-rwxr-xr-x root:root /usr/sbin/store-syncd
-rwxr-xr-x root:root /usr/libexec/store-api/store-api.fcgi
drwxr-xr-x root:root /etc/store-api
-rw-r----- root:store-api /etc/store-api/store-api.conf cn
-rw-r----- root:store-syncd /etc/store-api/store-syncd.conf cn
drwxr-s--- store-syncd:store-api /var/lib/store-api
drwxrws--- store-syncd:store-api /run/store-api g
-rw-r--r-- root:root /usr/lib/systemd/system/store-api.socket
-rw-r--r-- root:root /usr/lib/systemd/system/store-api.service
-rw-r--r-- root:root /usr/lib/systemd/system/store-syncd.service
-rw-r--r-- root:root /usr/lib/systemd/system/store-api-check.service
-rw-r--r-- root:root /usr/lib/systemd/system/store-api-check.timer
-rw-r--r-- root:root /usr/lib/sysusers.d/store-api.conf
-rw-r--r-- root:root /usr/lib/tmpfiles.d/store-api.conf
-rw-r--r-- root:root /usr/share/man/man7/store-api.7 d
END
sed -nE 's|.* /usr/s?bin/([^ ]+)$|\1|p' "$DIR/files" >"$DIR/programs"
while read -r program; do
  check "a page for $program" grep -qE "/usr/share/man/man[18]/$program\.[18] d$" "$DIR/files"
done <"$DIR/programs"
is 'all else is root'"'"'s' "$(awk '$2 != "root:root" { print $3 }' "$DIR/files" | wc -l)" 4
is 'nothing more may be written by a group' "$(awk '$1 ~ /^[^l]....w|^[^l].......w/ { print $3 }' "$DIR/files")" /run/store-api
is 'nothing outside its places' "$(awk '{ print $3 }' "$DIR/files" | grep -vE '^/(etc/store-api|run/store-api|var/lib/store-api|usr/s?bin/store|usr/libexec/store-api|usr/lib/(systemd/system/store-|sysusers\.d/store-api\.conf|tmpfiles\.d/store-api\.conf|\.build-id)|usr/share/(man/man[1578]/store|doc/store-api|licenses/store-api|bash-completion/completions/storectl))')" ''

web_files() { # SERVER
  files "$(echo "$DIR"/rpm/RPMS/noarch/store-api-"$1"-*.rpm)" | awk '/^-/ { print $1, $3, $4 }'
}
for server in httpd nginx lighttpd; do
  is "files of store-api-$server" "$(web_files "$server" | grep -v '\.inc cn$')" "\
-rw-r--r-- /etc/$server/conf.d/store-api.conf cn
-rw-r--r-- /usr/lib/systemd/system/store-api.socket.d/$server.conf "
  is "parts of store-api-$server" "$(web_files "$server" | grep -c " /etc/$server/store-api/.*\.inc cn$")" 4
done

# ---- In a tree

in_tree() { rpm --root "$tree" --dbpath /var/lib/rpm --nodeps --noscripts "$@" >>"$DIR/rpm.log" 2>&1; }
mkdir "$tree"
check 'it installs' in_tree -i "$main" "$DIR"/rpm/RPMS/noarch/store-api-httpd-*.rpm
# The other two exclude it on a system; here they share nothing.
check 'the other web servers' in_tree -i "$DIR"/rpm/RPMS/noarch/store-api-{nginx,lighttpd}-*.rpm
is 'the daemon' "$("$tree/usr/sbin/store-syncd" --version)" "store-syncd $version"
check 'settings are accepted' "$tree/usr/sbin/store-syncd" --check-config \
  --config "$tree/etc/store-api/store-api.conf" --config "$tree/etc/store-api/store-syncd.conf" >>"$DIR/rpm.log"
check 'the unit starts the pool of this system' grep -q '^ExecStart=/usr/libexec/store-api/store-api.fcgi ' \
  "$tree/usr/lib/systemd/system/store-api.service"
is 'group of the socket' "$(cat "$tree"/usr/lib/systemd/system/store-api.socket{,.d/*.conf} | sed -n s/^SocketGroup=//p | paste -sd ' ')" \
  'store-api apache lighttpd nginx'
is 'no path of Debian' "$(grep -rhE 'apache2/|APACHE_|sites-available|www-data|/usr/lib/store-api/' "$tree/etc" "$tree/usr/lib" | grep -v '^#')" ''

# The web servers take their settings (with modules where Debian has them, and no port 80).
for m in mpm_event authz_core authz_host env dir mime proxy proxy_fcgi; do
  echo "LoadModule ${m}_module /usr/lib/apache2/modules/mod_$m.so"
done >"$DIR/httpd.conf"
printf '%s\n' "ErrorLog $DIR/httpd.log" 'ServerName store' "Include $tree/etc/httpd/conf.d/store-api.conf" >>"$DIR/httpd.conf"
printf '%s\n' "pid $DIR/nginx.pid; error_log $DIR/nginx.log;" 'events { }' \
  "http { access_log off; include $tree/etc/nginx/conf.d/*.conf; }" >"$tree/etc/nginx/nginx.conf"
sed -i "s|listen 80;|listen unix:$DIR/nginx.sock;|" "$tree/etc/nginx/conf.d/store-api.conf"
printf '%s\n' 'server.document-root = "/srv"' 'include "conf.d/store-api.conf"' >"$tree/etc/lighttpd/lighttpd.conf"
takes() { # NAME command…
  local name=$1
  shift
  command -v "$1" >/dev/null || { skip "$name takes its settings" "$1 is not installed"; return; }
  check "$name takes its settings" "$@" >>"$DIR/web.log" 2>&1
}
mkdir "$tree/etc/httpd/logs" # as httpd has it: a link to /var/log/httpd
takes httpd apache2 -t -d "$tree/etc/httpd" -f "$DIR/httpd.conf"
takes nginx nginx -t -q -c "$tree/etc/nginx/nginx.conf"
takes lighttpd lighttpd -tt -f "$tree/etc/lighttpd/lighttpd.conf"
rm -r "$tree/etc/nginx/nginx.conf" "$tree/etc/lighttpd/lighttpd.conf" "$tree/etc/httpd/logs"

echo STORE_ID=ours >"$tree/etc/store-api/store-api.conf"
check 'it is replaced' in_tree -U --force "$main"
is 'settings stay' "$(cat "$tree/etc/store-api/store-api.conf")" STORE_ID=ours
check 'it goes' in_tree -e store-api store-api-{httpd,nginx,lighttpd}
is 'what was changed is kept' "$(find "$tree/etc" -type f -printf '%P\n' | LC_ALL=C sort | paste -sd ' ')" \
  'nginx/conf.d/store-api.conf.rpmsave store-api/store-api.conf.rpmsave'

# ---- Scripts, with programs that say how they are called

mkdir "$DIR/bin"
for program in getent groupadd useradd; do
  # shellcheck disable=SC2016 # expanded there
  printf '#!/bin/sh\necho %s "$@"\n[ %s != getent ] || exit 2\n' "$program" "$program" >"$DIR/bin/$program"
  chmod +x "$DIR/bin/$program"
done
rpm -qp --qf '%{PREIN}' "$main" >"$DIR/pre"
PATH=$DIR/bin:$PATH sh -e "$DIR/pre" >"$DIR/said"
is 'users' "$(grep -v ^getent "$DIR/said" | sed -E "s/ -c .*(responders|daemon)//")" "\
groupadd -r store-api
groupadd -r store-syncd
useradd -r -g store-api -d / -s /sbin/nologin store-api
useradd -r -g store-syncd -G store-api -d / -s /sbin/nologin store-syncd"
with_macros=$(rpmspec -P --define 'systemd_post() POST %*' --define 'systemd_preun() PREUN %*' \
  --define 'systemd_postun_with_restart() RESTART %*' "$spec" | grep -E '^(POST|PREUN|RESTART) ')
is 'units in the scripts' "$with_macros" "\
POST store-api.socket store-api.service store-syncd.service store-api-check.timer
PREUN store-api.socket store-api.service store-syncd.service store-api-check.timer
RESTART store-syncd.service store-api.service"

# ---- The same bytes, and rpmlint

rm -rf "$DIR/rpm/BUILD" "$DIR/rpm/RPMS" "$DIR/rpm/SRPMS"
check 'it builds again' build "$DIR/rpm"
is 'the same packages' "$(packages "$DIR/rpm")" "$(cat "$DIR/first")"

lint=$(rpmlint -c "$root/packaging/rpm/rpmlint.toml" "$DIR"/rpm/RPMS/*/*.rpm "$DIR"/rpm/SRPMS/*.rpm "$spec")
is 'rpmlint' "$(grep -E ': [EW]: |:[0-9]+: [EW]: ' <<<"$lint")" ''
matches 'rpmlint looked at all' "$(tail -n 1 <<<"$lint")" '.* 5 packages and 1 specfiles checked; 0 errors, 0 warnings.*'
