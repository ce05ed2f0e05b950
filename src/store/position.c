/*
 * What the daemon keeps beside the products: its position in the event feed,
 * and what is in doubt.  No reader looks at these.
 */
#include <string.h>

#include "store/layout.h"
#include "store/writer.h"

void store_txn_put_position(struct store_txn *t, const void *bytes, size_t len)
{
	MDB_val key = layout_key(LAYOUT_POSITION_KEY);
	MDB_val value = { .mv_size = LAYOUT_SEAL + len };
	int rc;

	if (t->err != ST_OK)
		return;
	rc = mdb_put(t->txn, t->generation->unnamed, &key, &value, MDB_RESERVE);
	if (rc == 0)
		layout_seal(&key, bytes, len, value.mv_data);
	txn_note(t, generation_error(rc));
}

bool store_txn_get_position(struct store_txn *t, struct buf *out)
{
	MDB_val key = layout_key(LAYOUT_POSITION_KEY), value, bytes = { 0, NULL };
	enum st_err err;
	int rc;

	if (t->err != ST_OK)
		return false;
	rc = mdb_get(t->txn, t->generation->unnamed, &key, &value);
	if (rc == MDB_NOTFOUND)
		return false;
	err = rc == 0 ? layout_unseal(&key, &value, &bytes) : generation_error(rc);
	if (err == ST_OK) {
		buf_add(out, bytes.mv_data, bytes.mv_size);
		err = out->err;
	}
	txn_note(t, err);
	return err == ST_OK;
}

void store_txn_put_doubt(
    struct store_txn *t, const char *id, size_t id_len, const struct doubt *doubt)
{
	MDB_val key = txn_key(id, id_len), value = { .mv_size = LAYOUT_SEAL + sizeof(*doubt) };
	int rc;

	if (t->err != ST_OK)
		return;
	if (doubt != NULL) {
		rc = mdb_put(t->txn, t->generation->doubts, &key, &value, MDB_RESERVE);
		if (rc == 0)
			layout_seal(&key, doubt, sizeof(*doubt), value.mv_data);
	} else {
		rc = mdb_del(t->txn, t->generation->doubts, &key, NULL);
		if (rc == MDB_NOTFOUND)
			rc = 0;
	}
	txn_note(t, generation_error(rc));
}

static enum st_err read_doubt(const MDB_val *key, const MDB_val *value, struct doubt *out)
{
	MDB_val bytes = { 0, NULL };
	enum st_err err = layout_unseal(key, value, &bytes);

	if (err == ST_OK && bytes.mv_size != sizeof(*out))
		err = ST_CORRUPT;
	if (err == ST_OK)
		memcpy(out, bytes.mv_data, sizeof(*out));
	return err;
}

void store_txn_each_doubt(struct store_txn *t, store_doubt_each *each, void *arg)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	struct doubt doubt;
	enum st_err err = ST_OK;
	int rc;

	if (t->err != ST_OK)
		return;
	rc = mdb_cursor_open(t->txn, t->generation->doubts, &cursor);
	if (rc != 0) {
		txn_note(t, generation_error(rc));
		return;
	}
	while (err == ST_OK && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		err = read_doubt(&key, &value, &doubt);
		if (err == ST_OK)
			err = each(arg, key.mv_data, key.mv_size, &doubt);
	}
	mdb_cursor_close(cursor);
	if (err == ST_OK && rc != MDB_NOTFOUND)
		err = generation_error(rc);
	txn_note(t, err);
}
