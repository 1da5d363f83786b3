/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control server's thread: it listens, and serves its clients in turn, one request each.
 *
 * CPU time is shared out every TURN_MS: SERVER_SHARE_PERCENT of the turn, in equal parts. A client
 * that has used up its part waits for the next; one that was quiet has saved up a little.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control.h"
#include "daemon.h"

#define TURN_MS 100
#define SAVED_MS 200 /* CPU time that a quiet client may save up */
#define NS_PER_MS 1000000LL

struct server {
	struct server_options opt;
	pthread_t thread;
	bool running;
	int epoll_fd, listen_fd, stop_fd;
	bool listening; /* epoll watches listen_fd */
	dev_t dev;	/* of the socket that we made, */
	ino_t ino;	/* so that we remove no other */
	long long next_turn, next_tick;
	struct client *clients[SERVER_MAX_CLIENTS];
};

static int nr_clients(const struct server *s)
{
	int i, nr = 0;

	for (i = 0; i < SERVER_MAX_CLIENTS; i++)
		nr += s->clients[i] != NULL;
	return nr;
}

/* Is there room for @c? */
static bool room_for(const struct server *s, const struct client *c)
{
	int i, others = 0, same = 0;

	for (i = 0; i < SERVER_MAX_CLIENTS; i++) {
		if (!s->clients[i] || !s->clients[i]->uid)
			continue;
		others++;
		same += s->clients[i]->uid == c->uid;
	}
	if (!c->uid)
		return nr_clients(s) < SERVER_MAX_CLIENTS;
	return others < SERVER_MAX_OTHERS && same < SERVER_MAX_PER_USER;
}

/* One line of explanation, if it can be sent at once. */
static struct client *turn_away(struct client *c, const struct control_error *error)
{
	size_t size;
	char *line = control_error_format(NULL, error, &size);
	ssize_t n;

	if (line) {
		n = send(c->fd, line, size, MSG_DONTWAIT | MSG_NOSIGNAL);
		(void)n; /* best effort */
		free(line);
	}
	return client_free(c);
}

static void watch(struct server *s, struct client *c)
{
	unsigned int events = 0;
	struct epoll_event ev;

	if (c->out)
		events = EPOLLOUT;
	else if (!c->ended && c->in_size < CONTROL_MAX_REQUEST && c->budget_ns > 0)
		events = EPOLLIN;
	if (events == c->events)
		return;
	ev = (struct epoll_event){ .events = events, .data.ptr = c };
	epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, c->fd, &ev);
	c->events = events;
}

static void listen_for(struct server *s, bool on)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = &s->listen_fd };

	if (s->listen_fd < 0 || on == s->listening)
		return;
	epoll_ctl(s->epoll_fd, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, s->listen_fd, &ev);
	s->listening = on;
}

static void accept_one(struct server *s)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct control_error error;
	struct client *c;
	int fd, i;

	fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		/* out of descriptors or memory: look again at the next turn, don't spin */
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			listen_for(s, false);
		return;
	}
	c = client_new(fd, &s->opt, &error);
	if (!c)
		return;
	if (c->access == PEER_NOTHING) {
		turn_away(c, &error);
		return;
	}
	for (i = 0; i < SERVER_MAX_CLIENTS && s->clients[i]; i++)
		;
	ev.data.ptr = c;
	if (!room_for(s, c) || i == SERVER_MAX_CLIENTS ||
	    epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &ev)) {
		control_fail(&error, CONTROL_E_busy,
			     "too many connections: %d in all, %d for each user but root",
			     SERVER_MAX_CLIENTS, SERVER_MAX_PER_USER);
		turn_away(c, &error);
		return;
	}
	c->events = ev.events;
	c->budget_ns = SAVED_MS * NS_PER_MS;
	s->clients[i] = c;
}

/*
 * close() alone ends epoll's interest only with the last descriptor of the connection, and a
 * child of ours may hold another.
 */
static struct client *drop(struct server *s, struct client *c)
{
	epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, c->fd, NULL);
	return client_free(c);
}

static void handle_event(struct server *s, const struct epoll_event *ev)
{
	struct client *c = ev->data.ptr;
	bool alive = true;
	int i;

	if (ev->data.ptr == &s->stop_fd)
		return;
	if (ev->data.ptr == &s->listen_fd) {
		accept_one(s);
		return;
	}
	if (ev->events & EPOLLOUT)
		alive = client_write(c);
	else if (ev->events & EPOLLIN)
		alive = client_read(c);
	else if (ev->events & (EPOLLHUP | EPOLLERR))
		alive = false;
	for (i = 0; !alive && i < SERVER_MAX_CLIENTS; i++) {
		if (s->clients[i] == c)
			s->clients[i] = drop(s, c);
	}
}

/* Serve everybody once. True: somebody has more to be served. */
static bool serve(struct server *s, long long now)
{
	unsigned int patience = s->opt.patience_ms;
	bool alive, more = false;
	struct client *c;
	int i;

	for (i = 0; i < SERVER_MAX_CLIENTS; i++) {
		c = s->clients[i];
		if (!c)
			continue;
		alive = !c->since || now - c->since < patience * NS_PER_MS;
		/* who waits for its part of the CPU is not late */
		if (!alive && !c->out && c->budget_ns <= 0)
			alive = true;
		if (alive && client_ready(c))
			alive = client_answer(c, &s->opt);
		if (!alive || client_finished(c)) {
			s->clients[i] = drop(s, c);
			continue;
		}
		more |= client_ready(c);
		watch(s, c);
	}
	return more;
}

static void new_turn(struct server *s)
{
	long long part = TURN_MS * NS_PER_MS * SERVER_SHARE_PERCENT / 100;
	int i, nr = nr_clients(s);
	struct client *c;

	for (i = 0; i < SERVER_MAX_CLIENTS; i++) {
		c = s->clients[i];
		if (!c)
			continue;
		c->budget_ns += part / nr;
		if (c->budget_ns > SAVED_MS * NS_PER_MS)
			c->budget_ns = SAVED_MS * NS_PER_MS;
	}
	listen_for(s, true);
}

/* Somebody's time is running: out of patience, or out of budget. */
static bool needs_turns(const struct server *s)
{
	int i;

	for (i = 0; i < SERVER_MAX_CLIENTS; i++) {
		if (s->clients[i] && (s->clients[i]->since ||
				      s->clients[i]->budget_ns < SAVED_MS * NS_PER_MS))
			return true;
	}
	return s->listen_fd >= 0 && !s->listening;
}

static int time_to_wait(const struct server *s, long long now)
{
	long long until = -1;

	if (needs_turns(s))
		until = s->next_turn;
	if (s->opt.tick && (until < 0 || s->next_tick < until))
		until = s->next_tick;
	if (until < 0)
		return -1;
	return until <= now ? 0 : (int)((until - now) / NS_PER_MS) + 1;
}

static void *serve_until_stopped(void *arg)
{
	struct epoll_event events[SERVER_MAX_CLIENTS + 2];
	struct server *s = arg;
	bool more = false, stop = false;
	long long now = server_clock_ns();
	int i, nr;

	pthread_setname_np(pthread_self(), "gthulhu-control");
	while (!stop) {
		nr = epoll_wait(s->epoll_fd, events, SERVER_MAX_CLIENTS + 2,
				more ? 0 : time_to_wait(s, now));
		for (i = 0; i < nr; i++) {
			stop |= events[i].data.ptr == &s->stop_fd;
			handle_event(s, &events[i]);
		}
		now = server_clock_ns();
		if (now >= s->next_turn) {
			new_turn(s);
			s->next_turn = now + TURN_MS * NS_PER_MS;
		}
		if (s->opt.tick && now >= s->next_tick) {
			s->opt.tick(s->opt.arg);
			s->next_tick = now + s->opt.tick_ms * NS_PER_MS;
		}
		more = serve(s, now);
	}
	return NULL;
}

/* Does somebody answer at @address? */
static bool in_use(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;

	if (fd < 0)
		return true;
	err = connect(fd, (const struct sockaddr *)address, sizeof(*address)) ? errno : 0;
	close(fd);
	return err != ECONNREFUSED;
}

static int bind_socket(int fd, const struct sockaddr_un *address, bool take_over)
{
	const struct sockaddr *a = (const struct sockaddr *)address;
	struct stat st;

	/* the mode of the file is the socket's own, so there is no moment with a wider one */
	if (fchmod(fd, 0600))
		return -errno;
	if (!bind(fd, a, sizeof(*address)))
		return 0;
	if (errno != EADDRINUSE)
		return -errno;
	/* what a daemon that died left behind; anything else is not ours to remove */
	if (lstat(address->sun_path, &st) || !S_ISSOCK(st.st_mode) ||
	    (!take_over && in_use(address)) || unlink(address->sun_path))
		return -EADDRINUSE;
	return bind(fd, a, sizeof(*address)) ? -errno : 0;
}

/* Who may connect at all; what they may do is decided by their credentials. */
static int open_to_groups(const struct server_options *o)
{
	gid_t group = o->read_group == SERVER_NO_GROUP ? o->change_group : o->read_group;

	if (group == SERVER_NO_GROUP)
		return 0;
	if (chown(o->path, (uid_t)-1, group))
		return -errno;
	/* a file has one group: two of them meet at the credentials */
	if (o->change_group != SERVER_NO_GROUP && o->change_group != group)
		return chmod(o->path, 0666) ? -errno : 0;
	return chmod(o->path, 0660) ? -errno : 0;
}

static int make_folder(const char *path)
{
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (!slash || slash == folder)
		return 0;
	*slash = '\0';
	return mkdir(folder, 0755) && errno != EEXIST ? -errno : 0;
}

static int open_socket(struct server *s)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = s->opt.path;
	struct stat st;
	int err;

	if (!path)
		return 0;
	if (strlen(path) >= sizeof(address.sun_path)) {
		say(QUMUN_LOG_ERROR,
		    "control socket %s: the path is too long, %zu bytes at most", path,
		    sizeof(address.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	strcpy(address.sun_path, path);
	s->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	err = s->listen_fd < 0 ? -errno : make_folder(path);
	if (!err)
		err = bind_socket(s->listen_fd, &address, s->opt.take_over);
	if (!err && !lstat(path, &st)) {
		s->dev = st.st_dev;
		s->ino = st.st_ino;
		err = open_to_groups(&s->opt);
	}
	if (!err && listen(s->listen_fd, SERVER_MAX_CLIENTS))
		err = -errno;
	if (err)
		say(QUMUN_LOG_ERROR,
		    "control socket %s: %s; choose another with --socket PATH", path,
		    err == -EADDRINUSE ? "another gthulhu listens there"
				       : strerror(-err));
	return err;
}

static void remove_socket(const struct server *s)
{
	struct stat st;

	if (s->ino && !lstat(s->opt.path, &st) && st.st_dev == s->dev &&
	    st.st_ino == s->ino)
		unlink(s->opt.path);
}

static struct server *server_free(struct server *s)
{
	int i;

	for (i = 0; i < SERVER_MAX_CLIENTS; i++)
		client_free(s->clients[i]);
	if (s->listen_fd >= 0)
		close(s->listen_fd);
	if (s->epoll_fd >= 0)
		close(s->epoll_fd);
	if (s->stop_fd >= 0)
		close(s->stop_fd);
	remove_socket(s);
	free(s);
	return NULL;
}

int server_open(struct server **out, const struct server_options *options)
{
	struct server *s = calloc(1, sizeof(*s));
	struct epoll_event ev = { .events = EPOLLIN };
	int err;

	*out = NULL;
	if (!s)
		return -ENOMEM;
	s->opt = *options;
	if (!s->opt.patience_ms)
		s->opt.patience_ms = SERVER_PATIENCE_MS;
	s->listen_fd = -1;
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ev.data.ptr = &s->stop_fd;
	err = s->epoll_fd < 0 || s->stop_fd < 0 ||
			      epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->stop_fd, &ev)
		      ? -errno
		      : open_socket(s);
	if (err) {
		server_free(s);
		return err;
	}
	listen_for(s, true);
	*out = s;
	return 0;
}

int server_start(struct server *s)
{
	sigset_t all, before;
	int err;

	/* signals are the main thread's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = -pthread_create(&s->thread, NULL, serve_until_stopped, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		say(QUMUN_LOG_ERROR, "starting the control thread: %s", strerror(-err));
	s->running = !err;
	return err;
}

struct server *server_stop(struct server *s)
{
	__u64 one = 1;
	ssize_t n;

	if (!s)
		return NULL;
	n = write(s->stop_fd, &one, sizeof(one));
	(void)n; /* a full counter has the same effect */
	if (s->running)
		pthread_join(s->thread, NULL);
	return server_free(s);
}
