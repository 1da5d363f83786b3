# SPDX-License-Identifier: Apache-2.0
#
# Reads the lab's lines (tools/bench.sh, bench/guest/lab) for table.awk, json.awk and plot.awk:
#
#     info KEY TEXT...                       load NAME MODE CPUS ABOUT...
#     contender NAME ABOUT...                metric LOAD NAME UNIT less|more
#     skipped CONTENDER REASON...            failed LOAD CONTENDER REPETITION REASON...
#     value LOAD CONTENDER REPETITION NAME VALUE
#
# Others are passed over.

function rest(from,    i, s)
{
	s = $from
	for (i = from + 1; i <= NF; i++)
		s = s " " $i
	return s
}

$1 == "info" { info_names[++nr_info] = $2; info[$2] = rest(3) }
$1 == "load" { loads[++nr_loads] = $2; mode[$2] = $3; cpus[$2] = $4; about[$2] = rest(5) }
$1 == "contender" { contenders[++nr_contenders] = $2; about_contender[$2] = rest(3) }
$1 == "metric" {
	metrics[$2, ++nr_metrics[$2]] = $3
	unit[$2, $3] = $4
	better[$2, $3] = $5
}
$1 == "skipped" { skipped[++nr_skipped] = rest(2) }
$1 == "failed" { failures[++nr_failures] = rest(2) }
$1 == "value" {
	key = $2 SUBSEP $3 SUBSEP $5
	if (!(key in count)) {
		names[$2, $3, ++nr_names[$2, $3]] = $5
	}
	values[key, ++count[key]] = $6 + 0
}

# settle LOAD CONTENDER NAME: median, least and largest of its values, in m, lo and hi. False if it
# has none.
function settle(load, who, name,    key, n, i, j, v, sorted)
{
	key = load SUBSEP who SUBSEP name
	n = runs = count[key] + 0
	if (!n)
		return 0
	for (i = 1; i <= n; i++) {
		v = values[key, i]
		for (j = i; j > 1 && sorted[j - 1] > v; j--)
			sorted[j] = sorted[j - 1]
		sorted[j] = v
	}
	m = n % 2 ? sorted[(n + 1) / 2] : (sorted[n / 2] + sorted[n / 2 + 1]) / 2
	lo = sorted[1]
	hi = sorted[n]
	return 1
}

# against LOAD CONTENDER NAME: how it compares to the default: m / the default's in ratio, and in
# mark "~" if the two ranges overlap, so that the difference may be noise, or "?" if one run each in
# real time does not tell. False without both.
function against(load, who, name,    base, base_lo, base_hi)
{
	mark = ""
	if (!settle(load, "default", name) || !m)
		return 0
	base = m
	base_lo = lo
	base_hi = hi
	if (!settle(load, who, name))
		return 0
	ratio = m / base
	if (runs > 1 && lo <= base_hi && base_lo <= hi)
		mark = "~"
	else if (runs == 1 && mode[load] == "mt")
		mark = "?"
	return 1
}
