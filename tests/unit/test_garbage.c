/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine over an arena full of garbage: 10,000 streams of random steps (feed_engine.h), to be
 * run under ASan and UBSan too, and the corpus that fuzzing left. A stream that fails is named by
 * its number and can be replayed: QUMUN_GARBAGE_FIRST=N QUMUN_GARBAGE=1.
 *
 * usage: test_garbage [FOLDER]
 */
#include <dirent.h>

#include "../fuzz/feed_engine.h"
#include "tap.h"

#define MAX_BYTES 256
#define MAX_FILE 65536

static void test_streams(void)
{
	unsigned long long first = tap_env("QUMUN_GARBAGE_FIRST", 1);
	unsigned long long nr = tap_env("QUMUN_GARBAGE", 10000), i, rng, bad = 0;
	__u8 data[MAX_BYTES];
	size_t size, k;

	for (i = first; i < first + nr; i++) {
		rng = i * 0x9e3779b97f4a7c15ULL;
		size = tap_rand_in(&rng, 1, MAX_BYTES);
		for (k = 0; k < size; k++)
			data[k] = (__u8)(tap_rand(&rng) >> 24);
		if (!feed_engine(data, size)) {
			if (!bad++)
				tap_diag("stream %llu: the engine did not work again", i);
		}
	}
	tap_is(bad, 0, "%llu streams of garbage: nothing broke, and it works again", nr);
}

static void test_corpus(const char *folder)
{
	static __u8 data[MAX_FILE];
	unsigned int nr = 0, bad = 0;
	char path[4096];
	struct dirent *d;
	DIR *dir = opendir(folder);
	FILE *f;

	while (dir && (d = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", folder, d->d_name);
		if (d->d_name[0] == '.' || !(f = fopen(path, "rb")))
			continue;
		nr++;
		if (!feed_engine(data, fread(data, 1, sizeof(data), f))) {
			bad++;
			tap_diag("%s: the engine did not work again", path);
		}
		fclose(f);
	}
	if (dir)
		closedir(dir);
	tap_ok(nr && !bad, "the kept corpus, %u files", nr);
}

int main(int argc, char **argv)
{
	test_streams();
	if (argc > 1)
		test_corpus(argv[1]);
	return tap_done();
}
