# SPDX-License-Identifier: Apache-2.0
# The lab's results for people; after report.awk.

function figure(v)
{
	if (v >= 1000000)
		return sprintf("%.2fM", v / 1000000)
	return v >= 1000 ? sprintf("%.0f", v) : v >= 100 ? sprintf("%.1f", v) : sprintf("%.2f", v)
}

function cell(load, who, name,    text)
{
	if (!settle(load, who, name))
		return "-"
	text = figure(m)
	if (runs > 1 && m)
		text = text sprintf(" +-%.1f%%", (hi - lo) / 2 / m * 100)
	if (who != "default" && against(load, who, name))
		text = text sprintf(" %.2fx%s", ratio, mark)
	return text
}

function row(load, name, title,    i, line, found, text)
{
	line = sprintf("  %-24s", title)
	for (i = 1; i <= nr_contenders; i++) {
		text = cell(load, contenders[i], name)
		found += text != "-"
		line = line sprintf(" %22s", text)
	}
	if (found)
		print line
}

END {
	for (i = 1; i <= nr_info; i++)
		printf "%s: %s\n", info_names[i], info[info_names[i]]
	for (l = 1; l <= nr_loads; l++) {
		load = loads[l]
		printf "\n%s: %s\n", load, about[load]
		printf "  %-24s", mode[load] == "icount" ? "virtual time" : "real time, " cpus[load] " CPUs"
		for (i = 1; i <= nr_contenders; i++)
			printf " %22s", contenders[i]
		print ""
		for (k = 1; k <= nr_metrics[load]; k++) {
			name = metrics[load, k]
			row(load, name, name (better[load, name] == "more" ? " (more)" : ""))
		}
		row(load, "own_cpu_pct", "own CPU time, %")
		row(load, "own_switches_per_s", "own switches/s")
		row(load, "rss_kb", "resident, kB")
	}
	print "\nMedians; +-: half the range of all runs; 1.20x: against the default; less is better where"
	print "not marked (more). ~: the ranges overlap, the difference may be noise. ?: one run in real time."
	for (i = 1; i <= nr_skipped; i++)
		print "skipped: " skipped[i]
	for (i = 1; i <= nr_failures; i++)
		print "FAILED: " failures[i]
}
