/* SPDX-License-Identifier: Apache-2.0 */
/* systemd's notification protocol against a socket of our own. */
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../daemon/daemon.h"
#include "../tap.h"

static int listen_at(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(a.sun_path, path, strlen(path));
	if (*path == '@')
		a.sun_path[0] = '\0';
	if (bind(fd, (struct sockaddr *)&a,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))))
		return -1;
	setenv("NOTIFY_SOCKET", path, 1);
	return fd;
}

static bool heard(int fd, const char *want)
{
	char got[256];
	ssize_t n = recv(fd, got, sizeof(got) - 1, 0);

	got[n > 0 ? n : 0] = '\0';
	return !strcmp(got, want);
}

int main(void)
{
	char path[64], pid[16];
	int fd;

	unsetenv("NOTIFY_SOCKET");
	notify("READY=1");
	tap_ok(true, "nobody asked: nothing happens");
	snprintf(path, sizeof(path), "/tmp/gthulhu-notify.%d", (int)getpid());
	fd = listen_at(path);
	notify("READY=1\nSTATUS=scheduling");
	tap_ok(heard(fd, "READY=1\nSTATUS=scheduling"), "a path");
	close(fd);
	unlink(path);
	notify("READY=1");
	tap_ok(true, "whoever asked is gone: nothing happens");
	snprintf(path, sizeof(path), "@gthulhu-notify.%d", (int)getpid());
	fd = listen_at(path);
	notify("WATCHDOG=1");
	tap_ok(heard(fd, "WATCHDOG=1"), "an abstract name");
	close(fd);

	unsetenv("WATCHDOG_USEC");
	tap_is(notify_watchdog_ms(), 0, "no watchdog");
	setenv("WATCHDOG_USEC", "30000000", 1);
	tap_is(notify_watchdog_ms(), 30000, "one of 30 s");
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	tap_is(notify_watchdog_ms(), 30000, "meant for us");
	setenv("WATCHDOG_PID", "1", 1);
	tap_is(notify_watchdog_ms(), 0, "meant for another");
	unsetenv("WATCHDOG_PID");
	setenv("WATCHDOG_USEC", "nonsense", 1);
	tap_is(notify_watchdog_ms(), 0, "nonsense");
	return tap_done();
}
