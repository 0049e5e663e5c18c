/* The least that a machine needs for the facts of a folder's images: what the other candidates are held against.
 *
 *     cc -O2 -o floor floor.c
 *     floor FOLDER [PROCESSES]
 *
 * Walks the folder, then opens each image and reads format, width, height, EXIF orientation, whether it is animated
 * and its size in bytes; nothing is checked beyond that. Prints files, unreadable files, the checksum of
 * manifest.py, and the microseconds that the walk and the probing took: CPU, and for the probing the clock's too. */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "floor_probe.h"

static char **paths;
static size_t count, room;

static int is_image(const char *name) {
    const char *dot = strrchr(name, '.');
    if (!dot) return 0;
    static const char *const SUFFIXES[] = {".jpg", ".png", ".webp", ".gif", ".jpeg"};
    for (size_t i = 0; i < sizeof SUFFIXES / sizeof *SUFFIXES; i++)
        if (!strcasecmp(dot, SUFFIXES[i])) return 1;
    return 0;
}

static void *need(void *memory) {
    if (!memory) {
        perror("floor");
        exit(2);
    }
    return memory;
}

static void walk(const char *folder) {
    DIR *entries = opendir(folder);
    if (!entries) return;
    size_t length = strlen(folder);
    for (struct dirent *entry; (entry = readdir(entries));) {
        const char *name = entry->d_name;
        int is_folder = entry->d_type == DT_DIR;
        if (is_folder ? !strcmp(name, ".") || !strcmp(name, "..") : !is_image(name)) continue;
        size_t rest = strlen(name) + 1;
        char *path = need(malloc(length + 1 + rest));
        memcpy(path, folder, length);
        path[length] = '/';
        memcpy(path + length + 1, name, rest);
        if (is_folder) {
            walk(path);
            free(path);
            continue;
        }
        if (count == room) paths = need(realloc(paths, (room = 2 * room + 1024) * sizeof *paths));
        paths[count++] = path;
    }
    closedir(entries);
}

/* FNV-1a over whole numbers. */
static uint64_t hash(const Facts *facts) {
    uint64_t numbers[] = {(uint64_t)facts->format, facts->width, facts->height, (uint64_t)facts->orientation,
                          (uint64_t)facts->animated, (uint64_t)facts->size};
    uint64_t value = 0xCBF29CE484222325u;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) value = (value ^ numbers[i]) * 0x100000001B3u;
    return value;
}

typedef struct {
    uint64_t checksum, unreadable, microseconds;
} Sum;

static uint64_t cpu(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000u +
           (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

static uint64_t clock_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static Sum probe_range(size_t from, size_t to) {
    static Window window;
    Sum sum = {0, 0, cpu()};
    for (size_t i = from; i < to; i++) {
        Facts facts = probe(paths[i], &window);
        sum.checksum += hash(&facts);
        sum.unreadable += facts.format == UNKNOWN;
    }
    sum.microseconds = cpu() - sum.microseconds;
    return sum;
}

int main(int argc, char **argv) {
    size_t jobs = argc == 3 ? (size_t)atoi(argv[2]) : 1;
    if (argc < 2 || argc > 3 || jobs < 1 || jobs > 64) {
        fputs("usage: floor FOLDER [PROCESSES]\n", stderr);
        return 2;
    }
    uint64_t walked = cpu();
    walk(argv[1]);
    walked = cpu() - walked;
    uint64_t start = clock_now();
    Sum *sums = mmap(NULL, jobs * sizeof *sums, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (sums == MAP_FAILED) need(NULL);
    for (size_t job = 1; job < jobs; job++)
        if (!fork()) {
            sums[job] = probe_range(job * count / jobs, (job + 1) * count / jobs);
            _exit(0);
        }
    Sum total = sums[0] = probe_range(0, count / jobs);
    while (wait(NULL) > 0) {}
    for (size_t job = 1; job < jobs; job++) {
        total.checksum += sums[job].checksum;
        total.unreadable += sums[job].unreadable;
        total.microseconds += sums[job].microseconds;
    }
    typedef unsigned long long Long;
    printf("%zu files, %llu unreadable, checksum %016llx, walk %llu us, probe %llu us, clock %llu us\n", count,
           (Long)total.unreadable, (Long)total.checksum, (Long)walked, (Long)total.microseconds,
           (Long)(clock_now() - start));
    return 0;
}
