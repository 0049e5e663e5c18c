/* One image's facts for the floor: format, width, height, EXIF orientation, animated or not, size in bytes.
 * A first read of 4 KiB, more only where a segment, chunk or block lies outside what has been read. */
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

enum { UNKNOWN, JPEG, PNG, GIF, WEBP };

typedef struct {
    int format, orientation, animated;
    uint32_t width, height;
    off_t size;
} Facts;

/* A part of a file in memory: the bytes from `start` to `end`. */
enum { FIRST = 4096, NEXT = 512, LARGE = 65536 };
typedef struct {
    int fd;
    off_t start, end;
    unsigned char bytes[LARGE];
} Window;

static uint32_t big16(const unsigned char *p) { return (uint32_t)p[0] << 8 | p[1]; }
static uint32_t big32(const unsigned char *p) { return big16(p) << 16 | big16(p + 2); }
static uint32_t little16(const unsigned char *p) { return (uint32_t)p[1] << 8 | p[0]; }
static uint32_t little24(const unsigned char *p) { return (uint32_t)p[2] << 16 | little16(p); }
static uint32_t little32(const unsigned char *p) { return little16(p + 2) << 16 | little16(p); }

/* `count` bytes at an offset, read in pieces of at most `piece`; NULL where the file has fewer. */
static const unsigned char *look(Window *w, off_t at, off_t count, size_t piece) {
    if (at < w->start || at + count > w->end) {
        ssize_t got = pread(w->fd, w->bytes, piece, at);
        w->start = at;
        w->end = at + (got > 0 ? got : 0);
        if (got < count) return NULL;
    }
    return w->bytes + (at - w->start);
}

/* The orientation in the first directory of the TIFF block at an offset; 1 when there is none. */
static int orientation(Window *w, off_t block) {
    const unsigned char *p = look(w, block, 8, NEXT);
    if (!p) return 1;
    int big = p[0] == 'M';
    off_t at = block + (big ? big32(p + 4) : little32(p + 4));
    if (!(p = look(w, at, 2, NEXT))) return 1;
    uint32_t entries = big ? big16(p) : little16(p);
    for (at += 2; entries; entries--, at += 12) {
        if (!(p = look(w, at, 12, NEXT))) return 1;
        if ((big ? big16(p) : little16(p)) != 0x0112) continue;
        uint32_t turn = big ? big16(p + 8) : little16(p + 8);
        return turn >= 1 && turn <= 8 ? (int)turn : 1;
    }
    return 1;
}

static int probe_jpeg(Window *w, Facts *facts) {
    const unsigned char *p;
    int found = 0;
    for (off_t at = 2; (p = look(w, at, 10, NEXT)) && p[0] == 0xFF;) {
        int marker = p[1];
        if (marker == 0xFF) {
            at++;
            continue;
        }
        if (marker == 0xDA || marker == 0xD9) return 0;
        if (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC) {
            facts->height = big16(p + 5);
            facts->width = big16(p + 7);
            return 1;
        }
        off_t following = at + 2 + big16(p + 2);
        if (marker == 0xE1 && !found && !memcmp(p + 4, "Exif\0", 6)) {
            found = 1;
            facts->orientation = orientation(w, at + 10);
        }
        at = following;
    }
    return 0;
}

/* Where the last chunk of picture data starts. Encoders make all chunks but the last equally long, so that it is
 * found by halving and not by stepping through the picture. */
static off_t last_data(Window *w, off_t first, uint32_t length, off_t size) {
    off_t step = 12 + (off_t)length, low = 0, high = (size - 24 - first) / step;
    for (off_t guess = high; low < high; guess = (low + high + 1) / 2) {
        const unsigned char *p = look(w, first + guess * step, 8, 8);
        if (p && !memcmp(p + 4, "IDAT", 4) && big32(p) <= length) low = guess;
        else high = guess - 1;
    }
    return first + low * step;
}

static int probe_png(Window *w, Facts *facts) {
    const unsigned char *p = look(w, 0, 33, FIRST);
    if (!p) return 0;
    facts->width = big32(p + 16);
    facts->height = big32(p + 20);
    int behind = 0;
    for (off_t at = 33; (p = look(w, at, 12, behind ? 64 : NEXT));) {
        uint32_t length = big32(p);
        off_t following = at + 12 + (off_t)length;
        if (!memcmp(p + 4, "IDAT", 4) && !behind) {
            if (facts->orientation != 1) return 1;
            behind = 1;
            if (following + 12 == facts->size) return 1;
            at = last_data(w, at, length, facts->size);
            if (!(p = look(w, at, 8, 8))) return 1;
            following = at + 12 + (off_t)big32(p);
            if (following + 12 == facts->size) return 1;
        } else if (!memcmp(p + 4, "eXIf", 4)) {
            facts->orientation = orientation(w, at + 8);
            if (behind) return 1;
        } else if (!memcmp(p + 4, "acTL", 4)) {
            facts->animated = big32(p + 8) > 1;
        } else if (!memcmp(p + 4, "IEND", 4)) {
            return 1;
        }
        at = following;
    }
    return behind;
}

static int probe_gif(Window *w, Facts *facts) {
    const unsigned char *p = look(w, 0, 13, FIRST);
    if (!p) return 0;
    facts->width = little16(p + 6);
    facts->height = little16(p + 8);
    off_t at = 13 + (p[10] & 0x80 ? 6 << (p[10] & 7) : 0);
    for (int frames = 0; (p = look(w, at, 1, LARGE));) {
        if (*p == 0x2C) {
            if (frames++) facts->animated = 1;
            if (facts->animated || !(p = look(w, at, 10, LARGE))) return 1;
            at += 11 + (p[9] & 0x80 ? 6 << (p[9] & 7) : 0);
        } else if (*p == 0x21) {
            at += 2;
        } else {
            return frames > 0;
        }
        unsigned length;
        do {
            if (!(p = look(w, at, 1, LARGE))) return frames > 0;
            length = *p;
            at += 1 + length;
        } while (length);
    }
    return facts->animated;
}

static int probe_webp(Window *w, Facts *facts) {
    const unsigned char *p = look(w, 0, 30, FIRST);
    if (!p) return 0;
    if (!memcmp(p + 12, "VP8 ", 4)) {
        facts->width = little16(p + 26) & 0x3FFF;
        facts->height = little16(p + 28) & 0x3FFF;
        return 1;
    }
    if (!memcmp(p + 12, "VP8L", 4)) {
        uint32_t edges = little32(p + 21);
        facts->width = (edges & 0x3FFF) + 1;
        facts->height = (edges >> 14 & 0x3FFF) + 1;
        return 1;
    }
    int flags = p[20];
    facts->width = little24(p + 24) + 1;
    facts->height = little24(p + 27) + 1;
    facts->animated = flags >> 1 & 1;
    if (!(flags & 8)) return 1;
    for (off_t at = 30; (p = look(w, at, 8, NEXT));) {
        uint32_t length = little32(p + 4);
        if (!memcmp(p, "EXIF", 4)) {
            facts->orientation = orientation(w, at + 8);
            return 1;
        }
        at += 8 + (off_t)length + (length & 1);
    }
    return 1;
}

static Facts probe(const char *path, Window *w) {
    Facts facts = {.orientation = 1};
    w->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (w->fd < 0) return facts;
    ssize_t got = read(w->fd, w->bytes, FIRST);
    w->start = 0;
    w->end = got > 0 ? got : 0;
    facts.size = lseek(w->fd, 0, SEEK_END);
    int known = 0;
    if (got < 16) known = 0;
    else if (!memcmp(w->bytes, "\xFF\xD8\xFF", 3)) facts.format = JPEG, known = probe_jpeg(w, &facts);
    else if (!memcmp(w->bytes, "\x89PNG\r\n\x1A\n", 8)) facts.format = PNG, known = probe_png(w, &facts);
    else if (!memcmp(w->bytes, "GIF8", 4)) facts.format = GIF, known = probe_gif(w, &facts);
    else if (!memcmp(w->bytes, "RIFF", 4) && !memcmp(w->bytes + 8, "WEBP", 4))
        facts.format = WEBP, known = probe_webp(w, &facts);
    if (!known) facts.format = UNKNOWN;
    close(w->fd);
    return facts;
}
