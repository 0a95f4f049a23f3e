/* The registry as others use it, beside the documented behaviour of Confluent's, and beside a simple model. */
#include "codec/codec.h"
#include "k2test.h"

#include "base/fs.h"

#define RECORD(fields) "{\"type\":\"record\",\"name\":\"t\",\"fields\":[" fields "]}"
#define A "{\"name\":\"a\",\"type\":\"long\"}"
#define B ",{\"name\":\"b\",\"type\":\"string\"}"
#define B_DEFAULT ",{\"name\":\"b\",\"type\":\"string\",\"default\":\"\"}"
#define S(text) k2_sv_of(text)

static struct k2_schema_given avro(const char *text) {
    return (struct k2_schema_given){.type = K2_SCHEMA_AVRO, .text = k2_sv_of(text)};
}

static struct k2_registry *open_in(const char *dir) {
    struct k2_registry *r = NULL;
    struct k2_err err;
    CHECK_OK(k2_registry_open(dir, &r, &err), &err);
    return r;
}

/* The id, or the refusal. */
static int add(struct k2_registry *r, const char *subject, const char *text) {
    struct k2_schema_given g = avro(text);
    struct k2_subject_version v;
    struct k2_err err = {0};
    int rc = k2_subject_register(r, S(subject), &g, &v, &err);
    assert_true(rc == K2_OK || err.msg[0]);
    return rc == K2_OK ? (int)v.id : rc;
}

/* The version, or the refusal. */
static int latest(struct k2_registry *r, const char *subject) {
    struct k2_subject_version v;
    struct k2_err err;
    int rc = k2_subject_get(r, S(subject), K2_VERSION_LATEST, false, &v, &err);
    return rc == K2_OK ? v.version : rc;
}

static int remove_version(struct k2_registry *r, const char *subject, int version, bool permanent) {
    struct k2_err err;
    int deleted = 0;
    int rc = k2_subject_delete_version(r, S(subject), version, permanent, &deleted, &err);
    return rc == K2_OK ? deleted : rc;
}

static int remove_subject(struct k2_registry *r, const char *subject, bool permanent) {
    struct k2_err err;
    int *versions;
    size_t n = 0;
    int rc = k2_subject_delete(r, S(subject), permanent, &versions, &n, &err);
    free(versions);
    return rc == K2_OK ? (int)n : rc;
}

static void set_level(struct k2_registry *r, const char *subject, enum k2_compat_level level) {
    struct k2_err err;
    CHECK_OK(k2_subject_level_set(r, S(subject), level, &err), &err);
}

/* --- what the API promises --- */

static void equal_schemas_have_one_id_however_they_are_written(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_registry *r = open_in(dir);
    assert_int_equal(add(r, "x", "\"string\""), 1);
    assert_int_equal(add(r, "x", " { \"type\" : \"string\" } "), 1);
    assert_int_equal(add(r, "y", "{\"type\":\"string\"}"), 1);
    assert_int_equal(latest(r, "x"), 1);
    assert_int_equal(add(r, "z", "\"int\""), 2);
    assert_int_equal(add(r, "z", "nonsense"), K2_BAD_SCHEMA);
    assert_int_equal(add(r, "z", ""), K2_BAD_SCHEMA);
    assert_int_equal(add(r, "", "\"int\""), K2_BAD_SUBJECT);
    assert_int_equal(add(r, "a\nb", "\"int\""), K2_BAD_SUBJECT);
    k2_registry_close(r);
    k2test_rmdir(dir);
}

static void a_version_follows_by_the_level_of_its_subject_or_the_global_one(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_registry *r = open_in(dir);
    struct k2_err err;
    enum k2_compat_level level;
    assert_int_equal(add(r, "x", RECORD(A)), 1);
    assert_int_equal(add(r, "x", RECORD(A B)), K2_INCOMPATIBLE); /* BACKWARD: no default */
    assert_int_equal(add(r, "x", RECORD(A B_DEFAULT)), 2);
    set_level(r, "x", K2_COMPAT_FORWARD);
    assert_int_equal(add(r, "x", RECORD(A B)), 3);
    assert_int_equal(k2_subject_level(r, S("y"), false, &level, &err), K2_NO_LEVEL);
    CHECK_OK(k2_subject_level(r, S("y"), true, &level, &err), &err);
    assert_int_equal(level, K2_COMPAT_BACKWARD);
    set_level(r, "", K2_COMPAT_NONE);
    assert_int_equal(add(r, "y", "\"int\""), 4);
    assert_int_equal(add(r, "y", "\"string\""), 5);
    assert_int_equal(add(r, "x", "\"string\""), K2_INCOMPATIBLE); /* has a level of its own */
    CHECK_OK(k2_subject_level_clear(r, S("x"), &level, &err), &err);
    assert_int_equal(level, K2_COMPAT_FORWARD);
    assert_int_equal(add(r, "x", "\"string\""), 5);
    assert_int_equal(k2_subject_level_clear(r, S("x"), &level, &err), K2_NO_SUBJECT);
    k2_registry_close(r);
    k2test_rmdir(dir);
}

static void what_is_deleted_softly_keeps_its_number_and_id(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_registry *r = open_in(dir);
    struct k2_subject_version v;
    struct k2_err err;
    struct k2_schema_given one = avro(RECORD(A));
    add(r, "x", RECORD(A));
    add(r, "x", RECORD(A B_DEFAULT));
    assert_int_equal(remove_version(r, "x", 1, true), K2_VERSION_NOT_DELETED);
    assert_int_equal(remove_version(r, "x", 1, false), 1);
    assert_int_equal(remove_version(r, "x", 1, false), K2_VERSION_DELETED_SOFTLY);
    assert_int_equal(k2_subject_get(r, S("x"), 1, false, &v, &err), K2_NO_VERSION);
    CHECK_OK(k2_subject_get(r, S("x"), 1, true, &v, &err), &err);
    assert_true(v.deleted && v.id == 1);
    assert_int_equal(k2_subject_find(r, S("x"), &one, false, &v, &err), K2_NO_SCHEMA);
    CHECK_OK(k2_subject_find(r, S("x"), &one, true, &v, &err), &err);
    r = (k2_registry_close(r), open_in(dir));
    assert_int_equal(add(r, "x", RECORD(A)), 1); /* again: the same id, a new number */
    assert_int_equal(latest(r, "x"), 3);
    assert_int_equal(remove_version(r, "x", 1, true), 1);
    assert_int_equal(k2_subject_get(r, S("x"), 1, true, &v, &err), K2_NO_VERSION);
    assert_int_equal(remove_version(r, "x", 9, false), K2_NO_VERSION);
    assert_int_equal(remove_version(r, "q", 1, false), K2_NO_SUBJECT);
    k2_registry_close(r);
    k2test_rmdir(dir);
}

static void a_subject_is_deleted_softly_and_then_for_good(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_registry *r = open_in(dir);
    add(r, "x", "\"int\"");
    add(r, "x", "\"long\"");
    set_level(r, "x", K2_COMPAT_NONE);
    assert_int_equal(remove_subject(r, "x", true), K2_SUBJECT_NOT_DELETED);
    assert_int_equal(remove_subject(r, "x", false), 2);
    assert_int_equal(latest(r, "x"), K2_NO_SUBJECT);
    assert_int_equal(remove_subject(r, "x", false), K2_SUBJECT_DELETED_SOFTLY);
    assert_int_equal(remove_subject(r, "x", true), 2);
    assert_int_equal(remove_subject(r, "x", true), K2_NO_SUBJECT);
    assert_int_equal(add(r, "x", "\"string\""), 3);
    assert_int_equal(latest(r, "x"), 1);
    struct k2_err err;
    struct k2_subject_version v;
    CHECK_OK(k2_subjects_schema(r, 1, &v, &err), &err); /* for the records that have it */
    k2_registry_close(r);
    k2test_rmdir(dir);
}

static void what_is_referred_to_is_not_deleted(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_registry *r = open_in(dir);
    struct k2_err err;
    const struct k2_schema_ref ref = {S("k2.price"), S("price"), 1, {0}};
    struct k2_schema_given g = avro(
        "{\"type\":\"record\",\"name\":\"t\",\"fields\":[{\"name\":\"p\",\"type\":\"k2.price\"}]}");
    assert_int_equal(k2_subject_register(r, S("t"), &g, NULL, &err), K2_BAD_SCHEMA);
    g.refs = &ref;
    g.ref_count = 1;
    assert_int_equal(k2_subject_register(r, S("t"), &g, NULL, &err), K2_BAD_SCHEMA);
    assert_non_null(strstr(err.msg, "price"));
    add(r, "price", "{\"type\":\"fixed\",\"name\":\"price\",\"namespace\":\"k2\",\"size\":8}");
    CHECK_OK(k2_subject_register(r, S("t"), &g, NULL, &err), &err);
    assert_int_equal(remove_version(r, "price", 1, false), K2_REFERENCED);
    assert_int_equal(remove_subject(r, "price", false), K2_REFERENCED);
    r = (k2_registry_close(r), open_in(dir));
    assert_int_equal(remove_subject(r, "price", false), K2_REFERENCED);
    assert_int_equal(remove_subject(r, "t", false), 1);
    assert_int_equal(remove_subject(r, "price", false), 1);
    assert_int_equal(remove_subject(r, "price", true), K2_REFERENCED); /* t could be wanted back */
    assert_int_equal(remove_subject(r, "t", true), 1);
    assert_int_equal(remove_subject(r, "price", true), 1);
    k2_registry_close(r);
    k2test_rmdir(dir);
}

/* What it names stays the same schema, whatever comes after it. */
static void a_reference_to_the_latest_version_is_to_its_number(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_registry *r = open_in(dir);
    struct k2_err err;
    struct k2_subject_version v;
    struct k2_compat_findings findings;
    const struct k2_schema_ref latest_price = {S("k2.price"), S("price"), K2_VERSION_LATEST, {0}};
    struct k2_schema_given g = avro(
        "{\"type\":\"record\",\"name\":\"t\",\"fields\":[{\"name\":\"p\",\"type\":\"k2.price\"}]}");
    g.refs = &latest_price;
    g.ref_count = 1;
    assert_int_equal(k2_subject_register(r, S("t"), &g, NULL, &err), K2_BAD_SCHEMA);
    set_level(r, "", K2_COMPAT_NONE);
    add(r, "price", "{\"type\":\"fixed\",\"name\":\"price\",\"namespace\":\"k2\",\"size\":8}");
    add(r, "price", "{\"type\":\"fixed\",\"name\":\"price\",\"namespace\":\"k2\",\"size\":16}");
    CHECK_OK(k2_subject_register(r, S("t"), &g, &v, &err), &err);
    assert_true(v.version == 1 && v.ref_count == 1 && v.refs[0].version == 2);
    CHECK_OK(k2_subject_register(r, S("t"), &g, &v, &err), &err);
    CHECK_OK(k2_subject_find(r, S("t"), &g, false, &v, &err), &err);
    assert_int_equal(v.version, 1);
    CHECK_OK(k2_subject_compare(r, S("t"), K2_VERSION_ALL, &g, &findings, &err), &err);
    assert_int_equal(findings.n, 0);
    assert_int_equal(remove_version(r, "price", 2, false), K2_REFERENCED);
    r = (k2_registry_close(r), open_in(dir));
    assert_int_equal(remove_subject(r, "price", false), K2_REFERENCED);
    assert_int_equal(remove_version(r, "price", 1, false), 1);
    add(r, "price", "\"int\"");
    CHECK_OK(k2_subject_get(r, S("t"), 1, false, &v, &err), &err);
    assert_int_equal(v.refs[0].version, 2);
    k2_registry_close(r);
    k2test_rmdir(dir);
}

static void a_file_with_references_to_the_latest_version_holds_it(void **state) {
    (void)state;
    char *dir = k2test_dir();
    char *path = k2_path(dir, "schemas.json");
    struct k2_err err;
    struct k2_subject_version v;
    CHECK_OK(k2_fs_replace(path,
                           S("{\"format\":2,\"schemas\":[{\"id\":1,\"schema\":\"{\\\"type\\\":"
                             "\\\"fixed\\\",\\\"name\\\":\\\"p\\\",\\\"size\\\":8}\"},"
                             "{\"id\":2,\"schema\":\"{\\\"type\\\":\\\"array\\\",\\\"items\\\":"
                             "\\\"p\\\"}\",\"references\":[{\"name\":\"p\",\"subject\":\"p\","
                             "\"version\":-1}]}],\"subjects\":{\"p\":{\"versions\":[{\"version\":3,"
                             "\"id\":1}]},\"t\":{\"versions\":[{\"version\":1,\"id\":2}]}}}"),
                           &err),
             &err);
    struct k2_registry *r = open_in(dir);
    CHECK_OK(k2_subject_get(r, S("t"), 1, false, &v, &err), &err);
    assert_true(v.ref_count == 1 && v.refs[0].version == 3);
    assert_int_equal(remove_version(r, "p", 3, false), K2_REFERENCED);
    k2_registry_close(r);
    free(path);
    k2test_rmdir(dir);
}

static void a_schema_may_refer_to_its_own_subject(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_registry *r = open_in(dir);
    struct k2_err err;
    struct k2_subject_version v;
    const struct k2_schema_ref own = {S("k2.price"), S("price"), K2_VERSION_LATEST, {0}};
    struct k2_schema_given g = avro("{\"type\":\"array\",\"items\":\"k2.price\"}");
    g.refs = &own;
    g.ref_count = 1;
    set_level(r, "", K2_COMPAT_NONE);
    add(r, "price", "{\"type\":\"fixed\",\"name\":\"price\",\"namespace\":\"k2\",\"size\":8}");
    CHECK_OK(k2_subject_register(r, S("price"), &g, &v, &err), &err);
    assert_true(v.version == 2 && v.refs[0].version == 1);
    r = (k2_registry_close(r), open_in(dir));
    assert_int_equal(add(r, "x", "\"int\""), 3);
    assert_int_equal(remove_version(r, "price", 1, false), K2_REFERENCED);
    assert_int_equal(remove_version(r, "price", 2, false), 2);
    assert_int_equal(remove_version(r, "price", 1, false), 1);
    k2_registry_close(r);
    k2test_rmdir(dir);
}

/* The file is JSON, whose texts and names are UTF-8. */
static void names_that_are_not_utf8_are_refused(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_registry *r = open_in(dir);
    struct k2_err err;
    const char *wrong[] = {"\xff", "x\xffy", "a\xc3", "\xc0\xaf", "\xed\xa0\x80"};
    struct k2_schema_given g = avro("\"int\"");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const struct k2_schema_ref subject = {S("p"), S(wrong[i]), 1, {0}};
        const struct k2_schema_ref name = {S(wrong[i]), S("p"), 1, {0}};
        g.ref_count = 0;
        assert_int_equal(add(r, wrong[i], "\"int\""), K2_BAD_SUBJECT);
        assert_int_equal(k2_subject_level_set(r, S(wrong[i]), K2_COMPAT_NONE, &err),
                         K2_BAD_SUBJECT);
        assert_int_equal(k2_subject_mode_set(r, S(wrong[i]), K2_REGISTRY_READONLY, false, &err),
                         K2_BAD_SUBJECT);
        g.ref_count = 1;
        g.refs = &subject;
        assert_int_equal(k2_subject_register(r, S("x"), &g, NULL, &err), K2_BAD_SUBJECT);
        g.refs = &name;
        assert_int_equal(k2_subject_register(r, S("x"), &g, NULL, &err), K2_BAD_SUBJECT);
    }
    assert_int_equal(add(r, "\xc3\xa9\xef\xbf\xbd\xf0\x9f\x93\x88", "\"int\""), 1);
    r = (k2_registry_close(r), open_in(dir));
    assert_int_equal(latest(r, "\xc3\xa9\xef\xbf\xbd\xf0\x9f\x93\x88"), 1);
    k2_registry_close(r);
    k2test_rmdir(dir);
}

static void modes_say_who_may_write_and_import_takes_ids(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_registry *r = open_in(dir);
    struct k2_err err;
    struct k2_subject_version v;
    enum k2_registry_mode mode;
    struct k2_schema_given g = avro("\"int\"");
    g.id = 77;
    assert_int_equal(k2_subject_register(r, S("i"), &g, &v, &err), K2_NOT_PERMITTED);
    assert_int_equal(k2_subject_mode(r, S("i"), false, &mode, &err), K2_NO_MODE);
    add(r, "x", "\"string\"");
    assert_int_equal(k2_subject_mode_set(r, S(""), K2_REGISTRY_IMPORT, false, &err),
                     K2_NOT_PERMITTED);
    CHECK_OK(k2_subject_mode_set(r, S("i"), K2_REGISTRY_IMPORT, false, &err), &err);
    CHECK_OK(k2_subject_register(r, S("i"), &g, &v, &err), &err);
    assert_true(v.id == 77 && v.version == 1);
    g.text = K2_SV("\"long\"");
    assert_int_equal(k2_subject_register(r, S("i"), &g, &v, &err),
                     K2_NOT_PERMITTED); /* id 77 is int */
    g.id = 78;
    g.version = 5;
    g.text = K2_SV("\"bytes\""); /* nothing is compared */
    CHECK_OK(k2_subject_register(r, S("i"), &g, &v, &err), &err);
    assert_true(v.id == 78 && v.version == 5);
    assert_int_equal(add(r, "i", "\"boolean\""), K2_NOT_PERMITTED); /* without an id */
    CHECK_OK(k2_subject_mode_clear(r, S("i"), &mode, &err), &err);
    assert_int_equal(mode, K2_REGISTRY_IMPORT);
    assert_int_equal(add(r, "y", "\"boolean\""), 79);
    CHECK_OK(k2_subject_mode_set(r, S("x"), K2_REGISTRY_READONLY, false, &err), &err);
    assert_int_equal(add(r, "x", "\"string\""), 1); /* is there already */
    assert_int_equal(add(r, "x", "[\"string\",\"int\"]"), K2_NOT_PERMITTED);
    assert_int_equal(remove_subject(r, "x", false), K2_NOT_PERMITTED);
    assert_int_equal(k2_subject_level_set(r, S("x"), K2_COMPAT_NONE, &err), K2_NOT_PERMITTED);
    CHECK_OK(k2_subject_mode_set(r, S("x"), K2_REGISTRY_READWRITE, false, &err), &err);
    CHECK_OK(k2_subject_mode_set(r, S(""), K2_REGISTRY_READONLY, false, &err), &err);
    assert_true(add(r, "x", "[\"string\",\"int\"]") > 0); /* its own mode counts */
    CHECK_OK(k2_subject_mode_set(r, S(""), K2_REGISTRY_READONLY_OVERRIDE, false, &err), &err);
    assert_int_equal(add(r, "x", "[\"string\",\"int\",\"long\"]"), K2_NOT_PERMITTED);
    uint32_t id;
    CHECK_OK(k2_registry_register(r, S("own-value"), S(RECORD(A)), &id, &err),
             &err); /* k2 itself goes on */
    k2_registry_close(r);
    k2test_rmdir(dir);
}

/* Clients hold ids and versions in 31 bits. */
static void after_the_last_id_the_lowest_free_one_is_given(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_registry *r = open_in(dir);
    struct k2_err err;
    struct k2_schema_given g = avro("\"int\"");
    enum k2_registry_mode mode;
    uint32_t id = 0;
    g.id = INT32_MAX;
    assert_int_equal(add(r, "x", "\"string\""), 1);
    CHECK_OK(k2_subject_mode_set(r, S("i"), K2_REGISTRY_IMPORT, false, &err), &err);
    CHECK_OK(k2_subject_register(r, S("i"), &g, NULL, &err), &err);
    g = avro("\"long\"");
    g.id = 3;
    CHECK_OK(k2_subject_register(r, S("i"), &g, NULL, &err), &err);
    assert_int_equal(add(r, "y", "\"bytes\""), 2);
    r = (k2_registry_close(r), open_in(dir));
    CHECK_OK(k2_registry_register(r, S("own-value"), S(RECORD(A)), &id, &err), &err);
    assert_int_equal(id, 4);
    r = (k2_registry_close(r), open_in(dir));
    assert_int_equal(add(r, "z", "\"boolean\""), 5);
    CHECK_OK(k2_subject_mode_set(r, S("own-value"), K2_REGISTRY_IMPORT, true, &err), &err);
    g = avro(RECORD(A B_DEFAULT));
    g.id = 9;
    g.version = INT32_MAX;
    CHECK_OK(k2_subject_register(r, S("own-value"), &g, NULL, &err), &err);
    CHECK_OK(k2_subject_mode_clear(r, S("own-value"), &mode, &err), &err);
    CHECK_STATUS(k2_registry_register(r, S("own-value"),
                                      S(RECORD(A B_DEFAULT ",{\"name\":\"c\",\"type\":\"int\","
                                                           "\"default\":0}")),
                                      &id, &err),
                 K2_E_RANGE);
    r = (k2_registry_close(r), open_in(dir));
    assert_int_equal(latest(r, "own-value"), INT32_MAX);
    k2_registry_close(r);
    k2test_rmdir(dir);
}

/* The schema of trades with `n` optional fields more, called prefix0, prefix1 and so on. */
static void put_more(struct k2_buf *out, const char *prefix, int n) {
    const char *text = k2_kind(K2_KIND_TRADE)->avro_schema;
    const char *start = strstr(text, "\"fields\":[") + strlen("\"fields\":[");
    out->n = 0;
    k2_buf_put(out, text, (size_t)(start - text));
    for (int i = 0; i < n; i++)
        k2_buf_printf(out, "{\"name\":\"%s%d\",\"type\":[\"null\",\"long\"],\"default\":null},",
                      prefix, i);
    k2_buf_str(out, start);
}

static int add_more(struct k2_registry *r, const char *subject, const char *prefix, int n) {
    struct k2_buf text = {0};
    put_more(&text, prefix, n);
    int rc = add(r, subject, k2_buf_cstr(&text));
    k2_buf_free(&text);
    return rc;
}

static void the_schemas_of_a_table_have_as_many_fields_as_it_may_have_columns(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_registry *r = open_in(dir);
    struct k2_buf text = {0};
    struct k2_err err = {0};
    const int left = K2_MAX_FIELDS - k2_kind(K2_KIND_TRADE)->field_count;
    assert_int_equal(add_more(r, "market.ticks.a-value", "x", left + 1), K2_INCOMPATIBLE);
    assert_int_equal(add_more(r, "market.ticks.a-value", "x", left - 1), 1);
    assert_int_equal(add_more(r, "market.ticks.a-value", "y", 2), K2_INCOMPATIBLE);
    assert_int_equal(add_more(r, "market.ticks.b-value", "y", 2), K2_INCOMPATIBLE); /* one table */
    assert_int_equal(add_more(r, "market.ticks.b-value", "y", 1), 2);
    assert_int_equal(add_more(r, "market.ticks.b-value", "z", 1), K2_INCOMPATIBLE);
    assert_int_equal(add_more(r, "market.ticks.b-value", "x", 2), 3); /* these are there */
    assert_int_equal(add_more(r, "market.ticks.b-value", "x", 0), 4);
    put_more(&text, "z", 1);
    assert_int_equal(k2_subject_columns(r, S("others"), k2_buf_view(&text), &err), K2_OK);
    assert_int_equal(k2_subject_columns(r, S("market.ticks.c-value"), k2_buf_view(&text), &err),
                     K2_INCOMPATIBLE);
    assert_non_null(strstr(err.msg, "65 columns, and k2 reads and writes 64 at most"));
    k2_buf_free(&text);
    k2_registry_close(r);
    k2test_rmdir(dir);
}

static void columns_end_before_the_ids_that_are_for_them(void **state) {
    (void)state;
    for (int i = 0; i < K2_KIND_COUNT; i++)
        assert_true(K2_MAX_FIELDS - k2_kind((enum k2_kind_id)i)->field_count <=
                    K2_END_ID - K2_FOUND_ID);
}

static void subjects_of_k2_stay_as_they_must_be(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_registry *r = open_in(dir);
    struct k2_err err;
    enum k2_compat_level level;
    uint32_t id;
    CHECK_OK(k2_registry_register(r, S("m-value"), S(RECORD(A)), &id, &err), &err);
    CHECK_OK(k2_subject_level(r, S("m-value"), false, &level, &err), &err);
    assert_int_equal(level, K2_COMPAT_FULL_TRANSITIVE);
    assert_int_equal(k2_subject_level_set(r, S("m-value"), K2_COMPAT_BACKWARD, &err),
                     K2_NOT_PERMITTED);
    assert_int_equal(k2_subject_level_clear(r, S("m-value"), &level, &err), K2_NOT_PERMITTED);
    assert_int_equal(add(r, "m-value", RECORD(A B)), K2_INCOMPATIBLE);
    assert_int_equal(remove_subject(r, "m-value", false), 1);
    assert_int_equal(remove_subject(r, "m-value", true), K2_NOT_PERMITTED);
    CHECK_OK(k2_registry_register(r, S("m-value"), S(RECORD(A)), &id, &err), &err);
    assert_int_equal(id, 1);
    assert_int_equal(latest(r, "m-value"), 2); /* it is back */
    k2_registry_close(r);
    k2test_rmdir(dir);
}

/* Copies are for reading: what they are copies of is changed elsewhere. */
static void a_copy_changes_nothing(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_registry *r = open_in(dir);
    struct k2_err err;
    enum k2_registry_mode mode;
    add(r, "x", "\"int\"");
    k2_registry_set_copy(r, "prod.");
    CHECK_OK(k2_subject_mode(r, S(""), false, &mode, &err), &err);
    assert_int_equal(mode, K2_REGISTRY_READONLY_OVERRIDE);
    assert_int_equal(add(r, "y", "\"int\""), K2_NOT_PERMITTED);
    assert_int_equal(remove_subject(r, "x", false), K2_NOT_PERMITTED);
    assert_int_equal(k2_subject_mode_set(r, S(""), K2_REGISTRY_READWRITE, true, &err),
                     K2_NOT_PERMITTED);
    assert_int_equal(latest(r, "x"), 1);
    k2_registry_close(r);
    k2test_rmdir(dir);
}

/* --- beside a model --- */

enum { SUBJECTS = 3, TEXTS = 5, VERSIONS = 64, STEPS = 3000 };

static const char *const subject_names[SUBJECTS] = {"a", "b/c", "d"};
static const char *const texts[TEXTS] = {"\"int\"", "\"long\"", "\"string\"", "\"bytes\"",
                                         "\"boolean\""};

struct simple {
    struct {
        bool there[VERSIONS + 1], deleted[VERSIONS + 1];
        int text[VERSIONS + 1];
    } of[SUBJECTS];
    int ids[TEXTS], next_id;
};

static int last_of(const struct simple *m, int s, bool live) {
    for (int v = VERSIONS; v > 0; v--)
        if (m->of[s].there[v] && !(live && m->of[s].deleted[v]))
            return v;
    return 0;
}

static int want_add(struct simple *m, int s, int text) {
    int last = last_of(m, s, false);
    for (int v = 1; v <= last; v++)
        if (m->of[s].there[v] && !m->of[s].deleted[v] && m->of[s].text[v] == text)
            return m->ids[text];
    if (m->ids[text] == 0)
        m->ids[text] = ++m->next_id;
    m->of[s].there[last + 1] = true;
    m->of[s].deleted[last + 1] = false;
    m->of[s].text[last + 1] = text;
    return m->ids[text];
}

static int want_remove_version(struct simple *m, int s, int v, bool permanent) {
    if (last_of(m, s, false) == 0)
        return K2_NO_SUBJECT;
    if (!m->of[s].there[v])
        return K2_NO_VERSION;
    if (m->of[s].deleted[v] != permanent)
        return permanent ? K2_VERSION_NOT_DELETED : K2_VERSION_DELETED_SOFTLY;
    m->of[s].deleted[v] = true;
    m->of[s].there[v] = !permanent;
    return v;
}

static int want_remove_subject(struct simple *m, int s, bool permanent) {
    int n = 0;
    if (last_of(m, s, false) == 0)
        return K2_NO_SUBJECT;
    if ((last_of(m, s, true) == 0) != permanent)
        return permanent ? K2_SUBJECT_NOT_DELETED : K2_SUBJECT_DELETED_SOFTLY;
    for (int v = 1; v <= VERSIONS; v++)
        if (m->of[s].there[v] && (permanent || !m->of[s].deleted[v])) {
            m->of[s].deleted[v] = true;
            m->of[s].there[v] = !permanent;
            n++;
        }
    return n;
}

static void compare_version(void *ctx, const struct k2_subject_version *v) {
    struct simple *m = ctx; /* what is seen is taken out of it */
    for (int s = 0; s < SUBJECTS; s++) {
        if (!k2_sv_eq(v->subject, S(subject_names[s])))
            continue;
        assert_true(m->of[s].there[v->version]);
        assert_int_equal(m->of[s].deleted[v->version], v->deleted);
        assert_int_equal(m->ids[m->of[s].text[v->version]], v->id);
        assert_true(k2_sv_eq(v->text, S(texts[m->of[s].text[v->version]])));
        m->of[s].there[v->version] = false;
    }
}

static void compare_all(struct k2_registry *r, const struct simple *m) {
    struct simple rest = *m;
    struct k2_err err;
    CHECK_OK(k2_subjects_each(r, true, compare_version, &rest, &err), &err);
    for (int s = 0; s < SUBJECTS; s++)
        assert_int_equal(last_of(&rest, s, false), 0);
}

static void any_order_of_calls_leaves_what_the_simple_model_has(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_registry *r = open_in(dir), *other = open_in(dir);
    struct simple m = {0};
    uint64_t seed = 20260302;
    set_level(r, "", K2_COMPAT_NONE);
    for (int i = 0; i < STEPS; i++) {
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        uint32_t draw = (uint32_t)(seed >> 33);
        int s = (int)(draw % SUBJECTS), what = (int)(draw / 8 % 16),
            text = (int)(draw / 128 % TEXTS);
        bool permanent = draw / 1024 % 2;
        int v = (int)(draw / 2048 % 6) + 1;
        struct k2_registry *by = draw / 65536 % 2 ? r : other;
        if (what < 8 && last_of(&m, s, false) < VERSIONS)
            assert_int_equal(add(by, subject_names[s], texts[text]), want_add(&m, s, text));
        else if (what < 13)
            assert_int_equal(remove_version(by, subject_names[s], v, permanent),
                             want_remove_version(&m, s, v, permanent));
        else if (what < 15)
            assert_int_equal(remove_subject(by, subject_names[s], permanent),
                             want_remove_subject(&m, s, permanent));
        else if (i % 10 == 0)
            r = (k2_registry_close(r), open_in(dir));
        if (i % 20 == 0)
            compare_all(i % 40 ? r : other, &m);
    }
    compare_all(r, &m);
    k2_registry_close(r);
    k2_registry_close(other);
    k2test_rmdir(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_schemas_have_one_id_however_they_are_written),
        cmocka_unit_test(a_version_follows_by_the_level_of_its_subject_or_the_global_one),
        cmocka_unit_test(what_is_deleted_softly_keeps_its_number_and_id),
        cmocka_unit_test(a_subject_is_deleted_softly_and_then_for_good),
        cmocka_unit_test(what_is_referred_to_is_not_deleted),
        cmocka_unit_test(a_reference_to_the_latest_version_is_to_its_number),
        cmocka_unit_test(a_file_with_references_to_the_latest_version_holds_it),
        cmocka_unit_test(a_schema_may_refer_to_its_own_subject),
        cmocka_unit_test(names_that_are_not_utf8_are_refused),
        cmocka_unit_test(modes_say_who_may_write_and_import_takes_ids),
        cmocka_unit_test(after_the_last_id_the_lowest_free_one_is_given),
        cmocka_unit_test(subjects_of_k2_stay_as_they_must_be),
        cmocka_unit_test(the_schemas_of_a_table_have_as_many_fields_as_it_may_have_columns),
        cmocka_unit_test(columns_end_before_the_ids_that_are_for_them),
        cmocka_unit_test(a_copy_changes_nothing),
        cmocka_unit_test(any_order_of_calls_leaves_what_the_simple_model_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
