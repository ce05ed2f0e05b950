# What the system refuses: descriptors, memory, room on the disk, writing at all.
# shellcheck shell=bash source=tests/faults/lib.sh
. "$(dirname "$0")/lib.sh"
rounds=${deep:+20}
rounds=${rounds:-1}

disk=$DIR/disk
mkdir "$disk"
if mount -t tmpfs -o size=4m,mode=0755 tmpfs "$disk" 2>/dev/null; then
  trap 'umount -l "$disk/data" 2>/dev/null; umount -l "$disk"; finish' EXIT
  export DATA_DIR=$disk/data
  mounted=yes
fi
# shellcheck disable=SC2119 # without a proxy
start_watched

# ---- descriptors and memory, taken from and given back to running processes

limit() { # RESOURCE LIMIT PID…
  local resource=$1 limit=$2 pid
  shift 2
  for pid in "$@"; do prlimit --pid "$pid" "--$resource=$limit:" 2>/dev/null; done
}
descriptors() { # PID: how many it has
  local all=("/proc/$1/fd"/*)
  echo "${#all[@]}"
}
no_descriptors() { # PID…
  local pid
  for pid in "$@"; do limit nofile "$(descriptors "$pid")" "$pid"; done
  begin_change
  read -r -t 3 <>"$DIR/nothing"
  limit nofile 1024 "$@"
}
no_memory() { # PID…: not a byte of address space more than now
  local pid
  for pid in "$@"; do
    limit as "$(($(sed -n 's/^VmSize:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$pid/status") * 1024))" "$pid"
  done
  full_sync
  read -r -t 3 <>"$DIR/nothing"
  limit as unlimited "$@"
}
daemon_without() { "$1" "$(pid_of daemon)"; }
# shellcheck disable=SC2046 # words
workers_without() { "$1" $(workers); }

try 'no descriptors for the daemon' 20 "$good_reads" "$away_writes" "$rounds" daemon_without no_descriptors
try 'no descriptors for the workers' 20 "$lost_reads|503 overloaded" "$lost_writes" "$rounds" workers_without no_descriptors
try 'no memory for the daemon' 30 "$good_reads" "$away_writes" "$rounds" daemon_without no_memory
try 'no memory for the workers' 30 "$bad_reads" "$lost_writes" "$rounds" workers_without no_memory

# ---- the disk

fill_disk() {
  head -c 10m /dev/zero >"$disk/filler" 2>/dev/null
  full_sync
  read -r -t 4 <>"$DIR/nothing"
  rm "$disk/filler"
}
# A file system can't be made read-only while files are open for writing; what programs meet
# that are started then is the same.
read_only() {
  mount --bind "$DATA_DIR" "$DATA_DIR" && mount -o remount,bind,ro "$DATA_DIR"
  kill -9 "$(pid_of daemon)"
  until_true 10 grep -q 'mounted read-only' "$DIR/daemon.log" || fail 'the log says that it is read-only'
  umount -l "$DATA_DIR"
}
if [ -n "${mounted-}" ]; then
  # What Central has applied can't be stored then: of products that the tills sell.
  may_be_wrong='PROD-0[01]. went back from .*'
  try 'the disk is full' 30 "$good_reads" "$away_writes" "$rounds" fill_disk
  may_be_wrong=
  try 'the disk is read-only' 30 "$good_reads" "$away_writes" "$rounds" read_only
else
  skip 'a disk that is full or read-only' 'this user or container may not mount'
fi
stop_watched
