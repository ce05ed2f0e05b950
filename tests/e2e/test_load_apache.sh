# The same load and the same mishaps behind Apache.
# shellcheck shell=bash source=tests/e2e/test_load.sh
WEB_SERVER=apache . "$(dirname "$0")/test_load.sh"
