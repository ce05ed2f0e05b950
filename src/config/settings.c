/*
 * config/settings.c: every setting there is.  Loading, checking, printing,
 * --help and the samples in conf/ follow this table.
 */
#include "config/settings.h"

#include <stdlib.h>
#include <string.h>

#define POOL         CONFIG_POOL
#define DAEMON       CONFIG_DAEMON
#define TOOL         CONFIG_TOOL
#define ALL          (POOL | DAEMON | TOOL)
#define AT(member)   .offset = offsetof(struct config, member)
#define WEEK_MINUTES 10080

static const char *const environments[] = { "development", "staging", "production", NULL };
static const char *const levels[] = { "debug", "info", "warn", "error", NULL };
static const char *const formats[] = { "logfmt", "json", NULL };

/* clang-format off */
const struct setting settings[] = {
	{ "PORT", POOL, "8083", "1 to 65535", "port of the web server in `make demo` and the container; the programs ignore it",
	  set_number, AT(port), .min = 1, .max = 65535 },
	{ "ENVIRONMENT", POOL | DAEMON, "development", "development, staging or production", "production refuses well-known keys",
	  set_choice, AT(environment), .words = environments },
	{ "LOG_LEVEL", POOL | DAEMON, "info", "debug, info, warn or error", "the least important records that are logged",
	  set_choice, AT(log_level), .words = levels, .at_reload = true },
	{ "LOG_FORMAT", POOL | DAEMON, "logfmt", "logfmt or json", "form of the records on stderr",
	  set_choice, AT(log_format), .words = formats, .at_reload = true },
	{ "API_KEYS", POOL, "store-s1-key,demo", "a comma list of keys, 1 to 256 bytes each", "keys that clients may send as X-API-Key",
	  set_keys, AT(api_keys), .secret = true, .at_reload = true },
	{ "STORE_ID", ALL, "store-s1", "1 to 64 of A-Z a-z 0-9 . _ -", "this store's name; once set, no other storeId is taken",
	  set_store_id, AT(store_id) },
	{ "CENTRAL_API_URL", DAEMON, "http://inventory-management-system:8081", "an http:// or https:// URL without user, password and query", "the Central Inventory API",
	  set_url, AT(central_api_url), .at_reload = true },
	{ "CENTRAL_API_KEY", DAEMON, "demo", "a key of 1 to 4096 printable bytes", "our key at Central",
	  set_text, AT(central_api_key), .max = 4096, .secret = true, .at_reload = true },
	{ "CENTRAL_CA_FILE", DAEMON, "", "a PEM file", "certificates that Central's must descend from; unset: the system's",
	  set_file, AT(central_ca_file), .may_be_empty = true },
	{ "CENTRAL_CLIENT_CERT", DAEMON, "", "a PEM file", "our certificate for mutual TLS",
	  set_file, AT(central_client_cert), .may_be_empty = true },
	{ "CENTRAL_CLIENT_KEY", DAEMON, "", "a PEM file", "the private key of our certificate",
	  set_file, AT(central_client_key), .may_be_empty = true },
	{ "CENTRAL_TIMEOUT_SECONDS", DAEMON, "30", "1 to 300", "the longest time of one list or product request",
	  set_number, AT(central_timeout_seconds), .min = 1, .max = 300, .at_reload = true },
	{ "CENTRAL_WRITE_TIMEOUT_SECONDS", DAEMON, "8", "1 to 60", "the longest time of one forwarded write, all tries together",
	  set_number, AT(central_write_timeout_seconds), .min = 1, .max = 60, .at_reload = true },
	{ "DATA_DIR", ALL, STATE_DIR "/store-api", "an absolute path", "directory of the store",
	  set_path, AT(data_dir) },
	{ "RUN_DIR", ALL, RUN_STATE_DIR "/store-api", "an absolute path of at most 94 bytes", "directory of the control socket and the counters",
	  set_path, AT(run_dir) },
	{ "SYNC_INTERVAL_SECONDS", ALL, "30", "0 to 3600", "from the start of one idle poll for events to the next; 0: at once",
	  set_number, AT(sync_interval_seconds), .max = 3600, .wise_min = 10, .wise_max = 300, .at_reload = true },
	{ "EVENT_WAIT_TIMEOUT_SECONDS", ALL, "20", "0 to 60", "how long Central holds an idle poll",
	  set_number, AT(event_wait_timeout_seconds), .max = 60, .wise_min = 5, .wise_max = 60, .at_reload = true },
	{ "EVENT_BATCH_LIMIT", DAEMON, "100", "1 to 1000", "the most events in one answer",
	  set_number, AT(event_batch_limit), .min = 1, .max = 1000, .wise_min = 10, .wise_max = 500, .at_reload = true },
	{ "SYNC_INTERVAL_MINUTES", DAEMON, "5", "1 to 1440", "from one full sync to the next in fallback mode",
	  set_number, AT(sync_interval_minutes), .min = 1, .max = 1440, .at_reload = true },
	{ "VERIFY_INTERVAL_MINUTES", DAEMON, "60", "0 to 10080", "from one comparison with Central's whole list to the next; 0: never",
	  set_number, AT(verify_interval_minutes), .max = WEEK_MINUTES, .at_reload = true },
	{ "MAX_CONSECUTIVE_FAILURES", DAEMON | TOOL, "5", "1 to 100", "failures in a row that begin fallback mode",
	  set_number, AT(max_consecutive_failures), .min = 1, .max = 100, .at_reload = true },
	{ "MAX_STALENESS_SECONDS", POOL | TOOL, "0", "0 to 31536000", "reads of an older cache answer 503 cache_too_stale; 0: never",
	  set_number, AT(max_staleness_seconds), .max = 31536000, .at_reload = true },
	{ "FULL_SYNC_MAX_DROP_PERCENT", DAEMON, "50", "0 to 100", "a full sync that would delete more of the products is done twice before it is believed",
	  set_number, AT(full_sync_max_drop_percent), .max = 100, .at_reload = true },
	{ "CACHE_MAP_SIZE_MB", ALL, "16384", "16 to 1048576", "largest size of the store; reserves address space only",
	  set_number, AT(cache_map_size_mb), .min = 16, .max = 1048576 },
	{ "FCGI_LISTEN", POOL, "unix:" RUN_STATE_DIR "/store-api-fcgi/store-api.sock", "unix:PATH, HOST:PORT or [v6]:PORT", "where the web server connects; unused when a listening socket is handed over",
	  set_listen, AT(fcgi_listen) },
	{ "FCGI_SOCKET_MODE", POOL, "0660", "octal permission bits", "mode of a UNIX socket",
	  set_octal, AT(fcgi_socket_mode), .max = 0777, .may_be_empty = true },
	{ "FCGI_SOCKET_GROUP", POOL, "", "a group's name", "group of a UNIX socket; unset: that of its directory",
	  set_text, AT(fcgi_socket_group), .max = 64, .may_be_empty = true },
	{ "POOL_PROCESSES", POOL, "", "1 to 64", "worker processes; unset: one a core, at least 2",
	  set_number, AT(pool_processes), .min = 1, .max = 64 },
	{ "POOL_THREADS", POOL, "16", "2 to 256", "requests served at once by one process",
	  set_number, AT(pool_threads), .min = 2, .max = 256 },
	{ "MOUNT_PREFIX", POOL, "", "a path such as /api, or two such as /api=/v1/store", "what to cut from the front of request paths, and what to put there",
	  set_prefix, AT(mount_from), .may_be_empty = true },
	{ "MAX_BODY_BYTES", POOL, "1048576", "1024 to 1048576", "a larger request body is refused",
	  set_number, AT(max_body_bytes), .min = 1024, .max = 1048576, .at_reload = true },
	{ "CORS_ALLOWED_ORIGINS", POOL, "", "a comma list of origins (https://host[:port]), or *", "web pages that may call the API directly; unset: none",
	  set_origins, AT(cors_allowed_origins), .may_be_empty = true, .at_reload = true },
};
/* clang-format on */

const size_t settings_count = sizeof(settings) / sizeof(settings[0]);

const struct setting *setting_find(const char *name, size_t len)
{
	for (size_t i = 0; i < settings_count; i++)
		if (strlen(settings[i].name) == len && memcmp(settings[i].name, name, len) == 0)
			return &settings[i];
	return NULL;
}

#define NAME_MAX_LEN 40

/* Levenshtein's distance, with one row. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t row[NAME_MAX_LEN + 1];

	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b_len];
}

const char *setting_nearest(const char *name, size_t len)
{
	const char *nearest = NULL;
	size_t best = len / 3 + 2;

	if (len > NAME_MAX_LEN)
		return NULL;
	for (size_t i = 0; i < settings_count; i++) {
		size_t d = distance(name, len, settings[i].name, strlen(settings[i].name));

		if (d < best) {
			best = d;
			nearest = settings[i].name;
		}
	}
	return nearest;
}
