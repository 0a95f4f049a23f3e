/* lake/manifest_schema.h - the Avro schemas that we write, field ids and all: Iceberg Table Spec,
 * "Manifests" (manifest_entry, data_file) and "Manifest Lists" (manifest_file), version 2. */
#ifndef K2_LAKE_MANIFEST_SCHEMA_H
#define K2_LAKE_MANIFEST_SCHEMA_H

/* Texts in pieces are more than the formatter can lay out. */
/* clang-format off */
#define FIELD(name, type, id) "{\"name\":\"" name "\",\"type\":" type ",\"field-id\":" #id "}"
#define OPTIONAL(name, type, id)                                                                   \
    "{\"name\":\"" name "\",\"type\":[\"null\"," type "],\"default\":null,\"field-id\":" #id "}"
/* Iceberg maps with int keys are Avro arrays of key-value records. */
#define MAP_OF(key_id, value_id, type)                                                             \
    "{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"k" #key_id "_v" #value_id       \
    "\",\"fields\":[" FIELD("key", "\"int\"", key_id) "," FIELD("value", type, value_id)           \
    "]},\"logicalType\":\"map\"}"
#define LIST_OF(element_id, type)                                                                  \
    "{\"type\":\"array\",\"items\":" type ",\"element-id\":" #element_id "}"

#define LAKE_PARTITION_SCHEMA                                                                      \
    "{\"type\":\"record\",\"name\":\"r102\",\"fields\":["                                          \
    OPTIONAL("trade_date", "{\"type\":\"int\",\"logicalType\":\"date\"}", 1000) "]}"

#define LAKE_ENTRY_SCHEMA                                                                          \
    "{\"type\":\"record\",\"name\":\"manifest_entry\",\"fields\":["                                \
    FIELD("status", "\"int\"", 0) ","                                                              \
    OPTIONAL("snapshot_id", "\"long\"", 1) ","                                                     \
    OPTIONAL("sequence_number", "\"long\"", 3) ","                                                 \
    OPTIONAL("file_sequence_number", "\"long\"", 4) ","                                            \
    "{\"name\":\"data_file\",\"field-id\":2,\"type\":{\"type\":\"record\",\"name\":\"r2\","        \
    "\"fields\":["                                                                                 \
    FIELD("content", "\"int\"", 134) ","                                                           \
    FIELD("file_path", "\"string\"", 100) ","                                                      \
    FIELD("file_format", "\"string\"", 101) ","                                                    \
    FIELD("partition", LAKE_PARTITION_SCHEMA, 102) ","                                             \
    FIELD("record_count", "\"long\"", 103) ","                                                     \
    FIELD("file_size_in_bytes", "\"long\"", 104) ","                                               \
    OPTIONAL("column_sizes", MAP_OF(117, 118, "\"long\""), 108) ","                                \
    OPTIONAL("value_counts", MAP_OF(119, 120, "\"long\""), 109) ","                                \
    OPTIONAL("null_value_counts", MAP_OF(121, 122, "\"long\""), 110) ","                           \
    OPTIONAL("nan_value_counts", MAP_OF(138, 139, "\"long\""), 137) ","                            \
    OPTIONAL("lower_bounds", MAP_OF(126, 127, "\"bytes\""), 125) ","                               \
    OPTIONAL("upper_bounds", MAP_OF(129, 130, "\"bytes\""), 128) ","                               \
    OPTIONAL("key_metadata", "\"bytes\"", 131) ","                                                 \
    OPTIONAL("split_offsets", LIST_OF(133, "\"long\""), 132) ","                                   \
    OPTIONAL("equality_ids", LIST_OF(136, "\"int\""), 135) ","                                     \
    OPTIONAL("sort_order_id", "\"int\"", 140) "]}}]}"

#define LAKE_SUMMARY_SCHEMA                                                                        \
    "{\"type\":\"record\",\"name\":\"r508\",\"fields\":["                                          \
    FIELD("contains_null", "\"boolean\"", 509) ","                                                 \
    OPTIONAL("contains_nan", "\"boolean\"", 518) ","                                               \
    OPTIONAL("lower_bound", "\"bytes\"", 510) ","                                                  \
    OPTIONAL("upper_bound", "\"bytes\"", 511) "]}"

#define LAKE_LIST_SCHEMA                                                                           \
    "{\"type\":\"record\",\"name\":\"manifest_file\",\"fields\":["                                 \
    FIELD("manifest_path", "\"string\"", 500) ","                                                  \
    FIELD("manifest_length", "\"long\"", 501) ","                                                  \
    FIELD("partition_spec_id", "\"int\"", 502) ","                                                 \
    FIELD("content", "\"int\"", 517) ","                                                           \
    FIELD("sequence_number", "\"long\"", 515) ","                                                  \
    FIELD("min_sequence_number", "\"long\"", 516) ","                                              \
    FIELD("added_snapshot_id", "\"long\"", 503) ","                                                \
    FIELD("added_files_count", "\"int\"", 504) ","                                                 \
    FIELD("existing_files_count", "\"int\"", 505) ","                                              \
    FIELD("deleted_files_count", "\"int\"", 506) ","                                               \
    FIELD("added_rows_count", "\"long\"", 512) ","                                                 \
    FIELD("existing_rows_count", "\"long\"", 513) ","                                              \
    FIELD("deleted_rows_count", "\"long\"", 514) ","                                               \
    OPTIONAL("partitions", LIST_OF(508, LAKE_SUMMARY_SCHEMA), 507) ","                             \
    OPTIONAL("key_metadata", "\"bytes\"", 519) "]}"
/* clang-format on */

#endif
