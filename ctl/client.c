/* SPDX-License-Identifier: Apache-2.0 */
/* The connection to the daemon: a line out, a line in. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl.h"

#define PATIENCE_S 15

static int complain(struct ctl *ctl, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int complain(struct ctl *ctl, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(ctl->error, sizeof(ctl->error), fmt, ap);
	va_end(ap);
	if (!ctl->quiet)
		fprintf(stderr, "gthulhuctl: %s\n", ctl->error);
	return code;
}

void ctl_close(struct ctl *ctl)
{
	if (ctl->fd >= 0)
		close(ctl->fd);
	ctl->fd = -1;
	free(ctl->line);
	ctl->line = NULL;
	ctl->size = ctl->room = 0;
}

static int no_connection(struct ctl *ctl, int err)
{
	switch (err) {
	case ENOENT:
		return complain(
			ctl, CTL_NO_DAEMON,
			"no gthulhu is running here: %s does not exist; start one with "
			"`systemctl start gthulhu` or `sudo gthulhu`, or say where its "
			"socket is with --socket",
			ctl->socket);
	case ECONNREFUSED:
		return complain(
			ctl, CTL_NO_DAEMON,
			"the gthulhu that made %s is gone; start one with `systemctl start "
			"gthulhu` or `sudo gthulhu`, and see why it ended with `journalctl "
			"-u gthulhu`",
			ctl->socket);
	case EACCES:
	case EPERM:
		return complain(
			ctl, CTL_DENIED,
			"%s is not for this user: use sudo, or become a member of the "
			"daemon's group (--read-group, --change-group)",
			ctl->socket);
	default:
		return complain(ctl, CTL_NO_DAEMON, "%s: %s", ctl->socket, strerror(err));
	}
}

static int ctl_connect(struct ctl *ctl)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = PATIENCE_S };

	if (ctl->fd >= 0)
		return CTL_OK;
	if (strlen(ctl->socket) >= sizeof(address.sun_path))
		return complain(ctl, CTL_USAGE, "--socket: the path is too long");
	strcpy(address.sun_path, ctl->socket);
	ctl->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (ctl->fd < 0)
		return complain(ctl, CTL_FAILED, "socket: %s", strerror(errno));
	setsockopt(ctl->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(ctl->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (!connect(ctl->fd, (struct sockaddr *)&address, sizeof(address)))
		return CTL_OK;
	patience.tv_sec = errno;
	ctl_close(ctl);
	return no_connection(ctl, (int)patience.tv_sec);
}

static bool send_all(struct ctl *ctl, const char *line, size_t size)
{
	ssize_t n;

	while (size) {
		n = send(ctl->fd, line, size, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		line += n;
		size -= (size_t)n;
	}
	return true;
}

/* One line into ctl->line; its length without the newline, or -1. */
static ssize_t receive_line(struct ctl *ctl)
{
	char *newline, *more;
	ssize_t n;

	ctl->size = 0;
	for (;;) {
		if (ctl->room - ctl->size < 4096) {
			ctl->room = ctl->room ? ctl->room * 2 : 16384;
			more = ctl->room > 2 * CONTROL_MAX_REPLY
				       ? NULL
				       : realloc(ctl->line, ctl->room);
			if (!more) {
				errno = EMSGSIZE;
				return -1;
			}
			ctl->line = more;
		}
		n = recv(ctl->fd, ctl->line + ctl->size, ctl->room - ctl->size, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (!n)
				errno = ECONNRESET;
			return -1;
		}
		newline = memchr(ctl->line + ctl->size, '\n', (size_t)n);
		ctl->size += (size_t)n;
		if (newline)
			return newline - ctl->line;
	}
}

static int exit_code(enum control_error_code code)
{
	switch (code) {
	case CONTROL_E_denied:
		return CTL_DENIED;
	case CONTROL_E_not_found:
		return CTL_NOT_FOUND;
	default:
		return CTL_FAILED;
	}
}

/* Tests ask for more than tolerance towards later versions: no field that the table lacks. */
static bool strict_ok(const struct control_request *r, const json_t *result,
		      struct control_error *error)
{
	return !getenv("GTHULHUCTL_STRICT") || !strcmp(r->name, "schema") ||
	       control_check(r->result, result, true, error);
}

int ctl_call(struct ctl *ctl, const char *name, json_t *args, json_t **result)
{
	const struct control_request *request = control_request_find(name);
	struct control_error error = { 0 };
	int code = ctl_connect(ctl);
	size_t size = 0;
	ssize_t length;
	char *line;

	*result = NULL;
	line = code == CTL_OK ? control_call_format(name, args, 1, &size) : NULL;
	json_decref(args);
	if (code != CTL_OK)
		return code;
	/* a daemon that turns us away says why and closes: its word is worth more than EPIPE */
	if (line)
		send_all(ctl, line, size);
	free(line);
	length = receive_line(ctl);
	if (length < 0) {
		code = errno;
		ctl_close(ctl);
		return complain(ctl, CTL_NO_DAEMON, "the daemon gave no answer: %s",
				code == EAGAIN ? "it took too long" : strerror(code));
	}
	*result = control_reply_parse(request, ctl->line, (size_t)length, &error);
	if (*result && !strict_ok(request, *result, &error)) {
		json_decref(*result);
		*result = NULL;
	}
	if (*result)
		return CTL_OK;
	return complain(ctl, exit_code(error.code), "%s", error.message);
}

long long get_int(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

double get_real(const json_t *object, const char *name)
{
	return json_number_value(json_object_get(object, name));
}

bool get_bool(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}

const char *get_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}
