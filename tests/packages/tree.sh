# tree.sh: a bare Debian in a directory, booted with systemd where that is possible.
#
# Sourced by a script that runs as root in a mount namespace of its own
# (tree_namespace).  The bare tree is made once, with debootstrap, from what this
# machine's own apt sources name, and kept in build/packages/base together with the
# packages that the tests install: booted trees have no network.
# shellcheck shell=bash

TREE_PACKAGES='lighttpd apache2 nginx libmicrohttpd12 libcurl4 libfcgi0ldbl libjson-c5 liblmdb0 libssl3'
TREE_BASE=build/packages/base

# Begins the script anew in a namespace where its mounts are nobody else's.
tree_namespace() { # "$0" "$@"
  [ "${TREE_NAMESPACE-}" ] || TREE_NAMESPACE=1 exec unshare --mount --propagation private "$@"
  mount -t tmpfs tmpfs /run # where systemd-nspawn keeps its own
}

# The first mirror that apt would ask here; its settings and keys go along.
tree_mirror() {
  cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null |
    awk '/^URIs:/ { print $2; exit } /^deb / { sub(/\[[^]]*\] */, ""); print $2; exit }'
}

tree_copy_apt() { # TREE
  local f
  rm -f "$1/etc/apt/sources.list"
  cp -a /etc/apt/sources.list.d/. "$1/etc/apt/sources.list.d/"
  [ ! -e /etc/apt/sources.list ] || cp /etc/apt/sources.list "$1/etc/apt/"
  for f in /etc/apt/apt.conf /etc/apt/apt.conf.d/*; do
    if [ -e "$f" ] && grep -q 'Acquire::' "$f"; then cp "$f" "$1/etc/apt/apt.conf.d/"; fi
  done
  cp -a /etc/apt/trusted.gpg.d/. "$1/etc/apt/trusted.gpg.d/"
  [ ! -d /etc/apt/keyrings ] || cp -a /etc/apt/keyrings "$1/etc/apt/"
  cp -L /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/"
  cp -L /etc/resolv.conf /etc/hosts "$1/etc/"
}

tree_base() {
  local new=$TREE_BASE.new
  [ "$(cat "$TREE_BASE/packages" 2>/dev/null)" != "$TREE_PACKAGES" ] || return 0
  rm -rf --one-file-system "$TREE_BASE" "$new"
  mkdir -p "${TREE_BASE%/*}"
  # shellcheck source=/dev/null
  debootstrap --variant=minbase --include=systemd,systemd-sysv,procps,ca-certificates,curl \
    "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$new" "$(tree_mirror)" || return
  tree_copy_apt "$new"
  # What is fetched here is what there will be.
  printf '%s\n' 'APT::Get::Assume-Yes "true";' 'APT::Install-Recommends "false";' \
    >"$new/etc/apt/apt.conf.d/99tree"
  # A tree that is thrown away needs no care for a sudden end.
  echo force-unsafe-io >"$new/etc/dpkg/dpkg.cfg.d/tree"
  chroot "$new" apt-get update || return
  # shellcheck disable=SC2086 # splitting is meant
  chroot "$new" apt-get install --download-only $TREE_PACKAGES || return
  echo "$TREE_PACKAGES" >"$new/packages"
  mv "$new" "$TREE_BASE"
}

tree_new() { # DIRECTORY: as fresh as the base
  TREE=$1
  rm -rf --one-file-system "$TREE"
  cp -a "$TREE_BASE" "$TREE"
  rm -f "$TREE/etc/machine-id" "$TREE/packages"
}

# Boots $TREE; true when systemd has started all that it is to start.
tree_boot() {
  local i
  systemd-nspawn --quiet --directory "$TREE" --boot --register=no --keep-unit --private-network \
    --console=pipe >>"$TREE.console" 2>&1 </dev/null &
  tree_nspawn=$!
  for ((i = 0; i < 300; i++)); do
    tree_leader=$(cat "/proc/$tree_nspawn/task/$tree_nspawn/children" 2>/dev/null) || return
    tree_leader=${tree_leader%% *}
    if [ "$tree_leader" ]; then
      case $(inside systemctl is-system-running 2>/dev/null) in
      running | degraded) return 0 ;;
      esac
    fi
    kill -0 "$tree_nspawn" 2>/dev/null || return
    sleep 0.2
  done
  return 1
}

tree_down() {
  [ "${tree_nspawn-}" ] || return 0
  [ ! "${tree_leader-}" ] || inside systemctl poweroff >/dev/null 2>&1 || kill "$tree_nspawn" 2>/dev/null
  wait "$tree_nspawn" 2>/dev/null
  tree_nspawn='' tree_leader=''
}

# In the booted tree, as its root, with an environment of nothing.
inside() { # command…
  nsenter --target "$tree_leader" --all env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive "$@"
}
