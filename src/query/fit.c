/* query/fit.c - which columns of a wide table a terminal shows, and how wide.
 *
 * Texts are cut before a column is left out, the widest first, none below TEXT_LEAST. If that is not enough, one
 * column more is left out, nearest to the middle, and all begins again: the first and the last column
 * stay longest, since people put first what they ask for and last what they computed.
 */
#include "query/query_int.h"

#include <stdlib.h>

#define TEXT_LEAST 12
#define BETWEEN 2
#define GAP 3 /* the width of "..." where columns are left out */

static int needed(const struct query_fit *columns, int n, int hidden) {
    int sum = hidden ? GAP : -BETWEEN;
    for (int i = 0; i < n; i++)
        if (!columns[i].hidden)
            sum += columns[i].width + BETWEEN;
    return sum;
}

static struct query_fit *widest_text(struct query_fit *columns, int n, int *next) {
    struct query_fit *widest = NULL;
    *next = TEXT_LEAST;
    for (int i = 0; i < n; i++) {
        struct query_fit *c = &columns[i];
        if (c->hidden || c->whole || c->width <= TEXT_LEAST)
            continue;
        if (!widest || c->width > widest->width) {
            *next = widest ? widest->width : *next;
            widest = c;
        } else if (c->width > *next) {
            *next = c->width;
        }
    }
    return widest;
}

/* Cuts texts until all fits; false when it cannot be. */
static bool cut(struct query_fit *columns, int n, int hidden, int room) {
    for (int over; (over = needed(columns, n, hidden) - room) > 0;) {
        int next;
        struct query_fit *c = widest_text(columns, n, &next);
        if (!c)
            return false;
        /* Down to the next widest, or by one when two are as wide. */
        int by = c->width > next ? c->width - next : 1;
        c->width -= by < over ? by : over;
    }
    return true;
}

/* Hides the shown column that is nearest to the middle, of two the right one; the first one last. */
static void hide_middle(struct query_fit *columns, int n) {
    int best = -1, least = 0;
    for (int i = n - 1; i > 0; i--) {
        int away = abs(2 * i - (n - 1));
        if (columns[i].hidden || (best >= 0 && away >= least))
            continue;
        best = i;
        least = away;
    }
    if (best >= 0)
        columns[best].hidden = true;
}

int query_fit(struct query_fit *columns, int n, int room) {
    int *natural = k2_alloc((size_t)(n + 1) * sizeof *natural);
    for (int i = 0; i < n; i++)
        natural[i] = columns[i].width;
    int hidden = 0;
    /* One column is always shown: cut if it is text, over the edge if it is a number. */
    while (!cut(columns, n, hidden, room) && hidden + 1 < n) {
        hide_middle(columns, n);
        hidden++;
        for (int i = 0; i < n; i++)
            columns[i].width = natural[i];
    }
    free(natural);
    return hidden;
}
