#!/usr/bin/env bash
# image.sh: the container's image without an image builder.  The Dockerfile is
# carried out, instruction by instruction, in bare Debian trees, and what comes out
# is run in a chroot with process ids of its own, as the user that it names.
#
# Wants root, and the network for Debian's packages.  Below build/packages/image/.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
cd "$root" || exit 1
# shellcheck source=tests/packages/tree.sh
. tests/packages/tree.sh

if [ "$(id -u)" -ne 0 ]; then
  skip 'image' 'this needs root'
  exit
fi
if [ -z "${TREE_NAMESPACE-}" ]; then # lib.sh's directory is made anew in there
  trap - EXIT
  rm -rf "$DIR"
fi
tree_namespace "$root/tests/packages/image.sh" "$@"

work=build/packages/image
log=$DIR/image.log
dockerfile=packaging/container/Dockerfile
declare -A stages=() env=() # name → tree; of the stage at hand
user=root workdir=/ port_in_image='' entrypoint='[]' command='[]' health='[]'

# ---- The instructions

mounted() { # what a builder gives each RUN
  mount -t proc proc "$TREE/proc" && mount --rbind /dev "$TREE/dev"
}

environment() { # → $pairs
  local name
  pairs=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
  for name in "${!env[@]}"; do pairs+=("$name=${env[$name]}"); done
}

in_image() { # [NAME=value…] command…: as the stage's user, with its environment alone
  environment
  chroot --userspec="$user:$user" --groups= "$TREE" env -i -C "$workdir" "${pairs[@]}" "$@"
}

do_from() { # IMAGE [AS NAME]
  tree_new "$work/${3-last}" || return
  printf '#!/bin/sh\nexit 101\n' >"$TREE/usr/sbin/policy-rc.d" # as Debian's images have it
  chmod 0755 "$TREE/usr/sbin/policy-rc.d"
  mounted
  stages[${3-last}]=$TREE
  env=() user=root workdir=/
}

do_copy() { # [--from=STAGE] SOURCE… TARGET
  local from=. target=${*: -1} source
  case $1 in --from=*) from=${stages[${1#--from=}]} && shift ;; esac
  [[ $target == /* ]] || target=$workdir/$target
  [[ $target != */ ]] || mkdir -p "$TREE$target"
  for source in "${@:1:$#-1}"; do
    if [ "$source" = . ]; then
      tar -c --exclude-from=<(sed 's|^|./|' .dockerignore) . | tar -x --no-same-owner -C "$TREE$target"
    elif [ -d "$from/$source" ]; then
      cp -a "$from/$source/." "$TREE$target"
    else
      cp "$from/$source" "$TREE$target"
    fi || return
  done
}

carry_out() { # INSTRUCTION arguments as they stand there
  local words
  read -r -a words <<<"$2"
  case $1 in
  FROM) do_from "${words[@]}" ;;
  COPY) do_copy "${words[@]}" ;;
  RUN) in_image DEBIAN_FRONTEND=noninteractive sh -c "$2" ;;
  WORKDIR) workdir=$2 && mkdir -p "$TREE$workdir" ;;
  ENV) env[${2%%=*}]=${2#*=} ;;
  USER) user=$2 ;;
  EXPOSE) port_in_image=$2 ;;
  ENTRYPOINT) entrypoint=$2 ;;
  CMD) command=$2 ;;
  HEALTHCHECK) health=${2#*CMD } ;;
  VOLUME | STOPSIGNAL) ;;
  *) false ;;
  esac
}

build() {
  local line
  while read -r line; do
    carry_out "${line%% *}" "${line#* }" >>"$log" 2>&1 </dev/null || { echo "  in: $line"; return 1; }
  done < <(sed -e '/^#/d; /^$/d' -e ':a;/\\$/{N;s/\\\n */ /;ta}' "$dockerfile")
}

words() { mapfile -t "$1" < <(jq -r '.[]' <<<"$2"); } # ARRAY, JSON

# ---- Running it

# shellcheck disable=SC2016 # expanded by the shells that are started
start_image() { # → $IMAGE_PID (process 1 of it), $WEB, its log in $DIR/image.out
  local entry arguments
  words entry "$entrypoint"
  words arguments "$command"
  environment
  : >"$DIR/port"
  "$BUILD/tests/listen" --reserve sh -c 'exec "$@" >>"$0" 2>&1' "$DIR/image.out" \
    unshare --pid --fork --kill-child --mount-proc="$TREE/proc" \
    chroot --userspec="$user:$user" --groups= "$TREE" \
    sh -c 'exec env -i -C "$0" PORT="${LISTEN_ADDRESS##*:}" "$@"' "$workdir" "${pairs[@]}" \
    CENTRAL_API_URL="$CENTRAL_API_URL" CENTRAL_API_KEY=demo API_KEYS=k1 EVENT_WAIT_TIMEOUT_SECONDS=1 \
    "${entry[@]}" "${arguments[@]}" >"$DIR/port" 2>>"$log" </dev/null &
  outside=$!
  pids+=("$outside")
  until_true 20 port_listens "$DIR/port" || fail 'the web server listens'
  WEB=http://127.0.0.1:$(cat "$DIR/port")
  IMAGE_PID=$(children "$outside")
}

ends() { # it is told to end, and says 0
  kill "$IMAGE_PID"
  until_ended "$outside" 15 && wait "$outside"
}
users() { # of process 1 and all that it started
  local pid
  for pid in "$IMAGE_PID" $(children "$IMAGE_PID"); do stat -c %u "/proc/$pid"; done | sort -u
}
healthy() { # a health check, in the process ids of the container
  local check
  words check "$health"
  environment
  nsenter --target "$IMAGE_PID" --pid chroot --userspec="$user:$user" --groups= "$TREE" \
    env -i "${pairs[@]}" "${check[@]}" >>"$log" 2>&1
}
logged() { grep -q "$1" "$DIR/image.out"; }
writable() { # what its user may write, but for the places of temporary files
  find "$TREE" -xdev \( -user 10001 -o -perm -o=w ! -type l \) ! -path "$TREE/proc*" ! -path "$TREE/dev*" \
    ! -path '*/tmp' ! -path '*/run/lock' -printf '/%P\n' | LC_ALL=C sort
}

# ----

tree_base >"$log" 2>&1 || { fail 'a bare tree'; exit; }
mkdir -p "$work"
check 'the Dockerfile can be carried out' build
[ "$failed" -eq 0 ] || exit
is 'the port' "$port_in_image" 8083
is 'what its user may write' "$(writable | paste -sd ' ')" '/app /app/data /run/store-api /run/store-api-fcgi'
is 'no compiler in it' "$(in_image sh -c 'command -v gcc make')" ''

start_central --products 150
start_image
check 'the store is live' until_true 30 state_is live
api GET '/v1/store/inventory?limit=1'
is 'a page of products' "$STATUS $(json .pagination.total)" '200 150'
is 'nobody is root' "$(users)" 10001
check 'data are where they should be' test -e "$TREE/app/data/current"
check 'changes of state are in its log' logged 'sync status'
check 'it is healthy' healthy
check 'it ends' ends

# Another container with the same data, while Central is away.
stop "$CENTRAL_PID"
start_image
check 'the data are kept' until_true 10 product_is_there PROD-007
check 'it is healthy without Central' healthy
check 'what fails is in its log' until_true 10 logged 'level=ERROR.*event sync'
kill -STOP "$(children "$IMAGE_PID" | tr ' ' '\n' | while read -r pid; do
  [ "$(cat "/proc/$pid/comm")" != store-syncd ] || echo "$pid"; done)"
unhealthy() { ! healthy; }
check 'it is not when the daemon hangs' unhealthy
kill -KILL "$IMAGE_PID"
until_ended "$outside" 10
umount -R "$TREE/proc" "$TREE/dev" "$work/build/proc" "$work/build/dev"
rm -rf --one-file-system "$work"
