/* serve/address.h - where to listen: "127.0.0.1:7420", "localhost:0", "[::1]:7420". */
#ifndef K2_SERVE_ADDRESS_H
#define K2_SERVE_ADDRESS_H

#include "base/err.h"

#include <netinet/in.h>

#define ADDRESS_TEXT 64 /* bytes that any address fits, NUL included */

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } socket;
    socklen_t size;
    bool loopback;
    int port;
    char text[ADDRESS_TEXT]; /* as it is written, with the port */
};

/* Names are not resolved, but localhost. K2_E_INVALID says what is expected. */
K2_RC address_parse(const char *text, struct address *out, struct k2_err *err);
/* Binds and listens; port 0 becomes the one that was given. In use: K2_E_LOCKED. Gives the socket. */
K2_RC address_listen(struct address *a, int *fd, struct k2_err *err);
/* Whether the Host header ("localhost:7420") names this machine from inside; else the request may come
 * from a foreign web page whose name was made to point here. */
bool address_host_is_local(const char *host);

#endif
