/* feed/fast/xml.h - a small XML document as a tree, for files of templates. */
#ifndef K2_FEED_FAST_XML_H
#define K2_FEED_FAST_XML_H

#include "base/buf.h"
#include "base/err.h"

struct fast_xml_attribute {
    char *name, *value; /* of the name what is behind a prefix */
};

struct fast_xml_element {
    char *name; /* with its prefix, if it has one */
    struct fast_xml_attribute *attributes;
    size_t attributes_n;
    int32_t first, next; /* child and sibling in the array of elements; 0 = none */
    int32_t line;
};

struct fast_xml {
    struct fast_xml_element *elements; /* [0] is the root */
    size_t n, cap;
};

/* Text between elements is passed over; a document type is refused, and so are more than 100000 elements. To be
 * freed also after a failure. */
K2_RC fast_xml_parse(struct k2_sv text, struct fast_xml *out, struct k2_err *err);
void fast_xml_free(struct fast_xml *x);
/* NULL = there is none. */
const char *fast_xml_value(const struct fast_xml_element *e, const char *name);

#endif
