/* feed/rows/mapped_cells.h - the cells of a row: of a CSV line, or the values inside a JSON object.
 *
 * Thread-safety: none; one owner at a time.
 */
#ifndef K2_FEED_MAPPED_CELLS_H
#define K2_FEED_MAPPED_CELLS_H

#include "feed/feed_int.h"
#include "feed/rows/mapping.h"

struct map_pair {
    struct k2_sv name, value;
};

struct map_cells {
    const struct mapping *mapping;
    struct k2_sv *cell;    /* by slot of mapping.columns; n == 0: it is empty or not there */
    struct map_pair *rest; /* not assigned, by name; each name once */
    size_t n_rest, cap_rest;
    /* CSV: what a column is */
    char **names;  /* of the columns not assigned, else NULL */
    size_t *slots; /* SIZE_MAX: it is not assigned */
    size_t *order; /* the columns by name */
    size_t n_columns;
    struct k2_sv *field; /* of the row, n_columns + 1 of them */
    struct k2_buf text;  /* paths, and texts whose escapes were resolved */
};

void map_cells_init(struct map_cells *c, const struct mapping *m);
void map_cells_free(struct map_cells *c);
/* The names of the columns, of a header or the mapping. A column that is assigned and not there is K2_E_INVALID,
 * with the nearest name. */
K2_RC map_cells_header(struct map_cells *c, struct k2_sv line, struct k2_err *err);
K2_RC map_cells_names(struct map_cells *c, struct k2_err *err);
/* Fills cell and rest; nonzero with the fault. */
int map_cells_csv(struct map_cells *c, struct k2_sv line, struct feed_fault *f);
int map_cells_json(struct map_cells *c, struct k2_sv line, struct feed_fault *f);

#endif
