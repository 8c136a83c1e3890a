/* Sends one RTP packet to many viewers: forwarding.py's inner loop, without Python's cost.

   It is built on installation where there is a C compiler, and left out elsewhere. It needs no
   header of libsrtp's: srtp_protect and sendmmsg come as addresses. accelerator.py has the same
   structures. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

enum { HEADER = 12, BATCH = 32, SLOT = 2048 };
enum { SENT, LATE, NOT_PROTECTED, NOT_SENT };

struct route {
    void *session;
    int64_t first_in;
    uint32_t ssrc, timestamp_shift;
    uint16_t sequence_shift, picture_shift;
    uint8_t base_shift, payload_type, outcome, address_length;
    int32_t socket;
    uint8_t address[28];
};

struct packet {
    const uint8_t *rest; /* what follows the fixed header */
    int64_t sequence;
    uint32_t timestamp;
    int32_t size, picture_at, base_at; /* of and in the whole packet; 0 for no such number */
    uint16_t picture;
    uint8_t wide, base, first, marker;
};

typedef int protect_function(void *session, void *packet, int *length);
typedef int send_function(int socket, struct mmsghdr *messages, unsigned count, int flags);

static uint8_t slots[BATCH][SLOT];
static struct iovec parts[BATCH];
static struct mmsghdr messages[BATCH];
static struct route *waiting[BATCH];

size_t greenroom_sizes(void) { return sizeof(struct route) << 16 | sizeof(struct packet); }

static int flush(send_function *send, int count) {
    int failed = 0;
    for (int done = 0; done < count;) {
        int sent = send(waiting[0]->socket, messages + done, count - done, MSG_DONTWAIT);
        if (sent <= 0) {
            waiting[done]->outcome = NOT_SENT;
            failed++;
        }
        done += sent > 0 ? sent : 1;
    }
    return failed;
}

static void write_packet(uint8_t *slot, const struct route *route, const struct packet *packet) {
    uint16_t sequence = htons((uint16_t)(packet->sequence + route->sequence_shift));
    uint32_t numbers[2] = {htonl(packet->timestamp + route->timestamp_shift), htonl(route->ssrc)};
    slot[0] = packet->first;
    slot[1] = packet->marker | route->payload_type;
    memcpy(slot + 2, &sequence, 2);
    memcpy(slot + 4, numbers, 8);
    memcpy(slot + HEADER, packet->rest, packet->size - HEADER);
    if (packet->picture_at && packet->wide) {
        uint16_t picture = htons(0x8000 | (packet->picture + route->picture_shift));
        memcpy(slot + packet->picture_at, &picture, 2);
    } else if (packet->picture_at) {
        slot[packet->picture_at] = (packet->picture + route->picture_shift) & 0x7F;
    }
    if (packet->base_at) slot[packet->base_at] = packet->base + route->base_shift;
}

/* Returns how many routes it could not be sent on; their outcome says why. */
int greenroom_fan_out(protect_function *protect, send_function *send, struct route *routes,
                      int count, const struct packet *packet) {
    int ready = 0, failed = 0;
    for (struct route *route = routes; route < routes + count; route++) {
        if (ready == BATCH || (ready && waiting[0]->socket != route->socket)) {
            failed += flush(send, ready);
            ready = 0;
        }
        uint8_t *slot = slots[ready];
        int length = packet->size;
        route->outcome = packet->sequence < route->first_in ? LATE : SENT;
        if (route->outcome == SENT) {
            write_packet(slot, route, packet);
            if (protect(route->session, slot, &length)) route->outcome = NOT_PROTECTED;
        }
        failed += route->outcome != SENT;
        if (route->outcome != SENT) continue;
        parts[ready] = (struct iovec){slot, length};
        messages[ready].msg_hdr = (struct msghdr){
            route->address, route->address_length, parts + ready, 1, 0, 0, 0};
        waiting[ready++] = route;
    }
    return failed + flush(send, ready);
}
