/*
 * model/scan.h: the pass over a JSON text, for doc.c alone.
 *
 * It knows the grammar and lays down the nodes; that no member stands twice is
 * looked at afterwards, by doc_parse().
 */
#ifndef MODEL_SCAN_H
#define MODEL_SCAN_H

#include <stddef.h>

#include "base/err.h"
#include "model/doc.h"

/*
 * Fills d->nodes and d->n, of d->text and d->len.  Whatever comes out, the
 * caller frees d->nodes.  ST_INVALID, ST_TOO_BIG (more than max_nodes),
 * ST_NOMEM; *why is filled for each of them.
 */
enum st_err scan_text(struct doc *d, size_t max_nodes, struct doc_error *why);

#endif
