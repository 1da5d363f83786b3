# SPDX-License-Identifier: Apache-2.0
#
# The lab's results as one picture (SVG); after report.awk. Each load's first metric, against the
# default's, as bars on a logarithmic scale from a tenth to ten times; a thin line is the range of
# all runs. To the left of the middle is better.

function x(r)
{
	if (r < 0.1)
		r = 0.1
	if (r > 10)
		r = 10
	return 380 + log(r) / log(10) * 260
}

function escape(s)
{
	gsub(/&/, "\\&amp;", s)
	gsub(/</, "\\&lt;", s)
	return s
}

function label(at, y, s, more)
{
	printf "<text x=\"%.1f\" y=\"%.1f\" %s>%s</text>\n", at, y, more, escape(s)
}

function better_ratio(r, load, name)
{
	return better[load, name] == "more" ? 1 / r : r
}

END {
	split("#4878a8 #6aa84f #c06c3a #8c6bb1 #888888", colour, " ")
	for (l = 1; l <= nr_loads; l++)
		for (i = 1; i <= nr_contenders; i++)
			if (contenders[i] != "default" && against(loads[l], contenders[i], metrics[loads[l], 1]) && ratio > 0)
				rows++
	height = 60 + rows * 16 + nr_loads * 30
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"760\" height=\"%d\" font-family=\"sans-serif\" font-size=\"11\">\n", height
	print "<!-- SPDX-License-Identifier: Apache-2.0 -->"
	printf "<rect width=\"760\" height=\"%d\" fill=\"white\"/>\n", height
	label(10, 18, "against the default scheduler, kernel " info["kernel"] " (left of 1: better)", "font-size=\"13\"")
	y = 36
	split("0.1 0.2 0.5 1 2 5 10", grid, " ")
	for (i = 1; i <= 7; i++) {
		printf "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"40\" y2=\"%d\" stroke=\"%s\"/>\n", x(grid[i]), x(grid[i]), height - 8, grid[i] == 1 ? "#333" : "#ddd"
		label(x(grid[i]), y, grid[i], "text-anchor=\"middle\"")
	}
	for (l = 1; l <= nr_loads; l++) {
		load = loads[l]
		name = metrics[load, 1]
		y += 26
		label(10, y, load ", " name, "font-weight=\"bold\"")
		c = 0
		for (i = 1; i <= nr_contenders; i++) {
			who = contenders[i]
			if (who == "default")
				continue
			c++
			if (!against(load, who, name) || ratio <= 0)
				continue
			y += 16
			r = better_ratio(ratio, load, name)
			base = m / ratio
			left = x(r) < x(1) ? x(r) : x(1)
			width = x(r) < x(1) ? x(1) - x(r) : x(r) - x(1)
			printf "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"11\" fill=\"%s\"/>\n", left, y - 9, width, colour[(c - 1) % 5 + 1]
			if (lo > 0)
				printf "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"black\"/>\n", x(better_ratio(lo / base, load, name)), x(better_ratio(hi / base, load, name)), y - 3.5, y - 3.5
			label(20, y, who, "")
			label(650, y, sprintf("%.2fx%s", ratio, mark), "")
		}
	}
	print "</svg>"
}
