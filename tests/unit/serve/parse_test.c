/* What the server reads of a request itself: the Accept header and the path. */
#include "k2test.h"
#include "serve/accept.h"
#include "serve/address.h"
#include "serve/uri.h"

static void the_best_liked_type_is_sent(void **state) {
    (void)state;
    static const char *const offers[] = {"text/plain", "application/json", "text/html"};
    static const struct {
        const char *accept;
        int best;
    } cases[] = {
        {"", 0},
        {"*/*", 0},
        {"application/json", 1},
        {"APPLICATION/Json; charset=utf-8", 1},
        {"text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8", 2},
        {"text/*", 0},
        {"text/*;q=0.3, text/html;q=0.7, application/json;q=0.5", 2},
        {"text/plain;q=0, text/*", 2}, /* the closer range decides */
        {"*/*;q=0.1, application/json;q=0.2", 1},
        {"text/html;q=0.500, application/json;q=.6", 1},
        {"text/html ; q = 0.5 , application/json;q=0.4", 2},
        {"application/json;level=1;q=0.1, text/html;q=0.2", 2},
        {"image/png", 0}, /* nothing fits: the first, no refusal */
        {"text/html;q=0", 0},
        {"text/html;q=nonsense", 2}, /* no number counts as 1 */
        {",,;;=,/,q=1,text/,/html,*/html", 0},
        {"application/jsonx,application/jso", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int got = accept_best(k2_sv_of(cases[i].accept), offers, 3);
        if (got != cases[i].best)
            fail_msg("\"%s\": %s, not %s", cases[i].accept, offers[got], offers[cases[i].best]);
    }
    assert_int_equal(accept_best(k2_sv_of(NULL), offers, 3), 0);
}

static void a_path_is_decoded_once(void **state) {
    (void)state;
    static const struct {
        const char *raw, *path; /* NULL = refused */
    } cases[] = {{"/", "/"},
                 {"/a/b", "/a/b"},
                 {"/%61%2Fb%2fc", "/a/b/c"},
                 {"/%2561", "/%61"},
                 {"/caf%C3%A9", "/caf\xc3\xa9"},
                 {"/a+b", "/a+b"},
                 {"", NULL},
                 {"a", NULL},
                 {"%2fa", NULL},
                 {"/%", NULL},
                 {"/%4", NULL},
                 {"/%4g", NULL},
                 {"/%00", NULL},
                 {"/%1F", NULL},
                 {"/%7f", NULL},
                 {"/a\tb", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct k2_buf out = {0};
        struct k2_err err = {0};
        int rc = uri_path(k2_sv_of(cases[i].raw), &out, &err);
        assert_int_equal(rc, cases[i].path ? K2_OK : K2_E_INVALID);
        if (cases[i].path)
            assert_string_equal((char *)out.p, cases[i].path);
        k2_buf_free(&out);
    }
}

static void only_names_of_this_machine_are_local(void **state) {
    (void)state;
    static const char *const local[] = {"localhost", "localhost:80", "LocalHost",
                                        "127.0.0.1", "127.9.9.9:1",  "[::1]",
                                        "[::1]:80",  "a.localhost",  "x.y.localhost:9"};
    static const char *const foreign[] = {"",           "example.org",   "localhost.example.org",
                                          "10.0.0.1",   "[::2]",         "128.0.0.1",
                                          "127.0.0.1x", "[::1",          ".localhost",
                                          "alocalhost", "localhost@evil"};
    for (size_t i = 0; i < sizeof local / sizeof *local; i++)
        if (!address_host_is_local(local[i]))
            fail_msg("%s is local", local[i]);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (address_host_is_local(foreign[i]))
            fail_msg("%s is not local", foreign[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_liked_type_is_sent),
        cmocka_unit_test(a_path_is_decoded_once),
        cmocka_unit_test(only_names_of_this_machine_are_local),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
