/* Fuzzes the loop of the relay (media/relay/rtp_relay.c): packets of all kinds come, while streams are
 * armed, disarmed, added and removed at random. Aborts where a packet is forwarded that was not
 * expected, where packets of one peer change places, or where the queue damages one.
 *
 * relay_fuzz SECONDS SEED MODE     MODE is "turns" (one thread) or "thread" (the relay in its own)
 */
#define _GNU_SOURCE
#include "rtp_relay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    STREAMS = 5,
    TAG_BYTES = 10,
    NUMBER_AT = RTP_HEADER_BYTES,   /* not at the end, where `unprotect` takes a tag off */
    NUMBERED_BYTES = NUMBER_AT + 4,
    KEY_AT = NUMBERED_BYTES,        /* says by which table the payload was changed */
    STEPS_OF_A_LOOK = 1000,
};

struct stream {
    struct flow flow;
    int peer, line;
    uint64_t serial;            /* 0: not added */
    uint32_t sent;              /* packets of its peer are numbered after their header */
    uint32_t forwarded, taken;  /* the newest of each */
    size_t heard_by;
    uint64_t next;              /* what would be expected next */
};

static struct stream streams[STREAMS];
/* A table changes each octet by its key; the first one, which no flow but a wrong one names, by none. */
static const uint8_t keys[TRANSLATIONS] = {0x00, 0x55, 0x9b};
static uint64_t seed;
static bool threaded;
static unsigned long changed; /* packets, by a table */

static uint32_t draw(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 32) % below;
}

static void expect(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "FOUND: %s\n", what);
        abort();
    }
}

/* In place of libsrtp: a tag is added, or taken off where it is right. */
static int protect(void *context, void *packet, int *length)
{
    memset((uint8_t *)packet + *length, (int)(uintptr_t)context, TAG_BYTES);
    *length += TAG_BYTES;
    return 0;
}

static int unprotect(void *context, void *packet, int *length)
{
    const uint8_t *tag = (uint8_t *)packet + *length - TAG_BYTES;
    *length -= TAG_BYTES;
    return *tag != (uint8_t)(uintptr_t)context;
}

static void put(uint8_t *to, uint64_t number, int octets)
{
    for (int octet = 0; octet < octets; octet++)
        to[octet] = (uint8_t)(number >> 8 * (octets - 1 - octet));
}

static uint32_t number_of(const uint8_t *packet)
{
    const uint8_t *at = packet + NUMBER_AT;
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* A number, and a payload that follows from it, so that each octet that was changed is seen. */
static void put_payload(uint8_t *packet, uint32_t number)
{
    put(packet + NUMBER_AT, number, 4);
    for (int octet = KEY_AT; octet < PACKET_BYTES; octet++)
        packet[octet] = octet == KEY_AT ? 0 : (uint8_t)(number * 7 + (uint32_t)octet);
}

/* Mostly what is expected, with a tag or without it. */
static uint32_t draw_size(uint32_t least)
{
    if (!draw(4))
        return least + draw(MAX_DATAGRAM_BYTES - least);
    return PACKET_BYTES + (draw(2) ? TAG_BYTES : 0);
}

static void send_packet(struct stream *stream)
{
    uint8_t packet[MAX_DATAGRAM_BYTES];
    uint32_t kind = draw(10), size = draw_size(NUMBERED_BYTES);
    uint64_t first = stream->next + (kind == 7 ? 1 : 0) - (kind == 8 ? UINT64_C(1) << 32 : 0);

    for (uint32_t octet = 0; octet < size; octet++)
        packet[octet] = (uint8_t)draw(256);
    if (kind) {
        put(packet, first, 8);
        put(packet + 8, 0x1000 + (uint32_t)(stream - streams), 4);
    }
    if (!draw(20)) { /* with no number: as short as can be */
        (void)!send(stream->peer, packet, draw(12), MSG_DONTWAIT);
        return;
    }
    if (size < PACKET_BYTES)
        put(packet + NUMBER_AT, stream->sent + 1, 4);
    else
        put_payload(packet, stream->sent + 1);
    if (size == PACKET_BYTES + TAG_BYTES && draw(8)) /* the tag that is right, as a rule */
        packet[PACKET_BYTES] = (uint8_t)stream->flow.srtp_in;
    if (send(stream->peer, packet, size, MSG_DONTWAIT) < 0)
        return;
    stream->sent++;
    if (kind && kind < 7)
        stream->next += (UINT64_C(1) << 32) + FRAME_SAMPLES;
}

static void arm(struct stream *stream)
{
    struct flow *flow = &stream->flow;
    struct stream *listener;
    uint8_t kept[TONE_KEPT_BYTES];

    flow_figures(flow, true);
    /* With a thread, who hears a stream has to be one: else nobody knows what came first. */
    if (!threaded)
        stream->heard_by = draw(STREAMS);
    listener = &streams[stream->heard_by];
    flow->delta = 0;
    flow->ssrc = 0x1000 + (uint32_t)(stream - streams);
    flow->out_ssrc = flow->ssrc;
    flow->out_fd = draw(8) ? listener->line : -1;
    flow->codec = (uint8_t)draw(256); /* also rows that there are not */
    flow->translation = draw(2) ? 0 : (uint8_t)draw(256); /* also tables that there are not */
    flow->srtp_in = draw(6) ? 0 : 1 + draw(255);
    flow->srtp_out = draw(6) ? 0 : 1 + draw(255);
    flow->size = draw_size(0);
    for (int octet = 0; octet < TONE_KEPT_BYTES; octet++)
        kept[octet] = (uint8_t)draw(256);
    flow_watch_tones(flow, draw(3) ? NULL : kept);
    flow_arm(flow, stream->next, draw(3) ? 0 : stream->next + draw(9) * (UINT64_C(1) << 32));
}

/* The payload as it was before a table changed it: all of it by one, and nothing else. */
static void change_back(uint8_t *packet)
{
    uint8_t key = packet[KEY_AT];
    uint32_t number;

    expect(key == keys[0] || key == keys[1] || key == keys[2], "a table that there is not");
    for (int octet = RTP_HEADER_BYTES; octet < PACKET_BYTES; octet++)
        packet[octet] ^= key;
    if (key)
        changed++;
    number = number_of(packet);
    for (int octet = KEY_AT + 1; octet < PACKET_BYTES; octet++)
        expect(packet[octet] == (uint8_t)(number * 7 + (uint32_t)octet), "a payload was damaged");
}

/* What was forwarded, of any stream: its SSRC says of which. */
static void hear(struct stream *listener)
{
    uint8_t packet[MAX_DATAGRAM_BYTES];
    ssize_t size;

    while ((size = recv(listener->peer, packet, sizeof packet, MSG_DONTWAIT)) >= 0) {
        uint32_t from = ((uint32_t)packet[10] << 8 | packet[11]) - 0x1000;
        uint32_t number;
        expect(size == PACKET_BYTES || size == PACKET_BYTES + TAG_BYTES, "a size that none has");
        expect(from < STREAMS, "an SSRC that nobody has");
        change_back(packet);
        number = number_of(packet);
        expect(number > streams[from].forwarded, "two forwarded packets changed places");
        expect(threaded || number >= streams[from].taken, "a packet overtook one that waited");
        streams[from].forwarded = number;
    }
}

/* As the owner of a stream does with a packet that was handed over: by the listener's own socket. */
static void forward_slowly(struct stream *stream, uint32_t number)
{
    uint8_t packet[PACKET_BYTES] = {0};

    put(packet + 8, 0x1000 + (uint32_t)(stream - streams), 4);
    put_payload(packet, number);
    (void)!send(streams[stream->heard_by].line, packet, sizeof packet, MSG_DONTWAIT);
}

static void take(struct relay *relay)
{
    uint8_t bytes[MAX_DATAGRAM_BYTES];
    struct handed_over packet;

    if (!relay_take(relay, &packet, bytes))
        return;
    expect(packet.size <= MAX_DATAGRAM_BYTES, "a packet that is too long");
    for (int index = 0; index < STREAMS && packet.size >= NUMBERED_BYTES; index++) {
        struct stream *stream = &streams[index];
        uint32_t number = number_of(bytes);
        if (!stream->serial || stream->serial != packet.serial)
            continue;
        expect(number > stream->taken && number <= stream->sent, "two packets changed places");
        /* What the thread forwarded before it handed this one over has been sent by now, and it
         * forwards nothing more before the next `relay_take`. */
        hear(&streams[stream->heard_by]);
        expect(number > stream->forwarded, "a packet was overtaken while it waited");
        stream->taken = number;
        if (draw(4))
            forward_slowly(stream, number);
    }
}

static void come_or_go(struct relay *relay, struct stream *stream)
{
    if (!stream->serial) {
        stream->serial = relay_add(relay, stream->line, &stream->flow);
        expect(stream->serial, "a stream could not be added");
        expect(!relay_add(relay, stream->line, &stream->flow), "it was added twice");
    } else {
        uint8_t waiting[MAX_DATAGRAM_BYTES];
        expect(relay_remove(relay, stream->line) == &stream->flow, "another stream was removed");
        flow_figures(&stream->flow, true);
        while (recv(stream->line, waiting, sizeof waiting, MSG_DONTWAIT) >= 0)
            continue; /* what waits is nobody's */
        stream->serial = 0;
    }
}

static void *run(void *relay)
{
    relay_run(relay);
    return NULL;
}

int main(int count, char **arguments)
{
    static struct relay relay;
    double until;
    unsigned long steps = 0;
    pthread_t thread;

    if (count != 4)
        return 2;
    until = monotonic_now() + atof(arguments[1]);
    seed = strtoull(arguments[2], NULL, 10) * 2 + 1;
    threaded = !strcmp(arguments[3], "thread");
    relay.protect = protect;
    relay.unprotect = unprotect;
    for (int table = 0; table < TRANSLATIONS; table++)
        for (int octet = 0; octet < 256; octet++)
            relay.translated[table][octet] = (uint8_t)octet ^ keys[table];
    for (int at = 0; at < TONE_WINDOW; at++) {
        relay.tones.power[at / 4][at % 4] = 0.005f;
        for (int part = 0; part < TONE_PARTS; part++)
            relay.tones.probes[at][part / 4][part % 4] = (float)draw(2001) / 1000 - 1;
    }
    for (int octet = 0; octet < 256; octet++)
        relay.tones.linear[0][octet] = relay.tones.linear[1][octet] = (float)octet - 128;
    relay.tones.most_others = relay.tones.made_good_low = relay.tones.made_good_high = 1;
    relay.tones.most_high_over_low = relay.tones.most_low_over_high = 100;
    relay.tones.least_strength = 1e6f; /* of some packets, and not of others */
    expect(relay_open(&relay) == 0, "the relay cannot be opened");
    for (int index = 0; index < STREAMS; index++) {
        int ends[2];
        expect(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends) == 0, strerror(errno));
        streams[index].peer = ends[0];
        streams[index].line = ends[1];
        streams[index].heard_by = (size_t)(index + 1) % STREAMS;
        streams[index].next = UINT64_C(0x8000) << 48 | draw(65536);
        pthread_mutex_init(&streams[index].flow.lock, NULL);
    }
    expect(!threaded || pthread_create(&thread, NULL, run, &relay) == 0, "no thread");
    while (steps++ % STEPS_OF_A_LOOK || monotonic_now() < until) {
        struct stream *stream = &streams[draw(STREAMS)];
        switch (draw(12)) {
        case 0:
            if (!draw(20))
                come_or_go(&relay, stream);
            break;
        case 1:
            arm(stream);
            break;
        case 2:
            flow_figures(&stream->flow, draw(2));
            break;
        case 3:
        case 4:
            for (uint32_t times = draw(30); times; times--)
                take(&relay);
            break;
        case 5:
        case 6:
            if (!threaded)
                relay_drain(&relay, 1 + (int)draw(100), 1 + (int)draw(3), draw(2) ? 0 : 100);
            hear(stream);
            break;
        default:
            send_packet(stream);
        }
        if (!threaded)
            for (int index = 0; index < STREAMS; index++)
                hear(&streams[index]);
    }
    if (threaded) {
        relay_stop(&relay);
        pthread_join(thread, NULL);
    }
    for (int index = 0; index < STREAMS; index++)
        if (streams[index].serial)
            relay_remove(&relay, streams[index].line);
    relay_close(&relay);
    for (uint32_t index = 0, all = 0; index < STREAMS; index++) {
        all += streams[index].forwarded;
        expect(index < STREAMS - 1 || all, "nothing was forwarded");
    }
    expect(changed > 0, "no table was used");
    printf("stat::number_of_executed_units: %lu\n", steps);
    return 0;
}
