/* Table metadata: any text is loaded or refused with a reason; what loads can be looked at. */
#include "lake/lake_int.h"

#include <stdlib.h>

static void look(const struct lake_table *t) {
    struct lake_table_info info = lake_table_info(t);
    struct lake_snapshot s;
    struct lake_offsets o;
    struct k2_json *schema = NULL;
    for (int i = 0; i < info.snapshot_count; i++)
        if (lake_snapshot_find(t, lake_snapshot_at(t, i).id, &s, NULL) != K2_OK)
            abort();
    if (lake_snapshot_as_of(t, INT64_MAX, &s, NULL) == K2_OK &&
        lake_snapshot_offsets(t, s.id, &o, NULL) == K2_OK)
        lake_offsets_free(&o);
    if (lake_table_offsets(t, &o, NULL) == K2_OK)
        lake_offsets_free(&o);
    if (lake_schema_extend(t, k2_kind(K2_KIND_QUOTE), &schema, NULL) == K2_OK)
        k2_json_free(schema);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct lake_table *t;
    struct k2_err err = {0};
    struct k2_sv text = {(const char *)data, size};
    if (lake_metadata_parse(text, "quotes", "file:///m", &t, &err) == K2_OK) {
        look(t);
        lake_metadata_advance(t, 1);
        lake_table_free(t);
    } else if (err.msg[0] == 0) {
        abort();
    }
    return 0;
}
