/* feed/capture/twins.c - see twins.h.
 *
 * The window is a ring of the last WINDOW datagrams, whose bytes are in a ring of ROOM bytes; datagrams have numbers that
 * only rise. A table of heads leads to the newest with a hash, each to the one before it with the same head. While only
 * one line sends, as where there is only one, nothing is looked for.
 */
#include "feed/capture/twins.h"

#include "base/hash.h"

#include <stdlib.h>

enum { WINDOW = 8192, HEADS = 16384, STEPS = 64 };
#define ROOM ((size_t)8 << 20)
#define LONGEST ((size_t)64 << 10) /* no UDP datagram is longer */

struct seen {
    uint64_t hash;
    uint64_t before; /* number of the one before it with the same head; 0 = none */
    uint64_t from;   /* of its bytes, counted over all */
    size_t n;
    int line;
    bool met; /* its twin came */
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

static bool is_twin(const struct raw_twins *t, const struct seen *s, uint64_t hash, int line,
                    struct k2_sv bytes) {
    return s->hash == hash && s->line != line && !s->met && s->n == bytes.n &&
           memcmp(t->room + s->from % ROOM, bytes.p, bytes.n) == 0;
}

/* The newest that it can be the twin of. A line that repeats itself for long is not followed to its start. */
static struct seen *find(const struct raw_twins *t, uint64_t hash, int line, struct k2_sv bytes) {
    uint64_t number = t->heads[hash % HEADS];
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

static void remember(struct raw_twins *t, uint64_t hash, int line, struct k2_sv bytes) {
    if (t->end % ROOM + bytes.n > ROOM)
        t->end += ROOM - t->end % ROOM;
    forget_for(t, t->end + bytes.n);
    uint64_t *head = &t->heads[hash % HEADS];
    *seen_at(t, t->next) =
        (struct seen){.hash = hash, .before = *head, .from = t->end, .n = bytes.n, .line = line};
    memcpy(t->room + t->end % ROOM, bytes.p, bytes.n);
    *head = t->next++;
    t->end += bytes.n;
}

bool raw_twins_met(struct raw_twins *t, int line, struct k2_sv bytes) {
    if (bytes.n == 0 || bytes.n > LONGEST)
        return false;
    uint64_t hash = k2_hash64(bytes.p, bytes.n);
    t->lines[line != 0] = true;
    struct seen *s = t->lines[0] && t->lines[1] ? find(t, hash, line, bytes) : NULL;
    if (s)
        s->met = true;
    else
        remember(t, hash, line, bytes);
    return s != NULL;
}
