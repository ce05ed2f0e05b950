# Between the store and Central: a proxy of our own that fails in each of its ways.
# shellcheck shell=bash source=tests/faults/lib.sh
. "$(dirname "$0")/lib.sh"
rounds=${deep:+20}
rounds=${rounds:-1}

start_watched proxy
for mode in delay drip cut reset request refuse; do
  try "the network: $mode" 20 "$good_reads" "$away_writes" "$rounds" for_a_while $mode 2.5
done
# Longer than any patience towards Central.
try 'the network: blackhole' 20 "$good_reads" "$away_writes" "$rounds" for_a_while blackhole 5
stop_watched
