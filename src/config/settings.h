/*
 * config/settings.h: the table of settings, for the files of src/config/.
 */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include "config/config.h"

struct setting {
	const char *name;
	unsigned users; /* bits of enum config_program; 0: of nobody, but a name of ours */
	const char *by_default;
	const char *allowed; /* for people */
	const char *help;

	/* Reads a value into the config; false where it isn't allowed. */
	bool (*set)(const struct setting *s, const char *value, struct config *c);
	size_t offset;              /* of the member that `set` fills */
	int64_t min, max;           /* of numbers */
	int64_t wise_min, wise_max; /* outside: a warning; both 0: none */
	const char *const *words;   /* of choices, NULL at the end */
	bool secret;                /* masked; may be given as NAME_FILE */
	bool may_be_empty;
	bool at_reload; /* a reload takes it; others need a restart */
};

extern const struct setting settings[];
extern const size_t settings_count;

/* NULL if there is none of that name. */
const struct setting *setting_find(const char *name, size_t len);

/* The known name that is nearest to this one; NULL if none is near. */
const char *setting_nearest(const char *name, size_t len);

/* The ways to read a value (values.c). */
bool set_number(const struct setting *s, const char *value, struct config *c);
bool set_octal(const struct setting *s, const char *value, struct config *c);
bool set_choice(const struct setting *s, const char *value, struct config *c);
bool set_path(const struct setting *s, const char *value, struct config *c);
bool set_file(const struct setting *s, const char *value, struct config *c);
bool set_text(const struct setting *s, const char *value, struct config *c);
bool set_keys(const struct setting *s, const char *value, struct config *c);
bool set_store_id(const struct setting *s, const char *value, struct config *c);
bool set_url(const struct setting *s, const char *value, struct config *c);
bool set_listen(const struct setting *s, const char *value, struct config *c);
bool set_prefix(const struct setting *s, const char *value, struct config *c);
bool set_origins(const struct setting *s, const char *value, struct config *c);

/* A string or list member freed and emptied, whatever its type. */
void setting_clear(const struct setting *s, struct config *c);

/* What must hold between settings (checks.c): a line for each mistake. */
void config_cross_check(const struct config *c, enum config_program program, struct buf *mistakes);

/* One KEY=value line of a file (file.c). */
struct config_line {
	const char *file;
	unsigned number;
	char *key, *value;   /* NULL where `mistake` is set */
	const char *mistake; /* what is wrong with the line, NULL if nothing */
};
typedef void config_line_fn(void *arg, const struct config_line *line);

/* Calls back for each line that holds something; ST_* where the file can't be read. */
enum st_err config_read_file(const char *path, config_line_fn *each, void *arg);

#endif
