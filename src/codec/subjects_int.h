/* codec/subjects_int.h - what the files of subjects.h share. The registry's mutex is held. */
#ifndef K2_CODEC_SUBJECTS_INT_H
#define K2_CODEC_SUBJECTS_INT_H

#include "codec/registry_int.h"
#include "codec/subjects.h"

/* Says why not in err, and yields the refusal. */
#define subjects_refuse(err, refusal, ...)                                                         \
    (k2_fail_((err), subjects_status(refusal), __VA_ARGS__), (int)(refusal))
int subjects_status(enum k2_refusal refusal);

/* "Subject 'x' not found." and the like, as clients know them. */
K2_RC subjects_no_subject(struct k2_sv subject, struct k2_err *err);
K2_RC subjects_no_version(int version, struct k2_err *err);
K2_RC subjects_check_name(struct k2_sv subject, struct k2_err *err);

bool subjects_has_live(const struct model_subject *s);
void subjects_show(const struct model_subject *s, const struct model_version *v,
                   struct k2_subject_version *out);

enum k2_registry_mode subjects_mode(const struct k2_registry *r, const struct model_subject *s);
/* Whether anybody may change it now. */
K2_RC subjects_check_writable(const struct k2_registry *r, struct k2_sv subject,
                              struct k2_err *err);

#endif
