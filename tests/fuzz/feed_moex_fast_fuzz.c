/* Fuzz target of the decoder moex-fast: any bytes by templates that have every operator and type. */
#include "feed_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char templates[] =
    "<templates><template name='X' id='1' dictionary='1'>"
    "<string name='MessageType' id='35'><constant value='X'/></string>"
    "<string name='SenderCompID' id='49'><copy value='RTS'/></string>"
    "<uInt32 name='MsgSeqNum' id='34'><increment value='1'/></uInt32>"
    "<uInt64 name='SendingTime' id='52'><delta value='20130801142437941'/></uInt64>"
    "<sequence name='MDEntries'><length name='NoMDEntries' id='268'/>"
    "<uInt32 name='MDUpdateAction' id='279'><copy value='0'/></uInt32>"
    "<string name='MDEntryType' id='269'><default value='0'/></string>"
    "<string name='Symbol' id='55' presence='optional'><tail value='RIU3'/></string>"
    "<uInt64 name='SecurityID' id='48' presence='optional'><delta/></uInt64>"
    "<decimal name='MDEntryPx' id='270' presence='optional'><exponent><copy/></exponent>"
    "<mantissa><delta/></mantissa></decimal>"
    "<decimal name='LastPx' id='31' presence='optional'><delta/></decimal>"
    "<int64 name='MDEntrySize' id='271' presence='optional'><delta/></int64>"
    "<uInt32 name='MDEntryTime' id='273' presence='optional'/>"
    "<string name='TradeCondition' id='277' presence='optional'><delta/></string>"
    "<int64 name='MDEntryID' id='278' presence='optional'/></sequence></template>"
    "<template name='W' id='2' dictionary='type'><typeRef name='Snapshot'/>"
    "<string name='MessageType' id='35'/><string name='SenderCompID' id='49'/>"
    "<uInt32 name='MsgSeqNum' id='34'/><uInt64 name='SendingTime' id='52'/>"
    "<string name='Text' id='58' charset='unicode' presence='optional'><copy/></string>"
    "<byteVector name='RawData' id='96' presence='optional'><tail/></byteVector>"
    "<byteVector name='Delta' presence='optional'><delta/></byteVector>"
    "<group name='G' presence='optional'><int32 name='I'><increment/></int32></group>"
    "<uInt32 name='NewSeqNo' id='36' presence='optional'/>"
    "<sequence name='MDEntries' presence='optional'><length name='NoMDEntries' "
    "id='268'><copy/></length>"
    "<string name='MDEntryType' id='269'/><decimal name='MDEntryPx' id='270' presence='optional'/>"
    "<sequence name='Inner'><uInt32 name='L'><copy/></uInt32></sequence></sequence>"
    "<templateRef/></template>"
    "<template name='R' id='3' reset='yes'/></templates>";

/* As a datagram. */
static void show(const uint8_t *data, size_t n) {
    const struct feed_ops *ops = feed_find(K2_SV("moex-fast"));
    const struct feed_visit visit = see_fields(&n);
    const struct feed_frame frame = {.bytes = {(const char *)data, n}, .datagram = true};
    struct k2_interner *in = k2_interner_new();
    void *state = calloc(1, ops->state_size);
    K2_ASSERT(ops->init(ops, state, &fuzz_options, in, NULL) == K2_OK);
    (void)!ops->dissect(ops, state, &frame, &visit, NULL);
    ops->fini(state);
    free(state);
    k2_interner_free(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    fuzz_options.mapping = k2_sv_of(templates);
    show(data, n);
    return fuzz_format("moex-fast", data, n);
}
