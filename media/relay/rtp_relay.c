#define _GNU_SOURCE
#include "rtp_relay.h"

#include <endian.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* From one 20 ms packet to the next: sequence number by one, timestamp by 160. */
static const uint64_t STEP = (UINT64_C(1) << 32) + FRAME_SAMPLES;

/* Under load the sockets are read at fixed times: a wake costs more than a packet. The time from
 * one to the next is such that so many packets come in it, within bounds. */
static const double PACKETS_OF_A_WAKE = 32, SHORTEST_S = 0.0005, LONGEST_S = 0.002;
static const double WINDOW_S = 0.02;                  /* what is measured for the choice */
static const double REST_S = 0.00005; /* left to others, who have no turn before this thread */
static const int BUSY_WAKES = 30, QUIET_PACKETS = 30; /* in a window */

pthread_mutex_t srtp_lock = PTHREAD_MUTEX_INITIALIZER;

double monotonic_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* -- packets (RFC 3550 section 5.1) ----------------------------------------------------------- */

/* Version, marker, payload type, sequence number and timestamp, as one number. */
static uint64_t first_eight_bytes(const uint8_t *packet)
{
    uint64_t word;
    memcpy(&word, packet, sizeof word);
    return be64toh(word);
}

static uint32_t ssrc_of(const uint8_t *packet)
{
    uint32_t word;
    memcpy(&word, packet + 8, sizeof word);
    return be32toh(word);
}

static void rewrite(uint8_t *packet, uint64_t first, uint32_t ssrc)
{
    first = htobe64(first);
    ssrc = htobe32(ssrc);
    memcpy(packet, &first, sizeof first);
    memcpy(packet + 8, &ssrc, sizeof ssrc);
}

static bool is_expected(const struct flow *flow, const uint8_t *packet, size_t size)
{
    uint64_t first;

    if (!flow->expect || flow->queued || size != flow->size || size < PACKET_BYTES)
        return false;
    first = first_eight_bytes(packet);
    return first == flow->expect && first != flow->stop && ssrc_of(packet) == flow->ssrc;
}

/* -- statistics and forwarding ---------------------------------------------------------------- */

static void count(const struct relay *relay, struct flow *flow, const uint8_t *packet, double now)
{
    /* A.8: D is the difference of relative transit times of two packets. */
    double late = fabs((now - flow->heard_at) * RTP_CLOCK_HZ - FRAME_SAMPLES);

    flow->expect += STEP;
    flow->heard_at = now;
    if (late < RTP_CLOCK_HZ) /* else the sender's clock stood still */
        flow->jitter += (late - flow->jitter) / 16;
    flow->last = packet[PACKET_BYTES - 1];
    /* One sample from the middle of the payload is enough, most of the time. */
    if (relay->loud[flow->codec % CODECS][packet[RTP_HEADER_BYTES + FRAME_SAMPLES / 2]])
        flow->loud_at = now;
}

/* RFC 3711: open or protect a packet where it lies, and its length with it. */
static bool transform(srtp_function *function, uint64_t context, uint8_t *packet, int *length)
{
    int status;

    pthread_mutex_lock(&srtp_lock);
    status = function((void *)(uintptr_t)context, packet, length);
    pthread_mutex_unlock(&srtp_lock);
    return status == 0;
}

/* Whether a key as sound may begin in the packet; where none may, it is kept for the next one. */
static bool has_tones(const struct relay *relay, struct flow *flow, const uint8_t *packet)
{
    const uint8_t *payload = packet + RTP_HEADER_BYTES;

    if (!flow->kept)
        return false;
    if (tone_may_begin(&relay->tones, flow->codec % CODECS, flow->kept, payload))
        return true;
    memmove(flow->kept, flow->kept + FRAME_SAMPLES, TONE_KEPT_BYTES - FRAME_SAMPLES);
    memcpy(flow->kept + TONE_KEPT_BYTES - FRAME_SAMPLES, payload, FRAME_SAMPLES);
    return false;
}

static void forward(struct relay *relay, struct flow *flow, uint8_t *packet, double now)
{
    uint64_t first = flow->expect;
    int length = (int)flow->size;

    if (flow->srtp_in && !transform(relay->unprotect, flow->srtp_in, packet, &length)) {
        flow->unauthentic++; /* the peer's own packet is still expected */
        return;
    }
    count(relay, flow, packet, now);
    if (flow->out_fd < 0)
        return;
    if (flow->translation) {
        const uint8_t *table = relay->translated[flow->translation % TRANSLATIONS];
        for (int octet = RTP_HEADER_BYTES; octet < PACKET_BYTES; octet++)
            packet[octet] = table[packet[octet]];
    }
    rewrite(packet, first + flow->delta, flow->out_ssrc);
    length = PACKET_BYTES;
    if (flow->srtp_out && !transform(relay->protect, flow->srtp_out, packet, &length))
        flow->failures++;
    else if (send(flow->out_fd, packet, (size_t)length, MSG_DONTWAIT) < 0)
        flow->failures++;
}

/* -- the queue of what is handed over --------------------------------------------------------- */

static size_t record_bytes(size_t size)
{
    return (sizeof(struct handed_over) + size + 7) & ~(size_t)7;
}

/* Bytes from here to the end of the buffer, where the queue begins again. */
static size_t to_the_end(size_t position)
{
    return QUEUE_BYTES - position % QUEUE_BYTES;
}

static void notify(int fd)
{
    uint64_t one = 1;
    if (write(fd, &one, sizeof one) < 0)
        return; /* it is readable already */
}

static void hand_over(struct relay *relay, struct flow *flow, const struct handed_over *packet,
                      const uint8_t *bytes)
{
    size_t needed = record_bytes(packet->size), gap;
    bool fits;

    pthread_mutex_lock(&relay->queue_lock);
    gap = to_the_end(relay->tail);
    gap = gap < needed ? gap : 0; /* a record is in one piece */
    fits = flow->queued < MOST_QUEUED && relay->tail + gap + needed - relay->head <= QUEUE_BYTES;
    if (fits) {
        uint8_t *record;
        if (gap >= sizeof *packet) /* of no flow: skipped */
            memset(relay->queue + relay->tail % QUEUE_BYTES, 0, sizeof *packet);
        relay->tail += gap;
        record = relay->queue + relay->tail % QUEUE_BYTES;
        memcpy(record, packet, sizeof *packet);
        memcpy(record + sizeof *packet, bytes, packet->size);
        relay->tail += needed;
        flow->queued++;
        if (!relay->notified) {
            relay->notified = true;
            notify(relay->notify);
        }
    } else {
        relay->overflowed++;
    }
    pthread_mutex_unlock(&relay->queue_lock);
}

/* The flow of a descriptor, locked; NULL where there is none. */
static struct flow *lock_flow(struct relay *relay, int fd)
{
    struct flow *flow;

    pthread_mutex_lock(&relay->table_lock);
    flow = relay->table[fd];
    if (flow)
        pthread_mutex_lock(&flow->lock);
    pthread_mutex_unlock(&relay->table_lock);
    return flow;
}

static void finish(struct relay *relay, const struct handed_over *packet)
{
    struct flow *flow = packet->serial ? lock_flow(relay, packet->fd) : NULL;

    if (!flow)
        return;
    if (flow->serial == packet->serial && flow->queued)
        flow->queued--;
    pthread_mutex_unlock(&flow->lock);
}

bool relay_take(struct relay *relay, struct handed_over *packet, uint8_t *bytes)
{
    bool found = false;

    finish(relay, &relay->taken);
    relay->taken.serial = 0;
    pthread_mutex_lock(&relay->queue_lock);
    while (relay->head != relay->tail && !found) {
        const uint8_t *record = relay->queue + relay->head % QUEUE_BYTES;
        size_t rest = to_the_end(relay->head);
        if (rest >= sizeof *packet)
            memcpy(packet, record, sizeof *packet);
        found = rest >= sizeof *packet && packet->serial;
        if (found)
            memcpy(bytes, record + sizeof *packet, packet->size);
        relay->head += found ? record_bytes(packet->size) : rest;
    }
    if (found) {
        relay->taken = *packet;
    } else {
        uint64_t ignored;
        relay->notified = false;
        if (read(relay->notify, &ignored, sizeof ignored) < 0)
            found = false; /* nobody had been told */
    }
    pthread_mutex_unlock(&relay->queue_lock);
    return found;
}

/* -- flows ------------------------------------------------------------------------------------ */

void flow_arm(struct flow *flow, uint64_t expect, uint64_t stop)
{
    pthread_mutex_lock(&flow->lock);
    flow->stop = stop;
    flow->expect = expect;
    pthread_mutex_unlock(&flow->lock);
}

bool flow_watch_tones(struct flow *flow, const uint8_t *kept)
{
    uint8_t *before, *now = kept ? malloc(TONE_KEPT_BYTES) : NULL;

    if (kept && !now)
        return false;
    if (kept)
        memcpy(now, kept, TONE_KEPT_BYTES);
    pthread_mutex_lock(&flow->lock);
    before = flow->kept;
    flow->kept = now;
    pthread_mutex_unlock(&flow->lock);
    free(before);
    return true;
}

struct figures flow_figures(struct flow *flow, bool disarm)
{
    struct figures figures;

    pthread_mutex_lock(&flow->lock);
    figures = (struct figures){flow->expect, flow->heard_at, flow->failures, flow->unauthentic};
    flow->failures = flow->unauthentic = 0;
    if (disarm)
        flow->expect = 0;
    pthread_mutex_unlock(&flow->lock);
    return figures;
}

uint64_t relay_add(struct relay *relay, int fd, struct flow *flow)
{
    struct epoll_event interest = {.events = EPOLLIN, .data.fd = fd};

    if (fd < 0 || fd >= MOST_DESCRIPTORS) {
        errno = EMFILE;
        return 0;
    }
    pthread_mutex_lock(&relay->table_lock);
    if (relay->table[fd] || flow->serial) {
        pthread_mutex_unlock(&relay->table_lock);
        errno = EEXIST;
        return 0;
    }
    flow->queued = 0;
    flow->serial = ++relay->serial;
    relay->table[fd] = flow;
    pthread_mutex_unlock(&relay->table_lock);
    if (epoll_ctl(relay->epoll, EPOLL_CTL_ADD, fd, &interest) < 0) {
        int reason = errno;
        relay_remove(relay, fd);
        errno = reason;
        return 0;
    }
    return flow->serial;
}

struct flow *relay_remove(struct relay *relay, int fd)
{
    struct flow *flow;

    if (fd < 0 || fd >= MOST_DESCRIPTORS)
        return NULL;
    epoll_ctl(relay->epoll, EPOLL_CTL_DEL, fd, NULL);
    pthread_mutex_lock(&relay->table_lock);
    flow = relay->table[fd];
    relay->table[fd] = NULL;
    pthread_mutex_unlock(&relay->table_lock);
    if (flow) { /* the packet may be under way that is the last to be read for it */
        pthread_mutex_lock(&flow->lock);
        flow->serial = 0;
        pthread_mutex_unlock(&flow->lock);
    }
    return flow;
}

/* -- the loop --------------------------------------------------------------------------------- */

static void receive(struct relay *relay, int fd, double now)
{
    uint8_t packet[MAX_DATAGRAM_BYTES];
    struct flow *flow = lock_flow(relay, fd);
    ssize_t size;

    if (!flow)
        return;
    size = recv(fd, packet, sizeof packet, MSG_DONTWAIT);
    /* -1: nothing there, a pending ICMP error, or the packet had a bad checksum. */
    if (size >= 0) {
        struct handed_over other = {flow->serial, now, fd, (uint32_t)size};
        if (is_expected(flow, packet, (size_t)size) && !has_tones(relay, flow, packet))
            forward(relay, flow, packet, now);
        else
            hand_over(relay, flow, &other, packet);
    }
    pthread_mutex_unlock(&flow->lock);
}

int relay_drain(struct relay *relay, int limit, int batches, double now)
{
    struct epoll_event events[BATCH];
    int packets = 0;

    for (int batch = 0; batch < batches; batch++) {
        int ready = epoll_wait(relay->epoll, events, limit < BATCH ? limit : BATCH, 0);
        /* One time for the batch: it has been waiting in the sockets together. */
        double at = now > 0 ? now : monotonic_now();
        for (int index = 0; index < ready; index++) {
            packets += events[index].data.fd != relay->wake;
            receive(relay, events[index].data.fd, at);
        }
        if (ready < limit && ready < BATCH) {
            relay->behind_since = 0;
            return packets;
        }
        if (batch == batches - 1 && relay->behind_since <= 0)
            relay->behind_since = at;
    }
    return packets;
}

static void sleep_until(double due)
{
    struct timespec at = {.tv_sec = (time_t)due};

    at.tv_nsec = (long)((due - (double)at.tv_sec) * 1e9);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

/* How long to sleep between two reads, after `packets` and `wakes` in some windows of time; 0: not
 * at all, but to wait for the next packet. */
static double interval_s(double before, int packets, int wakes, double windows)
{
    double interval = PACKETS_OF_A_WAKE * WINDOW_S * windows / (packets + 1);

    if (before > 0 ? packets < QUIET_PACKETS * windows : wakes < BUSY_WAKES * windows)
        return 0;
    return fmin(fmax(interval, SHORTEST_S), LONGEST_S);
}

void relay_run(struct relay *relay)
{
    double window = monotonic_now(), due = 0, interval = 0;
    int wakes = 0, packets = 0;

    while (!relay->stopping) {
        double now = monotonic_now();
        struct epoll_event ready;

        if (now - window >= WINDOW_S) {
            interval = interval_s(interval, packets, wakes, (now - window) / WINDOW_S);
            window = now;
            wakes = packets = 0;
        }
        due = fmax(due + interval, now); /* what was late is not made up for */
        if (interval <= 0)
            epoll_wait(relay->epoll, &ready, 1, -1);
        else
            sleep_until(fmax(due, now + REST_S));
        packets += relay_drain(relay, BATCH, MAX_BATCHES, 0);
        wakes++;
    }
}

void relay_stop(struct relay *relay)
{
    relay->stopping = true;
    notify(relay->wake);
}

int relay_open(struct relay *relay)
{
    struct epoll_event interest = {.events = EPOLLIN};

    relay->table = calloc(MOST_DESCRIPTORS, sizeof *relay->table);
    if (!relay->table)
        return -1;
    relay->queue = malloc(QUEUE_BYTES);
    pthread_mutex_init(&relay->table_lock, NULL);
    pthread_mutex_init(&relay->queue_lock, NULL);
    relay->epoll = epoll_create1(EPOLL_CLOEXEC);
    relay->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    relay->notify = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    interest.data.fd = relay->wake;
    if (!relay->queue || relay->epoll < 0 || relay->wake < 0 || relay->notify < 0)
        return -1;
    return epoll_ctl(relay->epoll, EPOLL_CTL_ADD, relay->wake, &interest);
}

void relay_close(struct relay *relay)
{
    int descriptors[] = {relay->epoll, relay->wake, relay->notify};

    if (!relay->table)
        return;
    for (int index = 0; index < 3; index++)
        if (descriptors[index] >= 0)
            close(descriptors[index]);
    pthread_mutex_destroy(&relay->table_lock);
    pthread_mutex_destroy(&relay->queue_lock);
    free(relay->queue);
    free(relay->table);
    relay->table = NULL;
}
