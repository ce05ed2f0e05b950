# The table of rest.txt behind Apache.
# shellcheck shell=bash source=tests/e2e/test_rest.sh
WEB_SERVER=apache . "$(dirname "$0")/test_rest.sh"
