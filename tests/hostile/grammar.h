/*
 * hostile/grammar.h: is this RFC 8259?  A second opinion, which shares no code
 * with the scanner that it watches.
 */
#ifndef HOSTILE_GRAMMAR_H
#define HOSTILE_GRAMMAR_H

#include <stdbool.h>
#include <stddef.h>

/* One value, space around it, nothing else; its bytes are taken for UTF-8. */
bool grammar_is_json(const char *text, size_t len);

#endif
