/* Whether a key may be heard in a packet of G.711, as sound (ITU-T Q.23): such a packet is not
 * forwarded but handed over, to the detector of media/sound/dtmf. It looks through the windows of
 * that detector, and is content with less. Nothing here knows Python.
 */
#ifndef TONE_GATE_H
#define TONE_GATE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    TONE_WINDOW = 200,                              /* 25 ms */
    TONE_HOP = 80,                                  /* from one window to the next */
    TONE_PACKET = 160,
    TONE_BEFORE = TONE_WINDOW - TONE_HOP,           /* samples of the packet before */
    TONE_PARTS = 16,                                /* eight tones, a cosine and a sine of each */
    TONE_KEPT_BYTES = 2 * TONE_PACKET,              /* the newest two packets */
    TONE_LAWS = 2,                                  /* rows as in `flow.codec` */
};

/* Four numbers at once: the compiler makes of it what the processor has. */
typedef float quad __attribute__((vector_size(16), aligned(4), may_alias));

/* As media/relay/tables.py lays it out. */
struct tone_tables {
    float linear[TONE_LAWS][256];
    quad probes[TONE_WINDOW][TONE_PARTS / 4];
    quad power[TONE_WINDOW / 4];
    /* Limits of squares of amplitudes: how much more a low and a high tone may be than they seem. */
    float least_power, least_strength, made_good_low, made_good_high;
    float least_share, most_others, most_high_over_low, most_low_over_high;
};

/* Whether any window that ends in `payload` may be one of a key; `kept` has what came before. */
bool tone_may_begin(const struct tone_tables *tables, int law,
                    const uint8_t kept[TONE_KEPT_BYTES], const uint8_t payload[TONE_PACKET]);

#endif
