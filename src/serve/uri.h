/* serve/uri.h - the path of a request target (RFC 3986). */
#ifndef K2_SERVE_URI_H
#define K2_SERVE_URI_H

#include "base/buf.h"
#include "base/err.h"

/* Decodes %XX once and appends the path to out, with its NUL (k2_buf_cstr). K2_E_INVALID: a broken
 * %XX, a control character or NUL, raw or decoded, or no '/' at the start. */
K2_RC uri_path(struct k2_sv raw, struct k2_buf *out, struct k2_err *err);

/* The same of one part of a path, or of a value in a query. */
K2_RC uri_part(struct k2_sv raw, struct k2_buf *out, struct k2_err *err);

#endif
