/* SPDX-License-Identifier: Apache-2.0 */
/* Wait times as bars and quantiles. */
#include "ctl.h"

long long bucket_count(const json_t *buckets, const json_t *before, size_t i)
{
	long long n = get_int(json_array_get(buckets, i), "count");

	return before ? n - get_int(json_array_get(before, i), "count") : n;
}

/* The upper bound of the bucket where the @q'th part ends, ns; that of the last is not known. */
double histogram_quantile(const json_t *buckets, const json_t *before, double q)
{
	size_t i, nr = json_array_size(buckets);
	long long all = 0, sum = 0;

	for (i = 0; i < nr; i++)
		all += bucket_count(buckets, before, i);
	for (i = 0; all && i + 1 < nr; i++) {
		sum += bucket_count(buckets, before, i);
		if ((double)sum >= q * (double)all)
			return (double)get_int(json_array_get(buckets, i), "le_ns");
	}
	return all ? 1e99 : 0;
}

static void print_quantile(FILE *out, const json_t *buckets, double q, const char *name)
{
	double ns = histogram_quantile(buckets, NULL, q);
	char text[TEXT_SIZE];

	if (ns > 1e18)
		fprintf(out, "  %s above 1 s", name);
	else
		fprintf(out, "  %s <= %s", name, text_time(text, ns));
}

void histogram_print(FILE *out, const json_t *latency, int width)
{
	const json_t *buckets = json_object_get(latency, "buckets"), *b;
	long long n, most = 0, all = get_int(latency, "count");
	size_t i, first = 0, last = 0, nr = json_array_size(buckets);
	char low[TEXT_SIZE] = "0", high[TEXT_SIZE];
	int bar;

	for (i = 0; i < nr; i++) {
		n = bucket_count(buckets, NULL, i);
		if (n > most)
			most = n;
		if (n)
			last = i;
		if (n && !bucket_count(buckets, NULL, first))
			first = i;
	}
	if (!all) {
		fputs("no task has waited yet\n", out);
		return;
	}
	for (i = 0; i <= last && i < nr; i++) {
		b = json_array_get(buckets, i);
		n = get_int(b, "count");
		if (json_object_get(b, "le_ns"))
			text_time(high, (double)get_int(b, "le_ns"));
		else
			snprintf(high, sizeof(high), "longer");
		if (i >= first) {
			fprintf(out, "%8s .. %-8s %12lld %5.1f%% ", low, high, n,
				100.0 * (double)n / (double)all);
			bar = (int)((double)n * width / (double)most + 0.5);
			if (n && !bar)
				bar = 1;
			while (bar-- > 0)
				fputc('#', out);
			fputc('\n', out);
		}
		snprintf(low, sizeof(low), "%s", high);
	}
	fprintf(out, "%lld waits, mean %s", all,
		text_time(high, get_real(latency, "sum_ns") / (double)all));
	print_quantile(out, buckets, 0.5, " median");
	print_quantile(out, buckets, 0.99, " 99 %");
	print_quantile(out, buckets, 0.999, " 99.9 %");
	fputc('\n', out);
}
