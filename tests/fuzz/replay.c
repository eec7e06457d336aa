#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

/**
 * Gives every file of a folder to a fuzz target, and every prefix of it: what the fuzzer once
 * found, any compiler and any test run checks again.
 */

enum { FILE_MAX = 70000, PREFIXES_MAX = 2048 };

static void replay(const uint8_t *data, size_t len)
{
	uint8_t *exact = malloc(len); // so that ASan sees one octet too far

	if (!exact)
		abort();
	if (len > 0)
		memcpy(exact, data, len);
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
}

/** @return inputs given to the target, 0 when the file cannot be read */
static size_t replay_file(const char *folder, const char *name)
{
	static uint8_t data[FILE_MAX];
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "rb");
	if (!file)
		return 0;
	size_t len = fread(data, 1, sizeof(data), file);
	fclose(file);
	printf("%s: %zu octets\n", name, len);
	fflush(stdout); // the last line names the file that crashed
	replay(data, len);
	size_t prefixes = len < PREFIXES_MAX ? len : PREFIXES_MAX;
	for (size_t n = 0; n < prefixes; n++)
		replay(data, n);
	return 1 + prefixes;
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	struct dirent **entries;
	size_t inputs = 0;
	int files = argc == 2 ? scandir(argv[1], &entries, not_hidden, alphasort) : -1;

	if (files <= 0) {
		fprintf(stderr, "usage: %s FOLDER, with at least one file\n", argv[0]);
		return 1;
	}
	for (int i = 0; i < files; i++) {
		size_t given = replay_file(argv[1], entries[i]->d_name);
		if (given == 0) {
			fprintf(stderr, "cannot read %s\n", entries[i]->d_name);
			return 1;
		}
		inputs += given;
		free(entries[i]);
	}
	free(entries);
	printf("%d files, %zu inputs\n", files, inputs);
	return 0;
}
