/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control server with a scripted backend and clients that mean it ill. What an honest client
 * gets beside them is the measure.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../daemon/control.h"
#include "../tap.h"

static int start(struct server **s, const struct server_options *options)
{
	int err = server_open(s, options);

	return err ? err : server_start(*s);
}

#define PATIENCE_MS 400
#define STATUS                                                                           \
	"{\"v\":1,\"id\":1,\"request\":\"mode.set\",\"args\":{\"mode\":\"user\"}}\n"

static char folder[] = "/tmp/gthulhu-server.XXXXXX";
static char path[64];
static int ticks;

/* `log` answers with much, `tasks` with too much, `dump` fails, the rest is echoed. */
static json_t *handle(void *arg, const struct control_request *request,
		      const json_t *args, struct control_error *error)
{
	size_t i, nr = 0;
	json_t *list;

	if (!strcmp(request->name, "log"))
		nr = 10000;
	else if (!strcmp(request->name, "tasks"))
		nr = 100000;
	else if (!strcmp(request->name, "dump")) {
		control_fail(error, CONTROL_E_failed, "as told");
		return NULL;
	}
	if (!nr)
		return json_incref((json_t *)args);
	list = json_array();
	for (i = 0; i < nr; i++)
		json_array_append_new(
			list, json_string("a line of a good hundred bytes, so that "
					  "the reply gets longer than the buffers of "
					  "the socket"));
	return json_pack("{s:o}", "lines", list);
}

static void tick(void *arg)
{
	__atomic_add_fetch(&ticks, 1, __ATOMIC_RELAXED);
}

static int connect_to(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(a.sun_path, path);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a))) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool put(int fd, const char *data, size_t size)
{
	ssize_t n;

	while (size) {
		n = send(fd, data, size, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		data += n;
		size -= (size_t)n;
	}
	return true;
}

/* One line, or less if the connection ends or 5 s pass. Returns its length. */
static size_t get_line(int fd, char *line, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t n = 0;

	line[0] = '\0';
	while (n < size - 1 && poll(&p, 1, 5000) == 1 && recv(fd, line + n, 1, 0) == 1) {
		line[++n] = '\0';
		if (line[n - 1] == '\n')
			break;
	}
	return n;
}

static bool closed_within(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c[4096];
	ssize_t n = 1;

	while (n > 0 && poll(&p, 1, ms) == 1)
		n = recv(fd, c, sizeof(c), 0);
	return n <= 0;
}

static bool says(int fd, const char *what)
{
	char line[1024];

	get_line(fd, line, sizeof(line));
	if (strstr(line, what))
		return true;
	tap_diag("got: %s", line);
	return false;
}

/* An honest client is served. */
static void honest(const char *beside)
{
	int fd = connect_to();

	tap_ok(fd >= 0 && put(fd, STATUS, strlen(STATUS)) && says(fd, "\"ok\":true"),
	       "served beside %s", beside);
	close(fd);
}

static void ordinary(void)
{
	char line[2048];
	int fd = connect_to(), i, right = 0;
	size_t half = strlen(STATUS) / 2;

	put(fd, STATUS, half);
	usleep(50000);
	put(fd, STATUS + half, strlen(STATUS) - half);
	tap_ok(says(fd, "\"id\":1"), "a request in two pieces is one request");
	for (i = 0; i < 50; i++)
		put(fd, STATUS, strlen(STATUS));
	for (i = 0; i < 50; i++)
		right += get_line(fd, line, sizeof(line)) && strstr(line, "\"ok\":true");
	tap_is(right, 50, "50 requests at once have 50 replies");
	put(fd, "{\"v\":1,\"request\":\"dump\"}\n", 25);
	tap_ok(says(fd, "\"code\":\"failed\",\"message\":\"as told\""),
	       "the backend's error is told");
	put(fd, STATUS, strlen(STATUS));
	shutdown(fd, SHUT_WR);
	tap_ok(says(fd, "\"ok\":true") && closed_within(fd, 1000),
	       "a peer that says no more gets its answer, then the end");
	close(fd);
}

static void garbage(void)
{
	unsigned long long seed = 7;
	char bytes[256];
	int fd, i, j;

	fd = connect_to();
	put(fd, "GET / HTTP/1.1\n", 15);
	tap_ok(says(fd, "bad_request"), "HTTP is refused with a word");
	put(fd, STATUS, strlen(STATUS));
	tap_ok(says(fd, "\"ok\":true"), "and the connection goes on");
	close(fd);
	for (i = 0; i < 200; i++) {
		fd = connect_to();
		for (j = 0; j < 256; j++)
			bytes[j] = (char)tap_rand(&seed);
		put(fd, bytes, sizeof(bytes));
		close(fd);
	}
	honest("200 clients with random bytes");
}

static void huge(void)
{
	static char many[CONTROL_MAX_REQUEST + 1000];
	char line[1024];
	int fd = connect_to();
	size_t n;

	memset(many, 'x', sizeof(many));
	put(fd, many, sizeof(many));
	tap_ok(says(fd, "too_large"), "a request without end is refused");
	tap_ok(closed_within(fd, 2000), "and the connection with it");
	close(fd);
	fd = connect_to();
	put(fd, "{\"v\":1,\"request\":\"tasks\"}\n", 26);
	n = get_line(fd, line, sizeof(line));
	tap_ok(n && strstr(line, "too_large"), "so is a reply past the limit");
	close(fd);
}

static void slow(void)
{
	int fd = connect_to(), other = connect_to(), i;

	for (i = 0; i < 40; i++)
		put(other, "{\"v\":1,\"request\":\"log\"}\n", 24);
	put(fd, "{", 1);
	honest("one that dawdles and one that reads nothing");
	for (i = 0; i < 20 && put(fd, " ", 1); i++)
		usleep(PATIENCE_MS * 1000 / 10);
	tap_ok(!put(fd, " ", 1) || closed_within(fd, PATIENCE_MS),
	       "a request of a byte now and then is cut off");
	usleep(PATIENCE_MS * 1000);
	tap_ok(!put(other, STATUS, strlen(STATUS)),
	       "so is one that does not read its reply");
	close(fd);
	close(other);
	fd = connect_to();
	usleep(PATIENCE_MS * 3000);
	tap_ok(put(fd, STATUS, strlen(STATUS)) && says(fd, "\"ok\":true"),
	       "one that has nothing to say may stay");
	close(fd);
}

static void many(void)
{
	int fds[SERVER_MAX_CLIENTS + 8], i, busy = 0;
	bool root = geteuid() == 0;
	int room = root ? SERVER_MAX_CLIENTS : SERVER_MAX_PER_USER;

	for (i = 0; i < SERVER_MAX_CLIENTS + 8; i++)
		fds[i] = connect_to();
	for (i = room; i < room + 8; i++)
		busy += says(fds[i], "busy");
	tap_is(busy, 8, "who comes after the %dth is told so", room);
	tap_ok(put(fds[3], STATUS, strlen(STATUS)) && says(fds[3], "\"ok\":true"),
	       "the others are served");
	for (i = 0; i < SERVER_MAX_CLIENTS + 8; i++)
		close(fds[i]);
	usleep(100000);
	honest("the room that they left");
}

/* Requests as fast as they go; the share of the CPU is what bounds them. */
static void flood(void)
{
	pid_t pid = fork();
	char line[2048];
	int fd, i;

	if (!pid) {
		fd = connect_to();
		fcntl(fd, F_SETFL, O_NONBLOCK);
		for (;;) {
			send(fd, STATUS, strlen(STATUS), MSG_NOSIGNAL);
			while (recv(fd, line, sizeof(line), 0) > 0)
				;
		}
	}
	usleep(300000);
	fd = connect_to();
	for (i = 0; i < 5; i++) {
		put(fd, STATUS, strlen(STATUS));
		if (!says(fd, "\"ok\":true"))
			break;
	}
	tap_is(i, 5, "served beside a flood");
	close(fd);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void access_rules(void)
{
	struct server_options o = { .read_group = 100, .change_group = SERVER_NO_GROUP };
	gid_t groups[] = { 5, 100, 200 };
	uid_t uid = 4242;

	tap_is(peer_access(&o, 0, NULL, 0), PEER_CHANGE, "root may change");
	tap_is(peer_access(&o, uid, NULL, 0), PEER_NOTHING, "others may nothing");
	tap_is(peer_access(&o, uid, groups, 3), PEER_READ, "the group may read");
	tap_is(peer_access(&o, uid, groups, 1), PEER_NOTHING,
	       "another group may nothing");
	o.change_group = 200;
	tap_is(peer_access(&o, uid, groups, 3), PEER_CHANGE,
	       "the other group may change");
	o.read_group = o.change_group = SERVER_NO_GROUP;
	groups[0] = SERVER_NO_GROUP;
	tap_is(peer_access(&o, uid, groups, 3), PEER_NOTHING,
	       "no group is nobody's group");
}

/* What a child of another user and group hears, with @others connections open already. */
static bool stranger_hears(gid_t group, int others, const char *want)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		int fd;

		if (setgroups(1, &group) || setgid(65534) || setuid(65534))
			_exit(2);
		while (others--)
			connect_to();
		fd = connect_to();
		if (fd < 0)
			_exit(errno == EACCES && !strcmp(want, "no connection") ? 0 : 3);
		put(fd, STATUS, strlen(STATUS));
		_exit(says(fd, want) ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

static void strangers(struct server_options *o)
{
	struct server *s;
	struct stat st;

	if (geteuid()) {
		tap_skip("to be somebody else needs root");
		return;
	}
	chmod(folder, 0755);
	stat(path, &st);
	tap_is(st.st_mode & 07777, 0600, "without groups the socket is root's");
	tap_ok(stranger_hears(7, 0, "no connection"), "a stranger cannot even connect");
	chmod(path, 0666);
	tap_ok(stranger_hears(7, 0, "denied"), "and is refused by its credentials");
	o->read_group = 4001;
	o->change_group = 4002;
	snprintf(path, sizeof(path), "%s/other.sock", folder);
	o->path = path;
	if (!tap_ok(!start(&s, o), "a server with groups"))
		return;
	tap_ok(stranger_hears(7, 0, "denied"), "no member: denied");
	tap_ok(stranger_hears(4001, 0, "may read, but not change"),
	       "a reader may not change");
	tap_ok(stranger_hears(4002, 0, "\"ok\":true"), "a member of the other group may");
	tap_ok(stranger_hears(4002, SERVER_MAX_PER_USER - 1, "\"ok\":true"),
	       "up to its %dth connection", SERVER_MAX_PER_USER);
	usleep(500000); /* until the server has seen that child's connections end */
	tap_ok(stranger_hears(4002, SERVER_MAX_PER_USER, "busy"), "but no more");
	server_stop(s);
	o->change_group = SERVER_NO_GROUP;
	start(&s, o);
	stat(path, &st);
	tap_ok((st.st_mode & 07777) == 0660 && st.st_gid == 4001, "one group: mode 660");
	server_stop(s);
}

static void lifetime(struct server_options *o)
{
	struct server *s, *second;
	struct stat st;
	int fd;

	tap_ok(!start(&s, o), "a server starts");
	tap_is(start(&second, o), -EADDRINUSE, "a second at the same place does not");
	o->take_over = true;
	tap_ok(!start(&second, o), "unless it takes over");
	o->take_over = false;
	server_stop(s);
	honest("the old one, which is gone");
	server_stop(second);
	tap_ok(stat(path, &st) && errno == ENOENT, "its socket goes with it");
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	{
		struct sockaddr_un a = { .sun_family = AF_UNIX };

		strcpy(a.sun_path, path);
		bind(fd, (struct sockaddr *)&a, sizeof(a));
	}
	close(fd);
	tap_ok(!start(&s, o), "what a dead one left is no hindrance");
	server_stop(s);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	tap_is(start(&s, o), -EADDRINUSE, "a file that is no socket is left alone");
	tap_ok(!stat(path, &st) && S_ISREG(st.st_mode), "it is still there");
	unlink(path);
	tap_ok(server_stop(NULL) == NULL, "stopping none");
}

int main(void)
{
	struct server_options o = { .path = path,
				    .read_group = SERVER_NO_GROUP,
				    .change_group = SERVER_NO_GROUP,
				    .patience_ms = PATIENCE_MS,
				    .handle = handle,
				    .tick = tick,
				    .tick_ms = 50 };
	struct server *s;

	if (!mkdtemp(folder))
		return tap_skip_all("no folder in /tmp");
	snprintf(path, sizeof(path), "%s/control.sock", folder);
	lifetime(&o);
	tap_ok(!start(&s, &o), "started");
	ordinary();
	garbage();
	huge();
	slow();
	many();
	flood();
	tap_ok(__atomic_load_n(&ticks, __ATOMIC_RELAXED) > 10, "it ticked all the while");
	access_rules();
	strangers(&o);
	/* the path that this one was started with, which strangers() has changed */
	snprintf(path, sizeof(path), "%s/control.sock", folder);
	server_stop(s);
	tap_ok(!rmdir(folder), "nothing is left");
	return tap_done();
}
