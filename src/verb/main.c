/* verb/main.c - the program k2. */
#include "verb/verb.h"

int main(int argc, char **argv) {
    return verb_main(argc, argv);
}
