/* feed/fast/read.c - how values are on the wire: FAST 1.1, section 10.6. In each byte seven bits are data, and the
 * eighth says that it is the last one of its entity (10.6.1). */
#include "feed/fast/fast.h"

#define STOP 0x80u
#define DATA 0x7fu
#define SIGN 0x40u
#define INTEGER_MAX 10 /* bytes: 70 bits hold a nullable uInt64 and a delta of one */

bool fast_fault(struct fast_decoder *d, const char *why) {
    if (!d->why && !d->more) {
        d->why = why;
        d->why_at = d->at;
    }
    return false;
}

static bool need_more(struct fast_decoder *d) {
    if (d->at >= FAST_MESSAGE_MAX)
        return fast_fault(d, "it is longer than a message can be");
    d->more = !d->why;
    return false;
}

/* Bytes of the entity at d->at with its stop bit, at most `most`; 0 = a fault. */
static size_t entity(struct fast_decoder *d, size_t most, const char *too_long) {
    for (size_t i = 0; i < most; i++) {
        if (d->at + i >= d->size) {
            (void)need_more(d);
            return 0;
        }
        if (d->bytes[d->at + i] & STOP)
            return i + 1;
    }
    (void)fast_fault(d, too_long);
    return 0;
}

/* --- presence maps, 10.5 --- */

bool fast_read_map(struct fast_decoder *d, struct fast_map *map) {
    size_t n = entity(d, FAST_MESSAGE_MAX, "a presence map does not end");
    if (n == 0)
        return false;
    if (n > 1 && d->bytes[d->at + n - 1] == STOP)
        return fast_fault(d, "R7: a presence map is longer than it needs to be");
    *map = (struct fast_map){.at = d->at, .end = d->at + n};
    d->at += n;
    return true;
}

bool fast_map_next(struct fast_decoder *d, struct fast_map *map) {
    if (map->at >= map->end)
        return false;
    bool set = d->bytes[map->at] >> (6 - map->bit) & 1u;
    if (++map->bit == 7) {
        map->bit = 0;
        map->at++;
    }
    return set;
}

bool fast_map_done(struct fast_decoder *d, struct fast_map *map) {
    for (; map->at < map->end; map->at++, map->bit = 0)
        if (d->bytes[map->at] & DATA & (DATA >> map->bit))
            return fast_fault(d, "R8: a presence map has bits that no field asks for");
    return true;
}

/* --- integers, 10.6.1 --- */

bool fast_read_uint(struct fast_decoder *d, bool nullable, bool *null, k2_i128 *out) {
    size_t n = entity(d, INTEGER_MAX, "D2: an integer has too many bytes");
    k2_i128 v = 0;
    *null = false;
    if (n == 0)
        return false;
    if (n > 1 && d->bytes[d->at] == 0)
        return fast_fault(d, "R6: an integer is longer than it needs to be");
    for (size_t i = 0; i < n; i++)
        v = v * 128 + (d->bytes[d->at + i] & DATA);
    d->at += n;
    *null = nullable && v == 0;
    *out = v - (nullable && !*null);
    return true;
}

bool fast_read_int(struct fast_decoder *d, bool nullable, bool *null, k2_i128 *out) {
    size_t n = entity(d, INTEGER_MAX, "D2: an integer has too many bytes");
    *null = false;
    if (n == 0)
        return false;
    const uint8_t *p = d->bytes + d->at;
    bool minus = p[0] & SIGN;
    if (n > 1 && (p[0] == 0 || p[0] == DATA) && (bool)(p[1] & SIGN) == minus)
        return fast_fault(d, "R6: an integer is longer than it needs to be");
    k2_i128 v = minus ? -1 : 0;
    for (size_t i = 0; i < n; i++)
        v = v * 128 + (p[i] & DATA);
    d->at += n;
    *null = nullable && v == 0;
    *out = v - (nullable && v > 0);
    return true;
}

/* --- strings, 10.6.3 to 10.6.5 --- */

/* A first byte without data is a preamble: what is behind it is meant, and what a zero alone means is the shortest
 * form's: without value, or the empty string. */
bool fast_read_ascii(struct fast_decoder *d, bool nullable, bool *null, struct fast_value *out) {
    size_t n = entity(d, FAST_MESSAGE_MAX, "a string does not end"), skip = 0;
    *null = false;
    if (n == 0)
        return false;
    const uint8_t *p = d->bytes + d->at;
    if ((p[0] & DATA) == 0) {
        size_t preamble = nullable ? 2 : 1; /* that mean the empty string */
        *null = nullable && n == 1;
        skip = n < preamble ? n : preamble;
        for (size_t i = 0; i < n; i++)
            if (p[i] & DATA || n > preamble + 1)
                return fast_fault(d, "R9: a string is longer than it needs to be");
    }
    out->at = (uint32_t)d->texts.n;
    out->n = (uint32_t)(n - skip);
    k2_buf_put(&d->texts, p + skip, n - skip);
    if (out->n)
        d->texts.p[d->texts.n - 1] &= DATA;
    d->at += n;
    return true;
}

bool fast_read_bytes(struct fast_decoder *d, bool nullable, bool *null, struct fast_value *out) {
    k2_i128 n = 0;
    if (!fast_read_uint(d, nullable, null, &n))
        return false;
    if (n > (k2_i128)FAST_MESSAGE_MAX)
        return fast_fault(d, "D2: the length of a byte vector is larger than a message");
    size_t size = *null ? 0 : (size_t)n;
    if (d->size - d->at < size) {
        d->at = d->size;
        return need_more(d);
    }
    out->at = (uint32_t)d->texts.n;
    out->n = (uint32_t)size;
    k2_buf_put(&d->texts, d->bytes + d->at, size);
    d->at += size;
    return true;
}
