/* base/log.c - see log.h.
 *
 * In text a value is written bare if it cannot be misread, else as a JSON string: whatever bytes a
 * feed sends, a line stays one line of valid UTF-8.
 */
#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"

#include <errno.h>
#include <stdarg.h>
#include <unistd.h>

static enum k2_log_level lowest = K2_LOG_INFO;
static bool as_json;

void k2_log_setup(enum k2_log_level least, bool json) {
    lowest = least;
    as_json = json;
}

static void put_quoted(struct k2_buf *line, const char *text) {
    struct k2_json *value = k2_json_cstring(text);
    k2_json_dump(value, line);
    k2_json_free(value);
}

static bool is_bare(const char *text) {
    if (!*text)
        return false;
    for (const char *p = text; *p; p++) {
        if (*p <= ' ' || *p > '~' || *p == '"' || *p == '=' || *p == '\\')
            return false;
    }
    return true;
}

static void put_pair(struct k2_buf *line, const char *key, const char *value) {
    if (as_json) {
        k2_buf_byte(line, ',');
        put_quoted(line, key);
        k2_buf_byte(line, ':');
        put_quoted(line, value);
        return;
    }
    k2_buf_byte(line, ' ');
    k2_buf_str(line, key);
    k2_buf_byte(line, '=');
    if (is_bare(value))
        k2_buf_str(line, value);
    else
        put_quoted(line, value);
}

static void put_head(struct k2_buf *line, enum k2_log_level level, const char *event) {
    static const char *const names[] = {"debug", "info", "warn", "error"};
    char time[K2_TIME_TEXT];
    k2_time_format(k2_now_ns(), time);
    if (as_json) {
        k2_buf_printf(line, "{\"time\":\"%s\",\"level\":\"%s\"", time, names[level]);
        put_pair(line, "event", event);
    } else {
        k2_buf_printf(line, "%s %s %s", time, names[level], event);
    }
}

void k2_log(enum k2_log_level level, const char *event, ...) {
    if (level < lowest)
        return;
    struct k2_buf line = {0};
    put_head(&line, level, event);
    va_list args;
    va_start(args, event);
    for (const char *key; (key = va_arg(args, const char *));) {
        const char *value = va_arg(args, const char *);
        put_pair(&line, key, value ? value : "");
    }
    va_end(args);
    k2_buf_str(&line, as_json ? "}\n" : "\n");
    int saved = errno;
    (void)!write(STDERR_FILENO, line.p, line.n); /* nobody is left to tell if this fails */
    errno = saved;
    k2_buf_free(&line);
}
