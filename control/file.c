#include "control/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* ---- writing ---- */

static int write_all(int fd, const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_new(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);

	if (fd < 0)
		return -errno;
	int rc = write_all(fd, data, len);
	if (!rc && fsync(fd))
		rc = -errno;
	if (close(fd) && !rc)
		rc = -errno;
	return rc;
}

/** A rename is on disk when its folder is. */
static int sync_folder(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) + (slash == path) : 1;

	memcpy(folder, slash ? path : ".", len);
	folder[len] = '\0';
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	// some file systems cannot sync a folder: their renames are as safe as they get
	int rc = fsync(fd) && errno != EINVAL ? -errno : 0;
	close(fd);
	return rc;
}

static int replace(const char *path, const void *data, size_t len)
{
	char fresh[PATH_MAX];
	int n = snprintf(fresh, sizeof(fresh), "%s.new", path);

	if (n < 0 || (size_t)n >= sizeof(fresh))
		return -ENAMETOOLONG;
	int rc = write_new(fresh, data, len);
	if (!rc && rename(fresh, path))
		rc = -errno;
	if (rc) {
		unlink(fresh);
		return rc;
	}
	return sync_folder(path);
}

int ctl_file_write(const char *path, const void *data, size_t len, char *err)
{
	int rc = replace(path, data, len);

	if (rc)
		snprintf(err, CTL_FILE_ERR_MAX, "%s: cannot be written: %s", path, strerror(-rc));
	return rc;
}
