#!/bin/sh
# man-text.sh PAGE: a manual page as plain text, without the overstriking of terminals.
set -eu
mandoc -T utf8 "$1" | LC_ALL=C.UTF-8 sed 's/.\x08//g'
