/* A disk that fails: preloaded into the server by tests, it makes writes and syncs of files below one folder fail with
 * a given error, all of them or one in so many, until the test says that the disk is well again.
 *
 * FAULTY_DISK_FOLDER names the folder, FAULTY_DISK_CONTROL a file of at least sizeof(struct control) bytes that the
 * test and the server share. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

struct control {
    /* errno of writes and of syncs; 0: they succeed. */
    _Atomic uint8_t write_error;
    _Atomic uint8_t sync_error;
    /* One call in so many fails; 0 and 1: each. */
    _Atomic uint8_t one_in;
    uint8_t unused;
    _Atomic uint32_t calls;
    _Atomic uint32_t failed;
};

static struct control *control;
static const char *folder;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAULTY_DISK_CONTROL");
    folder = getenv("FAULTY_DISK_FOLDER");
    int file = path && folder ? open(path, O_RDWR) : -1;
    if (file < 0) {
        return;
    }
    void *shared = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (shared != MAP_FAILED) {
        control = shared;
    }
}

static int lies_below(int file) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path);
    size_t wanted = strlen(folder);
    return length >= (ssize_t)wanted && memcmp(path, folder, wanted) == 0;
}

static int fails(int file, int error) {
    if (error == 0 || !lies_below(file)) {
        return 0;
    }
    uint32_t call = atomic_fetch_add(&control->calls, 1);
    if (control->one_in > 1 && call % control->one_in != 0) {
        return 0;
    }
    atomic_fetch_add(&control->failed, 1);
    errno = error;
    return 1;
}

#define WRITE_FAILS(file) (control && fails(file, control->write_error))
#define SYNC_FAILS(file) (control && fails(file, control->sync_error))
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int file, const void *bytes, size_t count) {
    return WRITE_FAILS(file) ? -1 : REAL(write)(file, bytes, count);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) {
    return WRITE_FAILS(file) ? -1 : REAL(pwrite)(file, bytes, count, at);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
    return WRITE_FAILS(file) ? -1 : REAL(pwrite64)(file, bytes, count, at);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
    return WRITE_FAILS(file) ? -1 : REAL(writev)(file, parts, count);
}

int fsync(int file) {
    return SYNC_FAILS(file) ? -1 : REAL(fsync)(file);
}

int fdatasync(int file) {
    return SYNC_FAILS(file) ? -1 : REAL(fdatasync)(file);
}
