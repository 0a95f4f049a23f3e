/* base/nearest.c - the nearest of some words, for "did you mean": with the fewest slips, else the first that
 * begins with the word. */
#include "base/config.h"

#include <ctype.h>
#include <strings.h>

#define LONGEST 64  /* longer words are near nothing */
#define BEGINNING 3 /* letters that a beginning needs */

static bool same(char a, char b) {
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Levenshtein's distance, row by row. */
static size_t distance(const char *a, const char *b) {
    size_t row[LONGEST + 1], na = strlen(a), nb = strlen(b);
    if (na > LONGEST || nb > LONGEST)
        return SIZE_MAX;
    for (size_t j = 0; j <= nb; j++)
        row[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t best = diagonal + !same(a[i - 1], b[j - 1]);
            best = row[j] + 1 < best ? row[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[nb];
}

/* The first word that begins like it; two letters may begin anything. */
static const char *begun(const char *word, const char *const *words, int n) {
    size_t length = strlen(word);
    for (int i = 0; i < n && length >= BEGINNING; i++) {
        if (words[i] && strncasecmp(words[i], word, length) == 0)
            return words[i];
    }
    return NULL;
}

const char *k2_nearest(const char *word, const char *const *words, int n) {
    const char *nearest = NULL;
    size_t best = strlen(word) / 3 + 2; /* from here on it is another word, not a slip */
    for (int i = 0; i < n; i++) {
        size_t d = distance(word, words[i]);
        if (d < best) {
            best = d;
            nearest = words[i];
        }
    }
    return nearest ? nearest : begun(word, words, n);
}
