/* verb/main.c - the program k2. */
#include "verb/verb.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* A standard descriptor that the caller closed would be given to the next file that is opened, and a
 * message on stderr would end in the journal. */
static void occupy_standard_descriptors(void) {
    int fd;
    do {
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (fd < 0)
            exit(EXIT_FAILURE);
    } while (fd <= STDERR_FILENO);
    close(fd);
}

int main(int argc, char **argv) {
    occupy_standard_descriptors();
    return verb_main(argc, argv);
}
