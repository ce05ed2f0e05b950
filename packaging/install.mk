# Installing, and what is made to be handed on.  Part of the Makefile, which
# says what the directories are.
#
# GNU's names: installdirs, install, install-strip, uninstall, dist, distcheck;
# INSTALL, INSTALL_PROGRAM, INSTALL_DATA; DESTDIR in front of every directory.

INSTALL = install
INSTALL_PROGRAM = $(INSTALL) -m 0755
INSTALL_DATA = $(INSTALL) -m 0644

# ---------------------------------------------------------------- what goes where

# Words SOURCE:TARGET.  $(call into,DIRECTORY,PATTERNS): nothing where DIRECTORY is empty.
into = $(if $(1),$(foreach f,$(wildcard $(2)),$(f):$(1)/$(notdir $(f))))
source = $(firstword $(subst :, ,$(1)))
target = $(lastword $(subst :, ,$(1)))

PROGRAM_FILES = $(BUILD)/store-api.fcgi:$(pkglibexecdir)/store-api.fcgi \
	$(BUILD)/store-syncd:$(sbindir)/store-syncd \
	$(patsubst %,%:$(bindir)/storectl,$(filter %/storectl,$(PROGRAMS)))

common = $(call into,$(1),$(addprefix packaging/common/*.,$(2)))
EXAMPLES := $(notdir $(patsubst %/,%,$(wildcard conf/*/)))

DATA_FILES = $(foreach section,1 5 7 8,$(call common,$(man$(section)dir),$(section))) \
	$(call common,$(unitdir),service socket timer) \
	$(patsubst %.sysusers,%.conf,$(call common,$(sysusersdir),sysusers)) \
	$(patsubst %.tmpfiles,%.conf,$(call common,$(tmpfilesdir),tmpfiles)) \
	$(patsubst %.bash,%,$(call common,$(bashcompletiondir),bash)) \
	$(call into,$(docdir),README.md SECURITY.md) \
	$(foreach folder,$(EXAMPLES),$(call into,$(docdir)/examples/$(folder),conf/$(folder)/*))

SETTINGS_FILES = $(call into,$(confdir),conf/*.conf)

targets = $(foreach file,$(1),$(call target,$(file)))
DIRECTORIES = $(sort $(patsubst %/,%,$(dir \
	$(call targets,$(PROGRAM_FILES) $(DATA_FILES) $(SETTINGS_FILES)))))

# Pages, units and samples are written for a distribution's tree; in another one
# they name its directories.
HERE = -e 's|/usr/lib/store-api/|$(pkglibexecdir)/|g' -e 's|/usr/sbin/store-syncd|$(sbindir)/store-syncd|g' \
	-e 's|/usr/bin/storectl|$(bindir)/storectl|g' -e 's|/usr/share/doc/store-api|$(docdir)|g' \
	-e 's|/etc/store-api|$(confdir)|g' -e 's|/var/lib/store-api|$(localstatedir)/lib/store-api|g' \
	-e 's|/run/store-api|$(runstatedir)/store-api|g'
IN_PLACE = $(BUILD)/$@.file

# ---------------------------------------------------------------- installing

.PHONY: installdirs install install-programs install-data install-settings install-strip uninstall

install: install-programs install-data install-settings

installdirs:
	$(call say,MKDIR)$(INSTALL) -d $(foreach dir,$(DIRECTORIES),'$(DESTDIR)$(dir)')

install-programs: programs installdirs
	$(call say,INSTALL)set -e; $(foreach file,$(PROGRAM_FILES), \
		$(INSTALL_PROGRAM) $(call source,$(file)) '$(DESTDIR)$(call target,$(file))';)

install-data: installdirs
	@mkdir -p $(BUILD)
	$(call say,INSTALL)set -e; $(foreach file,$(DATA_FILES), sed $(HERE) $(call source,$(file)) >$(IN_PLACE); \
		$(INSTALL_DATA) $(IN_PLACE) '$(DESTDIR)$(call target,$(file))'; \
		if [ -x $(call source,$(file)) ]; then chmod a+x '$(DESTDIR)$(call target,$(file))'; fi;) \
		rm -f $(IN_PLACE)

# Settings that are there stay as they are.  They hold keys, so others may not read them.
install-settings: installdirs
	@mkdir -p $(BUILD)
	$(call say,INSTALL)set -e; $(foreach file,$(SETTINGS_FILES), \
		if [ ! -e '$(DESTDIR)$(call target,$(file))' ]; then \
			sed $(HERE) $(call source,$(file)) >$(IN_PLACE); \
			$(INSTALL) -m 0640 $(IN_PLACE) '$(DESTDIR)$(call target,$(file))'; fi;) \
		rm -f $(IN_PLACE)

install-strip:
	$(MAKE) INSTALL_PROGRAM='$(INSTALL_PROGRAM) -s' install

# Settings and data stay, and directories that others use too.
uninstall:
	$(call say,RM)rm -f $(foreach file,$(call targets,$(PROGRAM_FILES) $(DATA_FILES)),'$(DESTDIR)$(file)')
	-@rmdir $(foreach dir,$(pkglibexecdir) $(EXAMPLES:%=$(docdir)/examples/%) $(docdir)/examples \
		$(docdir),'$(DESTDIR)$(dir)') 2>/dev/null

# ---------------------------------------------------------------- handing on

.PHONY: dist distcheck rpm deb check-packages packages-package packages-check-package

TARBALL = $(BUILD)/store-api-$(VERSION).tar.gz

# The same commit gives the same bytes.
dist:
	@mkdir -p $(BUILD)
	$(call say,DIST)packaging/dist.sh $(BUILD) $(BUILD)
	@echo $(TARBALL)

distcheck:
	@MAKE='$(MAKE)' tests/packages/dist.sh --build

rpm:
	@packaging/rpm/build.sh $(BUILD)/rpm
	@ls $(BUILD)/rpm/SRPMS/*.rpm $(BUILD)/rpm/RPMS/*/*.rpm

packages-package packages-check-package:
	@packaging/packages.sh $(@:packages-%=%)

deb: packages-package
	@packaging/deb/build.sh $(BUILD)/deb
	@ls $(BUILD)/deb/*.deb

# What is installed, and what installed packages do in trees of their own.
check-packages: packages-check-package
	@MAKE='$(MAKE)' tests/check.sh --packages
