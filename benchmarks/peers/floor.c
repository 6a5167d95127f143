/* The floor: an ext_proc server that decides nothing and answers each stream with one constant.
 *
 *     floor FILE        FILE holds the answer, one gRPC message with its prefix of five bytes
 *
 * What it costs to be asked at all, on Envoy's side and on the server's: no server that decides can
 * be faster. One thread, epoll, just enough HTTP/2 for Envoy and h2load; it reads no header block
 * and checks nothing, so it is no server for anything else.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { DATA = 0, HEADERS = 1, SETTINGS = 4, PING = 6, WINDOW_UPDATE = 8 };
enum { ACK = 1, END_STREAM = 1, END_HEADERS = 4 };
enum { PREFACE = 24, FRAME = 9, INPUT = 1 << 20, OUTPUT = 4 << 20, EVENTS = 64 };

typedef struct {
    int fd;
    int used;
    int greeted;
    uint8_t input[INPUT];
} Connection;

static uint8_t output[OUTPUT];
static int output_used;
static uint8_t answer[4096];
static int answer_size;

/* :status 200 by index; the names and values that follow are literals, neither indexed nor packed. */
static const uint8_t head[] = "\x88\x00\x0c" "content-type\x10" "application/grpc";
static const uint8_t trailers[] = "\x00\x0bgrpc-status\x01" "0";

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void frame(int type, int flags, uint32_t stream, const void *payload, int size) {
    uint8_t *o = output + output_used;
    if (output_used + FRAME + size > OUTPUT) {
        fprintf(stderr, "the answers do not fit\n");
        exit(1);
    }
    o[0] = size >> 16, o[1] = size >> 8, o[2] = size, o[3] = type, o[4] = flags;
    o[5] = stream >> 24, o[6] = stream >> 16, o[7] = stream >> 8, o[8] = stream;
    if (size) memcpy(o + FRAME, payload, size);
    output_used += FRAME + size;
}

static void send_output(int fd) {
    for (int sent = 0; sent < output_used;) {
        int n = write(fd, output + sent, output_used - sent);
        if (n < 0 && errno != EINTR) break; /* the reading side notices */
        if (n > 0) sent += n;
    }
    output_used = 0;
}

static void greet(int fd) {
    /* As many streams, and windows as wide, as there can be: flow control never stops anybody. */
    static const uint8_t settings[] = {0, 3, 0x7f, 255, 255, 255, 0, 4, 0x40, 0, 0, 0};
    static const uint8_t window[] = {0x40, 0, 0, 0};
    frame(SETTINGS, 0, 0, settings, sizeof settings);
    frame(WINDOW_UPDATE, 0, 0, window, sizeof window);
    send_output(fd);
}

static void take(int type, int flags, uint32_t stream, const uint8_t *payload, int size) {
    if (type == SETTINGS && !(flags & ACK)) frame(SETTINGS, ACK, 0, NULL, 0);
    if (type == PING && !(flags & ACK)) frame(PING, ACK, 0, payload, size);
    if (type != DATA) return;
    if (size) {
        frame(HEADERS, END_HEADERS, stream, head, sizeof head - 1);
        frame(DATA, 0, stream, answer, answer_size);
        /* The window that the message took. Streams end after one, so theirs does not matter. */
        uint8_t window[] = {size >> 24, size >> 16, size >> 8, size};
        frame(WINDOW_UPDATE, 0, 0, window, sizeof window);
    }
    if (flags & END_STREAM)
        frame(HEADERS, END_HEADERS | END_STREAM, stream, trailers, sizeof trailers - 1);
}

static void take_frames(Connection *c) {
    int at = 0;
    if (!c->greeted) {
        if (c->used < PREFACE) return;
        at = PREFACE, c->greeted = 1;
    }
    while (c->used - at >= FRAME) {
        const uint8_t *f = c->input + at;
        int size = f[0] << 16 | f[1] << 8 | f[2];
        if (c->used - at - FRAME < size) break;
        uint32_t stream = (uint32_t)(f[5] & 0x7f) << 24 | f[6] << 16 | f[7] << 8 | f[8];
        take(f[3], f[4], stream, f + FRAME, size);
        at += FRAME + size;
    }
    memmove(c->input, c->input + at, c->used - at);
    c->used -= at;
    send_output(c->fd);
}

static void meet(int poll, int listener) {
    int one = 1, fd = accept(listener, NULL, NULL);
    if (fd < 0) return;
    Connection *c = malloc(sizeof *c);
    if (!c) fail("malloc");
    c->fd = fd, c->used = 0, c->greeted = 0;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &wanted)) fail("epoll_ctl");
    greet(fd);
}

static void hear(Connection *c) {
    int n = read(c->fd, c->input + c->used, INPUT - c->used);
    if (n <= 0) {
        close(c->fd);
        free(c);
        return;
    }
    c->used += n;
    take_frames(c);
}

static int listening(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (void *)&address, size) || listen(fd, 128)) fail("listen");
    if (getsockname(fd, (void *)&address, &size)) fail("getsockname");
    printf("serving with a constant in C on 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(int count, char **arguments) {
    FILE *file = count == 2 ? fopen(arguments[1], "rb") : NULL;
    if (!file) fail("usage: floor FILE");
    answer_size = fread(answer, 1, sizeof answer, file);
    int listener = listening(), poll = epoll_create1(0);
    struct epoll_event wanted = {.events = EPOLLIN}, events[EVENTS];
    if (epoll_ctl(poll, EPOLL_CTL_ADD, listener, &wanted)) fail("epoll_ctl");
    for (;;) {
        int n = epoll_wait(poll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr) hear(events[i].data.ptr);
            else meet(poll, listener);
        }
    }
}
