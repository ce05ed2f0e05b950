#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/shop.h"
#include "tool/doctor.h"
#include "unit.h"

/* A doctor who writes JSON, beside a daemon that says this of itself. */
struct office {
	struct shop shop;
	struct config config;
	struct tool_arguments arguments;
	struct tool tool;
	struct doctor doctor;
};

static void begin(struct office *o, const struct control_status *status)
{
	memset(o, 0, sizeof(*o));
	shop_new(&o->shop, 1);
	shop_daemon_begin(&o->shop, status);
	o->config.run_dir = strdup(o->shop.options.run_dir);
	o->arguments.json = true;
	o->tool = (struct tool){ &o->arguments, &o->config };
	o->doctor = (struct doctor){ .tool = &o->tool, .check = "it" };
	buf_init(&o->doctor.out, 65536);
	jw_init(&o->doctor.json, &o->doctor.out);
}

static void end(struct office *o)
{
	buf_free(&o->doctor.out);
	free(o->config.run_dir);
	shop_daemon_end(&o->shop);
	shop_close(&o->shop);
}

static bool says(const struct office *o, const char *text)
{
	return strstr(buf_text(&o->doctor.out), text) != NULL;
}

TEST(tool_doctor, a_daemon_of_another_version_is_to_be_restarted)
{
	static const char *const versions[] = { "0.0.1", "" };
	static const char *const shown[] = { "runs version 0.0.1 and", "runs version (older) and" };

	for (size_t i = 0; i < 2; i++) {
		struct control_status status = { .state = SYNC_LIVE, .next_poll_at = -1 };
		struct office o;

		snprintf(status.version, sizeof(status.version), "%s", versions[i]);
		begin(&o, &status);
		check_daemon(&o.doctor);
		CU_ASSERT_EQUAL(o.doctor.counts[GRADE_WARN], 1);
		CU_ASSERT_TRUE(says(&o, shown[i]));
		CU_ASSERT_TRUE(says(&o, "\"advice\":\"restart the daemon"));
		end(&o);
	}
}

TEST(tool_doctor, every_way_in_which_central_fails_has_its_advice)
{
	for (int c = FAILURE_NONE + 1; c < FAILURE_CLASS_COUNT; c++) {
		struct control_status status = { .state = SYNC_RETRYING,
			.next_poll_at = -1,
			.last_contact_at = 1705314000,
			.failure = (enum failure_class)c,
			.failed_at = 1,
			.failure_message = "so\x1b it is" };
		struct office o;

		begin(&o, &status);
		check_central(&o.doctor);
		CU_ASSERT_EQUAL(
		    o.doctor.counts[c == FAILURE_RATE_LIMITED ? GRADE_WARN : GRADE_FAIL], 1);
		CU_ASSERT_TRUE(says(&o, failure_class_text((enum failure_class)c)));
		CU_ASSERT_TRUE(says(&o, "so\\u001b it is"));
		CU_ASSERT_TRUE(says(&o, "2024-01-15T10:20:00Z"));
		CU_ASSERT_FALSE(says(&o, "\"advice\":null"));
		end(&o);
	}
}

TEST(tool_doctor, a_daemon_that_has_just_begun_is_no_fault)
{
	struct control_status status = {
		.state = SYNC_STARTING, .next_poll_at = -1, .last_contact_at = -1
	};
	struct office o;

	begin(&o, &status);
	check_central(&o.doctor);
	CU_ASSERT_EQUAL(o.doctor.counts[GRADE_NOTE], 1);
	CU_ASSERT_EQUAL(o.doctor.counts[GRADE_WARN] + o.doctor.counts[GRADE_FAIL], 0);
	end(&o);
}
