/* Settings from files and environment: what is taken, what is refused, and how that is said. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "config/config.h"
#include "config/settings.h"
#include "unit.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* The last load: its config (NULL after a mistake) and what it said. */
static struct {
	struct config *config;
	struct buf mistakes, warnings;
} last;

static void forget(void)
{
	config_free(last.config);
	last.config = NULL;
	buf_free(&last.mistakes);
	buf_free(&last.warnings);
}

static enum st_err load(
    enum config_program program, const char *const *files, size_t n, char *const *environment)
{
	struct config_sources from = { program, files, n, environment };

	forget();
	buf_init(&last.mistakes, 1000000);
	buf_init(&last.warnings, 1000000);
	return config_load(&from, &last.config, &last.mistakes, &last.warnings);
}

static enum st_err load_setting(enum config_program program, const char *setting)
{
	char copy[70000];
	char *environment[] = { copy, NULL };

	snprintf(copy, sizeof(copy), "%s", setting);
	return load(program, NULL, 0, environment);
}

static const char *write_file(const char *text, size_t len)
{
	static char path[100];
	int fd;

	snprintf(path, sizeof(path), "%s/f.conf", unit_temp_dir());
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	CU_ASSERT_EQUAL(io_write_all(fd, text, len), ST_OK);
	close(fd);
	return path;
}

static enum st_err load_text(
    enum config_program program, const char *text, char *const *environment)
{
	const char *path = write_file(text, strlen(text));

	return load(program, &path, 1, environment);
}

static bool said(const struct buf *b, const char *text)
{
	return strstr(buf_text(b), text) != NULL;
}

TEST(config_values, each_kind_takes_what_it_allows)
{
	static const struct {
		enum config_program program;
		const char *good;
	} rows[] = {
		{ CONFIG_POOL, "PORT=1" }, { CONFIG_POOL, "PORT=65535" },
		{ CONFIG_POOL, "ENVIRONMENT=staging" }, { CONFIG_POOL, "LOG_LEVEL=error" },
		{ CONFIG_POOL, "LOG_FORMAT=json" }, { CONFIG_POOL, "API_KEYS= a , b c,d" },
		{ CONFIG_POOL, "STORE_ID=a.B_9-x" }, { CONFIG_POOL, "DATA_DIR=/a b" },
		{ CONFIG_POOL, "FCGI_LISTEN=unix:/x" },
		{ CONFIG_POOL, "FCGI_LISTEN=127.0.0.1:9000" },
		{ CONFIG_POOL, "FCGI_LISTEN=[::1]:9000" },
		{ CONFIG_POOL, "FCGI_LISTEN=store-1.lan:9000" },
		{ CONFIG_POOL, "FCGI_SOCKET_MODE=0600" }, { CONFIG_POOL, "FCGI_SOCKET_MODE=" },
		{ CONFIG_POOL, "MOUNT_PREFIX=" }, { CONFIG_POOL, "MOUNT_PREFIX=/api" },
		{ CONFIG_POOL, "MOUNT_PREFIX=/a/b=/v1/store" },
		{ CONFIG_POOL, "CORS_ALLOWED_ORIGINS=*" }, { CONFIG_POOL, "CORS_ALLOWED_ORIGINS=" },
		{ CONFIG_POOL, "CORS_ALLOWED_ORIGINS=https://a.example, http://b:81" },
		{ CONFIG_POOL, "MAX_STALENESS_SECONDS=50" },
		{ CONFIG_POOL, "MAX_STALENESS_SECONDS=0" },
		{ CONFIG_DAEMON, "CENTRAL_API_URL=https://c.example:8081/prefix" },
		{ CONFIG_DAEMON, "CENTRAL_API_URL=http://[fd00::1]/" },
		{ CONFIG_DAEMON, "CENTRAL_CA_FILE=" }, { CONFIG_DAEMON, "SYNC_INTERVAL_SECONDS=0" },
		{ CONFIG_DAEMON, "POOL_THREADS=nonsense" },          /* the pool's */
		{ CONFIG_DAEMON, "CENTRAL_API_PORT=tcp://1.2.3.4" }, /* nobody's */
	};

	for (size_t i = 0; i < N(rows); i++) {
		if (load_setting(rows[i].program, rows[i].good) != ST_OK)
			CU_FAIL_FATAL(rows[i].good);
	}
	forget();
}

TEST(config_values, each_kind_refuses_the_rest_and_names_it)
{
	static const struct {
		enum config_program program;
		const char *bad;
	} rows[] = {
		{ CONFIG_POOL, "PORT=0" }, { CONFIG_POOL, "PORT=65536" },
		{ CONFIG_POOL, "PORT=-1" }, { CONFIG_POOL, "PORT=" }, { CONFIG_POOL, "PORT= 80" },
		{ CONFIG_POOL, "PORT=80x" }, { CONFIG_POOL, "PORT=99999999999999999999999" },
		{ CONFIG_POOL, "ENVIRONMENT=prod" }, { CONFIG_POOL, "LOG_LEVEL=" },
		{ CONFIG_POOL, "LOG_LEVEL=INFO" }, { CONFIG_POOL, "STORE_ID=" },
		{ CONFIG_POOL, "STORE_ID=a b" },
		{ CONFIG_POOL,
		    "STORE_ID=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
		{ CONFIG_POOL, "DATA_DIR=relative" }, { CONFIG_POOL, "DATA_DIR=/a\x01" },
		{ CONFIG_POOL, "DATA_DIR=/\xff" }, { CONFIG_POOL, "FCGI_LISTEN=unix:relative" },
		{ CONFIG_POOL, "FCGI_LISTEN=9000" }, { CONFIG_POOL, "FCGI_LISTEN=host:0" },
		{ CONFIG_POOL, "FCGI_LISTEN=host:70000" }, { CONFIG_POOL, "FCGI_LISTEN=:9000" },
		{ CONFIG_POOL, "FCGI_LISTEN=[::1]" }, { CONFIG_POOL, "FCGI_LISTEN=[x]:1" },
		{ CONFIG_POOL, "FCGI_LISTEN=" }, { CONFIG_POOL, "FCGI_SOCKET_MODE=0888" },
		{ CONFIG_POOL, "FCGI_SOCKET_MODE=4777" }, { CONFIG_POOL, "FCGI_SOCKET_MODE=rw" },
		{ CONFIG_POOL, "MOUNT_PREFIX=api" }, { CONFIG_POOL, "MOUNT_PREFIX=/api/" },
		{ CONFIG_POOL, "MOUNT_PREFIX=/a//b" }, { CONFIG_POOL, "MOUNT_PREFIX=/api=" },
		{ CONFIG_POOL, "MOUNT_PREFIX=/api=v1" }, { CONFIG_POOL, "MOUNT_PREFIX=/" },
		{ CONFIG_POOL, "MOUNT_PREFIX=/a?b" },
		{ CONFIG_POOL, "CORS_ALLOWED_ORIGINS=a.example" },
		{ CONFIG_POOL, "CORS_ALLOWED_ORIGINS=https://a/path" },
		{ CONFIG_POOL, "CORS_ALLOWED_ORIGINS=https://a,,https://b" },
		{ CONFIG_POOL, "MAX_STALENESS_SECONDS=49" }, /* would flap */
		{ CONFIG_DAEMON, "CENTRAL_API_URL=ftp://c" },
		{ CONFIG_DAEMON, "CENTRAL_API_URL=c:80" },
		{ CONFIG_DAEMON, "CENTRAL_API_URL=http://" },
		{ CONFIG_DAEMON, "CENTRAL_API_URL=http://c?x" },
		{ CONFIG_DAEMON, "CENTRAL_API_URL=http://a b" },
		{ CONFIG_DAEMON, "CENTRAL_API_URL=http://c:0" },
		{ CONFIG_DAEMON, "CENTRAL_API_URL=http://user:pw@c" },
		{ CONFIG_DAEMON, "CENTRAL_CLIENT_CERT=/cert.pem" }, /* without its key */
	};

	for (size_t i = 0; i < N(rows); i++) {
		char key[40];

		snprintf(key, sizeof(key), "%.*s", (int)strcspn(rows[i].bad, "="), rows[i].bad);
		if (load_setting(rows[i].program, rows[i].bad) != ST_INVALID)
			CU_FAIL_FATAL(rows[i].bad);
		CU_ASSERT_TRUE(said(&last.mistakes, key));
		CU_ASSERT_TRUE(said(&last.mistakes, "allowed: "));
		CU_ASSERT_PTR_NULL(last.config);
	}
	forget();
}

TEST(config_values, secrets_are_refused_without_being_shown)
{
	char long_key[400];

	CU_ASSERT_EQUAL(load_setting(CONFIG_POOL, "API_KEYS=topsecret,,x"), ST_INVALID);
	CU_ASSERT_FALSE(said(&last.mistakes, "topsecret"));
	CU_ASSERT_TRUE(said(&last.mistakes, "API_KEYS=***"));
	memset(long_key, 'k', sizeof(long_key));
	memcpy(long_key, "API_KEYS=", 9);
	long_key[9 + 257] = '\0';
	CU_ASSERT_EQUAL(load_setting(CONFIG_POOL, long_key), ST_INVALID);
	long_key[9 + 256] = '\0';
	CU_ASSERT_EQUAL(load_setting(CONFIG_POOL, long_key), ST_OK);
	forget();
}

TEST(config_values, a_password_in_the_url_is_refused_without_being_shown)
{
	static const char *const urls[] = { "http://me:sesame@host:81/x", "sesame@host",
		"https://me:ses/ame@@host", "ftp://sesame@host" };
	char line[100];

	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		snprintf(line, sizeof(line), "CENTRAL_API_URL=%s", urls[i]);
		CU_ASSERT_EQUAL(load_setting(CONFIG_DAEMON, line), ST_INVALID);
		CU_ASSERT_FALSE(said(&last.mistakes, "ame"));
		CU_ASSERT_TRUE(said(&last.mistakes, "***@host"));
	}
	CU_ASSERT_EQUAL(load_setting(CONFIG_DAEMON, "CENTRAL_API_URL=http://a?b"), ST_INVALID);
	CU_ASSERT_TRUE(said(&last.mistakes, "CENTRAL_API_URL=http://a?b: allowed: "));
	forget();
}

TEST(config_values, defaults_are_those_of_the_table)
{
	CU_ASSERT_EQUAL_FATAL(load(CONFIG_POOL, NULL, 0, NULL), ST_OK);
	CU_ASSERT_EQUAL(last.config->port, 8083);
	CU_ASSERT_EQUAL(last.config->api_keys.n, 2);
	ASSERT_TEXT(last.config->api_keys.items[0], "store-s1-key");
	ASSERT_TEXT(last.config->store_id, "store-s1");
	CU_ASSERT_FALSE(last.config->store_id_set);
	CU_ASSERT_EQUAL(last.config->fcgi_socket_mode, 0660);
	CU_ASSERT_TRUE(last.config->pool_processes >= 2);
	ASSERT_TEXT(last.config->mount_from, "");
	CU_ASSERT_EQUAL(last.warnings.len, 0);
	CU_ASSERT_EQUAL_FATAL(load_setting(CONFIG_POOL, "STORE_ID=store-s1"), ST_OK);
	CU_ASSERT_TRUE(last.config->store_id_set);
	CU_ASSERT_EQUAL_FATAL(load_setting(CONFIG_POOL, "MOUNT_PREFIX=/api=/v1/store"), ST_OK);
	ASSERT_TEXT(last.config->mount_from, "/api");
	ASSERT_TEXT(last.config->mount_to, "/v1/store");
	forget();
}

TEST(config_file, syntax)
{
	static const struct {
		const char *text;
		const char *store_id; /* NULL: refused */
	} rows[] = {
		{ "STORE_ID=plain", "plain" },
		{ "\n\n  STORE_ID = spaces  \n", "spaces" },
		{ "# c\n; c\nSTORE_ID=crlf\r\n", "crlf" },
		{ "STORE_ID=\"double\"\n", "double" },
		{ "STORE_ID='single'\n", "single" },
		{ "STORE_ID=\"e\\\\\"\n", NULL },
		{ "STORE_ID=a\nSTORE_ID=b\n", "b" },
		{ "STORE_ID=\"a\\b\"\n", NULL },
		{ "STORE_ID=\"open\n", NULL },
		{ "STORE_ID='a' b\n", NULL },
		{ "STORE_ID=back\\slash\n", NULL },
		{ "STORE_ID=in\"side\n", NULL },
		{ "STORE_ID\n", NULL },
		{ "=x\n", NULL },
		{ "STORE ID=x\n", NULL },
		{ "export STORE_ID=x\n", NULL },
	};

	for (size_t i = 0; i < N(rows); i++) {
		enum st_err err = load_text(CONFIG_POOL, rows[i].text, NULL);

		CU_ASSERT_EQUAL(err, rows[i].store_id ? ST_OK : ST_INVALID);
		if (rows[i].store_id && last.config)
			ASSERT_TEXT(last.config->store_id, rows[i].store_id);
	}
	forget();
}

TEST(config_file, nul_bytes_long_lines_and_files_that_are_not_there)
{
	const char *path = write_file("STORE_ID=a\0b\nPORT=1\n", 20);
	static char huge[80000];

	CU_ASSERT_EQUAL(load(CONFIG_POOL, &path, 1, NULL), ST_INVALID);
	CU_ASSERT_TRUE(said(&last.mistakes, "f.conf:1: "));
	CU_ASSERT_TRUE(said(&last.mistakes, "NUL"));
	memset(huge, 'x', sizeof(huge) - 1);
	memcpy(huge, "STORE_ID=", 9);
	CU_ASSERT_EQUAL(load_text(CONFIG_POOL, huge, NULL), ST_INVALID);
	path = "/nowhere/at/all.conf";
	CU_ASSERT_EQUAL(load(CONFIG_POOL, &path, 1, NULL), ST_INVALID);
	CU_ASSERT_TRUE(said(&last.mistakes, "/nowhere/at/all.conf"));
	forget();
}

TEST(config_file, every_mistake_is_listed_with_its_line)
{
	CU_ASSERT_EQUAL(
	    load_text(CONFIG_POOL,
		"PORT=0\nPORTS=1\nSYNC_INTERVAL_SECOND=3\nLOG_LEVEL=x\nxyzzy_unheard_of=1\n"
		"a_name_that_is_longer_than_that_of_any_setting_that_there_ever_was_here=1\n",
		NULL),
	    ST_INVALID);
	CU_ASSERT_TRUE(said(&last.mistakes, "f.conf:1: PORT=0: allowed: 1 to 65535\n"));
	CU_ASSERT_TRUE(said(&last.mistakes, "f.conf:2: PORTS is no setting; did you mean PORT?\n"));
	CU_ASSERT_TRUE(
	    said(&last.mistakes, "f.conf:3: SYNC_INTERVAL_SECOND is no setting; did you mean "
				 "SYNC_INTERVAL_SECONDS?\n"));
	CU_ASSERT_TRUE(said(&last.mistakes, "f.conf:4: LOG_LEVEL=x: "));
	CU_ASSERT_TRUE(said(&last.mistakes, "f.conf:5: xyzzy_unheard_of is no setting\n"));
	CU_ASSERT_TRUE(said(&last.mistakes, "_was_here is no setting\n"));
	forget();
}

TEST(config_sources, later_files_and_the_environment_win)
{
	static char from_environment[] = "STORE_ID=environment";
	static char no_setting[] = "STORE_ID";
	char *environment[] = { no_setting, from_environment, NULL };
	char first[100], second[100];
	const char *files[2] = { first, second };

	snprintf(first, sizeof(first), "%s", write_file("STORE_ID=one\nPORT=1\n", 20));
	snprintf(second, sizeof(second), "%s", write_file("STORE_ID=two\n", 13));
	CU_ASSERT_EQUAL_FATAL(load(CONFIG_POOL, files, 2, NULL), ST_OK);
	ASSERT_TEXT(last.config->store_id, "two");
	CU_ASSERT_EQUAL(last.config->port, 1);
	CU_ASSERT_EQUAL_FATAL(load(CONFIG_POOL, files, 2, environment), ST_OK);
	ASSERT_TEXT(last.config->store_id, "environment");
	/* A mistake is one also where nobody would see it. */
	CU_ASSERT_EQUAL(load_text(CONFIG_POOL, "STORE_ID=bad id\n", environment), ST_INVALID);
	forget();
}

TEST(config_sources, a_secret_may_be_in_a_file_of_its_own)
{
	char setting[200], both[400], key_file[100];
	char *environment[] = { setting, NULL };

	snprintf(key_file, sizeof(key_file), "%s", write_file("k-one,k-two\r\nsecond line\n", 26));
	snprintf(setting, sizeof(setting), "API_KEYS_FILE=%s", key_file);
	CU_ASSERT_EQUAL_FATAL(load(CONFIG_POOL, NULL, 0, environment), ST_OK);
	CU_ASSERT_EQUAL(last.config->api_keys.n, 2);
	ASSERT_TEXT(last.config->api_keys.items[1], "k-two");
	/* The environment's file beats a file's value, and the other way round in one place. */
	CU_ASSERT_EQUAL_FATAL(load_text(CONFIG_POOL, "API_KEYS=other\n", environment), ST_OK);
	ASSERT_TEXT(last.config->api_keys.items[0], "k-one");
	snprintf(both, sizeof(both), "API_KEYS=other\n%s\n", setting);
	CU_ASSERT_EQUAL(load_text(CONFIG_POOL, both, NULL), ST_INVALID);
	CU_ASSERT_TRUE(said(&last.mistakes, "one of the two"));
	CU_ASSERT_EQUAL(load_setting(CONFIG_POOL, "API_KEYS_FILE="), ST_INVALID);
	CU_ASSERT_EQUAL(load_setting(CONFIG_POOL, "API_KEYS_FILE=/nowhere"), ST_INVALID);
	snprintf(setting, sizeof(setting), "API_KEYS_FILE=%s", write_file("\nx\n", 3));
	CU_ASSERT_EQUAL(load(CONFIG_POOL, NULL, 0, environment), ST_INVALID);
	forget();
}

TEST(config_sources, unwise_values_are_warned_about)
{
	CU_ASSERT_EQUAL(load_text(CONFIG_DAEMON, "SYNC_INTERVAL_SECONDS=5\n", NULL), ST_OK);
	CU_ASSERT_TRUE(said(&last.warnings, "f.conf:1: SYNC_INTERVAL_SECONDS=5 is outside"));
	CU_ASSERT_EQUAL(load_text(CONFIG_DAEMON, "SYNC_INTERVAL_SECONDS=0\n", NULL), ST_OK);
	CU_ASSERT_EQUAL(last.warnings.len, 0);
	CU_ASSERT_EQUAL(load_text(CONFIG_DAEMON, "LOG_LEVEL=info\nLOG_LEVEL=warn\n", NULL), ST_OK);
	CU_ASSERT_TRUE(said(&last.warnings, "f.conf:2: LOG_LEVEL stands twice"));
	forget();
}

TEST(config_checks, production_refuses_well_known_keys)
{
	static char production[] = "ENVIRONMENT=production", keys[] = "API_KEYS=fresh,store-s1-key",
		    good[] = "API_KEYS=fresh", central[] = "CENTRAL_API_KEY=fresh";
	char *known[] = { production, keys, NULL }, *fresh[] = { production, good, NULL };
	char *daemon[] = { production, central, NULL };

	CU_ASSERT_EQUAL(load(CONFIG_POOL, NULL, 0, known), ST_INVALID);
	CU_ASSERT_TRUE(said(&last.mistakes, "store-s1-key"));
	CU_ASSERT_FALSE(said(&last.mistakes, "fresh"));
	CU_ASSERT_EQUAL(load(CONFIG_POOL, NULL, 0, fresh), ST_OK);
	CU_ASSERT_EQUAL(load_setting(CONFIG_DAEMON, "ENVIRONMENT=production"), ST_INVALID);
	CU_ASSERT_EQUAL(load(CONFIG_DAEMON, NULL, 0, daemon), ST_OK);
	CU_ASSERT_EQUAL(load_setting(CONFIG_TOOL, "ENVIRONMENT=production"), ST_OK);
	forget();
}

TEST(config_checks, products_and_paths_have_limits)
{
	static char processes[] = "POOL_PROCESSES=64", threads[] = "POOL_THREADS=33";
	char *many[] = { processes, threads, NULL };
	char run_dir[200];

	CU_ASSERT_EQUAL(load(CONFIG_POOL, NULL, 0, many), ST_INVALID);
	CU_ASSERT_TRUE(said(&last.mistakes, "2048"));
	memset(run_dir, 'r', sizeof(run_dir));
	memcpy(run_dir, "RUN_DIR=/", 9);
	run_dir[8 + 94] = '\0';
	CU_ASSERT_EQUAL(load_setting(CONFIG_POOL, run_dir), ST_OK);
	run_dir[8 + 94] = 'r';
	run_dir[8 + 95] = '\0';
	CU_ASSERT_EQUAL(load_setting(CONFIG_POOL, run_dir), ST_INVALID);
	forget();
}

TEST(config_print, shows_what_is_in_effect_with_secrets_masked)
{
	struct buf out, again;
	const char *path;

	buf_init(&out, 100000);
	buf_init(&again, 100000);
	CU_ASSERT_EQUAL_FATAL(load_setting(CONFIG_POOL, "API_KEYS=sesame,other"), ST_OK);
	config_print(last.config, CONFIG_POOL, &out);
	CU_ASSERT_FALSE(said(&out, "sesame"));
	CU_ASSERT_TRUE(said(&out, "API_KEYS=***,***\n"));
	CU_ASSERT_TRUE(said(&out, "FCGI_SOCKET_MODE=0660\n"));
	CU_ASSERT_FALSE(said(&out, "CENTRAL_API_URL"));
	/* What is printed can be read again. */
	path = write_file(out.data, out.len);
	CU_ASSERT_EQUAL_FATAL(load(CONFIG_POOL, &path, 1, NULL), ST_OK);
	config_print(last.config, CONFIG_POOL, &again);
	ASSERT_TEXT(buf_text(&again), buf_text(&out));
	buf_free(&out);
	buf_free(&again);
	forget();
}

TEST(config_print, names_what_needs_a_restart)
{
	struct config *running;
	struct buf keys;

	CU_ASSERT_EQUAL_FATAL(load(CONFIG_POOL, NULL, 0, NULL), ST_OK);
	running = last.config;
	last.config = NULL;
	buf_init(&keys, 1000);
	CU_ASSERT_EQUAL_FATAL(
	    load_text(CONFIG_POOL, "API_KEYS=new\nLOG_LEVEL=debug\n", NULL), ST_OK);
	config_restart_needed(running, last.config, CONFIG_POOL, &keys);
	ASSERT_TEXT(buf_text(&keys), "");
	CU_ASSERT_EQUAL_FATAL(load_text(CONFIG_POOL, "DATA_DIR=/x\nPOOL_THREADS=4\n", NULL), ST_OK);
	config_restart_needed(running, last.config, CONFIG_POOL, &keys);
	ASSERT_TEXT(buf_text(&keys), "DATA_DIR, POOL_THREADS");
	buf_free(&keys);
	config_free(running);
	forget();
}

TEST(config_help, tells_of_each_setting_its_facts)
{
	struct buf help;

	buf_init(&help, 100000);
	config_help(CONFIG_POOL, &help);
	CU_ASSERT_TRUE(said(&help, "  API_KEYS (or its _FILE)\n"));
	CU_ASSERT_TRUE(
	    said(&help, "      allowed: 2 to 256; default: 16; takes effect at a restart\n"));
	CU_ASSERT_TRUE(said(&help, "or json; default: logfmt; takes effect at a reload\n"));
	CU_ASSERT_TRUE(said(&help, "; default: unset; takes effect at a restart\n"));
	CU_ASSERT_FALSE(said(&help, "CENTRAL_API_URL"));
	buf_reset(&help);
	config_help(CONFIG_TOOL, &help);
	CU_ASSERT_FALSE(said(&help, "takes effect"));
	/* It keeps no log. */
	CU_ASSERT_FALSE(said(&help, "LOG_LEVEL"));
	buf_free(&help);
}

/* A line of a sample as "KEY", "value"; false where it is a comment or empty. */
static bool sample_line(char *line, bool *commented, char **key, char **value)
{
	*commented = line[0] == '#';
	*key = line + *commented;
	*value = strchr(*key, '=');
	if (!*value || strspn(*key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") != (size_t)(*value - *key))
		return false;
	*(*value)++ = '\0';
	return true;
}

/* Each line of the sample is a setting of its readers, with its default where commented out. */
static unsigned count_settings_of_sample(const char *path, bool daemon_alone)
{
	struct buf text;
	unsigned n = 0;
	char *rest = NULL, *key, *value;
	bool commented;

	buf_init(&text, 100000);
	CU_ASSERT_EQUAL_FATAL(io_read_file(path, &text), ST_OK);
	for (char *line = strtok_r(text.data, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		const struct setting *s;

		if (!sample_line(line, &commented, &key, &value))
			continue;
		n++;
		s = setting_find(key, strlen(key));
		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		CU_ASSERT_EQUAL(!(s->users & CONFIG_POOL), daemon_alone);
		/* The number of cores is no text. */
		if (commented && (s->by_default[0] || s->may_be_empty))
			ASSERT_TEXT(value, s->by_default);
	}
	buf_free(&text);
	return n;
}

TEST(config_samples, hold_every_setting_once_and_nothing_else)
{
	static const char *const samples[] = { "conf/store-api.conf", "conf/store-syncd.conf" };
	struct buf text;
	unsigned n;

	if (access(samples[0], R_OK) != 0)
		return; /* not run from the top of the tree */
	n = count_settings_of_sample(samples[0], false);
	n += count_settings_of_sample(samples[1], true);
	CU_ASSERT_EQUAL(n, settings_count);
	buf_init(&text, 100000);
	for (size_t i = 0; i < N(samples); i++)
		CU_ASSERT_EQUAL(io_read_file(samples[i], &text), ST_OK);
	for (size_t i = 0; i < settings_count; i++) {
		char line[80];

		snprintf(line, sizeof(line), "\n%s=", settings[i].name);
		if (!said(&text, line))
			line[0] = '#';
		CU_ASSERT_TRUE(said(&text, line));
	}
	CU_ASSERT_EQUAL(load(CONFIG_POOL, samples, 1, NULL), ST_OK);
	CU_ASSERT_EQUAL(load(CONFIG_DAEMON, samples, 2, NULL), ST_OK);
	buf_free(&text);
	forget();
}
