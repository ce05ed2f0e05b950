#include "tool/look.h"

#include "base/clock.h"

static enum st_err read_snapshot(struct store_reader *reader, struct look *out)
{
	struct store_snapshot s;
	enum st_err err = store_snapshot_begin(reader, &s);

	/* Not before: what was committed since would lie in the future. */
	out->now = stamp_now();
	if (err)
		return err;
	out->products = store_snapshot_count(&s);
	err = store_snapshot_record(&s, &out->record);
	if (!err)
		err = store_snapshot_stats(&s, &out->stats);
	store_snapshot_end(&s);
	return err == ST_NOT_FOUND ? ST_UNAVAILABLE : err;
}

enum st_err look_into_store(const struct config *c, struct look *out)
{
	struct store_options options = { c->data_dir, (size_t)c->cache_map_size_mb << 20 };
	struct store_reader *reader;
	enum st_err err;

	*out = (struct look){ .now = stamp_now() };
	err = store_reader_open(&options, &reader);
	if (err)
		return err;
	out->has_writer = store_reader_has_writer(reader);
	err = read_snapshot(reader, out);
	store_reader_close(reader);
	return err;
}
