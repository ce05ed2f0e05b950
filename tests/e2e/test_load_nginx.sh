# The same load and the same mishaps behind nginx.
# shellcheck shell=bash source=tests/e2e/test_load.sh
WEB_SERVER=nginx . "$(dirname "$0")/test_load.sh"
