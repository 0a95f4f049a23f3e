/* feed/capture/twins.c - see twins.h.
 *
 * The window is a ring of the last WINDOW datagrams, whose bytes are in a ring of ROOM bytes; datagrams have numbers that
 * only rise. A table of heads leads to the newest with a hash, each to the one before it with the same head. While only
 * one line sends, as where there is only one, nothing is looked for.
 *
 * What is saved is the newest SAVED that are nobody's twin: on two lines that both work so many are never under way at a
 * time. Their bytes are not saved; until they leave the window they are known by size and the 128 bits of the hash.
 * Avro longs: 1 for line A has sent, + 2 for line B; how many; of each, the oldest first, its line, its size and the
 * hash, low half first.
 */
#include "feed/capture/twins.h"

#include "base/hash.h"
#include "codec/codec.h"

#include <stdlib.h>

enum { WINDOW = 8192, HEADS = 16384, STEPS = 64, SAVED = 1024 };
#define ROOM ((size_t)8 << 20)
#define LONGEST ((size_t)64 << 10) /* no UDP datagram is longer */

struct seen {
    struct k2_h128 hash;
    uint64_t before; /* number of the one before it with the same head; 0 = none */
    uint64_t from;   /* of its bytes, counted over all */
    size_t n;
    int line;
    bool met;      /* its twin came */
    bool restored; /* its bytes are not there */
};

struct raw_twins {
    struct seen *seen;
    uint64_t *heads; /* numbers; 0 = none */
    char *room;
    uint64_t first, next; /* numbers of the oldest in the window, and of the next one */
    uint64_t end;         /* of the bytes, counted over all */
    bool lines[2];        /* that have sent */
};

struct raw_twins *raw_twins_new(void) {
    struct raw_twins *t = k2_zalloc(sizeof *t);
    t->seen = k2_alloc(WINDOW * sizeof *t->seen);
    t->heads = k2_zalloc(HEADS * sizeof *t->heads);
    t->room = k2_alloc(ROOM);
    t->first = t->next = 1;
    return t;
}

void raw_twins_free(struct raw_twins *t) {
    if (!t)
        return;
    free(t->seen);
    free(t->heads);
    free(t->room);
    free(t);
}

static struct seen *seen_at(const struct raw_twins *t, uint64_t number) {
    return &t->seen[number % WINDOW];
}

static bool is_twin(const struct raw_twins *t, const struct seen *s, struct k2_h128 hash, int line,
                    struct k2_sv bytes) {
    return k2_h128_cmp(s->hash, hash) == 0 && s->line != line && !s->met && s->n == bytes.n &&
           (s->restored || memcmp(t->room + s->from % ROOM, bytes.p, bytes.n) == 0);
}

/* The newest that it can be the twin of. A line that repeats itself for long is not followed to its start. */
static struct seen *find(const struct raw_twins *t, struct k2_h128 hash, int line,
                         struct k2_sv bytes) {
    uint64_t number = t->heads[hash.lo % HEADS];
    for (int i = 0; i < STEPS && number >= t->first; i++) {
        struct seen *s = seen_at(t, number);
        if (is_twin(t, s, hash, line, bytes))
            return s;
        number = s->before;
    }
    return NULL;
}

static void forget_for(struct raw_twins *t, uint64_t end) {
    while (t->first < t->next &&
           (t->next - t->first == WINDOW || seen_at(t, t->first)->from + ROOM < end))
        t->first++;
}

static struct seen *add(struct raw_twins *t, struct k2_h128 hash, int line, size_t n) {
    struct seen *s = seen_at(t, t->next);
    uint64_t *head = &t->heads[hash.lo % HEADS];
    *s = (struct seen){.hash = hash, .before = *head, .from = t->end, .n = n, .line = line};
    *head = t->next++;
    return s;
}

static void remember(struct raw_twins *t, struct k2_h128 hash, int line, struct k2_sv bytes) {
    if (t->end % ROOM + bytes.n > ROOM)
        t->end += ROOM - t->end % ROOM;
    forget_for(t, t->end + bytes.n);
    struct seen *s = add(t, hash, line, bytes.n);
    memcpy(t->room + s->from % ROOM, bytes.p, bytes.n);
    t->end += bytes.n;
}

bool raw_twins_met(struct raw_twins *t, int line, struct k2_sv bytes) {
    if (bytes.n == 0 || bytes.n > LONGEST)
        return false;
    struct k2_h128 hash = k2_hash128(bytes.p, bytes.n);
    t->lines[line != 0] = true;
    struct seen *s = t->lines[0] && t->lines[1] ? find(t, hash, line, bytes) : NULL;
    if (s)
        s->met = true;
    else
        remember(t, hash, line, bytes);
    return s != NULL;
}

/* Number of the oldest that is saved, and how many are. */
static uint64_t first_saved(const struct raw_twins *t, int64_t *n) {
    uint64_t first = t->next;
    *n = 0;
    for (uint64_t i = t->next; i > t->first && *n < SAVED; i--)
        if (!seen_at(t, i - 1)->met) {
            first = i - 1;
            ++*n;
        }
    return first;
}

void raw_twins_save(const struct raw_twins *t, struct k2_buf *out) {
    int64_t n = 0;
    uint64_t i = t ? first_saved(t, &n) : 0;
    k2_avro_put_long(out, t ? t->lines[0] + 2 * t->lines[1] : 0);
    k2_avro_put_long(out, n);
    for (; n > 0; i++) {
        const struct seen *s = seen_at(t, i);
        if (s->met)
            continue;
        k2_avro_put_long(out, s->line);
        k2_avro_put_long(out, (int64_t)s->n);
        k2_avro_put_long(out, (int64_t)s->hash.lo);
        k2_avro_put_long(out, (int64_t)s->hash.hi);
        n--;
    }
}

static bool get_seen(struct raw_twins *t, struct k2_sv *in) {
    int64_t line, n, lo, hi;
    if (!k2_avro_get_long(in, &line) || line < 0 || line > UINT8_MAX || !k2_avro_get_long(in, &n) ||
        n <= 0 || n > (int64_t)LONGEST || !k2_avro_get_long(in, &lo) || !k2_avro_get_long(in, &hi))
        return false;
    const struct k2_h128 hash = {(uint64_t)lo, (uint64_t)hi};
    add(t, hash, (int)line, (size_t)n)->restored = true;
    return true;
}

bool raw_twins_restore(struct raw_twins *t, struct k2_sv *in) {
    int64_t lines, n;
    if (!k2_avro_get_long(in, &lines) || lines < 0 || lines > 3 || !k2_avro_get_long(in, &n) ||
        n < 0 || n > SAVED)
        return false;
    t->lines[0] = (lines & 1) != 0;
    t->lines[1] = (lines & 2) != 0;
    for (; n > 0; n--)
        if (!get_seen(t, in))
            return false;
    return true;
}
