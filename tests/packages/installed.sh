# installed.sh: what an installed package is looked at for, step by step.
#
# Sourced by deb.sh, which has `check` and `is`, what it has built ($work, $deb, $deb_newer) and
# Central's $key; $TREE is booted (tree.sh).
# shellcheck shell=bash
# shellcheck disable=SC2154 # deb.sh's

put_in() {
  mkdir -p "$TREE/root/build/deb"
  cp "$work/first/$deb" "$TREE/root/build/deb/"
  cp "$work/newer/$deb_newer" "$TREE/root/"
  echo '127.0.0.1 inventory.example' >>"$TREE/etc/hosts"
  install -m 0755 build/tests/central "$TREE/usr/local/bin/store-central"
  install -m 0755 tests/packages/write_load.sh "$TREE/usr/local/bin/write-load"
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

# Stock updates of one product, one after the other, while something happens.
writes_begin() {
  inside curl -s -m 10 -X PUT -H 'X-API-Key: admin' http://127.0.0.1:8081/v1/admin/products/set \
    -d '{"products":[{"productId":"PROD-042","available":100000}]}' >/dev/null
  until_true 30 same_pieces # with an older version the first of them would be a conflict
  inside sh -c 'rm -rf /tmp/writes; mkdir /tmp/writes; /usr/local/bin/write-load /tmp/writes PROD-042 >/dev/null 2>&1 &'
}
writes_end() { # WHILE: what became of each is told, and is so
  local applied unknown
  inside touch /tmp/writes/end
  until_true 30 fails inside pgrep -f write-load
  applied=$(wrote '^200 ') unknown=$(wrote ' unknown$')
  check "writes went on $1" test "$applied" -gt 5
  is "each got 200, or a clear 503 or 504 $1" \
    "$(inside grep -vE '^(200 |503 not_sent|504 unknown)$' /tmp/writes/writes | sort | uniq -c)" ''
  check "none vanished, none was done twice $1" \
    within "$applied" $((100000 - $(pieces))) $((applied + unknown))
  check 'and the cache has what Central has' until_true 30 same_pieces
  echo "  $(inside sort /tmp/writes/writes | uniq -c | xargs)"
}
same_pieces() { [ "$(get /v1/store/inventory/PROD-042 | available)" = "$(pieces)" ]; }
wrote() { inside grep -cE -e "$1" /tmp/writes/writes; }
within() { [ "$1" -le "$2" ] && [ "$2" -le "$3" ]; }
available() { grep -o '"available":[0-9]*' | cut -d : -f 2; }
pieces() { # of it, at Central
  inside curl -s -m 10 -H "X-API-Key: $key" http://127.0.0.1:8081/v1/inventory/PROD-042 | available
}

# As installed, nothing set: everything runs, and the daemon says what it waits for.
freshly_installed() {
  check 'all services run' until_true 20 active store-api.socket store-api.service store-syncd.service
  check 'the timer runs' active store-api-check.timer
  check 'and has nothing to check yet' inside systemctl start store-api-check.service
  is 'since no Central is set' "$(unit Result store-api-check)" exec-condition
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

# The timer by itself, every few seconds instead of every minute, and whom a failure tells.
checks_fire() {
  local before
  drop_in store-api-check.timer '[Timer]' OnActiveSec= OnActiveSec=1 OnUnitInactiveSec=3 AccuracySec=100ms
  drop_in store-api-check.service '[Unit]' 'OnFailure=tell-me@%n.service'
  # shellcheck disable=SC2016
  inside sh -c 'printf "[Service]\nType=oneshot\nExecStart=/bin/sh -c \"echo %%i >>/run/told\"\n" \
    >/run/systemd/system/tell-me@.service'
  inside systemctl daemon-reload
  before=$(reports OK)
  inside systemctl restart store-api-check.timer
  check 'the timer has the store checked' until_true 15 more_reports "$before" OK
  check 'again and again' until_true 15 more_reports $((before + 1)) OK
  is 'in one line each' "$(journal store-api-check | grep -c 'Starting\|Finished\|Deactivated')" 0
  check 'nobody is told' fails inside test -e /run/told
  inside systemctl stop store-syncd
  check 'with the daemon down it is critical' until_true 15 more_reports 0 CRITICAL
  check 'and who is named is told' until_true 15 inside grep -qs '^store-api-check.service$' /run/told
  inside systemctl start store-syncd
  before=$(reports OK)
  check 'until it runs again' until_true 30 more_reports "$before" OK
  inside rm -r /run/systemd/system/store-api-check.{service,timer}.d /run/systemd/system/tell-me@.service
  inside systemctl daemon-reload
  inside systemctl restart store-api-check.timer
}
reports() { journal store-api-check | grep -c "STORE-SYNC $1"; } # OK | CRITICAL
more_reports() { [ "$(reports "$2")" -gt "$1" ]; }
drop_in() { # UNIT line…: in effect until it is removed
  inside mkdir -p "/run/systemd/system/$1.d"
  printf '%s\n' "${@:2}" >"$TREE.drop-in"
  inside tee "/run/systemd/system/$1.d/test.conf" <"$TREE.drop-in" >/dev/null
}

# Who looks after the store: root, and a member of the group store-api.
tools() {
  local member
  quietly inside useradd --create-home --groups store-api clerk
  member=(as clerk clerk)
  check "a member of the group can't read Central's key" fails "${member[@]}" cat /etc/store-api/store-syncd.conf
  check 'and needs none to check' quietly "${member[@]}" store-syncd --check
  check 'who is no member is told nothing' fails as nobody nogroup store-syncd --check
  check 'storectl status, by root' grep -q live <(inside storectl status)
  check 'and by a member' grep -q live <("${member[@]}" storectl status)
  check 'storectl doctor, by root' quietly inside storectl doctor --url http://127.0.0.1
  check 'and by a member' quietly "${member[@]}" storectl doctor --url http://127.0.0.1
  check 'a member compares' quietly "${member[@]}" storectl verify
  check 'but has nothing repaired' fails "${member[@]}" storectl verify --repair
  check 'root has' quietly inside storectl verify --repair
  check 'a member saves the store' quietly "${member[@]}" storectl backup /home/clerk/saved
  check 'but may not put it back' fails "${member[@]}" storectl restore /home/clerk/saved
  check 'root may' quietly inside storectl restore /home/clerk/saved
  check 'and the daemon gets live again' until_true 30 live
  quietly inside userdel --remove clerk
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
  writes_begin
  check 'an upgrade' apt_inside "/root/$deb_newer"
  writes_end 'during the upgrade'
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
