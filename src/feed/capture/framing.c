/* feed/capture/framing.c - where frames begin and end in a stream of bytes: a TCP flow, or a file that is no capture.
 *
 *   LENGTH16  NASDAQ BinaryFILE 1.00, section 2: u16 big-endian length, the message; a length of 0 ends the session
 *   SOUPBIN   SoupBinTCP 4.1, section 2: u16 big-endian length of what follows, u8 packet type, payload
 */
#include "feed/capture/frames_int.h"

static enum cut cut_length16(struct k2_sv bytes, struct piece *out) {
    if (bytes.n < 2)
        return CUT_MORE;
    size_t length = be16(bytes.p);
    out->size = 2 + length;
    if (bytes.n < out->size)
        return CUT_MORE;
    out->frame = (struct k2_sv){bytes.p + 2, length};
    out->why = "end of session";
    return length ? CUT_FRAME : CUT_PASSED;
}

/* What a packet that carries no sequenced message is for; NULL = there is no such type. */
static const char *soupbin_packet(char type) {
    switch (type) {
    case '+':
        return "SoupBinTCP debug packet";
    case 'A':
        return "SoupBinTCP login accepted";
    case 'J':
        return "SoupBinTCP login rejected";
    case 'H':
        return "SoupBinTCP server heartbeat";
    case 'Z':
        return "SoupBinTCP end of session";
    case 'L':
        return "SoupBinTCP login request";
    case 'U':
        return "SoupBinTCP unsequenced data";
    case 'R':
        return "SoupBinTCP client heartbeat";
    case 'O':
        return "SoupBinTCP logout request";
    default:
        return NULL;
    }
}

static enum cut cut_soupbin(struct k2_sv bytes, struct piece *out) {
    if (bytes.n < 3)
        return CUT_MORE;
    size_t length = be16(bytes.p);
    char type = bytes.p[2];
    out->why = soupbin_packet(type);
    if (length == 0 || (type != 'S' && !out->why))
        return CUT_NONE;
    out->size = 2 + length;
    if (bytes.n < out->size)
        return CUT_MORE;
    out->frame = (struct k2_sv){bytes.p + 3, length - 1};
    if (type == 'A')
        out->login = out->frame;
    return type == 'S' ? CUT_FRAME : CUT_PASSED;
}

static enum cut cut_own(const struct feed_frames_options *o, struct k2_sv bytes,
                        struct piece *out) {
    out->size = o->cut(o->state, bytes);
    if (out->size > FRAME_OWN_MAX)
        return CUT_NONE;
    if (out->size == 0 || out->size > bytes.n)
        return bytes.n < FRAME_OWN_MAX ? CUT_MORE : CUT_NONE;
    out->frame = front(bytes, out->size);
    return CUT_FRAME;
}

/* Types of packets with their lengths, SoupBinTCP 4.1, sections 2.2 and 2.3; a sequenced message begins with its type,
 * a letter, where a message of BinaryFILE that begins with an 'S' goes on with a number. */
static bool soupbin_begins(struct k2_sv bytes) {
    size_t length = bytes.n >= 2 ? be16(bytes.p) : 0;
    switch (bytes.n >= 3 ? bytes.p[2] : 0) {
    case '+':
        return true;
    case 'A':
        return length == 31;
    case 'L':
        return length == 47;
    case 'J':
        return length == 2;
    case 'H':
    case 'Z':
    case 'R':
    case 'O':
        return length == 1;
    case 'S':
    case 'U':
        return bytes.n >= 4 && length > 1 && bytes.p[3] >= 'A' && bytes.p[3] <= 'z';
    default:
        return false;
    }
}

enum feed_framing framing_tell(enum feed_framing framing, struct k2_sv bytes) {
    if (framing != FEED_FRAMING_NASDAQ)
        return framing;
    return soupbin_begins(bytes) ? FEED_FRAMING_SOUPBIN : FEED_FRAMING_LENGTH16;
}

enum cut framing_cut(const struct feed_frames_options *o, struct k2_sv bytes, struct piece *out) {
    *out = (struct piece){0};
    if (bytes.n == 0)
        return CUT_MORE;
    switch (o->framing) {
    case FEED_FRAMING_LENGTH16:
        return cut_length16(bytes, out);
    case FEED_FRAMING_SOUPBIN:
    case FEED_FRAMING_NASDAQ:
        return cut_soupbin(bytes, out);
    case FEED_FRAMING_OWN:
        return cut_own(o, bytes, out);
    case FEED_FRAMING_SEGMENTS:
        *out = (struct piece){.size = bytes.n, .frame = bytes};
        return CUT_FRAME;
    case FEED_FRAMING_NONE:
        break;
    }
    return CUT_NONE;
}
