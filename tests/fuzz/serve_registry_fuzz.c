/* Fuzz target of the schema registry: the first byte says what the rest is: the file schemas.json, or a request, of which
 * the first line is "METHOD PATH" and the rest the body. Whatever is asked, the answer is JSON and the file that is left
 * opens again.
 */
#include "codec/codec.h"
#include "serve/serve_int.h"

#include "base/fs.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char dir[] = "/tmp/k2fuzz.XXXXXX";

static char *file(void) {
    return k2_path(dir, "schemas.json");
}

static void visit(void *ctx, const struct k2_subject_version *v) {
    K2_ASSERT(v->version > 0 && v->id > 0 && v->text.n > 0 && v->subject.p);
    ++*(int *)ctx;
}

static void try_file(struct k2_sv text) {
    struct k2_registry *r;
    int count = 0;
    char *path = file();
    K2_ASSERT(k2_fs_replace(path, text, NULL) == K2_OK);
    if (k2_registry_open(dir, &r, NULL) == K2_OK) {
        K2_ASSERT(k2_subjects_each(r, true, visit, &count, NULL) == K2_OK);
        k2_registry_close(r);
    }
    K2_ASSERT(k2_fs_unlink(path, NULL) == K2_OK);
    free(path);
}

static K2_RC lend(void *ctx, struct k2_registry **out, struct k2_err *err) {
    (void)err;
    *out = ctx;
    return K2_OK;
}

/* Every ?NAME= is there, and says so. */
static const char *argument(void *of, const char *name) {
    (void)name;
    return of;
}

static void ask(struct k2_registry *r, const char *method, const char *path, struct k2_sv body,
                bool flags) {
    struct serve s = {.hooks = {.ctx = r, .registry = lend}, .allow_remote = false};
    struct http_request request = {.method = method,
                                   .path = path,
                                   .host = "localhost",
                                   .content_type = "application/json",
                                   .body = body,
                                   .argument = flags ? argument : NULL,
                                   .of = (void *)(uintptr_t) "true"};
    struct http_reply reply = {0};
    serve_answer(&s, &request, &reply);
    K2_ASSERT(reply.status >= 200 && reply.status < 500 && reply.type && reply.body.n > 0);
    k2_buf_free(&reply.body);
}

static void try_request(struct k2_sv text, bool flags) {
    struct k2_registry *r, *again;
    struct k2_sv body = text, line = k2_sv_split(&body, '\n'), path = line;
    struct k2_sv method = k2_sv_split(&path, ' ');
    char *m = k2_sv_dup(method), *p = k2_sv_dup(path), *name = file();
    K2_ASSERT(k2_registry_open(dir, &r, NULL) == K2_OK);
    ask(r, "POST", "/subjects/a/versions", K2_SV("{\"schema\":\"\\\"int\\\"\"}"), false);
    ask(r, m, p, body, flags);
    K2_ASSERT(k2_registry_open(dir, &again, NULL) == K2_OK);
    k2_registry_close(again);
    k2_registry_close(r);
    K2_ASSERT(k2_fs_unlink(name, NULL) == K2_OK);
    free(m);
    free(p);
    free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static bool made;
    if (!made)
        K2_ASSERT(mkdtemp(dir) != NULL);
    made = true;
    if (n == 0)
        return 0;
    struct k2_sv rest = {(const char *)data + 1, n - 1};
    if (data[0] == 'f')
        try_file(rest);
    else
        try_request(rest, data[0] == '?');
    return 0;
}
