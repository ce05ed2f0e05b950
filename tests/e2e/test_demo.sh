# `make demo`'s script: comes up, shows a change, ends clean; a port that is taken.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# In a copy of what the script needs, so that tests beside it do no harm.
mkdir -p "$DIR/tree/tests" "$DIR/tree/build"
cp -r "$root/conf" "$DIR/tree/"
cp -r "$root/tests/demo" "$DIR/tree/tests/"
for program in store-api.fcgi store-syncd storectl tests; do ln -s "$BUILD/$program" "$DIR/tree/build/"; done
unset CENTRAL_API_URL DATA_DIR RUN_DIR FCGI_LISTEN API_KEYS
# A job in the background ignores SIGINT unless told otherwise.
demo() { TMPDIR=$DIR exec env --default-signal=INT BUILD="$DIR/tree/build" PORT="$1" bash "$DIR/tree/tests/demo/demo.sh"; }

demo 0 >"$DIR/demo.out" 2>&1 &
script=$!
pids+=("$script")
shown() { grep -q 'The store is live' "$DIR/demo.out"; }
check 'it gets live' until_true 40 shown
store=$(sed -n 's/^The store is live: //p' "$DIR/demo.out")
key='X-API-Key: demo'
is '150 products' "$(curl -sS -H "$key" "$store/v1/store/inventory?limit=1" | jq .pagination.total)" 150

# The commands that it prints, run as they are.
sed -n 's/^  curl/curl/p' "$DIR/demo.out" >"$DIR/commands"
is 'commands worth trying' "$(wc -l <"$DIR/commands")" 6
while read -r command; do
  if [[ $command == *\\ ]]; then # its address stands on the next line
    command="${command%\\} $(grep -A 1 -F -- "${command%\\}" "$DIR/demo.out" | sed -n 's/^ *\(http[^ ]*\).*/\1/p')"
  fi
  check "$command" bash -c "$command -sS -f -o /dev/null"
done <"$DIR/commands"
changed() { [ "$(curl -sS -H "$key" "$store/v1/store/inventory/PROD-001" | jq .available)" = 3 ]; }
check 'the change shows' until_true 10 changed
is 'two were sold' "$(curl -sS -H "$key" "$store/v1/store/inventory/PROD-002" | jq -c '[.available,.version]')" '[104,5]'
# The operator's tool, in a terminal that knows nothing of the demo but what it prints.
tool() { # COMMAND
  env -i PATH="$PATH" bash -c "$(sed -n "s/^  \\([^ ]*storectl .* $1\( .*\)\{0,1\}\)$/\\1/p" "$DIR/demo.out")"
}
matches 'storectl status' "$(tool status | head -n 1)" 'state +live since .*'
found=$(tool doctor)
check 'storectl doctor finds the pool' grep -q '^ok  *pool ' <<<"$found"
is 'and nothing that fails' "$(grep -i '^fail' <<<"$found")" ''
check 'the log is shown' grep -q 'msg=' "$DIR/demo.out"

(demo "${store##*:}") >"$DIR/second.out" 2>&1
is 'a port that is taken: exit' "$?" 1
is 'a port that is taken: one line' "$(wc -l <"$DIR/second.out")" 1
check 'a port that is taken: clear' grep -q "port ${store##*:}.*in use" "$DIR/second.out"

read -r -a children <"/proc/$script/task/$script/children"
check 'it has children' test "${#children[@]}" -ge 4
kill -INT "$script"
check 'SIGINT ends it' until_ended "$script" 15
for pid in "${children[@]}"; do check 'and what it started' until_ended "$pid" 5; done
is 'no socket directory stays' "$(find "$DIR" -maxdepth 1 -name 'store-api-demo.*' | wc -l)" 0

# Started by make, which is told to end: make tells only the process that it started.
mkdir "$DIR/tree/packaging"
cp "$root/Makefile" "$DIR/tree/"
cp "$root/packaging/install.mk" "$DIR/tree/packaging/"
: >"$DIR/demo.out"
(TMPDIR=$DIR exec make -C "$DIR/tree" -o packages-demo demo MAKE=true PORT=0) >"$DIR/demo.out" 2>&1 &
script=$!
pids+=("$script")
check 'by make it gets live' until_true 40 shown
nobody_runs() { ! readlink /proc/[0-9]*/cwd | grep -qxF "$DIR/tree"; }
kill -TERM "$script"
check 'SIGTERM ends make' until_ended "$script" 15
check 'and what that started' until_true 10 nobody_runs
is 'no socket directory stays then' "$(find "$DIR" -maxdepth 1 -name 'store-api-demo.*' | wc -l)" 0
