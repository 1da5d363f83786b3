#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Includes point downwards only. The table says, for each folder (or header), which of our own folders and
# headers and which foreign libraries its files may include; anything else is an arrow upwards. A
# folder that is not in the table fails too, so that a new layer has to be placed.
#
# usage: tests/layering.sh [ROOT]

root=${1:-$(dirname "$0")/..}
cd "$root" || exit 1

# layer: what it may include. Headers of include/qumun go by name without .h, "api" is qumun.h;
# "atomic" is the bottom of ring. Foreign libraries go by the first part of the header's name; those
# of the C library and of the kernel's user-space interface are free for everybody but "pure" layers.
layers='
params:   pure
trace:    pure params
abi:      pure params
counters: pure params
latency:  pure params
private:  pure params abi counters latency vtime atomic
vtime:    pure abi atomic params
atomic:   pure
ring:     pure atomic abi params
policy:   pure abi atomic params vtime
rules:    params
api:      abi params counters latency policy rules trace
bpf:      bpf abi atomic counters private ring trace vtime params @bpf
base:     base trace
engine:   pure engine policy ring atomic vtime abi counters params base
policies: pure policies policy vtime params abi
lib:      lib engine api policy rules abi atomic counters private ring trace vtime params base @bpf @libelf @gelf
sim:      sim engine policies bpf api policy abi atomic counters private ring trace vtime params base @jansson
control:  control base @jansson
daemon:   daemon api policy policies rules params counters control base @jansson @yaml @microhttpd
ctl:      ctl control base trace @jansson @ncurses @curses
examples: examples api policy params vtime
bench:    any
tests:    any
'

# What a layer without clock, I/O and system calls may take from the C library.
pure='assert errno limits stdalign stdatomic stdbool stddef stdint string linux/types'
foreign='bpf libelf gelf jansson yaml microhttpd ncurses curses'

for f in $(find include bpf base engine policies lib sim control daemon ctl examples bench tests \
	-name '*.[ch]' 2>/dev/null | LC_ALL=C sort); do
	awk -v file="$f" '
	match($0, /^[ \t]*#[ \t]*include[ \t]*["<][^">]*[">]/) {
		inc = $0
		sub(/^[ \t]*#[ \t]*include[ \t]*/, "", inc)
		kind = substr(inc, 1, 1)
		sub(/^["<]/, "", inc)
		sub(/[">].*/, "", inc)
		print file, FNR, kind, inc
	}' "$f"
done | awk -v table="$layers" -v pure_list="$pure" -v foreign_list="$foreign" '
function layer_of(path,    part)
{
	if (path ~ /^include\/qumun\.h$/)
		return "api"
	if (path ~ /^include\/qumun\//) {
		sub(/^include\/qumun\//, "", path)
		sub(/\.h$/, "", path)
		return path
	}
	split(path, part, "/")
	return part[1]
}
function exists(path,    line, rc)
{
	rc = (getline line <path)
	close(path)
	return rc >= 0
}
BEGIN {
	n = split(table, rows, "\n")
	for (i = 1; i <= n; i++) {
		if (!split(rows[i], words, /[ \t]+/) || words[1] == "")
			continue
		name = words[1]
		sub(/:$/, "", name)
		known[name] = 1
		for (j = 2; j in words; j++)
			may[name, words[j]] = 1
		split("", words)
	}
	n = split(pure_list, words, " ")
	for (i = 1; i <= n; i++)
		free_for_pure[words[i] ".h"] = 1
	n = split(foreign_list, words, " ")
	for (i = 1; i <= n; i++)
		foreign[words[i]] = 1
	print "TAP version 13"
}
{
	files[$1] = 1
	count++
	from = layer_of($1)
	dir = $1
	sub(/\/[^\/]*$/, "", dir)
	inc = $4
	to = ""
	if (inc == "qumun.h" || inc ~ /^qumun\//)
		to = layer_of("include/" inc)
	else if ($3 == "\"") {
		if (exists(dir "/" inc))
			target = dir "/" inc
		else if (exists(inc))
			target = inc
		else
			target = ""
		while (target ~ /[^\/]+\/\.\.\//)
			sub(/[^\/]+\/\.\.\//, "", target)
		# A header that is made by the build belongs to who includes it.
		to = target == "" ? from : layer_of(target)
	} else if (exists(inc) && inc ~ /\//)
		to = layer_of(inc)
	if (!(from in known))
		why = "the layer " from " is not in the table"
	else if ((from, "any") in may)
		next
	else if (to != "") {
		if (to == from || (from, to) in may)
			next
		why = from " may not include " to
	} else {
		lib = inc
		sub(/[\/.].*/, "", lib)
		if (lib in foreign) {
			if ((from, "@" lib) in may)
				next
			why = from " may not include the library " lib
		} else if ((from, "pure") in may && !(inc in free_for_pure))
			why = from " has no I/O, clock or system calls: " inc " is not for it"
		else
			next
	}
	print "not ok " ++points " - " $1 ":" $2 ": " why
	bad = 1
}
END {
	if (!count) {
		print "not ok " ++points " - no include was found: wrong folder?"
		bad = 1
	}
	for (f in files)
		nfiles++
	if (!bad)
		print "ok " ++points " - " count " includes in " nfiles " files point downwards"
	print "1.." points
	exit bad
}'
