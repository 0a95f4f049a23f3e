/* Two texts, apart by a NUL, as schemas of the language that the first byte names: both are read, written
 * in every form, compared in both directions and linted. What was written is read again. */
#include "codec/lint.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_form(const struct k2_schema_text *s, enum k2_schema_form form) {
    struct k2_buf out = {0}, again = {0};
    struct k2_err err;
    if (k2_schema_form(s, form, &out, &err) == K2_OK && form != K2_SCHEMA_PARSING) {
        struct k2_schema_text written = {.type = s->type, .text = k2_buf_view(&out)};
        if (k2_schema_form(&written, form, &again, &err) != K2_OK ||
            !k2_sv_eq(k2_buf_view(&out), k2_buf_view(&again)))
            abort();
    }
    k2_buf_free(&out);
    k2_buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    struct k2_sv rest = {(const char *)data + 1, size - 1};
    struct k2_sv texts[2] = {k2_sv_split(&rest, '\0'), rest};
    struct k2_schema_text s[2];
    for (int i = 0; i < 2; i++) {
        s[i] =
            (struct k2_schema_text){.type = (enum k2_schema_type)(data[0] % 3), .text = texts[i]};
        check_form(&s[i], K2_SCHEMA_CANONICAL);
        check_form(&s[i], K2_SCHEMA_NORMALIZED);
        check_form(&s[i], K2_SCHEMA_PARSING);
    }
    struct k2_compat_findings found = {0};
    struct k2_lint_findings lint = {0};
    struct k2_err err;
    int rc = k2_compat_check(&s[0], &s[1], 1, K2_COMPAT_FULL, &found, &err);
    rc |= k2_schema_lint(&s[0], &s[1], 20000, &lint, &err);
    k2_compat_findings_free(&found);
    k2_lint_findings_free(&lint);
    return rc > 0; /* never */
}
