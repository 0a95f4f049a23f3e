/* verb/gap_id.c - see gap_id.h. */
#include "verb/gap_id.h"

#include "role/role.h"

#include <ctype.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

static int hex(char c) {
    return isdigit((unsigned char)c)    ? c - '0'
           : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
                                        : -1;
}

static bool unescape(struct k2_sv s, struct k2_buf *out) {
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '%') {
            k2_buf_byte(out, (uint8_t)s.p[i]);
            continue;
        }
        if (i + 2 >= s.n || hex(s.p[i + 1]) < 0 || hex(s.p[i + 2]) < 0)
            return false;
        k2_buf_byte(out, (uint8_t)(16 * hex(s.p[i + 1]) + hex(s.p[i + 2])));
        i += 2;
    }
    return s.n > 0;
}

int gap_id_read(const char *text, struct k2_buf words[2], struct seq_step *out,
                struct k2_err *err) {
    struct k2_sv rest = k2_sv_of(text), exchange = k2_sv_split(&rest, '/');
    struct k2_sv date = k2_sv_split(&rest, '/'), channel = k2_sv_split(&rest, '/');
    struct k2_sv kind = k2_sv_split(&rest, '/'), epoch = k2_sv_split(&rest, '/');
    int64_t e = 0;
    *out = (struct seq_step){0};
    bool good = unescape(exchange, &words[0]) && unescape(channel, &words[1]) &&
                k2_date_parse(date, &out->trade_date, NULL) == K2_OK &&
                seq_step_read_word(kind, out) && k2_sv_i64(epoch, &e) && e >= INT32_MIN &&
                e <= INT32_MAX && k2_sv_i64(rest, &out->from);
    out->exchange = k2_sv_of(k2_buf_cstr(&words[0]));
    out->channel = k2_sv_of(k2_buf_cstr(&words[1]));
    out->epoch = (int32_t)e;
    return good ? K2_OK
                : k2_fail(err, K2_E_USAGE,
                          "an ID is EXCHANGE/DATE/CHANNEL/KIND/EPOCH/NUMBER as k2 gaps prints it, "
                          "not '%s'",
                          text);
}

static const char *user_name(void) {
    const struct passwd *p = getpwuid(geteuid());
    return p ? p->pw_name : "unknown";
}

static K2_RC mark(struct verb_context *c, const struct seq_step *gap, enum seq_state state,
                  const char *note, bool *again, struct k2_err *err) {
    const struct role_writer_options o = {.command = c->name};
    const struct request_mark m = {.state = state,
                                   .exchange = gap->exchange.p,
                                   .channel = gap->channel.p,
                                   .kind = seq_step_word(gap),
                                   .date = gap->trade_date,
                                   .epoch = gap->epoch,
                                   .sequence = gap->from,
                                   .actor = user_name(),
                                   .note = note};
    struct role_writer *w = NULL;
    int rc = role_writer_open(c->data, c->config, &o, &w, err);
    if (rc == K2_OK)
        rc = role_writer_mark(w, &m, again, err);
    role_writer_close(w);
    return rc;
}

int gap_id_mark(struct verb_context *c, const char *id, enum seq_state state, const char *note,
                struct k2_err *err) {
    struct k2_buf words[2] = {{0}, {0}};
    struct seq_step gap;
    bool again = false;
    int rc = gap_id_read(id, words, &gap, err);
    if (rc == K2_OK)
        rc = mark(c, &gap, state, note, &again, err);
    if (rc == K2_OK && again)
        verb_note(c, "%s is %s already", id, seq_state_name(state));
    k2_buf_free(&words[0]);
    k2_buf_free(&words[1]);
    return rc;
}
