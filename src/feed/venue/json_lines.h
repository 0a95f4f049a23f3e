/* feed/venue/json_lines.h - the containers that JSON messages of venues are kept in.
 *
 *   JSON                      one message a line
 *   RECEIVED JSON             before it when it was received: ns, us, ms or s since 1970 as the size of
 *                             the number says, a fraction allowed
 *   RECEIVED WORD JSON        the same with the name of the event (logs of Bitstamp)
 *   URL <-> TIME              a connection was opened      } what the package cryptofeed writes
 *   URL <- TIME: JSON         was sent to the venue        }
 *   TIME: JSON                was received                 }
 *   URL -> TIME: JSON         the answer to a request      }
 *   WORD: JSON                what the capture says of itself
 *   [                         a line that is only an opening bracket, up to the line that begins with
 *     ...                     the closing one: a message written over several lines
 *   ]
 *
 * JSON may be packed: gzip, as some venues send it, plainly in a binary frame or, where the container is of text, as
 * Python writes bytes: b'\x1f\x8b...'.
 *
 * A raw capture (feed/capture/raw.h) is taken too: each text message is a line, received when its frame says; so is each
 * datagram, and each line of a stream.
 *
 * An array of objects, on one line or on several, is a list of messages (the takers see to that).
 */
#ifndef K2_FEED_JSON_LINES_H
#define K2_FEED_JSON_LINES_H

#include "feed/capture/raw.h"
#include "feed/feed_int.h"

#include "base/zip.h"

enum json_line {
    JSON_LINE_MORE,    /* no whole one left */
    JSON_LINE_MESSAGE, /* from the venue: received, or the answer to a request */
    JSON_LINE_NOTE,    /* nothing that the venue said: `note` says what */
    JSON_LINE_BAD      /* `fault` says why */
};

struct json_record {
    struct k2_sv raw;   /* the line or lines as they came */
    struct k2_sv text;  /* the JSON in it */
    struct k2_sv word;  /* of RECEIVED WORD JSON */
    struct k2_sv url;   /* of the connection or of the request; empty where it is not said */
    bool any_url;       /* the URL may be that of somebody between the venue and us */
    bool answer;        /* to a request */
    bool packed;        /* `text` is no part of `raw`: it was unpacked */
    int64_t receive_ns; /* K2_NULL_LONG */
    int64_t position;   /* line in the source, from 1 */
    uint64_t offset;
    const char *note;
    struct feed_fault fault;
};

enum json_container { JSON_UNTOLD, JSON_PLAIN, JSON_RAW };

/* What a message was packed in, and what was in it; both last until the next message. */
struct json_packed {
    struct k2_buf bytes, text;
    struct k2_gunzip *gunzip;
};

/* Unpacks the text of a message if it is packed; false: it is damaged, the fault says how. */
bool json_unpack(struct json_packed *p, struct json_record *r);
void json_packed_free(struct json_packed *p);

struct json_lines {
    enum json_container in;
    struct feed_lines lines;
    struct k2_buf url; /* of the connection that was opened last */
    struct raw_reader raw;
    /* Of a raw capture: bytes of streams that are no whole line yet, and the frame they begin in. */
    struct k2_buf stream;
    size_t stream_done; /* the lines before it were given */
    int64_t stream_ns;  /* of the frame that came last */
    uint64_t stream_offset;
    struct json_packed packed;
};

/* The next one; what it points to lasts until the next call, and no longer than `bytes`. */
enum json_line json_line_next(struct json_lines *l, struct k2_sv *bytes, bool last,
                              struct json_record *r);
void json_lines_free(struct json_lines *l);
void json_lines_save(const struct json_lines *l, struct k2_buf *out);
bool json_lines_restore(struct json_lines *l, struct k2_sv *in);

/* A moment as a number since 1970 in units of `unit` ns, with a fraction; false: it is none, or not one
 * of 1970 to 2262. What is finer than a nanosecond is cut off. */
bool json_time(struct k2_sv text, int64_t unit, int64_t *ns);
/* "2021-04-17T16:43:37.448713Z"; "+00:00" at the end and a blank for the T are taken too. */
bool json_time_iso(struct k2_sv text, int64_t *ns);

/* For detect: the first message, URL and all, of the start of a source; false if there is none. A
 * message that is not whole is given as far as it goes. */
bool json_lines_first(struct k2_sv head, struct json_record *r);

#endif
