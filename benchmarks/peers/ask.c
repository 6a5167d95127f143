/* Asks an ext_proc server as Envoy does, as fast as it answers: a load for servers alone.
 *
 *     ask PORT MESSAGES ANSWER REQUESTS CONNECTIONS IN_FLIGHT
 *
 * MESSAGES holds gRPC messages one after the other, each with its prefix of five bytes; they are
 * sent in turn, over and over, so that no server gets the same one soon again. ANSWER holds the one
 * message that each answer has to be, byte for byte. Like Envoy 1.40: headers from the dynamic
 * table (literals, when the server wants no table), one message without END_STREAM, and RST_STREAM
 * when the answer is there. Prints one line of JSON.
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
#include <time.h>
#include <unistd.h>

enum { DATA = 0, HEADERS = 1, RST_STREAM = 3, SETTINGS = 4, PING = 6, GOAWAY = 7, WINDOW_UPDATE = 8 };
enum { ACK = 1, END_STREAM = 1, END_HEADERS = 4, PADDED = 8 };
enum { HEADER_TABLE_SIZE = 1, INTERNAL_ERROR = 2 };
enum { FRAME = 9, BUFFER = 1 << 22, SLOTS = 1024, EVENTS = 16, PATIENCE = 10000 };

/* Microseconds: one each below 128, then as wide as a sixty-fourth of what they hold. */
enum { BUCKETS = 4096 };

typedef struct {
    uint32_t stream; /* 0: free */
    int got;
    double sent;
    uint8_t answer[4096];
} Call;

typedef struct {
    int fd;
    uint32_t next;     /* stream */
    int64_t window;    /* what we may send */
    int64_t unread;    /* what we have read and not given back */
    int in_flight;
    int indexed;       /* the server's table has our headers */
    int literal;       /* the server wants no table */
    int told;          /* and has been told that we know */
    int waiting;       /* for the socket to take more */
    int input_used, output_used, output_sent;
    uint8_t input[BUFFER], output[BUFFER];
    Call calls[SLOTS];
} Connection;

typedef struct { const uint8_t *start; int size; } Message;

static Message *messages;
static int message_count, message_next;
static uint8_t *answer;
static int answer_size;
static long wanted, started, finished, wrong;
static int in_flight_limit;
static long buckets[BUCKETS];

static void fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, errno ? strerror(errno) : "not understood");
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static int bucket(double us) {
    int exponent = 0;
    while (us >= 128 && exponent < BUCKETS / 64 - 2) us /= 2, exponent++;
    int at = (int)us + exponent * 64;
    return at < BUCKETS ? at : BUCKETS - 1;
}

static double bucket_us(int at) {
    int exponent = at < 128 ? 0 : at / 64 - 1;
    return (double)(at - exponent * 64) * (double)(1L << exponent);
}

static double percentile(double part) {
    long seen = 0;
    for (int at = 0; at < BUCKETS; at++)
        if ((seen += buckets[at]) >= part * finished) return bucket_us(at);
    return 0;
}

static uint8_t *load(const char *path, int *size) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END)) fail(path);
    *size = ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*size);
    if (!bytes || fread(bytes, 1, *size, file) != (size_t)*size) fail(path);
    fclose(file);
    return bytes;
}

static void load_messages(const char *path) {
    int size, at = 0;
    const uint8_t *bytes = load(path, &size);
    messages = calloc(size / 5 + 1, sizeof *messages);
    if (!messages) fail("calloc");
    while (at + 5 <= size) {
        int whole = 5 + (bytes[at + 1] << 24 | bytes[at + 2] << 16 | bytes[at + 3] << 8 | bytes[at + 4]);
        messages[message_count++] = (Message){bytes + at, whole};
        at += whole;
    }
    if (!message_count || at != size) fail(path);
}

static void frame(Connection *c, int type, int flags, uint32_t stream, const void *payload, int size) {
    uint8_t *o = c->output + c->output_used;
    if (c->output_used + FRAME + size > BUFFER) fail("the questions do not fit");
    o[0] = size >> 16, o[1] = size >> 8, o[2] = size, o[3] = type, o[4] = flags;
    o[5] = stream >> 24, o[6] = stream >> 16, o[7] = stream >> 8, o[8] = stream;
    if (size) memcpy(o + FRAME, payload, size);
    c->output_used += FRAME + size;
}

static void number_frame(Connection *c, int type, uint32_t stream, uint32_t number) {
    uint8_t n[] = {number >> 24, number >> 16, number >> 8, number};
    frame(c, type, 0, stream, n, sizeof n);
}

/* HPACK. The name is a static index, or comes as text when that is 0. */
static int literal(uint8_t *o, int form, int name_index, const char *name, const char *value) {
    int n = 0;
    o[n++] = form | name_index;
    if (!name_index) {
        o[n++] = strlen(name);
        memcpy(o + n, name, strlen(name));
        n += strlen(name);
    }
    o[n++] = strlen(value);
    memcpy(o + n, value, strlen(value));
    return n + strlen(value);
}

static int header_block(Connection *c, uint8_t *o) {
    enum { METHOD_POST = 0x83, SCHEME_HTTP = 0x86, PATH = 4, AUTHORITY = 1, CONTENT_TYPE = 31 };
    enum { NEVER_MIND = 0, REMEMBER = 0x40, TABLE_SIZE_0 = 0x20, INDEXED = 0x80, NEWEST = 62 };
    int n = 0;
    if (c->literal && !c->told) o[n++] = TABLE_SIZE_0, c->told = 1;
    o[n++] = METHOD_POST;
    n += literal(o + n, NEVER_MIND, PATH, "", "/envoy.service.ext_proc.v3.ExternalProcessor/Process");
    o[n++] = SCHEME_HTTP;
    if (c->indexed && !c->literal) {
        for (int one = 4; one >= 0; one--) o[n++] = INDEXED | (NEWEST + one);
        return n;
    }
    int form = c->literal ? NEVER_MIND : REMEMBER;
    /* An index of six bits fits behind REMEMBER, but one of four behind NEVER_MIND. */
    int type = c->literal ? 0 : CONTENT_TYPE;
    n += literal(o + n, form, AUTHORITY, "", "colorfast");
    n += literal(o + n, form, 0, "te", "trailers");
    n += literal(o + n, form, type, "content-type", "application/grpc");
    n += literal(o + n, form, 0, "x-envoy-internal", "true");
    n += literal(o + n, form, 0, "x-forwarded-for", "127.0.0.1");
    c->indexed = 1;
    return n;
}

static Call *call_of(Connection *c, uint32_t stream) {
    return &c->calls[stream / 2 % SLOTS];
}

static void ask(Connection *c, double at) {
    uint8_t block[512];
    while (started < wanted && c->in_flight < in_flight_limit) {
        Message m = messages[message_next];
        Call *call = call_of(c, c->next);
        if (c->window < m.size || call->stream) return;
        message_next = (message_next + 1) % message_count;
        *call = (Call){.stream = c->next, .sent = at};
        frame(c, HEADERS, END_HEADERS, c->next, block, header_block(c, block));
        frame(c, DATA, 0, c->next, m.start, m.size);
        c->window -= m.size, c->in_flight++, started++, c->next += 2;
    }
}

static void finish(Connection *c, Call *call, int right, double at) {
    int slot = bucket((at - call->sent) * 1e6);
    buckets[slot]++, finished++, wrong += !right;
    call->stream = 0, c->in_flight--;
}

static void take_data(Connection *c, uint32_t stream, int flags, const uint8_t *p, int size, double at) {
    Call *call = call_of(c, stream);
    if ((c->unread += size) >= 1 << 20) number_frame(c, WINDOW_UPDATE, 0, c->unread), c->unread = 0;
    if (call->stream != stream) return;
    if (flags & PADDED) fail("padding");
    if (call->got + size > (int)sizeof call->answer) fail("a long answer");
    memcpy(call->answer + call->got, p, size);
    call->got += size;
    const uint8_t *a = call->answer;
    int whole = call->got < 5 ? 5 : 5 + (a[1] << 24 | a[2] << 16 | a[3] << 8 | a[4]);
    if (call->got < whole && !(flags & END_STREAM)) return;
    int right = call->got == answer_size && !memcmp(a, answer, answer_size);
    number_frame(c, RST_STREAM, stream, INTERNAL_ERROR);
    finish(c, call, right, at);
}

static void take_settings(Connection *c, const uint8_t *p, int size) {
    for (int i = 0; i + 6 <= size; i += 6) {
        uint32_t value = (uint32_t)p[i + 2] << 24 | p[i + 3] << 16 | p[i + 4] << 8 | p[i + 5];
        /* All our headers are below 512 bytes in a table. */
        if ((p[i] << 8 | p[i + 1]) == HEADER_TABLE_SIZE && value < 512) c->literal = 1;
    }
    frame(c, SETTINGS, ACK, 0, NULL, 0);
}

static void take(Connection *c, int type, int flags, uint32_t stream, const uint8_t *p, int size, double at) {
    Call *call = call_of(c, stream);
    switch (type) {
    case DATA:
        take_data(c, stream, flags, p, size, at);
        break;
    case HEADERS: /* at its end: an error, or trailers of a stream that is forgotten already */
        if (flags & END_STREAM && call->stream == stream) finish(c, call, 0, at);
        break;
    case RST_STREAM:
        if (call->stream == stream) finish(c, call, 0, at);
        break;
    case SETTINGS:
        if (!(flags & ACK)) take_settings(c, p, size);
        break;
    case PING:
        if (!(flags & ACK)) frame(c, PING, ACK, 0, p, size);
        break;
    case WINDOW_UPDATE:
        if (!stream) c->window += (p[0] & 0x7f) << 24 | p[1] << 16 | p[2] << 8 | p[3];
        break;
    case GOAWAY:
        errno = 0;
        fail("the server sent GOAWAY");
    }
}

static void take_frames(Connection *c) {
    int at = 0;
    double moment = now();
    while (c->input_used - at >= FRAME) {
        const uint8_t *f = c->input + at;
        int size = f[0] << 16 | f[1] << 8 | f[2];
        if (c->input_used - at - FRAME < size) break;
        uint32_t stream = (uint32_t)(f[5] & 0x7f) << 24 | f[6] << 16 | f[7] << 8 | f[8];
        take(c, f[3], f[4], stream, f + FRAME, size, moment);
        at += FRAME + size;
    }
    memmove(c->input, c->input + at, c->input_used - at);
    c->input_used -= at;
    ask(c, moment);
}

static void send_output(Connection *c, int poll) {
    while (c->output_sent < c->output_used) {
        int n = send(c->fd, c->output + c->output_sent, c->output_used - c->output_sent,
                     MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno != EAGAIN) fail("send");
        if (n < 0) break;
        c->output_sent += n;
    }
    int all = c->output_sent == c->output_used;
    if (all) c->output_sent = c->output_used = 0;
    struct epoll_event wanted_events = {.events = EPOLLIN | (all ? 0 : EPOLLOUT), .data.ptr = c};
    /* epoll is only told of a change. */
    if (c->waiting != !all && epoll_ctl(poll, EPOLL_CTL_MOD, c->fd, &wanted_events))
        fail("epoll_ctl");
    c->waiting = !all;
}

static void open_connection(int port, int poll) {
    /* No push; windows as wide as Envoy's. */
    static const uint8_t settings[] = {0, 2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0};
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    Connection *c = calloc(1, sizeof *c);
    if (!c) fail("calloc");
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0), c->next = 1, c->window = 65535;
    if (c->fd < 0 || connect(c->fd, (void *)&address, sizeof address)) fail("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event wanted_events = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, c->fd, &wanted_events)) fail("epoll_ctl");
    memcpy(c->output, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    c->output_used = 24;
    frame(c, SETTINGS, 0, 0, settings, sizeof settings);
    number_frame(c, WINDOW_UPDATE, 0, 24 << 20);
    ask(c, now());
    send_output(c, poll);
}

static void hear(Connection *c) {
    int n = recv(c->fd, c->input + c->input_used, BUFFER - c->input_used, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) fail("the server has closed");
    c->input_used += n;
    take_frames(c);
}

int main(int count, char **arguments) {
    if (count != 7) fail("usage: ask PORT MESSAGES ANSWER REQUESTS CONNECTIONS IN_FLIGHT");
    load_messages(arguments[2]);
    answer = load(arguments[3], &answer_size);
    wanted = atol(arguments[4]), in_flight_limit = atoi(arguments[6]);
    if (answer_size > 4096 || in_flight_limit < 1 || in_flight_limit > SLOTS / 2) fail("arguments");
    int poll = epoll_create1(0);
    double start = now();
    for (int one = atoi(arguments[5]); one > 0; one--) open_connection(atoi(arguments[1]), poll);
    while (finished < wanted) {
        struct epoll_event events[EVENTS];
        int n = epoll_wait(poll, events, EVENTS, PATIENCE);
        if (n == 0) fail("no answer in ten seconds");
        for (int i = 0; i < n; i++) {
            if (events[i].events & ~EPOLLOUT) hear(events[i].data.ptr);
            send_output(events[i].data.ptr, poll);
        }
    }
    printf("{\"requests\": %ld, \"seconds\": %.6f, \"wrong\": %ld, \"p50\": %.3f, \"p99\": %.3f}\n",
           finished, now() - start, wrong, percentile(0.5) / 1e3, percentile(0.99) / 1e3);
    return 0;
}
