# SPDX-License-Identifier: Apache-2.0
#
# Reads one test program's TAP and prints "PASSED FAILED SKIPPED REASON". Set rc to the program's
# exit code. What TAP alone would let through counts as a failure here: a plan that does not match,
# a program that fails or dies without a failed point, and one that tests nothing.

/^1\.\.[0-9]+/ {
	plan = substr($1, 4) + 0
	planned = 1
	if (plan == 0 && match($0, /#[ \t]*[Ss][Kk][Ii][Pp]/))
		skip_all = substr($0, RSTART + RLENGTH + 1)
	next
}

/^ok([ \t]|$)/ {
	points++
	if (match($0, /#[ \t]*[Ss][Kk][Ii][Pp]/)) {
		skipped++
		if (skip_one == "")
			skip_one = substr($0, RSTART + RLENGTH + 1)
	} else
		passed++
	next
}

/^not ok([ \t]|$)/ {
	points++
	if ($0 ~ /#[ \t]*[Tt][Oo][Dd][Oo]/)
		skipped++
	else {
		failed++
		if (first == "") {
			first = $0
			sub(/^not ok *[0-9]* *-? */, "", first)
		}
	}
	next
}

/^Bail out!/ {
	bailed = 1
	fault("bailed out")
}

function fault(why)
{
	failed++
	reason = reason (reason == "" ? "" : "; ") why
}

END {
	if (rc == 124 || rc == 137 || rc == 143)
		fault("timed out or killed (exit code " rc ")")
	else if (rc == 77 || (rc == 0 && planned && plan == 0)) {
		if (points == 0)
			skipped++
		reason = skip_all != "" ? skip_all : "exit code 77"
	} else {
		if (rc != 0 && failed == 0)
			fault("exit code " rc)
		if (planned && plan != points && !bailed)
			fault("planned " plan " tests, ran " points + 0)
		if (points == 0 && !bailed && rc == 0)
			fault("ran no test")
	}
	if (reason == "")
		reason = failed ? first : skip_one
	print passed + 0, failed + 0, skipped + 0, reason
}
