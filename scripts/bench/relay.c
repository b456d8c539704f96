/* The least a relay of RTP can cost on this machine: one connected UDP socket a leg, epoll,
 * sequence number, timestamp and SSRC rewritten, one receive and one send for a packet.
 *
 * stdin: one line "HOST PORT HOST PORT" for each pair, the addresses of the two phones.
 * stdout: one line "PORT PORT" for each, where the relay listens for them (on 127.0.0.1).
 * Relays from the first empty line on, until stdin ends.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_LEGS = 65536, EVENTS = 256, RTP_HEADER_BYTES = 12 };

struct leg {
    int fd;
    struct leg *partner;
    uint32_t ssrc;
    uint32_t timestamp_offset;
    uint16_t sequence_offset;
};

static struct leg legs[MAX_LEGS];

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int open_leg(struct leg *leg, const char *host, int port)
{
    struct sockaddr_in local = {.sin_family = AF_INET};
    struct sockaddr_in remote = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t size = sizeof local;

    local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (inet_pton(AF_INET, host, &remote.sin_addr) != 1)
        die(host);
    leg->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (leg->fd < 0 || bind(leg->fd, (struct sockaddr *)&local, size) < 0)
        die("bind");
    if (connect(leg->fd, (struct sockaddr *)&remote, sizeof remote) < 0)
        die("connect");
    if (getsockname(leg->fd, (struct sockaddr *)&local, &size) < 0)
        die("getsockname");
    leg->ssrc = (uint32_t)rand();
    leg->timestamp_offset = (uint32_t)rand();
    leg->sequence_offset = (uint16_t)rand();
    return ntohs(local.sin_port);
}

static void forward(struct leg *leg)
{
    uint8_t packet[2048];
    uint16_t sequence;
    uint32_t timestamp, ssrc;
    struct leg *to = leg->partner;
    ssize_t size = recv(leg->fd, packet, sizeof packet, 0);

    if (size < RTP_HEADER_BYTES || packet[0] >> 6 != 2)
        return;
    memcpy(&sequence, packet + 2, 2);
    memcpy(&timestamp, packet + 4, 4);
    sequence = htons((uint16_t)(ntohs(sequence) + to->sequence_offset));
    timestamp = htonl(ntohl(timestamp) + to->timestamp_offset);
    ssrc = htonl(to->ssrc);
    memcpy(packet + 2, &sequence, 2);
    memcpy(packet + 4, &timestamp, 4);
    memcpy(packet + 8, &ssrc, 4);
    (void)!send(to->fd, packet, (size_t)size, 0);
}

int main(void)
{
    struct epoll_event events[EVENTS], interest = {.events = EPOLLIN};
    char line[256], host_a[64], host_b[64];
    int port_a, port_b, count = 0, epoll = epoll_create1(0);

    if (epoll < 0)
        die("epoll_create1");
    while (fgets(line, sizeof line, stdin) && line[0] != '\n' && count + 2 <= MAX_LEGS) {
        struct leg *a = &legs[count], *b = &legs[count + 1];
        if (sscanf(line, "%63s %d %63s %d", host_a, &port_a, host_b, &port_b) != 4) {
            fprintf(stderr, "not understood: %s", line);
            return 2;
        }
        port_a = open_leg(a, host_a, port_a);
        port_b = open_leg(b, host_b, port_b);
        a->partner = b;
        b->partner = a;
        for (int i = 0; i < 2; i++) {
            interest.data.ptr = &legs[count + i];
            if (epoll_ctl(epoll, EPOLL_CTL_ADD, legs[count + i].fd, &interest) < 0)
                die("epoll_ctl");
        }
        printf("%d %d\n", port_a, port_b);
        count += 2;
    }
    fflush(stdout);
    interest.data.ptr = NULL;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &interest) < 0)
        die("epoll_ctl");
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        if (ready < 0 && errno != EINTR)
            die("epoll_wait");
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr == NULL)
                return 0;
            forward(events[i].data.ptr);
        }
    }
}
