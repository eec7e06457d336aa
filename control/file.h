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
