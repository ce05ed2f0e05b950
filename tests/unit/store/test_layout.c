#include "store/layout.h"

#include <string.h>

#include "fixture.h"

static MDB_val val(const void *data, size_t len)
{
	return (MDB_val){ .mv_size = len, .mv_data = (void *)(uintptr_t)data };
}

static const struct product sample = {
	.id = { "PROD-001", 8 },
	.version = 6,
	.json = { "{\"productId\":\"PROD-001\"}", 24 },
};

TEST(store_layout, product_comes_back_as_it_was)
{
	unsigned char bytes[128];
	MDB_val key = val("PROD-001", 8), value = val(bytes, layout_product_size(&sample));
	struct product p;

	layout_write_product(&sample, bytes);
	CU_ASSERT_EQUAL_FATAL(layout_read_product(&key, &value, &p), ST_OK);
	CU_ASSERT_EQUAL(p.version, 6);
	CU_ASSERT_EQUAL(p.id.len, 8);
	CU_ASSERT_PTR_EQUAL(p.id.data, key.mv_data);
	CU_ASSERT_EQUAL(p.json.len, sample.json.len);
	CU_ASSERT_EQUAL(memcmp(p.json.data, sample.json.data, p.json.len), 0);
}

/* Stores outlive programs: who changes these bytes must raise LAYOUT_FORMAT. */
TEST(store_layout, bytes_of_format_3)
{
	static const unsigned char expected[LAYOUT_PRODUCT_HEADER] = { /* hash */ 0, 0, 0, 0, 0, 0,
		0, 0,
		/* version */ 6, 0, 0, 0, 0, 0, 0, 0,
		/* flags, length */ 0, 0, 0, 0, 24, 0, 0, 0 };
	struct sync_record record = fixture_record(1045);
	unsigned char bytes[128], record_bytes[LAYOUT_RECORD_SIZE];
	uint64_t hash;

	layout_write_product(&sample, bytes);
	CU_ASSERT_EQUAL(memcmp(bytes + 8, expected + 8, sizeof(expected) - 8), 0);
	memcpy(&hash, bytes, sizeof(hash));
	CU_ASSERT_EQUAL(hash, UINT64_C(0xf723032fd5d8e7e9));
	layout_write_record(&record, record_bytes);
	memcpy(&hash, record_bytes, sizeof(hash));
	CU_ASSERT_EQUAL(LAYOUT_RECORD_SIZE, 632);
	CU_ASSERT_EQUAL(hash, UINT64_C(0x45b71f887af07b65));
}

TEST(store_layout, every_flipped_bit_of_a_product_is_seen)
{
	unsigned char bytes[128];
	size_t size = layout_product_size(&sample);
	MDB_val key = val("PROD-001", 8), value = val(bytes, size);
	struct product p = { .version = -7 };

	layout_write_product(&sample, bytes);
	for (size_t bit = 0; bit < size * 8; bit++) {
		bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
		CU_ASSERT_EQUAL(layout_read_product(&key, &value, &p), ST_CORRUPT);
		bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
	}
	CU_ASSERT_EQUAL(p.version, -7);
	CU_ASSERT_EQUAL(layout_read_product(&key, &value, &p), ST_OK);
}

TEST(store_layout, product_under_a_wrong_key_is_seen)
{
	unsigned char bytes[128];
	MDB_val key = val("PROD-002", 8), value = val(bytes, layout_product_size(&sample));
	struct product p;

	layout_write_product(&sample, bytes);
	CU_ASSERT_EQUAL(layout_read_product(&key, &value, &p), ST_CORRUPT);
}

TEST(store_layout, product_cut_at_any_length_is_seen)
{
	unsigned char bytes[128];
	struct product p;

	layout_write_product(&sample, bytes);
	for (size_t len = 0; len < layout_product_size(&sample); len++) {
		MDB_val key = val("PROD-001", 8), value = val(bytes, len);

		CU_ASSERT_EQUAL(layout_read_product(&key, &value, &p), ST_CORRUPT);
	}
}

TEST(store_layout, record_comes_back_and_flips_are_seen)
{
	struct sync_record record = fixture_record(1045), found;
	unsigned char bytes[LAYOUT_RECORD_SIZE];
	MDB_val value = val(bytes, sizeof(bytes));

	layout_write_record(&record, bytes);
	CU_ASSERT_EQUAL(layout_read_record(&value, &found), ST_OK);
	CU_ASSERT_EQUAL(memcmp(&found, &record, sizeof(record)), 0);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] ^= 0x10;
		CU_ASSERT_EQUAL(layout_read_record(&value, &found), ST_CORRUPT);
		bytes[i] ^= 0x10;
	}
	value.mv_size--;
	CU_ASSERT_EQUAL(layout_read_record(&value, &found), ST_CORRUPT);
	value.mv_size = 0;
	CU_ASSERT_EQUAL(layout_read_record(&value, &found), ST_CORRUPT);
}

/* As a program of another version would have it: n bytes behind the header, sealed anew. */
static enum st_err read_resized(
    const unsigned char whole[LAYOUT_RECORD_SIZE], uint32_t n, struct sync_record *out)
{
	unsigned char sealed[LAYOUT_RECORD_SIZE + 100], bytes[LAYOUT_RECORD_SIZE + 100];
	MDB_val key = layout_key(LAYOUT_RECORD_KEY), value = val(sealed, LAYOUT_RECORD_HEADER + n);

	memset(bytes, 0x55, sizeof(bytes));
	memset(sealed, 0xaa, sizeof(sealed)); /* what may lie behind it in the map */
	memcpy(
	    bytes, whole, n < LAYOUT_RECORD_SIZE ? n + LAYOUT_RECORD_HEADER : LAYOUT_RECORD_SIZE);
	memcpy(bytes + 12, &n, sizeof(n));
	layout_seal(&key, bytes + LAYOUT_SEAL, value.mv_size - LAYOUT_SEAL, sealed);
	return layout_read_record(&value, out);
}

TEST(store_layout, a_record_with_more_or_fewer_members_can_be_read)
{
	uint32_t size = sizeof(struct sync_record),
		 least = LAYOUT_RECORD_LEAST - LAYOUT_RECORD_HEADER;
	struct sync_record record = fixture_record(1045), found;
	unsigned char bytes[LAYOUT_RECORD_SIZE];

	record.compared_mended = 7;
	layout_write_record(&record, bytes);
	CU_ASSERT_EQUAL(read_resized(bytes, size, &found), ST_OK);
	CU_ASSERT_EQUAL(read_resized(bytes, size + 100, &found), ST_OK);
	CU_ASSERT_EQUAL(memcmp(&found, &record, sizeof(record)), 0);
	/* Of an older version, whose record ended here. */
	CU_ASSERT_EQUAL(read_resized(bytes, least, &found), ST_OK);
	CU_ASSERT_EQUAL(memcmp(&found, &record, least), 0);
	for (size_t i = least; i < size; i++)
		CU_ASSERT_EQUAL(((unsigned char *)&found)[i], 0);
	CU_ASSERT_EQUAL(read_resized(bytes, least - 8, &found), ST_CORRUPT);
}
