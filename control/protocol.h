/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control protocol's vocabulary: what the daemon and gthulhuctl say to each other.
 *
 * One line of JSON is one request, one line is its reply, in order. The table in requests.c is
 * the only list of requests and fields: `schema`, the tables in docs/control-protocol.md and the
 * validation of both directions are made from it.
 *
 *     {"v":1,"id":7,"request":"params.set","args":{"base_slice_ns":3000000}}
 *     {"v":1,"id":7,"ok":true,"result":{...}}
 *     {"v":1,"id":7,"ok":false,"error":{"code":"bad_field","message":"..."}}
 *
 * Nothing here does I/O or keeps state; every function may be called from any thread.
 */
#ifndef CONTROL_PROTOCOL_H
#define CONTROL_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

#define CONTROL_VERSION 1
#define CONTROL_SOCKET "/run/gthulhu/gthulhu.sock"
#define CONTROL_MAX_REQUEST (64 * 1024)	    /* bytes of a request, newline included */
#define CONTROL_MAX_REPLY (4 * 1024 * 1024) /* bytes of a reply, newline included */

enum control_type {
	CONTROL_INTEGER,
	CONTROL_NUMBER, /* an integer or a fraction */
	CONTROL_BOOLEAN,
	CONTROL_STRING,
	CONTROL_OBJECT, /* with the fields of `members` */
	CONTROL_LIST, /* of objects with the fields of `members`, or of strings without */
	CONTROL_INTEGERS, /* a list of whole numbers */
	CONTROL_MAP,	  /* name -> integer; the names are the daemon's (see `schema`) */
};

/* Who may ask. */
enum control_access {
	CONTROL_READ,	/* root and the groups that may read or change */
	CONTROL_CHANGE, /* root and the group that may change */
};

/*
 * struct control_field - one argument of a request or one field of its result
 * @name:    as on the wire; a unit is part of it (slice_ns)
 * @unit:    "ns", "us", "s", "bytes", or "" for a plain number
 * @doc:     one line for people
 * @needed:  a request without it is refused; a result always has it
 * @min, @max: limits of a number, both included; no limits if equal
 * @words:   what a string may be, ended by NULL; NULL: anything
 * @members: fields of an object or of a list's elements, ended by a NULL name
 */
struct control_field {
	const char *name;
	enum control_type type;
	const char *unit;
	const char *doc;
	bool needed;
	double min, max;
	const char *const *words;
	const struct control_field *members;
};

struct control_request {
	const char *name;
	enum control_access access;
	const char *doc;
	const struct control_field *args;   /* ended by a NULL name */
	const struct control_field *result; /* likewise */
};

/* Error codes: X(name, meaning). */
#define CONTROL_ERRORS(X)                                                                \
	X(bad_request,                                                                   \
	  "not one JSON object on one line, or a field of the envelope is wrong")        \
	X(version, "the request speaks another version of the protocol")                 \
	X(unknown_request, "no request of that name: ask for schema")                    \
	X(bad_field,                                                                     \
	  "an argument is missing, unknown, of the wrong type or out of range")          \
	X(denied, "this user may not do that")                                           \
	X(not_found, "no such task, rule or CPU")                                        \
	X(too_large, "the request or its reply is longer than the limit")                \
	X(busy, "too many connections")                                                  \
	X(unsupported, "this daemon or kernel does not offer that")                      \
	X(failed, "it was tried and went wrong; the message tells why")

enum control_error_code {
	CONTROL_OK,
#define X(name, doc) CONTROL_E_##name,
	CONTROL_ERRORS(X)
#undef X
};

struct control_error {
	enum control_error_code code;
	char message[512];
};

/* The table of requests, ended by a NULL name, and one of them by name (or NULL). */
extern const struct control_request control_requests[];
const struct control_request *control_request_find(const char *name);

/*
 * Record an error and return false, for `return control_fail(...)` in functions that tell
 * success by true.
 */
bool control_fail(struct control_error *error, enum control_error_code code,
		  const char *fmt, ...) __attribute__((format(printf, 3, 4)));
const char *control_error_name(enum control_error_code code);
enum control_error_code control_error_code(const char *name);

/*
 * Does @object have the fields of @fields? Extra names are an error if @strict (requests), and
 * ignored otherwise (results of a newer daemon).
 */
bool control_check(const struct control_field *fields, const json_t *object, bool strict,
		   struct control_error *error);

/*
 * A request as received: @line without its newline. On success @args is a new reference to an
 * object that fits the table. On failure @id is still what could be read, for the reply; it is a
 * new reference or NULL.
 */
struct control_call {
	const struct control_request *request;
	json_t *id;
	json_t *args;
};

bool control_call_parse(struct control_call *call, const char *line, size_t size,
			struct control_error *error);
void control_call_clear(struct control_call *call);

/* One line with its newline, for free(); NULL if out of memory. Arguments are not consumed. */
char *control_call_format(const char *name, const json_t *args, int id, size_t *size);
char *control_result_format(const json_t *id, const json_t *result, size_t *size);
char *control_error_format(const json_t *id, const struct control_error *error,
			   size_t *size);

/*
 * The reply to @request: a new reference to its result, checked against the table, or NULL with
 * @error filled in (the daemon's error, or bad_request if the reply itself is broken).
 */
json_t *control_reply_parse(const struct control_request *request, const char *line,
			    size_t size, struct control_error *error);

/* The whole table as JSON (a new reference) or as the tables of docs/control-protocol.md. */
json_t *control_schema(void);
void control_markdown(FILE *out);

#endif
