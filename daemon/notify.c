/* SPDX-License-Identifier: Apache-2.0 */
/* systemd's notification protocol, sd_notify(3): one datagram, no library needed. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon.h"

void notify(const char *state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path ? strlen(path) : 0;
	ssize_t n;
	int fd;

	if (!length || length >= sizeof(address.sun_path) ||
	    (*path != '/' && *path != '@'))
		return;
	memcpy(address.sun_path, path, length);
	if (*path == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	n = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
	(void)n; /* whoever asked is gone */
	close(fd);
}

unsigned int notify_watchdog_ms(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	unsigned long long value;

	if (!usec || !getenv("NOTIFY_SOCKET") || (pid && atoi(pid) != getpid()))
		return 0;
	value = strtoull(usec, NULL, 10) / 1000;
	return value < 100 || value > 86400000 ? 0 : (unsigned int)value;
}
