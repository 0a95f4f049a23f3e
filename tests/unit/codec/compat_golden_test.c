/* Verdicts of the Java library and the Avro project's own test schemas, where the real data is at hand
 * (K2_SHARED_DATA/schema-compat, K2_SHARED_DATA/avro). */
#include "codec/compat.h"
#include "k2test.h"

#include "base/fs.h"
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The folder of real data; NULL, with a line, where there is none. */
static const char *data_folder(void) {
    const char *root = getenv("K2_SHARED_DATA");
    if (root && access(root, R_OK) == 0)
        return root;
    printf("SKIP: K2_SHARED_DATA does not name the folder of real data\n");
    return NULL;
}

/* The bytes of a file of the shared data; false, with a line, where there is none. */
static bool shared(const char *name, struct k2_buf *out) {
    const char *root = data_folder();
    struct k2_err err;
    if (!root)
        return false;
    char *path = k2_path(root, name);
    CHECK_OK(k2_fs_read(path, out, &err), &err);
    free(path);
    return true;
}

static struct k2_schema_text avro(struct k2_sv text) {
    return (struct k2_schema_text){.type = K2_SCHEMA_AVRO, .text = text};
}

/* "TYPE PATH" of each finding, in one text. */
static void put_reasons(const struct k2_compat_findings *f, struct k2_buf *out) {
    for (size_t i = 0; i < f->n; i++)
        k2_buf_printf(out, "%s %s\n", f->items[i].type, f->items[i].path);
}

static void put_expected(const struct k2_json *reasons, struct k2_buf *out) {
    for (size_t i = 0; i < k2_json_count(reasons); i++) {
        struct k2_sv s = {0};
        assert_true(k2_json_as_string(k2_json_at(reasons, i), &s));
        k2_buf_sv(out, s);
        k2_buf_byte(out, '\n');
    }
}

static void check_cell(const struct k2_json *pair, struct k2_buf *texts) {
    int64_t r, w;
    bool expected;
    struct k2_err err;
    struct k2_compat_findings found = {0};
    assert_true(k2_json_as_int(k2_json_get(pair, "reader"), &r));
    assert_true(k2_json_as_int(k2_json_get(pair, "writer"), &w));
    struct k2_schema_text reader = avro(k2_buf_view(&texts[r])),
                          writer = avro(k2_buf_view(&texts[w]));
    int rc = k2_compat_check(&reader, &writer, 1, K2_COMPAT_BACKWARD, &found, &err);
    if (k2_json_get(pair,
                    "error")) { /* Java raises an exception: an alias of a field that is there */
        CHECK_STATUS(rc, K2_E_CONFLICT);
        return;
    }
    CHECK_OK(rc, &err);
    assert_true(k2_json_as_bool(k2_json_get(pair, "compatible"), &expected));
    struct k2_buf ours = {0}, java = {0};
    put_reasons(&found, &ours);
    put_expected(k2_json_get(pair, "reasons"), &java);
    if ((found.n == 0) != expected || strcmp(k2_buf_cstr(&ours), k2_buf_cstr(&java)) != 0)
        fail_msg("reader %s writer %s:\n%swhere Java says:\n%s", k2_buf_cstr(&texts[r]),
                 k2_buf_cstr(&texts[w]), k2_buf_cstr(&ours), k2_buf_cstr(&java));
    k2_buf_free(&ours);
    k2_buf_free(&java);
    k2_compat_findings_free(&found);
}

static void every_pair_of_the_matrix_has_the_verdict_and_the_reasons_of_java(void **state) {
    (void)state;
    struct k2_buf text = {0};
    struct k2_err err;
    struct k2_json *matrix;
    if (!shared("schema-compat/avro-reader-writer-matrix.json", &text))
        skip();
    CHECK_OK(k2_json_parse(k2_buf_view(&text), &matrix, &err), &err);
    const struct k2_json *schemas = k2_json_get(matrix, "schemas"),
                         *pairs = k2_json_get(matrix, "pairs");
    size_t n = k2_json_count(schemas);
    struct k2_buf *texts = k2_zalloc(n * sizeof *texts);
    for (size_t i = 0; i < n; i++)
        k2_json_dump(k2_json_at(schemas, i), &texts[i]);
    assert_true(k2_json_count(pairs) >= n * n);
    for (size_t i = 0; i < k2_json_count(pairs); i++)
        check_cell(k2_json_at(pairs, i), texts);
    printf("%zu pairs of %zu schemas\n", k2_json_count(pairs), n);
    for (size_t i = 0; i < n; i++)
        k2_buf_free(&texts[i]);
    free(texts);
    k2_json_free(matrix);
    k2_buf_free(&text);
}

static bool compatible(const struct k2_json *next, const struct k2_json *earlier,
                       enum k2_compat_level level) {
    struct k2_buf a = {0}, b = {0};
    struct k2_err err;
    struct k2_compat_findings found = {0};
    k2_json_dump(next, &a);
    k2_json_dump(earlier, &b);
    struct k2_schema_text n = avro(k2_buf_view(&a)), e = avro(k2_buf_view(&b));
    CHECK_OK(k2_compat_check(&n, &e, 1, level, &found, &err), &err);
    bool good = found.n == 0;
    k2_compat_findings_free(&found);
    k2_buf_free(&a);
    k2_buf_free(&b);
    return good;
}

/* "backward", "forward", "both" or "none": what holds of the pair. */
static void the_cases_of_apicurio_hold(void **state) {
    (void)state;
    struct k2_buf text = {0};
    struct k2_err err;
    struct k2_json *doc;
    if (!shared("schema-compat/apicurio-avro-compatibility.json", &text))
        skip();
    CHECK_OK(k2_json_parse(k2_buf_view(&text), &doc, &err), &err);
    const struct k2_json *tests = k2_json_get(doc, "tests");
    assert_true(k2_json_count(tests) > 0);
    for (size_t i = 0; i < k2_json_count(tests); i++) {
        const struct k2_json *t = k2_json_at(tests, i);
        const struct k2_json *from = k2_json_get(t, "original"), *to = k2_json_get(t, "updated");
        struct k2_sv what = {0};
        assert_true(k2_json_as_string(k2_json_get(t, "compatibility"), &what));
        bool both = k2_sv_eq(what, K2_SV("both"));
        assert_int_equal(compatible(to, from, K2_COMPAT_BACKWARD),
                         both || k2_sv_eq(what, K2_SV("backward")));
        assert_int_equal(compatible(to, from, K2_COMPAT_FORWARD),
                         both || k2_sv_eq(what, K2_SV("forward")));
        assert_int_equal(compatible(to, from, K2_COMPAT_FULL), both);
    }
    k2_json_free(doc);
    k2_buf_free(&text);
}

/* The canonical text of a schema is a schema again, with the same canonical text. */
static void check_forms(const char *path) {
    struct k2_buf text = {0}, once = {0}, twice = {0}, normal = {0}, again = {0};
    struct k2_err err;
    CHECK_OK(k2_fs_read(path, &text, &err), &err);
    struct k2_schema_text s = avro(k2_buf_view(&text));
    int rc = k2_schema_parse_check(&s, &once, &err);
    if (rc != K2_OK)
        fail_msg("%s: %s", path, err.msg);
    struct k2_schema_text c = avro(k2_buf_view(&once));
    CHECK_OK(k2_schema_parse_check(&c, &twice, &err), &err);
    assert_string_equal(k2_buf_cstr(&once), k2_buf_cstr(&twice));
    CHECK_OK(k2_schema_form(&s, K2_SCHEMA_NORMALIZED, &normal, &err), &err);
    struct k2_schema_text n = avro(k2_buf_view(&normal));
    CHECK_OK(k2_schema_form(&n, K2_SCHEMA_NORMALIZED, &again, &err), &err);
    assert_string_equal(k2_buf_cstr(&normal), k2_buf_cstr(&again));
    struct k2_buf *all[] = {&text, &once, &twice, &normal, &again};
    for (size_t i = 0; i < 5; i++)
        k2_buf_free(all[i]);
}

/* Visits the files of a folder of the shared data; false, with a line, where there is none. */
static bool each_file(const char *folder, void (*visit)(const char *path)) {
    const char *root = data_folder();
    struct k2_err err;
    char **names;
    size_t n;
    if (!root)
        return false;
    char *dir = k2_path(root, folder);
    CHECK_OK(k2_fs_list(dir, &names, &n, &err), &err);
    assert_true(n > 0);
    for (size_t i = 0; i < n; i++) {
        char *path = k2_path(dir, names[i]);
        visit(path);
        free(path);
    }
    k2_fs_names_free(names, n);
    free(dir);
    return true;
}

static void the_schemas_of_registry_clients_are_read(void **state) {
    (void)state;
    if (!each_file("schema-compat/confluent-avro-schemas", check_forms))
        skip();
}

static void check_refused(const char *path) {
    struct k2_buf text = {0}, out = {0};
    struct k2_err err;
    CHECK_OK(k2_fs_read(path, &text, &err), &err);
    struct k2_schema_text s = avro(k2_buf_view(&text));
    if (k2_schema_parse_check(&s, &out, &err) != K2_E_INVALID)
        fail_msg("%s was taken for a schema", path);
    assert_non_null(strstr(err.msg, "not an Avro schema: "));
    k2_buf_free(&text);
    k2_buf_free(&out);
}

static void what_the_avro_project_accepts_and_refuses_is_accepted_and_refused(void **state) {
    (void)state;
    if (!each_file("avro/c-tests/schema_tests/pass", check_forms) ||
        !each_file("avro/c-tests/schema_tests/fail", check_refused))
        skip();
}

/* What follows "<<word ", or the lines up to one that is the word alone; *rest goes on behind it. */
static bool value_of(struct k2_sv *rest, const char *word, struct k2_sv *value) {
    while (rest->n) {
        struct k2_sv line = k2_sv_split(rest, '\n');
        if (line.n < 2 || memcmp(line.p, "<<", 2) != 0 ||
            !k2_sv_starts((struct k2_sv){line.p + 2, line.n - 2}, k2_sv_of(word)))
            continue;
        size_t cut = 2 + strlen(word);
        *value = k2_sv_trim((struct k2_sv){line.p + cut, line.n - cut});
        if (value->n)
            return true;
        for (value->p = rest->p; rest->n; value->n += line.n + 1) {
            line = k2_sv_split(rest, '\n');
            if (k2_sv_eq(line, k2_sv_of(word)))
                return true;
        }
    }
    return false;
}

static void the_parsing_canonical_form_is_that_of_the_avro_project(void **state) {
    (void)state;
    struct k2_buf text = {0};
    int cases = 0;
    if (!shared("avro/data/schema-tests.txt", &text))
        skip();
    struct k2_sv rest = k2_buf_view(&text), input = {0}, expected = {0};
    while (value_of(&rest, "INPUT", &input)) {
        struct k2_buf form = {0};
        struct k2_err err;
        assert_true(value_of(&rest, "canonical", &expected));
        struct k2_schema_text s = avro(input);
        CHECK_OK(k2_schema_form(&s, K2_SCHEMA_PARSING, &form, &err), &err);
        if (!k2_sv_eq(expected, k2_buf_view(&form)))
            fail_msg("%.*s became %s", K2_SV_ARG(input), k2_buf_cstr(&form));
        k2_buf_free(&form);
        cases++;
    }
    assert_true(cases >= 34);
    printf("%d forms\n", cases);
    k2_buf_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_the_matrix_has_the_verdict_and_the_reasons_of_java),
        cmocka_unit_test(the_cases_of_apicurio_hold),
        cmocka_unit_test(the_schemas_of_registry_clients_are_read),
        cmocka_unit_test(what_the_avro_project_accepts_and_refuses_is_accepted_and_refused),
        cmocka_unit_test(the_parsing_canonical_form_is_that_of_the_avro_project),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
