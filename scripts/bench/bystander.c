/* Does nothing, each millisecond, beside a measurement, and notes when it was not let do it.
 *
 * One thread on each core goes before everything else on the machine (SCHED_FIFO, where that is
 * allowed): when it is late, the core was not there. One more, on no core of its own, runs as the
 * media worker does without the right to go first (niceness -10, slices of 0.1 ms): it also waits
 * for others.
 *
 * stdin: an empty line for each question; its end is the end.
 * stdout: a line "WHICH FROM UNTIL" for each pause since the last question, nanoseconds of the
 * real-time clock; WHICH is the core, or -1 for the thread that is on none. Then an empty line.
 * The first line says whether the threads of the cores go before everything: 1 or 0.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MOST_CORES = 256, MOST_PAUSES = 1 << 16, PERIOD_NS = 1000000, LEAST_NS = 400000 };
enum { BEFORE_ALL = 50, NICENESS = -10, SLICE_NS = 100000 };

struct pause {
    int which;
    int64_t from, until;
};

struct scheduling { /* struct sched_attr, see sched_setattr(2) */
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

static struct pause pauses[MOST_PAUSES];
static int count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int64_t now_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void note(int which, int64_t late)
{
    int64_t until = now_ns(CLOCK_REALTIME);

    pthread_mutex_lock(&lock);
    if (count < MOST_PAUSES)
        pauses[count++] = (struct pause){which, until - late, until};
    pthread_mutex_unlock(&lock);
}

static void *do_nothing(void *argument)
{
    int which = (int)(intptr_t)argument;
    int64_t due = now_ns(CLOCK_MONOTONIC);

    if (which >= 0) {
        cpu_set_t cores;
        CPU_ZERO(&cores);
        CPU_SET(which, &cores);
        pthread_setaffinity_np(pthread_self(), sizeof cores, &cores);
    } else {
        struct scheduling wanted = {.size = sizeof wanted, .nice = NICENESS, .runtime = SLICE_NS};
        if (syscall(SYS_sched_setattr, 0, &wanted, 0) != 0)
            setpriority(PRIO_PROCESS, 0, NICENESS);
    }
    for (;;) {
        struct timespec at;
        int64_t late;

        due += PERIOD_NS;
        at.tv_sec = due / 1000000000;
        at.tv_nsec = due % 1000000000;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
        late = now_ns(CLOCK_MONOTONIC) - due;
        if (late > LEAST_NS)
            note(which, late);
        if (late > PERIOD_NS) /* what is past is not made up for */
            due += late / PERIOD_NS * PERIOD_NS;
    }
    return NULL;
}

static int start(int which, int policy)
{
    struct sched_param priority = {.sched_priority = policy == SCHED_FIFO ? BEFORE_ALL : 0};
    pthread_attr_t attributes;
    pthread_t thread;
    int failed;

    pthread_attr_init(&attributes);
    pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
    pthread_attr_setschedpolicy(&attributes, policy);
    pthread_attr_setschedparam(&attributes, &priority);
    failed = pthread_create(&thread, &attributes, do_nothing, (void *)(intptr_t)which);
    pthread_attr_destroy(&attributes);
    return failed;
}

int main(void)
{
    char line[64];
    cpu_set_t cores;
    int is_first = 1;

    prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    sched_getaffinity(0, sizeof cores, &cores);
    for (int core = 0; core < MOST_CORES; core++)
        if (CPU_ISSET(core, &cores) && start(core, SCHED_FIFO) != 0) {
            is_first = 0;
            start(core, SCHED_OTHER);
        }
    start(-1, SCHED_OTHER);
    printf("%d\n", is_first);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        pthread_mutex_lock(&lock);
        for (int index = 0; index < count; index++)
            printf("%d %lld %lld\n", pauses[index].which, (long long)pauses[index].from,
                   (long long)pauses[index].until);
        count = 0;
        pthread_mutex_unlock(&lock);
        printf("\n");
        fflush(stdout);
    }
    return 0;
}
