/*
 * config/checks.c: what must hold between settings.  The values come from
 * several places, so these lines name keys and values only.
 */
#include <string.h>

#include "config/settings.h"

#define SERVED_AT_ONCE_MAX 2048
#define SOCKET_PATH_MAX    107
#define CONTROL_SOCKET     "/control.sock"

static bool has_key(const struct config *c, const char *key)
{
	for (size_t i = 0; i < c->api_keys.n; i++)
		if (strcmp(c->api_keys.items[i], key) == 0)
			return true;
	return false;
}

static void check_production(
    const struct config *c, enum config_program program, struct buf *mistakes)
{
	static const char *const known[] = { "demo", "store-s1-key" };

	if (c->environment != CONFIG_PRODUCTION)
		return;
	for (size_t i = 0; program == CONFIG_POOL && i < 2; i++)
		if (has_key(c, known[i]))
			buf_addf(mistakes,
			    "API_KEYS=***: the well-known key '%s' is not allowed with "
			    "ENVIRONMENT=production\n",
			    known[i]);
	if (program == CONFIG_DAEMON && strcmp(c->central_api_key, "demo") == 0)
		buf_adds(mistakes,
		    "CENTRAL_API_KEY=***: the well-known key 'demo' is not allowed with "
		    "ENVIRONMENT=production\n");
}

static void check_pool(const struct config *c, struct buf *mistakes)
{
	int64_t poll = c->sync_interval_seconds + c->event_wait_timeout_seconds;

	if (c->pool_processes * c->pool_threads > SERVED_AT_ONCE_MAX)
		buf_addf(mistakes,
		    "POOL_PROCESSES=%lld, POOL_THREADS=%lld: allowed: a product of at "
		    "most %d\n",
		    (long long)c->pool_processes, (long long)c->pool_threads, SERVED_AT_ONCE_MAX);
	if (c->max_staleness_seconds > 0 && c->max_staleness_seconds < poll)
		buf_addf(mistakes,
		    "MAX_STALENESS_SECONDS=%lld: allowed: 0, or at least "
		    "SYNC_INTERVAL_SECONDS + EVENT_WAIT_TIMEOUT_SECONDS (%lld), else it would "
		    "flap\n",
		    (long long)c->max_staleness_seconds, (long long)poll);
}

void config_cross_check(const struct config *c, enum config_program program, struct buf *mistakes)
{
	check_production(c, program, mistakes);
	if (program == CONFIG_POOL)
		check_pool(c, mistakes);
	if (program == CONFIG_DAEMON && !c->central_client_cert[0] != !c->central_client_key[0])
		buf_adds(
		    mistakes, "CENTRAL_CLIENT_CERT, CENTRAL_CLIENT_KEY: allowed: both or none\n");
	if (strlen(c->run_dir) + strlen(CONTROL_SOCKET) > SOCKET_PATH_MAX)
		buf_addf(mistakes,
		    "RUN_DIR=%s: allowed: an absolute path of at most %zu bytes, since the "
		    "control socket's address holds %d\n",
		    c->run_dir, SOCKET_PATH_MAX - strlen(CONTROL_SOCKET), SOCKET_PATH_MAX);
}
