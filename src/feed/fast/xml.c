/* feed/fast/xml.c - see xml.h; the only file that knows expat. */
#include "feed/fast/xml.h"

#include <expat.h>

#include <stdlib.h>

#define ELEMENTS_MAX 100000
#define DEEP 64

struct parse {
    struct fast_xml *x;
    XML_Parser parser;
    int32_t open[DEEP], last[DEEP]; /* the element that is open, and the last child of it */
    int depth;
    const char *wrong;
};

static void stop(struct parse *p, const char *wrong) {
    p->wrong = wrong;
    (void)XML_StopParser(p->parser, XML_FALSE);
}

static const char *local(const char *name) {
    const char *colon = strrchr(name, ':');
    return colon ? colon + 1 : name;
}

static void take_attributes(struct fast_xml_element *e, const XML_Char **pairs) {
    size_t n = 0;
    while (pairs[2 * n])
        n++;
    e->attributes = k2_zalloc((n + 1) * sizeof *e->attributes);
    e->attributes_n = n;
    for (size_t i = 0; i < n; i++)
        e->attributes[i] = (struct fast_xml_attribute){k2_strdup(local(pairs[2 * i])),
                                                       k2_strdup(pairs[2 * i + 1])};
}

/* Makes it the next child of the element that is open. */
static void hang(struct parse *p, int32_t at) {
    struct fast_xml_element *all = p->x->elements;
    if (p->depth == 0)
        return;
    int32_t *last = &p->last[p->depth - 1];
    if (*last)
        all[*last].next = at;
    else
        all[p->open[p->depth - 1]].first = at;
    *last = at;
}

static void XMLCALL begin(void *ctx, const XML_Char *name, const XML_Char **pairs) {
    struct parse *p = ctx;
    struct fast_xml *x = p->x;
    if (p->depth == DEEP || x->n == ELEMENTS_MAX) {
        stop(p, "its elements are too many, or nested too deeply");
        return;
    }
    if (x->n == x->cap) {
        x->cap = x->cap ? x->cap * 2 : 256;
        x->elements = k2_realloc(x->elements, x->cap * sizeof *x->elements);
    }
    int32_t at = (int32_t)x->n++;
    x->elements[at] = (struct fast_xml_element){
        .name = k2_strdup(name), .line = (int32_t)XML_GetCurrentLineNumber(p->parser)};
    take_attributes(&x->elements[at], pairs);
    hang(p, at);
    p->open[p->depth] = at;
    p->last[p->depth++] = 0;
}

static void XMLCALL end(void *ctx, const XML_Char *name) {
    struct parse *p = ctx;
    (void)name;
    p->depth--;
}

/* Entities could make a large document of a small one. */
static void XMLCALL refuse_type(void *ctx, const XML_Char *name, const XML_Char *system,
                                const XML_Char *public, int internal) {
    (void)name;
    (void)system;
    (void)public;
    (void)internal;
    stop(ctx, "it has a document type");
}

int fast_xml_parse(struct k2_sv text, struct fast_xml *out, struct k2_err *err) {
    struct parse p = {.x = out, .parser = XML_ParserCreate(NULL)};
    *out = (struct fast_xml){0};
    if (!p.parser || text.n > INT32_MAX) {
        XML_ParserFree(p.parser);
        return k2_fail(err, K2_E_INVALID, "the XML document is too large");
    }
    XML_SetUserData(p.parser, &p);
    XML_SetElementHandler(p.parser, begin, end);
    XML_SetStartDoctypeDeclHandler(p.parser, refuse_type);
    int rc = K2_OK;
    if (XML_Parse(p.parser, text.p, (int)text.n, 1) != XML_STATUS_OK)
        rc = k2_fail(err, K2_E_INVALID, "line %lu: this is no XML document: %s",
                     (unsigned long)XML_GetCurrentLineNumber(p.parser),
                     p.wrong ? p.wrong : XML_ErrorString(XML_GetErrorCode(p.parser)));
    XML_ParserFree(p.parser);
    return rc;
}

void fast_xml_free(struct fast_xml *x) {
    for (size_t i = 0; i < x->n; i++) {
        struct fast_xml_element *e = &x->elements[i];
        for (size_t k = 0; k < e->attributes_n; k++) {
            free(e->attributes[k].name);
            free(e->attributes[k].value);
        }
        free(e->attributes);
        free(e->name);
    }
    free(x->elements);
    *x = (struct fast_xml){0};
}

const char *fast_xml_value(const struct fast_xml_element *e, const char *name) {
    for (size_t i = 0; i < e->attributes_n; i++)
        if (strcmp(e->attributes[i].name, name) == 0)
            return e->attributes[i].value;
    return NULL;
}
