#include "control/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int read_stream(FILE *f, char *buf, size_t *len)
{
	*len = fread(buf, 1, CTL_FILE_MAX + 1, f);
	if (ferror(f))
		return -EIO;
	if (*len > CTL_FILE_MAX)
		return -EFBIG;
	buf[*len] = '\0';
	return 0;
}

int ctl_file_read(const char *path, char **text, size_t *len, char *err)
{
	char *buf = malloc(CTL_FILE_MAX + 2);
	int rc = -ENOMEM;

	if (!buf)
		goto out;
	FILE *f = fopen(path, "re");
	if (!f) {
		rc = -errno;
		goto out_buf;
	}
	rc = read_stream(f, buf, len);
	fclose(f);
	if (rc)
		goto out_buf;
	*text = buf;
	return 0;
out_buf:
	free(buf);
out:
	snprintf(err, CTL_FILE_ERR_MAX, "%s: cannot be read: %s", path, strerror(-rc));
	return rc;
}
