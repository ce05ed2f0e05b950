#!/usr/bin/env bash
# hardening.sh [--build DIR] PROGRAM…: what makes a memory error hard to use is in the programs,
# as the linker left them.
#
# DIR: where they were built, for what doesn't show in a program: how strict glibc's checks of
# buffers are, and that our own code is ready for CET throughout (a program says so of itself
# only where the C library's start-up code is too, which Debian's isn't).  Prints what is
# wrong; the exit code says whether anything is.
set -u
export LC_ALL=C
wrong=0

say() { # PROGRAM WHAT
  wrong=1
  echo "$1: $2"
}

# What readelf or objdump says of the program must have, or must not have, such a line.
has() { grep -qE -- "$2" <<<"$1"; }
hasnt() { ! has "$@"; }

look_at_headers() { # PROGRAM: what linker and kernel are told
  local headers segments dynamic
  headers=$(readelf -hW "$1") segments=$(readelf -lW "$1") dynamic=$(readelf -dW "$1")
  has "$headers" 'Type: +DYN' || say "$1" 'loaded at one address (no -pie)'
  has "$segments" '^ +GNU_RELRO ' || say "$1" 'tables of the linker stay writable (no -z relro)'
  has "$dynamic" 'BIND_NOW|FLAGS_1.* NOW' || say "$1" 'tables of the linker are filled later (no -z now)'
  has "$segments" '^ +GNU_STACK .* RW ' || say "$1" 'a stack that can be run (-z execstack)'
  hasnt "$segments" '^ +LOAD .* RWE ' || say "$1" 'memory that can be written and run'
  # The first segment holds headers and names, the second one code.
  hasnt "$(grep -m 1 '^ *LOAD ' <<<"$segments")" ' R E ' || say "$1" 'headers that can be run (no -z separate-code)'
  hasnt "$dynamic" 'RPATH|RUNPATH' || say "$1" 'a path of its own for libraries (-rpath)'
  hasnt "$dynamic" 'TEXTREL' || say "$1" 'code that is changed while it is loaded (no -fPIE)'
}

look_at_calls() { # PROGRAM: of glibc
  local symbols
  symbols=$(readelf --dyn-syms -W "$1")
  has "$symbols" ' __stack_chk_fail(@|$)' || say "$1" 'stacks without a guard (no -fstack-protector)'
  has "$symbols" ' __(snprintf|vsnprintf|memcpy|read|fprintf|printf)_chk(@|$)' ||
    say "$1" 'no checks of buffers (no -D_FORTIFY_SOURCE)'
}

is_x86_64() { has "$(readelf -hW "$1")" 'Machine:.*X86-64'; }

look_at_code() { # PROGRAM
  local code
  is_x86_64 "$1" || return
  code=$(objdump -d --no-show-raw-insn "$1")
  # The C library's start-up code has a few of these marks, a program one for each function.
  [ "$(grep -c '\bendbr64' <<<"$code")" -gt 10 ] || say "$1" 'jumps may lead anywhere (no -fcf-protection)'
  # In steps of a page at most, each touched, no stack gets past the page that guards it.
  hasnt "$code" 'sub +[$]0x(1[0-9a-f]{2}[1-9a-f]|1[0-9a-f][1-9a-f]0|1[1-9a-f]00|[2-9a-f][0-9a-f]{3}|[0-9a-f]{5,8}),%rsp' ||
    say "$1" 'a stack that can jump over its guard (no -fstack-clash-protection)'
}

look_at_build() { # DIR
  local level object
  # As the shell reads it: make has quoted it for that.
  level=$(eval "$(cat "$1/flags") -Wno-unused-command-line-argument -E -P -x c -" <<<$'#include <features.h>\nlevel __USE_FORTIFY_LEVEL' 2>/dev/null |
    sed -n 's/^level //p')
  [ "$level" = 3 ] || say "$1" "checks of buffers at level ${level:-none} (no -D_FORTIFY_SOURCE=3)"
  for object in "$1"/obj/*/*.o; do
    is_x86_64 "$object" || break
    has "$(readelf -nW "$object")" 'x86 feature:.*IBT.*SHSTK' ||
      say "$object" 'not marked for CET (no -fcf-protection)'
  done
}

if [ "${1-}" = --build ]; then
  look_at_build "$2"
  shift 2
fi
for program in "$@"; do
  look_at_headers "$program"
  look_at_calls "$program"
  look_at_code "$program"
done
[ $# -gt 0 ] && [ "$wrong" -eq 0 ]
