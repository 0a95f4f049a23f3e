/* base/unpack.c - see unpack.h. */
#include "base/unpack.h"

#include "base/xz.h"
#include "base/zip.h"
#include "base/zstd.h"

#include <stdlib.h>

struct k2_unpack {
    enum k2_packing packing;
    struct k2_gunzip *gunzip; /* of these, the one that it is */
    struct k2_unzstd *unzstd;
    struct k2_unxz *unxz;
};

static const struct {
    enum k2_packing packing;
    const char *name;
    struct k2_sv magic, end;
} packings[] = {
    {K2_PACKING_GZIP, "gzip", {"\x1f\x8b", 2}, {".gz", 3}},
    {K2_PACKING_ZSTD, "zstd", {"\x28\xb5\x2f\xfd", 4}, {".zst", 4}},
    {K2_PACKING_XZ,
     "xz",
     {"\xfd"
      "7zXZ\0",
      6},
     {".xz", 3}},
    {K2_PACKING_ZIP, "zip", {"PK\3\4", 4}, {".zip", 4}},
    {K2_PACKING_ZIP, "zip", {"PK\5\6", 4}, {".zip", 4}}, /* without members */
};
#define PACKINGS (sizeof packings / sizeof *packings)

enum k2_packing k2_packing_of(struct k2_sv head, struct k2_sv name, bool whole) {
    bool begins = false;
    for (size_t i = 0; i < PACKINGS; i++) {
        if (k2_sv_starts(head, packings[i].magic))
            return packings[i].packing;
        begins |= k2_sv_starts(packings[i].magic, head);
    }
    if (begins && !whole)
        return K2_PACKING_UNTOLD;
    for (size_t i = 0; i < PACKINGS; i++)
        if (k2_sv_ends(name, packings[i].end))
            return packings[i].packing;
    return K2_PACKING_NONE;
}

const char *k2_packing_name(enum k2_packing p) {
    for (size_t i = 0; i < PACKINGS; i++)
        if (packings[i].packing == p)
            return packings[i].name;
    return "plain";
}

struct k2_sv k2_packing_stem(struct k2_sv name) {
    for (size_t i = 0; i < PACKINGS; i++)
        if (k2_sv_ends(name, packings[i].end))
            return (struct k2_sv){name.p, name.n - packings[i].end.n};
    return name;
}

struct k2_unpack *k2_unpack_new(enum k2_packing p) {
    struct k2_unpack *u = k2_zalloc(sizeof *u);
    u->packing = p;
    if (p == K2_PACKING_GZIP)
        u->gunzip = k2_gunzip_new();
    else if (p == K2_PACKING_ZSTD)
        u->unzstd = k2_unzstd_new();
    else
        u->unxz = k2_unxz_new();
    return u;
}

void k2_unpack_free(struct k2_unpack *u) {
    if (!u)
        return;
    k2_gunzip_free(u->gunzip);
    k2_unzstd_free(u->unzstd);
    k2_unxz_free(u->unxz);
    free(u);
}

int k2_unpack_some(struct k2_unpack *u, struct k2_sv *in, uint8_t *out, size_t cap,
                   size_t *produced, struct k2_err *err) {
    if (u->gunzip)
        return k2_gunzip_some(u->gunzip, in, out, cap, produced, err);
    return u->unzstd ? k2_unzstd_some(u->unzstd, in, out, cap, produced, err)
                     : k2_unxz_some(u->unxz, in, out, cap, produced, err);
}

int k2_unpack_end(const struct k2_unpack *u, struct k2_err *err) {
    if (u->gunzip)
        return k2_gunzip_end(u->gunzip, err);
    return u->unzstd ? k2_unzstd_end(u->unzstd, err) : k2_unxz_end(u->unxz, err);
}
