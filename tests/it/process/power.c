/* Stands between SQLite and the files of one database, as the disk of a machine that may lose power.
 *
 * Every write to the database, its write-ahead log and its rollback journal is noted in a file before it is done, with
 * the bytes before and after; so is every fsync once it is done. From these notes `power.rs` works out what the files
 * would hold if the power had gone. A control file, written by the test while the program runs, makes the disk full,
 * or its fsync fail, lie or hang.
 *
 *   POWER_DATABASE  the path of the database
 *   POWER_NOTES     where writes and fsyncs are noted
 *   POWER_CONTROL   struct control, below
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITE = 1, CUT = 2, SYNC = 3, GONE = 4, FAILED = 5 };
enum { FITS = 0, FULL = 1, FULL_BUT_SILENT = 2 };
enum { SYNCS = 0, SYNC_FAILS = 1, SYNC_LIES = 2, SYNC_HANGS = 3 };
enum { FDS_MAX = 65536 };

struct control {
    volatile uint64_t space;
    volatile int64_t bytes_left;
    volatile uint64_t sync;
    /* Counts what the faults did. */
    volatile uint64_t faults;
};

struct note {
    uint32_t kind, file;
    int64_t offset, old_size;
    uint32_t old_length, new_length;
};

static const char *suffixes[] = {"", "-wal", "-journal"};
static char *database;
static int notes = -1;
static struct control *control;
/* 1 + the index of the suffix for files that are watched, else 0. */
static unsigned char watched[FDS_MAX];
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

#define REAL(type, name, ...)                                            \
    static type (*real)(__VA_ARGS__);                                    \
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, name)

static int real_open(const char *path, int flags, mode_t mode) {
    REAL(int, "open", const char *, int, ...);
    return real(path, flags, mode);
}

static ssize_t real_pwrite(int fd, const void *bytes, size_t length, off_t offset) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off_t);
    return real(fd, bytes, length, offset);
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("POWER_DATABASE"), *to = getenv("POWER_NOTES"), *by = getenv("POWER_CONTROL");
    if (!path || !to || !by) return;
    int fd = real_open(by, O_RDWR | O_CLOEXEC, 0);
    control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    notes = real_open(to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (control == MAP_FAILED || notes < 0) abort();
    database = strdup(path);
}

/* Returns 1 + the index of the suffix if the path is one of the watched files. */
static int which(const char *path) {
    if (!database) return 0;
    size_t length = strlen(database);
    if (strncmp(path, database, length) != 0) return 0;
    for (int i = 0; i < 3; i++)
        if (strcmp(path + length, suffixes[i]) == 0) return 1 + i;
    return 0;
}

static int file_of(int fd) { return fd >= 0 && fd < FDS_MAX ? watched[fd] : 0; }

static int opened(int fd, const char *path) {
    if (fd >= 0 && fd < FDS_MAX) watched[fd] = which(path);
    return fd;
}

static void write_note(struct note *note, const void *old, const void *new) {
    struct iovec parts[] = {{note, sizeof *note}, {(void *)old, note->old_length}, {(void *)new, note->new_length}};
    ssize_t whole = sizeof *note + note->old_length + note->new_length;
    if (writev(notes, parts, 3) != whole) abort();
}

static void mark(uint32_t kind, int file) {
    struct note note = {kind, file - 1, 0, 0, 0, 0};
    write_note(&note, NULL, NULL);
}

static int64_t size_of(int fd) {
    struct stat stat;
    if (fstat(fd, &stat) != 0) abort();
    return stat.st_size;
}

/* Notes what is about to be changed: bytes that are written, or all behind the end of a file cut short.
 * Reads through the descriptor itself: closing another one would end the process's locks on the file. */
static void note_change(uint32_t kind, int fd, off_t offset, const void *new, size_t new_length) {
    int64_t size = size_of(fd), end = kind == CUT ? size : offset + (int64_t)new_length;
    int64_t old_length = (end < size ? end : size) - offset;
    if (old_length < 0) old_length = 0;
    char *old = malloc(old_length + 1);
    if (!old || pread(fd, old, old_length, offset) != old_length) abort();
    struct note note = {kind, file_of(fd) - 1, offset, size, old_length, kind == CUT ? 0 : new_length};
    write_note(&note, old, new);
    free(old);
}

/* Tells how many of so many bytes the disk takes. */
static size_t room_for(size_t length) {
    if (control->space == FITS) return length;
    int64_t before = __atomic_fetch_sub(&control->bytes_left, (int64_t)length, __ATOMIC_SEQ_CST);
    if (before >= (int64_t)length) return length;
    __atomic_fetch_add(&control->faults, 1, __ATOMIC_SEQ_CST);
    return before > 0 ? before : 0;
}

static ssize_t change(int fd, const void *bytes, size_t length, off_t offset) {
    pthread_mutex_lock(&turn);
    size_t room = room_for(length);
    ssize_t done = 0;
    if (room > 0) {
        note_change(WRITE, fd, offset, bytes, room);
        done = real_pwrite(fd, bytes, room, offset);
    }
    if (room < length && control->space == FULL_BUT_SILENT) done = length;
    pthread_mutex_unlock(&turn);
    if (done == 0 && length > 0) {
        errno = ENOSPC;
        return -1;
    }
    return done;
}

static int sync_by(int (*real)(int), int fd) {
    int file = file_of(fd);
    if (!file) return real(fd);
    if (control->sync == SYNC_HANGS) __atomic_fetch_add(&control->faults, 1, __ATOMIC_SEQ_CST);
    while (control->sync == SYNC_HANGS) usleep(1000);
    pthread_mutex_lock(&turn);
    int done = 0;
    if (control->sync == SYNCS) {
        done = real(fd);
        if (done == 0) mark(SYNC, file);
    } else {
        __atomic_fetch_add(&control->faults, 1, __ATOMIC_SEQ_CST);
        if (control->sync == SYNC_FAILS) {
            mark(FAILED, file);
            done = -1;
        }
    }
    pthread_mutex_unlock(&turn);
    if (done != 0 && control->sync == SYNC_FAILS) errno = EIO;
    return done;
}

static mode_t mode_of(int flags, va_list arguments) {
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

#define OPENS(name)                                             \
    int name(const char *path, int flags, ...) {                \
        REAL(int, #name, const char *, int, ...);               \
        va_list arguments;                                      \
        va_start(arguments, flags);                             \
        mode_t mode = mode_of(flags, arguments);                \
        va_end(arguments);                                      \
        return opened(real(path, flags, mode), path);           \
    }
OPENS(open)
OPENS(open64)

#define OPENS_AT(name)                                          \
    int name(int folder, const char *path, int flags, ...) {    \
        REAL(int, #name, int, const char *, int, ...);          \
        va_list arguments;                                      \
        va_start(arguments, flags);                             \
        mode_t mode = mode_of(flags, arguments);                \
        va_end(arguments);                                      \
        return opened(real(folder, path, flags, mode), path);   \
    }
OPENS_AT(openat)
OPENS_AT(openat64)

int close(int fd) {
    REAL(int, "close", int);
    if (fd >= 0 && fd < FDS_MAX) watched[fd] = 0;
    return real(fd);
}

#define PWRITES(name)                                                                   \
    ssize_t name(int fd, const void *bytes, size_t length, off_t offset) {              \
        return file_of(fd) ? change(fd, bytes, length, offset) : real_pwrite(fd, bytes, length, offset); \
    }
PWRITES(pwrite)
PWRITES(pwrite64)

ssize_t write(int fd, const void *bytes, size_t length) {
    REAL(ssize_t, "write", int, const void *, size_t);
    if (!file_of(fd)) return real(fd, bytes, length);
    off_t at = lseek(fd, 0, SEEK_CUR);
    ssize_t done = change(fd, bytes, length, at);
    if (done > 0) lseek(fd, at + done, SEEK_SET);
    return done;
}

#define CUTS(name)                                              \
    int name(int fd, off_t length) {                            \
        REAL(int, #name, int, off_t);                           \
        if (!file_of(fd)) return real(fd, length);              \
        pthread_mutex_lock(&turn);                              \
        note_change(CUT, fd, length, NULL, 0);                  \
        int done = real(fd, length);                            \
        pthread_mutex_unlock(&turn);                            \
        return done;                                            \
    }
CUTS(ftruncate)
CUTS(ftruncate64)

int fsync(int fd) {
    REAL(int, "fsync", int);
    return sync_by(real, fd);
}

int fdatasync(int fd) {
    REAL(int, "fdatasync", int);
    return sync_by(real, fd);
}

int unlink(const char *path) {
    REAL(int, "unlink", const char *);
    int file = which(path);
    int done = real(path);
    if (file && done == 0) mark(GONE, file);
    return done;
}
