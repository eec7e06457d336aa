#pragma once

#include <stddef.h>

enum { CTL_FILE_MAX = 1 << 20, CTL_FILE_ERR_MAX = 768 };

/**
 * Read a whole file of at most CTL_FILE_MAX octets.
 * @param text  malloc'd, NUL-terminated
 * @param err   CTL_FILE_ERR_MAX octets
 * @retval 0, -errno with err set; -EFBIG
 */
int ctl_file_read(const char *path, char **text, size_t *len, char *err);

/**
 * Replace a file as a whole: write a temporary one beside it, fsync, rename, fsync the folder.
 * After a crash or a power failure the old content or the new one is there, never a mixture; on an
 * error the old one. Waits for the disk: not on a worker, not in a steering tick.
 *
 * @param path  its folder exists; mode 0640
 * @param err   CTL_FILE_ERR_MAX octets
 * @retval 0, -errno with err set; -ENAMETOOLONG
 */
int ctl_file_write(const char *path, const void *data, size_t len, char *err);
