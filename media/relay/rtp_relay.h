/* The relay of RTP (RFC 3550): received streams with the packet that each of them is expected to
 * send next, and the loop that forwards such packets. Nothing here knows Python.
 *
 * A packet that is not the expected one is handed over, by a bounded queue that keeps the order of
 * each stream. Until all that was handed over of a stream is dealt with, whatever else comes of it
 * is handed over too, so that no two packets of one peer change places.
 */
#ifndef RTP_RELAY_H
#define RTP_RELAY_H

#include "tone_gate.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RTP_HEADER_BYTES = 12,                          /* RFC 3550 section 5.1, without CSRCs */
    RTP_CLOCK_HZ = 8000,                            /* G.711, RFC 3551 */
    FRAME_SAMPLES = 160,                            /* 20 ms, one byte each */
    PACKET_BYTES = RTP_HEADER_BYTES + FRAME_SAMPLES,
    MAX_DATAGRAM_BYTES = 2048,
    MOST_DESCRIPTORS = 1 << 17,
    BATCH = 64,                                     /* packets for one look at the clock */
    MAX_BATCHES = 8,                                /* before the thread looks up */
    QUEUE_BYTES = 512 * 1024,
    MOST_QUEUED = 64,                               /* packets of one stream that wait */
    CODECS = 2,
    TRANSLATIONS = 3,
};

/* A row of the table: the packet expected next of a received stream, where it goes, and what was
 * heard of the stream. Each field as NAME, C TYPE, TYPE OF A PYTHON MEMBER. While the stream is
 * armed (`expect` is not 0), the relay alone writes here; while it is not, its owner does. */
#define FLOW_FIELDS(FIELD)                                                                        \
    /* The first eight bytes of the packet expected next, as one number; 0: none is expected. */  \
    FIELD(expect, uint64_t, T_ULONGLONG)                                                          \
    /* The first packet not to be forwarded any more. */                                          \
    FIELD(stop, uint64_t, T_ULONGLONG)                                                            \
    /* From the bytes received to the bytes sent, modulo 2^64. */                                 \
    FIELD(delta, uint64_t, T_ULONGLONG)                                                           \
    /* The SRTP contexts that open what comes and protect what is sent; 0: plain RTP. */          \
    FIELD(srtp_in, uint64_t, T_ULONGLONG)                                                         \
    FIELD(srtp_out, uint64_t, T_ULONGLONG)                                                        \
    /* Seconds of the monotonic clock: the newest packet, and one that could be heard. */         \
    FIELD(heard_at, double, T_DOUBLE)                                                             \
    FIELD(loud_at, double, T_DOUBLE)                                                              \
    /* Interarrival jitter in units of the RTP clock (RFC 3550 A.8). */                           \
    FIELD(jitter, double, T_DOUBLE)                                                               \
    FIELD(ssrc, uint32_t, T_UINT)                                                                 \
    FIELD(out_ssrc, uint32_t, T_UINT)                                                             \
    /* The listener's socket; negative while there is no listener. */                             \
    FIELD(out_fd, int32_t, T_INT)                                                                 \
    /* Packets that could not be sent, and SRTP that is forged, damaged or replayed. */           \
    FIELD(failures, uint32_t, T_UINT)                                                             \
    FIELD(unauthentic, uint32_t, T_UINT)                                                          \
    /* Bytes of the datagram expected next. */                                                    \
    FIELD(size, uint32_t, T_UINT)                                                                 \
    /* Rows of the tables: which samples are loud, and how they are converted. */                 \
    FIELD(codec, uint8_t, T_UBYTE)                                                                \
    FIELD(translation, uint8_t, T_UBYTE)                                                          \
    /* The last sample that was received, as it was coded. */                                     \
    FIELD(last, uint8_t, T_UBYTE)

#define FLOW_MEMBER(name, type, member) type name;

struct flow {
    FLOW_FIELDS(FLOW_MEMBER)
    /* Its newest payloads, forwarded or not; then what may have a key as sound is not forwarded,
     * but handed over. NULL: that is not looked for. */
    uint8_t *kept;
    uint32_t queued;       /* its packets that were handed over and are not dealt with */
    uint64_t serial;       /* which registration this is; 0: none */
    pthread_mutex_t lock;
};

/* What has come of a flow since it was asked last. */
struct figures {
    uint64_t expect;
    double heard_at;
    uint32_t failures, unauthentic;
};

/* A packet in the queue, followed by its bytes. */
struct handed_over {
    uint64_t serial;
    double at;
    int32_t fd;
    uint32_t size;
};

/* libsrtp's srtp_protect and srtp_unprotect: the context, the packet, its length in and out. */
typedef int srtp_function(void *context, void *packet, int *length);

struct relay {
    int epoll, wake, notify;
    atomic_bool stopping;
    _Atomic double behind_since;            /* of the monotonic clock; 0: it is not behind */
    _Atomic uint64_t overflowed;            /* packets for which the queue had no room */
    uint8_t loud[CODECS][256];
    uint8_t translated[TRANSLATIONS][256];
    struct tone_tables tones;
    srtp_function *unprotect, *protect;
    uint64_t serial;
    pthread_mutex_t table_lock;
    struct flow **table;                    /* by descriptor */
    pthread_mutex_t queue_lock;
    uint8_t *queue;
    size_t head, tail;                      /* bytes taken from the queue, and put into it */
    bool notified;
    struct handed_over taken;               /* the packet that is being dealt with */
};

/* Held while an SRTP context is used: libsrtp's are for one thread at a time. */
extern pthread_mutex_t srtp_lock;

double monotonic_now(void);

/* 0, or -1 with errno. */
int relay_open(struct relay *relay);
void relay_close(struct relay *relay);
/* Receive on a socket for a flow: its serial number, or 0 with errno. */
uint64_t relay_add(struct relay *relay, int fd, struct flow *flow);
/* Receive no longer; the flow that was there. Nothing touches it after this. */
struct flow *relay_remove(struct relay *relay, int fd);

/* Expect a packet from now on, with everything else of the flow set. */
void flow_arm(struct flow *flow, uint64_t expect, uint64_t stop);
/* Look for keys as sound, after these newest payloads; with NULL no more. While it is not armed.
 * False: there is no memory for it. */
bool flow_watch_tones(struct flow *flow, const uint8_t *kept);
/* Its figures, counted anew from here; with `disarm` it expects nothing any more. */
struct figures flow_figures(struct flow *flow, bool disarm);

/* Forward what has come, in so many batches of `limit` at most; how many packets came. Each batch
 * has one time, `now`, or by the clock where that is 0. */
int relay_drain(struct relay *relay, int limit, int batches, double now);
/* Forward until `relay_stop`, which any thread may call. */
void relay_run(struct relay *relay);
void relay_stop(struct relay *relay);
/* The next packet that was handed over; the one before it is dealt with. False: there is none. */
bool relay_take(struct relay *relay, struct handed_over *packet, uint8_t *bytes);

#endif
