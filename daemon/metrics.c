/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scrape's HTTP server, in libmicrohttpd's own thread. Bounded: a few connections, small
 * buffers, a short patience. It reads what the control server reads and shares nothing else with
 * the policy thread.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include <microhttpd.h>

#include "metrics.h"
#include "requests.h"

#define MAX_CONNECTIONS 16
#define PATIENCE_S 5
#define BUFFER_BYTES 16384

struct metrics {
	struct qumun *q;
	const struct daemon_options *options;
	struct MHD_Daemon *http;
};

static void view_cpus(struct qumun *q, __u32 nr_cpus, struct metrics_view *v)
{
	struct qumun_cpu_info info;
	struct perf_counters p;
	__u32 i;

	for (i = 0; i < nr_cpus; i++) {
		if (qumun_get_cpu(q, (int)i, &info))
			continue;
		v->cpus_online += info.online;
		if (nr_cpus > METRICS_MAX_CPUS || qumun_get_perf_counters(q, (int)i, &p))
			continue;
		v->cpus[i] =
			(struct metrics_cpu){ info.online, info.nr_queued,
					      p.context_switch_count, p.total_runtime };
	}
	v->nr_cpus = nr_cpus > METRICS_MAX_CPUS ? 0 : nr_cpus;
}

static int add_share(void *arg, const struct qumun_share *share)
{
	struct metrics_view *v = arg;
	struct metrics_share *s;

	if (!share->rule_id)
		s = &v->classes[v->nr_classes++];
	else if (v->nr_rules < METRICS_MAX_RULES)
		s = &v->rules[v->nr_rules++];
	else
		return 0;
	s->share = *share;
	if (!share->rule_id)
		snprintf(s->name, sizeof(s->name), "%s", class_name(share->cls));
	return 0;
}

static int name_rule(void *arg, const struct qumun_rule *rule, unsigned int nr_tasks)
{
	struct metrics_view *v = arg;
	unsigned int i;
	char *c;

	for (i = 0; i < v->nr_rules; i++) {
		if (v->rules[i].share.rule_id != rule->id)
			continue;
		qumun_rule_format(rule, v->rules[i].name, sizeof(v->rules[i].name));
		/* names and paths may hold any byte, and this one may be cut in two */
		for (c = v->rules[i].name; *c; c++)
			*c = *c >= ' ' && *c <= '~' ? *c : '?';
	}
	return 0;
}

static int view_fill(struct metrics *m, struct metrics_view *v, const struct utsname *u)
{
	struct qumun_run_state state;
	__u64 minor = 0, major = 0;
	struct qumun_task task;
	struct ejections e;
	__u32 cursor = 0;

	memset(v, 0, sizeof(*v));
	if (qumun_get_state(m->q, &state) || qumun_get_counters(m->q, v->counters) ||
	    qumun_get_latency(m->q, -1, &v->latency) ||
	    qumun_list_shares(m->q, add_share, v))
		return -EIO;
	qumun_list_rules(m->q, name_rule, v);
	v->version = QUMUN_VERSION;
	v->commit = GTHULHU_COMMIT;
	policy_current(v->policy);
	v->kernel = u->release;
	ejections_get(&e);
	v->ejections = e.count;
	v->attached = state.attached;
	v->user_mode = state.mode == QUMUN_MODE_USER;
	v->autopilot = state.autopilot && v->user_mode;
	if (v->attached)
		v->uptime_seconds =
			(double)(requests_clock_ns() - state.attached_at) / 1e9;
	v->tasks = v->counters[QUMUN_C_tasks_seen] - v->counters[QUMUN_C_tasks_gone];
	while (qumun_next_task(m->q, &cursor, &task) == 1)
		v->tasks_active += (task.state & 0xff) != QUMUN_NONE;
	qumun_policy_faults(m->q, &minor, &major);
	v->policy_faults = minor + major;
	view_cpus(m->q, state.nr_cpus, v);
	return 0;
}

static char *scrape(struct metrics *m, size_t *size)
{
	struct metrics_view *v = malloc(sizeof(*v));
	struct utsname u;
	char *text = NULL;
	FILE *out;

	uname(&u);
	if (v && !view_fill(m, v, &u)) {
		out = open_memstream(&text, size);
		if (out) {
			metrics_render(out, v);
			fclose(out);
		}
	}
	free(v);
	return text;
}

static enum MHD_Result reply(struct MHD_Connection *c, unsigned int code, char *text,
			     size_t size, const char *type)
{
	struct MHD_Response *r =
		MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result ok;

	if (!r) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	ok = MHD_queue_response(c, code, r);
	MHD_destroy_response(r);
	return ok;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version,
				  const char *body, size_t *body_size, void **state)
{
	static int seen;
	size_t size;
	char *text;

	/* called once for the headers, then for each piece of a body: there is none */
	if (!*state) {
		*state = &seen;
		return strcmp(method, "GET") && strcmp(method, "HEAD") ? MHD_NO : MHD_YES;
	}
	if (strcmp(url, "/metrics")) {
		text = strdup("404: the figures are at /metrics\n");
		return text ? reply(c, MHD_HTTP_NOT_FOUND, text, strlen(text),
				    "text/plain")
			    : MHD_NO;
	}
	text = scrape(arg, &size);
	if (!text)
		return MHD_NO;
	return reply(c, MHD_HTTP_OK, text, size,
		     "text/plain; version=0.0.4; charset=utf-8");
}

/* 127.0.0.1:9464 or [::1]:9464. */
static bool parse_address(const char *where, struct sockaddr_storage *address)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)address;
	struct sockaddr_in *four = (struct sockaddr_in *)address;
	const char *colon = strrchr(where, ':');
	char host[64], *end;
	unsigned long port;
	size_t length;

	memset(address, 0, sizeof(*address));
	if (!colon || colon == where || (size_t)(colon - where) >= sizeof(host))
		return false;
	port = strtoul(colon + 1, &end, 10);
	if (end == colon + 1 || *end || !port || port > 65535)
		return false;
	length = (size_t)(colon - where);
	if (where[0] == '[' && where[length - 1] == ']') {
		memcpy(host, where + 1, length - 2);
		host[length - 2] = '\0';
		six->sin6_family = AF_INET6;
		six->sin6_port = htons((uint16_t)port);
		return inet_pton(AF_INET6, host, &six->sin6_addr) == 1;
	}
	memcpy(host, where, length);
	host[length] = '\0';
	four->sin_family = AF_INET;
	four->sin_port = htons((uint16_t)port);
	return inet_pton(AF_INET, host, &four->sin_addr) == 1;
}

int metrics_start(struct metrics **out, struct qumun *q, const struct daemon_options *o)
{
	unsigned int flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL;
	struct metrics *m = calloc(1, sizeof(*m));
	struct sockaddr_storage address;
	sigset_t all, before;

	*out = NULL;
	if (!m)
		return EXIT_RUNTIME;
	if (!parse_address(o->metrics, &address)) {
		say(QUMUN_LOG_ERROR,
		    "--metrics is \"%s\": must be ADDRESS:PORT such as %s or "
		    "[::1]:9464",
		    o->metrics, METRICS_DEFAULT);
		free(m);
		return EXIT_USAGE;
	}
	m->q = q;
	m->options = o;
	if (address.ss_family == AF_INET6)
		flags |= MHD_USE_IPv6;
	/* signals are the main thread's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	m->http = MHD_start_daemon(
		flags, 0, NULL, NULL, on_request, m, MHD_OPTION_SOCK_ADDR,
		(struct sockaddr *)&address, MHD_OPTION_CONNECTION_LIMIT, MAX_CONNECTIONS,
		MHD_OPTION_CONNECTION_TIMEOUT, PATIENCE_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)BUFFER_BYTES, MHD_OPTION_END);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!m->http) {
		say(QUMUN_LOG_ERROR,
		    "metrics at %s: %s; choose another with --metrics=ADDRESS:PORT",
		    o->metrics, strerror(errno));
		free(m);
		return EXIT_RUNTIME;
	}
	say(QUMUN_LOG_INFO, "metrics at http://%s/metrics", o->metrics);
	*out = m;
	return 0;
}

struct metrics *metrics_stop(struct metrics *m)
{
	if (!m)
		return NULL;
	MHD_stop_daemon(m->http);
	free(m);
	return NULL;
}
