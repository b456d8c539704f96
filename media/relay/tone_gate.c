#include "tone_gate.h"

/* The strongest of four tones, of each a cosine and a sine, and the next one. */
static void find_strongest(quad one, quad other, float *first, float *second)
{
    quad squares[] = {one * one, other * other};

    *first = *second = 0;
    for (int tone = 0; tone < 4; tone++) {
        float strength = squares[tone / 2][tone % 2 * 2] + squares[tone / 2][tone % 2 * 2 + 1];
        if (strength > *first) {
            *second = *first;
            *first = strength;
        } else if (strength > *second) {
            *second = strength;
        }
    }
}

/* Whether a low and a high tone are each strong enough, about as loud as each other, and alone. */
static bool are_a_key(const struct tone_tables *tables, const float tones[2], const float others[2],
                      float power)
{
    float low = tones[0] * tables->made_good_low, high = tones[1] * tables->made_good_high;

    return tones[0] >= tables->least_strength && tones[1] >= tables->least_strength
           && (low + high) / 2 >= tables->least_share * power
           && others[0] <= tables->most_others * low && others[1] <= tables->most_others * high
           && tones[1] <= tables->most_high_over_low * low
           && tones[0] <= tables->most_low_over_high * high;
}

/* Whether the sound of a window is like that of a key. */
static bool is_like_a_key(const struct tone_tables *tables, const float *sound)
{
    quad low = {0}, next_low = {0}, high = {0}, next_high = {0}, powers = {0};
    float power, tones[2], others[2];

    for (int at = 0; at < TONE_WINDOW; at += 4) {
        quad some = *(const quad *)(sound + at);
        powers += tables->power[at / 4] * some * some;
    }
    power = powers[0] + powers[1] + powers[2] + powers[3];
    if (power < tables->least_power)
        return false;
    for (int at = 0; at < TONE_WINDOW; at++) {
        const quad *probes = tables->probes[at];
        low += probes[0] * sound[at];
        next_low += probes[1] * sound[at];
        high += probes[2] * sound[at];
        next_high += probes[3] * sound[at];
    }
    find_strongest(low, next_low, &tones[0], &others[0]);
    find_strongest(high, next_high, &tones[1], &others[1]);
    return are_a_key(tables, tones, others, power);
}

bool tone_may_begin(const struct tone_tables *tables, int law,
                    const uint8_t kept[TONE_KEPT_BYTES], const uint8_t payload[TONE_PACKET])
{
    float sound[TONE_BEFORE + TONE_PACKET];
    const float *linear = tables->linear[law];

    for (int at = 0; at < TONE_BEFORE; at++)
        sound[at] = linear[kept[TONE_KEPT_BYTES - TONE_BEFORE + at]];
    for (int at = 0; at < TONE_PACKET; at++)
        sound[TONE_BEFORE + at] = linear[payload[at]];
    return is_like_a_key(tables, sound) || is_like_a_key(tables, sound + TONE_HOP);
}
