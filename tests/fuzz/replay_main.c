/* Runs a fuzz target over the files of the folders (or single files) named on
 * the command line: a found input stays a test on machines without libFuzzer.
 * A folder that does not exist holds no file, and so is no error.
 */
#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t n_run;

static void die(const char *what, const char *path) {
    (void)fprintf(stderr, "%s %s: %s\n", what, path, strerror(errno));
    exit(1);
}

static void run_file(const char *path, size_t size) {
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        die("open", path);
    /* Exactly as large as the input, so that a read past it is caught. */
    uint8_t *data = malloc(size > 0 ? size : 1);
    if (data == NULL)
        die("allocate for", path);
    if (fread(data, 1, size, f) != size)
        die("read", path);
    (void)fclose(f);
    (void)LLVMFuzzerTestOneInput(data, size);
    free(data);
    n_run++;
}

static void run_path(const char *path) {
    struct stat st;
    if (stat(path, &st) != 0) {
        if (errno == ENOENT)
            return;
        die("stat", path);
    }
    if (S_ISREG(st.st_mode)) {
        run_file(path, (size_t)st.st_size);
        return;
    }
    struct dirent **names = NULL;
    int n = scandir(path, &names, NULL, alphasort);
    if (n < 0)
        die("list", path);
    for (int i = 0; i < n; i++) {
        char *sub = NULL;
        if (names[i]->d_name[0] != '.') {
            if (asprintf(&sub, "%s/%s", path, names[i]->d_name) < 0)
                die("allocate for", path);
            run_path(sub);
        }
        free(sub);
        free(names[i]);
    }
    free((void *)names);
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        run_path(argv[i]);
    printf("%zu inputs\n", n_run);
    return 0;
}
