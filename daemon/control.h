/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control server: one thread, one Unix socket, the protocol of control/protocol.h.
 *
 * It shares no lock with the policy thread and owes nobody an answer in time: a client that
 * sends too much, too slowly or reads nothing costs itself only. Bounds, per client: one request
 * of CONTROL_MAX_REQUEST bytes and one reply of CONTROL_MAX_REPLY in memory, SERVER_PATIENCE_MS
 * for either; together they get SERVER_SHARE_PERCENT of one CPU.
 */
#ifndef GTHULHU_CONTROL_H
#define GTHULHU_CONTROL_H

#include <sys/types.h>

#include "../control/protocol.h"

#define SERVER_MAX_CLIENTS 32
#define SERVER_MAX_OTHERS 24  /* of these, not root's: root always gets in */
#define SERVER_MAX_PER_USER 8 /* of these, of one user */
#define SERVER_PATIENCE_MS 10000
#define SERVER_SHARE_PERCENT 20
#define SERVER_NO_GROUP ((gid_t) - 1)

/*
 * struct server_options
 * @path:         of the socket; NULL: none, only @tick
 * @read_group:   members may read; SERVER_NO_GROUP: root only
 * @change_group: members may read and change; SERVER_NO_GROUP: root only
 * @take_over:    the socket of a daemon that lives or is stopped becomes ours
 * @patience_ms:  0: SERVER_PATIENCE_MS
 * @handle:       answers one request whose arguments fit the table: a new reference, or NULL
 *                with @error. Called in the server's thread.
 * @tick:         called every @tick_ms in the server's thread; NULL: never
 */
struct server_options {
	const char *path;
	gid_t read_group, change_group;
	bool take_over;
	unsigned int patience_ms;
	json_t *(*handle)(void *arg, const struct control_request *request,
			  const json_t *args, struct control_error *error);
	void (*tick)(void *arg);
	unsigned int tick_ms;
	void *arg;
};

struct server;

/*
 * Bind and listen: the part that may need privileges. Who connects waits for the thread, which
 * server_start() starts with the privileges that the caller has by then. Negative errno after a
 * message. @options is copied.
 */
int server_open(struct server **server, const struct server_options *options);
int server_start(struct server *server);

/* Close every connection, remove the socket, end the thread; returns NULL. NULL is fine. */
struct server *server_stop(struct server *server);

/* What a peer may do. */
enum peer_access { PEER_NOTHING, PEER_READ, PEER_CHANGE };
enum peer_access peer_access(const struct server_options *options, uid_t uid,
			     const gid_t *groups, size_t nr_groups);

/* client.c: one connection; used by control.c only. */
struct client {
	int fd;
	uid_t uid;
	enum peer_access access;
	unsigned int events; /* what epoll watches for */
	bool ended;	     /* the peer will send no more */
	bool closing;	     /* close when the reply is out */
	long long budget_ns; /* CPU time it may still cost */
	long long since;     /* when the request or reply in hand began; 0: none */
	char *in;
	size_t in_size;
	char *out;
	size_t out_size, out_done;
};

long long server_clock_ns(void);
struct client *client_new(int fd, const struct server_options *options,
			  struct control_error *error);
struct client *client_free(struct client *client);
/* Read what there is; false: the connection is over. */
bool client_read(struct client *client);
/* Send what can be sent; false: the connection is over. */
bool client_write(struct client *client);
/* Is there a request to answer now? */
bool client_ready(const struct client *client);
/* Answer one request; false: the connection is over. */
bool client_answer(struct client *client, const struct server_options *options);
bool client_finished(const struct client *client);

#endif
