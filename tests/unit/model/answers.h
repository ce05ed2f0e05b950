/*
 * answers.h: what a Central answers, as text; shared by the tests of model/.
 */
#ifndef ANSWERS_H
#define ANSWERS_H

#define PRODUCT_1                                                                        \
	"{\"productId\":\"PROD-001\",\"name\":\"Wireless Headphones\",\"available\":10," \
	"\"version\":6,\"lastUpdated\":\"2024-01-15T10:30:00Z\",\"price\":99.99}"
#define PRODUCT_2                                                                               \
	"{\"productId\":\"PROD-002\",\"name\":\"Laptop \\u003c13\\\"\\u003e \\u0026 case\","    \
	"\"available\":35,\"version\":20,\"lastUpdated\":\"2025-09-02T20:51:37Z\",\"price\":12" \
	"99.5}"
#define PRODUCT_3                                                                                 \
	"{\"productId\":\"PROD-003\",\"name\":\"Café 日本 😀\",\"available\":1,\"version\":" \
	"1,\"lastUpdated\":\"2025-09-04T23:06:38-05:00\",\"price\":1}"
#define PRODUCT_4                                                                       \
	"{\"productId\":\"PROD-006\",\"name\":\"Cable\",\"available\":500,\"version\":" \
	"40,\"lastUpdated\":\"2025-09-02T07:30:00Z\",\"price\":1e+21}"
#define PRODUCT_5                                                                      \
	"{\"productId\":\"a/b c%2F\",\"name\":\"slash\",\"available\":2,\"version\":1" \
	",\"lastUpdated\":\"2025-09-02T07:30:00Z\",\"price\":2}"

/* The whole list in the pages dialect. */
#define ANSWER_PAGE                                                                      \
	"{\"pagination\":{\"has_more\":false,\"limit\":50,\"offset\":0,\"total_count\":" \
	"5},\"products\":[" PRODUCT_1 "," PRODUCT_2 "," PRODUCT_3 "," PRODUCT_4 "," PRODUCT_5 "]}"

#define EVENT_TIME "2026-11-22T18:59:40Z"

/* The feed of a write, and of a product created, deleted and created again. */
#define ANSWER_EVENTS                                                                           \
	"{\"events\":["                                                                         \
	"{\"offset\":0,\"timestamp\":\"" EVENT_TIME "\",\"eventType\":\"product_updated\","     \
	"\"productId\":\"PROD-006\",\"data\":{\"productId\":\"PROD-006\",\"name\":\"Cable\","   \
	"\"available\":499,\"version\":41,\"lastUpdated\":\"" EVENT_TIME "\",\"price\":1e+21}," \
	"\"version\":41},"                                                                      \
	"{\"offset\":5,\"timestamp\":\"" EVENT_TIME "\",\"eventType\":\"product_created\","     \
	"\"productId\":\"NEW-1\",\"data\":{\"productId\":\"NEW-1\",\"name\":\"new\","           \
	"\"available\":3,\"version\":1,\"lastUpdated\":\"" EVENT_TIME "\",\"price\":1.1},"      \
	"\"version\":1},"                                                                       \
	"{\"offset\":7,\"timestamp\":\"" EVENT_TIME "\",\"eventType\":\"product_deleted\","     \
	"\"productId\":\"NEW-1\",\"data\":{\"productId\":\"NEW-1\",\"name\":\"new\","           \
	"\"available\":9,\"version\":3,\"lastUpdated\":\"" EVENT_TIME "\",\"price\":1.1},"      \
	"\"version\":3}],"                                                                      \
	"\"nextOffset\":8,\"hasMore\":false,\"count\":3}"

#define ANSWER_NO_EVENTS "{\"events\":null,\"nextOffset\":9,\"hasMore\":false,\"count\":0}"

#endif
