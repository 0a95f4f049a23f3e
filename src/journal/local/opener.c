/* journal/local/opener.c - see opener.h. What is in the clear is lent from where it stands, which is a mapped file: reading
 * it costs no copy. What is encrypted goes into one buffer that is used again and again. */
#include "journal/local/opener.h"

#include "journal/local/cipher.h"

void journal_opener_fini(struct journal_opener *o) {
    journal_cipher_free(o->cipher);
    k2_buf_free(&o->plain);
    o->cipher = NULL;
}

int journal_opener_records(struct journal_opener *o, int64_t segment, const struct frame *f,
                           const uint8_t *bytes, struct k2_sv *records, struct k2_err *err) {
    *records = (struct k2_sv){(const char *)bytes + FRAME_HEADER, f->length - FRAME_HEADER};
    if (f->key == 0)
        return K2_OK;
    if (!o->cipher)
        o->cipher = journal_cipher_new(o->incarnation);
    size_t n = records->n - CIPHER_MORE;
    o->plain.n = 0;
    uint8_t *plain = k2_buf_need(&o->plain, n);
    K2_TRY(journal_cipher_open(o->cipher, segment, bytes, FRAME_HEADER, f->length, plain, err));
    if (!journal_records_fill(plain, n, f->count))
        return k2_fail(err, K2_E_CORRUPT, "what is encrypted there are not %d records", f->count);
    *records = (struct k2_sv){(const char *)plain, n};
    return K2_OK;
}
