#!/usr/bin/env bash
# test_hardening.sh: each rule of hardening.sh fails when it is broken.
#
# A small program is built with the flags of $BUILD, then with one of them taken back.
set -eu
cd "$(dirname "$0")/../.."
build=${BUILD:-build}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0

# A buffer that is checked, a stack of several pages, some functions; on request what no flag makes.
cat >"$dir/small.c" <<'C'
#include <stdio.h>
#include <string.h>

#ifdef BOTH
__asm__(".section .both,\"awx\",@progbits\n.byte 0\n.previous");
#endif
#ifdef ADDRESS
__asm__(".text\n.quad main\n.previous");
#endif

#define FUNCTION(n) \
	int f##n(void); \
	int f##n(void) { return n; }
FUNCTION(0) FUNCTION(1) FUNCTION(2) FUNCTION(3) FUNCTION(4)
FUNCTION(5) FUNCTION(6) FUNCTION(7) FUNCTION(8) FUNCTION(9)

int main(int argc, char **argv);
int main(int argc, char **argv)
{
	char text[20000];

	for (int i = 0; i < argc && i < 100; i++)
		snprintf(text + strlen(argv[i]) % 100, (size_t)argc + 100, "%s", argv[i]);
	return puts(text) < 0;
}
C

build() { # further flags: they come last
  eval "$(cat "$build/flags") $* -o '$dir/small' '$dir/small.c'"
}

noticed() { # NAME EXPECTED flags…
  local name=$1 expected=$2 out
  shift 2
  build "$@"
  if out=$(tests/lint/hardening.sh "$dir/small") || ! grep -qF -- "$expected" <<<"$out"; then
    echo "FAILED: $name: not noticed; hardening.sh said: $out"
    failed=$((failed + 1))
  else
    passed=$((passed + 1))
  fi
}

build_noticed() { # EXPECTED flags…: of an object, and of the flags themselves
  local expected=$1
  shift
  mkdir -p "$dir/build/obj/room"
  sed "s/\$/ $*/" "$build/flags" >"$dir/build/flags"
  eval "$(cat "$dir/build/flags") -Wno-unused-command-line-argument -c -o '$dir/build/obj/room/small.o' '$dir/small.c'"
  if tests/lint/hardening.sh --build "$dir/build" "$dir/small" | grep -qF "$expected"; then
    passed=$((passed + 1))
  else
    echo "FAILED: $*: not noticed"
    failed=$((failed + 1))
  fi
}

build
if tests/lint/hardening.sh "$dir/small"; then
  passed=$((passed + 1))
else
  echo 'FAILED: with all flags something is missing'
  failed=$((failed + 1))
fi
build_noticed 'level 2 ' -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
build_noticed 'level 0 ' -U_FORTIFY_SOURCE
noticed 'one address' 'no -pie' -no-pie -fno-pie
noticed 'tables that stay writable' 'no -z relro' -Wl,-z,norelro
noticed 'tables that are filled later' 'no -z now' -Wl,-z,lazy
noticed 'a stack that can be run' '-z execstack' -Wl,-z,execstack
noticed 'headers that can be run' 'no -z separate-code' -Wl,-z,noseparate-code
noticed 'memory that can be written and run' 'can be written and run' -DBOTH -Wl,--no-warn-rwx-segments
noticed 'code that is changed' 'no -fPIE' -DADDRESS -Wl,-z,notext
noticed 'a path for libraries' '-rpath' -Wl,-rpath,/nowhere
noticed 'stacks without a guard' 'no -fstack-protector' -fno-stack-protector
noticed 'no checks of buffers' 'no -D_FORTIFY_SOURCE' -U_FORTIFY_SOURCE
if readelf -hW "$dir/small" | grep -q 'Machine:.*X86-64'; then
  noticed 'jumps' 'jumps may lead anywhere' -fcf-protection=return
  build_noticed 'not marked for CET' -fcf-protection=branch
  build_noticed 'not marked for CET' -fcf-protection=return
  noticed 'a stack that jumps' 'jump over its guard' -fno-stack-clash-protection
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
