#include "tone_gate.h"

/* The strongest of four tones, of each a cosine and a sine; 0 where another one is too strong
 * beside it. */
static float strongest_alone(quad one, quad other, float most_others)
{
    quad squares[] = {one * one, other * other};
    float first = 0, second = 0;

    for (int tone = 0; tone < 4; tone++) {
        float strength = squares[tone / 2][tone % 2 * 2] + squares[tone / 2][tone % 2 * 2 + 1];
        if (strength > first) {
            second = first;
            first = strength;
        } else if (strength > second) {
            second = strength;
        }
    }
    return second <= most_others * first ? first : 0;
}

/* A low and a high tone, each strong enough and alone, that make up enough of the sound. */
static bool is_like_a_key(const struct tone_tables *tables, const float *sound)
{
    quad low = {0}, next_low = {0}, high = {0}, next_high = {0}, powers = {0};
    float power, strongest_low, strongest_high;

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
    strongest_low = strongest_alone(low, next_low, tables->most_others);
    strongest_high = strongest_alone(high, next_high, tables->most_others);
    return strongest_low >= tables->least_strength && strongest_high >= tables->least_strength
           && (strongest_low + strongest_high) / 2 >= tables->least_share * power;
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
