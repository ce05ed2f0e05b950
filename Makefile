# Store API.  `make help` lists what can be asked for.
#
# The three programs of a checkout land in build/, everything else below it.
# Variants live beside each other: make BUILD=build/clang CC=clang,
# make BUILD=build/asan SANITIZE=address,undefined, make TEST_HOOKS=1 BUILD=build/hooks.

VERSION := 0.1.0

BUILD ?= build
# One directory, one name: make takes what it depends on by another for nothing.
override BUILD := $(patsubst $(CURDIR)/%,%,$(BUILD))
CC = gcc
PKG_CONFIG ?= pkg-config
SANITIZE ?=
TEST_HOOKS ?=
COVERAGE ?=
PORT ?= 8083

# ---------------------------------------------------------------- directories

# Those of the GNU standards, each to be set by itself; PREFIX is prefix by another name.
DESTDIR ?=
PREFIX ?= /usr/local
prefix = $(PREFIX)
exec_prefix = $(prefix)
bindir = $(exec_prefix)/bin
sbindir = $(exec_prefix)/sbin
libexecdir = $(exec_prefix)/lib
pkglibexecdir = $(libexecdir)/store-api
datarootdir = $(prefix)/share
datadir = $(datarootdir)
docdir = $(datarootdir)/doc/store-api
mandir = $(datarootdir)/man
man1dir = $(mandir)/man1
man5dir = $(mandir)/man5
man7dir = $(mandir)/man7
man8dir = $(mandir)/man8
# A distribution's tree keeps its settings in /etc, others below the prefix.
sysconfdir = $(if $(filter /usr,$(prefix)),/etc,$(prefix)/etc)
confdir = $(sysconfdir)/store-api
# Data and sockets are where the machine has them, whatever the prefix.
localstatedir = /var
runstatedir = /run
# Where systemd and bash look; empty: such files are not installed.
systemd_prefix = $(filter /usr /usr/local,$(prefix))
unitdir = $(systemd_prefix:%=%/lib/systemd/system)
sysusersdir = $(systemd_prefix:%=%/lib/sysusers.d)
tmpfilesdir = $(systemd_prefix:%=%/lib/tmpfiles.d)
bashcompletiondir = $(datadir)/bash-completion/completions

# ---------------------------------------------------------------- flags

# CFLAGS, CPPFLAGS and LDFLAGS, of the environment or the command line, are added to; packagers
# say WERROR= too, since a compiler of theirs may warn of more.
OPTIMIZE := $(if $(CFLAGS),,-O2 -g)
WERROR = -Werror
WARNINGS = -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla -Wformat=2 $(WERROR)
# Those of these words that the compiler and its C library take without a word.
taken = $(shell for flag in $(1); do $(CC) -O2 -Werror $$flag -include features.h \
	-fsyntax-only -x c /dev/null 2>/dev/null && echo "$$flag"; done)
# Sanitizers look by themselves, and a packager's level stands.
FORTIFY := $(if $(SANITIZE)$(findstring _FORTIFY_SOURCE,$(CFLAGS) $(CPPFLAGS)),,$(firstword \
	$(call taken,-D_FORTIFY_SOURCE=3 -D_FORTIFY_SOURCE=2)))
HARDENING := -fstack-protector-strong -fPIE $(FORTIFY) \
	$(call taken,-fstack-clash-protection -fcf-protection)
SANITIZE_FLAGS := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all \
	-fno-omit-frame-pointer)
override CPPFLAGS += -D_GNU_SOURCE -Iinclude -Isrc -DSTORE_API_VERSION='"$(VERSION)"' \
	-DCONFIG_DIR='"$(confdir)"' -DSTATE_DIR='"$(localstatedir)/lib"' -DRUN_STATE_DIR='"$(runstatedir)"' \
	$(if $(TEST_HOOKS),-DTEST_HOOKS)
override CFLAGS += -std=gnu11 $(OPTIMIZE) $(WARNINGS) $(HARDENING) $(SANITIZE_FLAGS) -pthread
override LDFLAGS += -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code \
	$(SANITIZE_FLAGS) -pthread

# Asked only when something is compiled: a bare machine has no pkg-config yet.
LIBRARY_CFLAGS = $(shell $(PKG_CONFIG) --cflags fcgi json-c libcrypto libcurl libxxhash lmdb)
JSON_LIBS = $(shell $(PKG_CONFIG) --libs json-c)
CURL_LIBS = $(shell $(PKG_CONFIG) --libs libcurl)
LMDB_LIBS = $(shell $(PKG_CONFIG) --libs lmdb)
SHA256_LIBS = $(shell $(PKG_CONFIG) --libs libcrypto)
FCGI_LIBS = $(shell $(PKG_CONFIG) --libs fcgi)
CUNIT_LIBS = $(shell $(PKG_CONFIG) --libs cunit)
MICROHTTPD_LIBS = $(shell $(PKG_CONFIG) --libs libmicrohttpd)

# ---------------------------------------------------------------- the house

# From the roof down: a room may use only those behind it (tests/lint/includes.sh).
ROOMS := tool pool api sync central rules health control metrics store config model base
STORE_WRITE := index_write write build position crash watchdog

room_objects = $(patsubst src/%.c,$(BUILD)/obj/%.o,$(wildcard src/$(1)/*.c))
store_write_objects := $(STORE_WRITE:%=$(BUILD)/obj/store/%.o)

# Reading and writing are two archives, so that the responders can't link a writer.
ARCHIVES := $(patsubst %,$(BUILD)/lib/%.a,$(filter-out store,$(ROOMS)) store_write store_read)
archive = $(patsubst %,$(BUILD)/lib/%.a,$(1))

POOL_ARCHIVES := $(call archive,config pool api health control metrics store_read model base)
SYNCD_ARCHIVES := $(call archive,tool health config sync central rules control metrics store_write store_read \
	model base)
TOOL_ARCHIVES := $(call archive,tool config api health control metrics store_read model base)
ALL_ARCHIVES := $(call archive,tool pool api sync central rules health control metrics store_write \
	store_read config model base)

PROGRAMS := $(BUILD)/store-api.fcgi $(BUILD)/store-syncd $(BUILD)/storectl
TEST_PROGRAMS := $(BUILD)/tests/unit $(BUILD)/tests/central $(BUILD)/tests/listen \
	$(BUILD)/tests/property $(BUILD)/tests/bench $(BUILD)/tests/load $(BUILD)/tests/reads \
	$(BUILD)/tests/hostile $(BUILD)/tests/intruder $(BUILD)/tests/null $(BUILD)/tests/plain \
	$(BUILD)/tests/format $(BUILD)/tests/powercut $(BUILD)/tests/record.so \
	$(BUILD)/tests/upkeep

UNIT_SOURCES := $(wildcard tests/unit/*.c tests/unit/*/*.c)
UNIT_OBJECTS := $(UNIT_SOURCES:%.c=$(BUILD)/obj/%.o)
PROPERTY_OBJECTS := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/property/*.c))
HOSTILE_OBJECTS := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/hostile/*.c))
POWERCUT_OBJECTS := $(patsubst %,$(BUILD)/obj/tests/faults/%.o,powercut disk examine changes)
CENTRAL_OBJECTS := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/central/*.c))
FUZZ_PROGRAMS := $(patsubst tests/fuzz/fuzz_%.c,$(BUILD)/tests/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

.PHONY: fuzz fuzz-afl fuzz-targets fuzz-programs fuzz-afl-programs
.PHONY: all programs tests demo-programs check check-deep bench bench-quick hooks soak histories coverage mutants demo \
	bench-as-packaged bench-programs clean format man-text help
.PHONY: packages-build packages-demo packages-check packages-bench packages-coverage
.DELETE_ON_ERROR:

all: programs

programs: $(PROGRAMS)

tests: programs $(TEST_PROGRAMS)

demo-programs: programs $(BUILD)/tests/central $(BUILD)/tests/listen

help:
	@echo 'make                 the programs, in $(BUILD)/'
	@echo 'make demo            a whole store with a simulated Central, on PORT=$(PORT)'
	@echo 'make check           all tests; make check-deep: the longer ones'
	@echo 'make coverage        which lines no test runs'
	@echo 'make soak            a store under load and faults at random for MINUTES=$(MINUTES); SEED= for the same order again'
	@echo 'make histories       random histories of the daemon for MINUTES=$(MINUTES); make mutants: are faults caught?'
	@echo 'make bench           what it costs, side by side; make bench-quick: in two minutes'
	@echo 'make fuzz            broken input for MINUTES=$(MINUTES); FUZZ="page json": those targets; make fuzz-afl'
	@echo 'make install         DESTDIR= prefix= and the other directories of the GNU standards;'
	@echo '                     make install-strip, make uninstall'
	@echo 'make dist            the source tarball; make distcheck: builds and passes its tests'
	@echo 'make deb             the Debian package; make check-packages: installs it in a tree of its own'
	@echo 'make format          clang-format over all sources; make man-text: store-api(7) as text'
	@echo 'make compile_commands.json, make clean'
	@echo 'variants: CC=clang, SANITIZE=address,undefined, TEST_HOOKS=1, BUILD=build/variant'

# ---------------------------------------------------------------- compiling

# One short line for each step; make V=1 shows the commands.
say = $(if $(V),,@echo '  $(1) $@';)

# Objects are made anew when the way of making them changes.
FLAGS_FILE := $(BUILD)/flags
FLAGS_TEXT := $(CC) $(CPPFLAGS) $(CFLAGS) $(COVERAGE) $(LDFLAGS)
ifneq ($(file <$(FLAGS_FILE)),$(FLAGS_TEXT))
.PHONY: $(FLAGS_FILE)
endif
$(FLAGS_FILE):
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(FLAGS_TEXT))' >$@

$(BUILD)/obj/%.o: src/%.c $(FLAGS_FILE)
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CPPFLAGS) $(CFLAGS) $(COVERAGE) $(LIBRARY_CFLAGS) -MMD -MP -c -o $@ $<

# A file that the assembler puts in.
$(BUILD)/obj/api/openapi.o: src/api/openapi.json

$(BUILD)/obj/tests/%.o: tests/%.c $(FLAGS_FILE)
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CPPFLAGS) -Itests -Itests/unit $(CFLAGS) $(LIBRARY_CFLAGS) -MMD -MP -c -o $@ $<

define room_archive
$(BUILD)/lib/$(1).a: $(2)
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(call say,AR)$(AR) rcs $$@ $$^
endef
$(foreach room,$(filter-out store,$(ROOMS)),$(eval $(call room_archive,$(room),$(call room_objects,$(room)))))
$(eval $(call room_archive,store_write,$(store_write_objects)))
$(eval $(call room_archive,store_read,$(filter-out $(store_write_objects),$(call room_objects,store))))

# ---------------------------------------------------------------- linking

$(BUILD)/store-api.fcgi: $(BUILD)/obj/main/store_api.o $(POOL_ARCHIVES)
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $^ $(FCGI_LIBS) $(JSON_LIBS) $(LMDB_LIBS)

$(BUILD)/store-syncd: $(BUILD)/obj/main/store_syncd.o $(SYNCD_ARCHIVES)
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $^ $(CURL_LIBS) $(JSON_LIBS) $(LMDB_LIBS) $(SHA256_LIBS)

$(BUILD)/storectl: $(BUILD)/obj/main/storectl.o $(TOOL_ARCHIVES)
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $^ $(JSON_LIBS) $(LMDB_LIBS) $(SHA256_LIBS)

$(BUILD)/tests/unit: $(UNIT_OBJECTS) $(ALL_ARCHIVES)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $^ $(FCGI_LIBS) $(CURL_LIBS) $(JSON_LIBS) $(LMDB_LIBS) \
		$(SHA256_LIBS) $(CUNIT_LIBS)

$(BUILD)/tests/central: $(CENTRAL_OBJECTS)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $^ $(MICROHTTPD_LIBS) $(JSON_LIBS)

$(BUILD)/tests/property: $(PROPERTY_OBJECTS) $(call archive,api health control metrics store_read \
		model base)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $^ $(CURL_LIBS) $(JSON_LIBS) $(LMDB_LIBS)

$(BUILD)/tests/reads: $(BUILD)/obj/tests/bench/reads.o $(call archive,api health control metrics \
		store_write store_read model base)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $^ $(JSON_LIBS) $(LMDB_LIBS)

# With a page index that can be left out.
$(BUILD)/tests/upkeep: $(BUILD)/obj/tests/bench/upkeep.o $(call archive,store_write store_read model base)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LDFLAGS) -Wl,--wrap=index_inserted,--wrap=index_deleted -o $@ $^ $(JSON_LIBS) \
		$(LMDB_LIBS)

# With the pool's tests' own end of FastCGI.
$(BUILD)/tests/bench: $(patsubst %,$(BUILD)/obj/tests/bench/%.o,client paced samples) \
		$(BUILD)/obj/tests/unit/pool/fcgi_client.o $(call archive,base)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $^ $(CURL_LIBS)

$(BUILD)/tests/load: $(BUILD)/obj/tests/bench/load.o $(BUILD)/obj/tests/unit/pool/fcgi_client.o \
		$(call archive,base)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $^ $(CURL_LIBS)

# What our pool is measured against: itself with a constant answer, and libfcgi alone.
$(BUILD)/tests/null: $(patsubst %,$(BUILD)/obj/tests/bench/%.o,null constant) \
		$(call archive,pool metrics model base)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $^ $(FCGI_LIBS) $(JSON_LIBS)

$(BUILD)/tests/plain: $(patsubst %,$(BUILD)/obj/tests/bench/%.o,plain constant) $(call archive,base)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $^ $(FCGI_LIBS)

$(BUILD)/tests/hostile: $(HOSTILE_OBJECTS) $(call archive,api health control metrics store_read model \
		base)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $^ $(JSON_LIBS) $(LMDB_LIBS)

# Who calls a fuzz target: libFuzzer or AFL++ by the compiler's flag, else replay.c.
FUZZER ?=
FUZZ_DRIVER := $(if $(FUZZER),,$(BUILD)/obj/tests/fuzz/replay.o)
$(FUZZ_PROGRAMS): $(BUILD)/tests/fuzz/%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(BUILD)/obj/tests/fuzz/fuzz.o \
		$(BUILD)/obj/tests/hostile/grammar.o $(FUZZ_DRIVER) $(call archive,central config api \
		health control metrics store_write store_read model base)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LDFLAGS) $(FUZZER) -o $@ $^ $(CURL_LIBS) $(JSON_LIBS) $(LMDB_LIBS) $(SHA256_LIBS)

$(BUILD)/tests/powercut: $(POWERCUT_OBJECTS) $(call archive,store_write store_read model base)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $^ $(JSON_LIBS) $(LMDB_LIBS)

# Loaded before all others into programs whose writes are to be recorded.
$(BUILD)/tests/record.so: tests/faults/record.c tests/faults/record.h $(FLAGS_FILE)
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CPPFLAGS) -Itests -std=gnu11 $(OPTIMIZE) $(WARNINGS) -fPIC -shared -o $@ $<

$(BUILD)/tests/listen: $(BUILD)/obj/tests/e2e/listen.o
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $^

$(BUILD)/tests/intruder: $(BUILD)/obj/tests/e2e/intruder.o $(BUILD)/obj/tests/unit/store/intruder.o
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $^

$(BUILD)/tests/format: $(BUILD)/obj/tests/e2e/format.o
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $^ $(LMDB_LIBS)

# Programs that count which lines of src are run write that down however they end.
ifneq ($(COVERAGE),)
$(PROGRAMS) $(filter-out %.so,$(TEST_PROGRAMS)) $(FUZZ_PROGRAMS): $(BUILD)/obj/tests/coverage/ends.o
endif

-include $(shell test -d $(BUILD)/obj && find $(BUILD)/obj -name '*.d')

# ---------------------------------------------------------------- running and testing

packages-build packages-demo packages-check packages-bench packages-coverage:
	@packaging/packages.sh $(@:packages-%=%)

# The second make sees what the first has installed.  exec: told to end, make tells only its child.
demo: packages-demo
	@$(MAKE) --no-print-directory demo-programs
	@exec env BUILD='$(BUILD)' PORT='$(PORT)' tests/demo/demo.sh

check: packages-check
	@MAKE='$(MAKE)' tests/check.sh

check-deep: packages-check packages-check-package
	@MAKE='$(MAKE)' tests/check.sh --deep

MINUTES ?= 60

hooks: packages-check
	@$(MAKE) --no-print-directory tests TEST_HOOKS=1 BUILD=$(BUILD)/hooks

# The programs under load, faults at random, and those who check what they see; build/soak/.
soak: packages-check
	@$(MAKE) --no-print-directory tests
	@tests/faults/soak.sh $$(($(MINUTES) * 60))

# Random histories of the whole daemon, new ones until the time is over.
histories: hooks
	@$(BUILD)/hooks/tests/property --build $(BUILD)/hooks --minutes $(MINUTES) --abreast 10 \
		--seed $$(date +%s) --keep

# Side by side with what it could be compared with; results in $(BUILD)/bench/.  All of it is
# compiled as in our packages, across files (packaging/deb/rules).
bench: bench-as-packaged
	@BUILD=$(BUILD)/as-packaged tests/bench/bench.sh $(if $(BENCH_FULL),full,standard)

bench-quick: bench-as-packaged
	@BUILD=$(BUILD)/as-packaged tests/bench/bench.sh quick

bench-as-packaged: packages-bench
	@$(MAKE) --no-print-directory bench-programs BUILD=$(BUILD)/as-packaged \
		CFLAGS='-O2 -g -flto=auto -ffat-lto-objects' LDFLAGS=-flto=auto

bench-programs: programs $(patsubst %,$(BUILD)/tests/%,central listen bench null plain)

# Which lines no test runs, in $(BUILD)/coverage/report.txt; each must be explained.
coverage: packages-coverage
	@$(MAKE) --no-print-directory tests fuzz-targets BUILD=$(BUILD)/coverage TEST_HOOKS=1 \
		WERROR= CFLAGS='-O0 -g' CPPFLAGS=-U_FORTIFY_SOURCE LDFLAGS='--coverage -Wl,--wrap=_exit,--wrap=raise' \
		COVERAGE='--coverage -fprofile-update=atomic'
	@BUILD=$(BUILD)/coverage tests/coverage/run.sh

mutants: hooks
	@tests/property/mutants.sh $(BUILD)/hooks

fuzz-targets: $(FUZZ_PROGRAMS)

# Called by libFuzzer, under the sanitizers; and by AFL++, which nothing else needs.
fuzz-programs: packages-check
	@$(MAKE) --no-print-directory fuzz-targets BUILD=$(BUILD)/fuzz CC=clang FUZZER=-fsanitize=fuzzer \
		SANITIZE=address,undefined,fuzzer-no-link

fuzz-afl-programs:
	@command -v afl-clang-fast >/dev/null || { echo 'This needs AFL++ (Debian: afl++).' >&2; exit 1; }
	@$(MAKE) --no-print-directory fuzz-targets BUILD=$(BUILD)/afl CC=afl-clang-fast \
		FUZZER=-fsanitize=fuzzer

# All targets, or those that FUZZ names, for MINUTES together.
fuzz: fuzz-programs
	@BUILD=$(BUILD)/fuzz tests/fuzz/run.sh --minutes $(MINUTES) $(FUZZ)

fuzz-afl: fuzz-afl-programs
	@BUILD=$(BUILD)/afl tests/fuzz/run.sh --afl --minutes $(MINUTES) $(FUZZ)

# ---------------------------------------------------------------- installing

include packaging/install.mk

# ---------------------------------------------------------------- house-keeping

compile_commands.json: Makefile $(FLAGS_FILE) $(wildcard src/*/*.c tests/*/*.c tests/unit/*/*.c)
	@{ echo '['; sep=; for f in $(wildcard src/*/*.c) $(UNIT_SOURCES) $(wildcard tests/*/*.c); do \
		printf '%s{"directory":"%s","file":"%s","command":"%s"}' "$$sep" '$(CURDIR)' "$$f" \
		'$(subst ",\",$(subst ','\'',$(CC) $(CPPFLAGS) -Itests -Itests/unit $(CFLAGS) $(LIBRARY_CFLAGS))) -c '"$$f"; \
		sep=",$$(printf '\n_')"; sep=$${sep%_}; done; echo; echo ']'; } >$@

# The manual page as text, for readers of the tree.
man-text: packaging/common/store-api.7.txt
packaging/common/store-api.7.txt: packaging/common/store-api.7
	packaging/man-text.sh $< >$@

format:
	clang-format -i $(wildcard src/*/*.[ch] include/*/*.h tests/*/*.[ch] tests/unit/*/*.[ch])

clean:
	rm -rf $(BUILD) compile_commands.json
