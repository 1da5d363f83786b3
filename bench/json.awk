# SPDX-License-Identifier: Apache-2.0
# The lab's results for programs, every value of every run; after report.awk. bench/README.md has
# the fields.

function text(s)
{
	gsub(/\\/, "\\\\", s)
	gsub(/"/, "\\\"", s)
	return "\"" s "\""
}

function all(load, who, name,    key, i, s)
{
	key = load SUBSEP who SUBSEP name
	for (i = 1; i <= count[key]; i++)
		s = s (i > 1 ? ", " : "") values[key, i]
	return "[" s "]"
}

END {
	CONVFMT = "%.10g"
	print "{"
	for (i = 1; i <= nr_info; i++)
		printf "  %s: %s,\n", text(info_names[i]), text(info[info_names[i]])
	print "  \"contenders\": {"
	for (i = 1; i <= nr_contenders; i++)
		printf "    %s: %s%s\n", text(contenders[i]), text(about_contender[contenders[i]]), (i < nr_contenders ? "," : "")
	print "  },\n  \"skipped\": ["
	for (i = 1; i <= nr_skipped; i++)
		printf "    %s%s\n", text(skipped[i]), (i < nr_skipped ? "," : "")
	print "  ],\n  \"failed\": ["
	for (i = 1; i <= nr_failures; i++)
		printf "    %s%s\n", text(failures[i]), (i < nr_failures ? "," : "")
	print "  ],\n  \"loads\": {"
	for (l = 1; l <= nr_loads; l++) {
		load = loads[l]
		printf "    %s: {\n      \"about\": %s, \"mode\": %s, \"cpus\": %d,\n      \"metrics\": {", text(load), text(about[load]), text(mode[load]), cpus[load]
		for (k = 1; k <= nr_metrics[load]; k++) {
			name = metrics[load, k]
			printf "%s\n        %s: {\"unit\": %s, \"better\": %s}", (k > 1 ? "," : ""), text(name), text(unit[load, name]), text(better[load, name])
		}
		printf "\n      },\n      \"values\": {"
		sep = ""
		for (i = 1; i <= nr_contenders; i++) {
			who = contenders[i]
			if (!nr_names[load, who])
				continue
			printf "%s\n        %s: {", sep, text(who)
			sep = ","
			for (k = 1; k <= nr_names[load, who]; k++)
				printf "%s\n          %s: %s", (k > 1 ? "," : ""), text(names[load, who, k]), all(load, who, names[load, who, k])
			printf "\n        }"
		}
		printf "\n      }\n    }%s\n", (l < nr_loads ? "," : "")
	}
	print "  }\n}"
}
