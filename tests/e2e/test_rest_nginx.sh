# The table of rest.txt behind nginx.
# shellcheck shell=bash source=tests/e2e/test_rest.sh
WEB_SERVER=nginx . "$(dirname "$0")/test_rest.sh"
